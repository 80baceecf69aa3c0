// A text's traits: see the header.
#include "converter/text_survey.h"

#include <algorithm>

#include "converter/count_octets.h"
#include "converter/quoted_printable_encoder.h"
#include "postoffice/utf8.h"

namespace smtpgate::converter {

namespace {

constexpr std::uint64_t longest_smtp_line = 998;    // RFC 5321, 4.5.3.1.6, without CR LF
constexpr std::uint64_t longest_flowed_word = 900;  // leaves room for quote marks
constexpr std::uint64_t long_line = 78;

bool is_control(unsigned char c) {
  return (c < ' ' && c != '\t' && c != '\f') || c == 0x7F;
}

}  // namespace

void TextSurvey::end_line() {
  longest_line_ = std::max(longest_line_, line_octets_);
  longest_word_ = std::max(longest_word_, word_octets_);
  has_long_line_ = has_long_line_ || (line_characters_ > long_line && line_has_blank_);
  has_final_blank_ = has_final_blank_ || (last_ == ' ' && begin_ != "-- ");
  has_from_ = has_from_ || begin_.starts_with("From ");
  has_boundary_ = has_boundary_ || begin_.starts_with(boundary_line_);
  begin_.clear();
  line_octets_ = 0;
  line_characters_ = 0;
  word_octets_ = 0;
  line_has_blank_ = false;
}

void TextSurvey::feed(std::string_view piece) {
  size_ += piece.size();
  quoted_weight_ += quoted_printable_weight(piece);
  is_ascii_ = is_ascii_ && postoffice::end_of_ascii(piece, 0) == piece.size();
  while (!piece.empty()) {
    const std::size_t end = piece.find('\n');
    feed_line(piece.substr(0, end));
    if (end == std::string_view::npos) return;
    ++lines_;
    end_line();
    last_ = '\n';
    piece.remove_prefix(end + 1);
  }
}

/// A line or a part of one, without its end. Loops that do one thing each, which the compiler makes
/// to look at many octets at a time.
void TextSurvey::feed_line(std::string_view part) {
  if (part.empty()) return;
  const std::size_t wanted = std::max<std::size_t>(boundary_line_.size(), 8);
  if (begin_.size() < wanted) begin_ += part.substr(0, wanted - begin_.size());
  line_octets_ += part.size();
  line_characters_ += count_octets(part, [](unsigned char c) { return (c & 0xC0U) != 0x80U; });
  has_controls_ = has_controls_ || count_octets(part, is_control) > 0;
  measure_words(part);
  last_ = part.back();
}

void TextSurvey::measure_words(std::string_view part) {
  const std::size_t blank = part.rfind(' ');
  line_has_blank_ = line_has_blank_ || blank != std::string_view::npos;
  // A word is no longer than its line, and shorter ones make no difference.
  if (line_octets_ > longest_flowed_word && blank != std::string_view::npos) {
    for (std::size_t at = 0; at <= blank;) {
      const std::size_t end = part.find(' ', at);
      longest_word_ = std::max<std::uint64_t>(longest_word_, word_octets_ + (end - at));
      word_octets_ = 0;
      at = end + 1;
    }
  }
  word_octets_ =
      blank == std::string_view::npos ? word_octets_ + part.size() : part.size() - blank - 1;
}

void TextSurvey::finish() {
  if (last_ == '\n') return;
  ++lines_;
  end_line();
}

bool TextSurvey::gains_by_flowing() const {
  return has_long_line_ && !has_final_blank_ && longest_line_ <= longest_flowed_line;
}

bool TextSurvey::is_seven_bit(bool flowed) const {
  if (!is_ascii_ || has_controls_) return false;
  // Flowing indents the lines that would be trouble.
  if (flowed) return longest_word_ <= longest_flowed_word;
  return longest_line_ <= longest_smtp_line && !has_from_ && !has_boundary_;
}

bool TextSurvey::prefers_base64() const {
  const std::uint64_t quoted = quoted_weight_ + quoted_weight_ / 75 * 3;
  const std::uint64_t based = (size_ + lines_) * 4 / 3 * 78 / 76;
  return based < quoted;
}

}  // namespace smtpgate::converter
