// TextSegment: decoder, renderer, line ends, encoder, one after the other, each with its own buffer
// that is emptied at every piece.
#include "converter/text_segment.h"

#include <algorithm>
#include <array>

#include "postoffice/ascii.h"

namespace smtpgate::converter {

namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
constexpr std::array<std::string_view, 3> unseen_characters = {"\xC2\xA0", "\xE2\x80\x8B",
                                                               byte_order_mark};

}  // namespace

TextSegment::TextSegment(std::string_view label, std::string_view target_set,
                         postoffice::LineEnd line_end, bool is_html)
    : decoder_(label, is_html ? TextKind::html : TextKind::plain),
      line_end_(postoffice::line_end_octets(line_end)) {
  if (!equals_ignoring_case(target_set, "UTF-8")) {
    encoder_ = postoffice::CharacterEncoder::open(target_set);
  }
  if (is_html) html_ = std::make_unique<HtmlToText>();
}

void TextSegment::feed(std::string_view octets, std::string& out) {
  if (decoder_.passes(octets)) {
    pass(octets, out);
    return;
  }
  decoder_.feed(octets, decoded_);
  pass(decoded_, out);
  decoded_.clear();
}

void TextSegment::finish(std::string& out) {
  decoder_.finish(decoded_);
  pass(decoded_, out);
  decoded_.clear();
  std::string& lines = encoder_ ? lines_ : out;
  if (html_) {
    html_->finish(rendered_);
    with_line_ends(rendered_, lines);
    rendered_.clear();
  }
  if (after_cr_) lines += '\r';
  after_cr_ = false;
  if (!at_line_start_) lines += line_end_;
  at_line_start_ = true;
  if (!encoder_) return;
  encoder_->feed(lines_, out);
  encoder_->finish(out);
  lines_.clear();
}

void TextSegment::pass(std::string_view text, std::string& out) {
  while (is_beginning_ && text.starts_with(byte_order_mark)) {
    text.remove_prefix(byte_order_mark.size());
  }
  if (!text.empty()) is_beginning_ = false;
  std::string& lines = encoder_ ? lines_ : out;
  if (html_) {
    html_->feed(text, rendered_);
    with_line_ends(rendered_, lines);
    rendered_.clear();
  } else {
    with_line_ends(text, lines);
  }
  if (!encoder_) return;
  encoder_->feed(lines_, out);
  lines_.clear();
}

namespace {

/// Blanks and what nobody sees are no text: a no-break space, a byte order mark.
bool says_something(std::string_view text) {
  while (!text.empty()) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n\f\v"), text.size()));
    const auto* const unseen =
        std::find_if(unseen_characters.begin(), unseen_characters.end(),
                     [&](std::string_view one) { return text.starts_with(one); });
    if (unseen == unseen_characters.end()) break;
    text.remove_prefix(unseen->size());
  }
  return !text.empty();
}

}  // namespace

// CRLF and LF become our line end; a CR alone is text.
void TextSegment::with_line_ends(std::string_view text, std::string& lines) {
  if (!has_content_) {
    has_content_ = says_something(text);
  }
  while (!text.empty()) {
    if (after_cr_) {
      after_cr_ = false;
      if (text.front() != '\n') {
        lines += '\r';
        at_line_start_ = false;
      }
    }
    if (line_end_ == "\n") {
      with_line_feeds(text, lines);
      return;
    }
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (end == std::string_view::npos) {
      if (line.ends_with('\r')) {
        after_cr_ = true;
        line.remove_suffix(1);
      }
      lines += line;
      if (!line.empty()) at_line_start_ = false;
      return;
    }
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines += line;
    lines += line_end_;
    at_line_start_ = true;
    text.remove_prefix(end + 1);
  }
}

// The same where our line end is LF, the usual case: all that happens is that some CRs go, so what
// is between two of them is copied at once.
void TextSegment::with_line_feeds(std::string_view text, std::string& lines) {
  lines.reserve(lines.size() + text.size());
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t cr = text.find('\r', start);
    if (cr == std::string_view::npos) {
      lines += text.substr(start);
      break;
    }
    const bool is_last = cr + 1 == text.size();
    const bool is_alone = !is_last && text[cr + 1] != '\n';
    lines += text.substr(start, cr - start + (is_alone ? 1 : 0));
    after_cr_ = is_last;
    start = cr + 1;
  }
  // A last CR is not decided yet, and not part of the line so far.
  if (after_cr_) text.remove_suffix(1);
  if (!text.empty()) at_line_start_ = text.back() == '\n';
}

std::uint64_t TextSegment::replaced() const {
  return undecodable() + (encoder_ ? encoder_->replaced() : 0);
}

}  // namespace smtpgate::converter
