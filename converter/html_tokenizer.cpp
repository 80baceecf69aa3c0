// See html_tokenizer.h.
#include "converter/html_tokenizer.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "converter/html_entities.h"
#include "postoffice/ascii.h"

namespace smtpgate::converter {
namespace {

constexpr std::array<std::string_view, HtmlTag::attributes_kept> kept_attributes = {
    "href", "alt", "start", "style", "class", "hidden", "colspan", "rowspan", "type", "value"};

// Elements whose contents are not markup and not text for a reader.
constexpr std::array<std::string_view, 6> raw_elements = {"script", "style",   "title",
                                                          "iframe", "noembed", "noframes"};

bool is_white(char c) {
  return is_blank(c) || c == '\n' || c == '\r' || c == '\f';
}

bool ends_name(char c) {
  return is_white(c) || c == '/' || c == '>';
}

// One octet beyond the longest tells that there was more.
void add_to_name(std::string& name, std::string_view piece) {
  const std::size_t room = HtmlTag::longest_name + 1 - name.size();
  for (const char c : piece.substr(0, room)) name += ascii_lower(c);
}

template <typename Predicate>
std::size_t find_octet(std::string_view piece, Predicate predicate) {
  std::size_t at = 0;
  while (at < piece.size() && !predicate(piece[at])) ++at;
  return at;
}

std::size_t size_until(std::string_view piece, std::size_t found) {
  return found == std::string_view::npos ? piece.size() : found;
}

}  // namespace

std::size_t HtmlTag::octets() const {
  return std::accumulate(
      values_.begin(), values_.end(), std::size_t{0},
      [](std::size_t sum, const std::string& kept) { return sum + kept.size(); });
}

void HtmlTokenizer::feed(std::string_view piece) {
  while (!piece.empty()) {
    std::size_t used = 0;
    switch (place_) {
      case Place::text:
        used = in_text(piece);
        break;
      case Place::comment:
        used = in_comment(piece);
        break;
      case Place::raw_text:
        used = in_raw_text(piece);
        break;
      case Place::value_in_double_quotes:
        used = in_quotes(piece, '"');
        break;
      case Place::value_in_single_quotes:
        used = in_quotes(piece, '\'');
        break;
      case Place::tag_name:
        used = in_tag_name(piece);
        break;
      case Place::attribute_name:
        used = in_attribute_name(piece);
        break;
      case Place::value_without_quotes:
        used = in_plain_value(piece);
        break;
      case Place::bogus_comment:
        used = size_until(piece, piece.find('>'));
        if (used < piece.size()) {
          ++used;
          go(Place::text);
        }
        break;
      default:
        used = step(piece.front()) ? 1 : 0;
    }
    piece.remove_prefix(used);
  }
}

void HtmlTokenizer::finish() {
  if (place_ == Place::reference) end_reference('\0');
  if (place_ == Place::tag_open) handler_.text("<");
  if (place_ == Place::end_tag_open) handler_.text("</");
  go(Place::text);
}

std::size_t HtmlTokenizer::in_text(std::string_view piece) {
  const std::size_t end = find_octet(piece, [](char c) { return c == '<' || c == '&'; });
  if (end > 0) handler_.text(piece.substr(0, end));
  if (end == piece.size()) return end;
  if (piece[end] == '&') {
    held_ = '&';
    go(Place::reference);
  } else {
    go(Place::tag_open);
  }
  return end + 1;
}

// True if `c` is used up, like the other steps.
bool HtmlTokenizer::step(char c) {
  switch (place_) {
    case Place::reference:
      return step_reference(c);
    case Place::tag_open:
      if (c == '/') return go(Place::end_tag_open), true;
      if (c == '!') {
        held_.clear();
        return go(Place::declaration), true;
      }
      if (c == '?') return go(Place::bogus_comment), true;
      if (is_ascii_alpha(c)) return begin_tag(false), false;
      handler_.text("<");
      return go(Place::text), false;
    case Place::end_tag_open:
      if (is_ascii_alpha(c)) return begin_tag(true), false;
      if (c == '>') return go(Place::text), true;
      return go(Place::bogus_comment), false;
    case Place::declaration:
      return step_declaration(c);
    default:
      return step_attributes(c);
  }
}

bool HtmlTokenizer::step_reference(char c) {
  const bool goes_on = is_ascii_alpha(c) || is_ascii_digit(c) || (c == '#' && held_.size() == 1);
  if (goes_on && held_.size() < longest_character_reference) {
    held_ += c;
    return true;
  }
  end_reference(c);
  return c == ';' && held_.empty();
}

// Leaves held_ empty if a ';' in `next` belongs to the reference.
void HtmlTokenizer::end_reference(char next) {
  go(Place::text);
  const std::string_view held = held_;
  std::string with_next = held_;
  if (next == ';') with_next += next;
  const CharacterReference reference = read_character_reference(with_next, false);
  if (reference.length == 0) {
    handler_.text(held);
    return;
  }
  if (!reference.text.empty()) handler_.text(reference.text);
  if (reference.length < held.size()) handler_.text(held.substr(reference.length));
  if (reference.length > held.size()) held_.clear();
}

bool HtmlTokenizer::step_declaration(char c) {
  if (c != '-') return go(Place::bogus_comment), false;
  held_ += c;
  if (held_.size() == 2) {
    dashes_ = 2;  // "<!-->" is whole
    exclamation_ = false;
    go(Place::comment);
  }
  return true;
}

std::size_t HtmlTokenizer::in_comment(std::string_view piece) {
  for (std::size_t at = 0; at < piece.size(); ++at) {
    const char c = piece[at];
    if (c == '>' && (dashes_ == 2 || exclamation_)) {
      go(Place::text);
      return at + 1;
    }
    exclamation_ = c == '!' && dashes_ == 2;
    dashes_ = c == '-' ? std::min(dashes_ + 1, std::size_t{2}) : 0;
    if (dashes_ == 0 && !exclamation_) at = size_until(piece, piece.find('-', at + 1)) - 1;
  }
  return piece.size();
}

// To the end tag of the element; its name is followed by something that ends a name.
std::size_t HtmlTokenizer::in_raw_text(std::string_view piece) {
  for (std::size_t at = 0; at < piece.size(); ++at) {
    const char c = piece[at];
    if (matched_ == raw_end_.size()) {
      if (is_white(c) || c == '/' || c == '>') {
        begin_tag(true);
        tag_.name_ = raw_end_.substr(2);
        go(Place::before_attribute);
        return at;
      }
      matched_ = 0;
    }
    if (matched_ > 0 && ascii_lower(c) == raw_end_[matched_]) {
      ++matched_;
    } else {
      matched_ = c == '<' ? 1 : 0;
      if (matched_ == 0) at = size_until(piece, piece.find('<', at + 1)) - 1;
    }
  }
  return piece.size();
}

void HtmlTokenizer::begin_tag(bool is_end) {
  tag_.name_.clear();
  for (std::size_t which = 0; which < HtmlTag::attributes_kept; ++which) {
    if (tag_.seen_[which]) tag_.values_[which].clear();
  }
  tag_.cut_.fill(false);
  tag_.seen_.fill(false);
  is_end_tag_ = is_end;
  go(Place::tag_name);
}

bool HtmlTokenizer::step_attributes(char c) {
  switch (place_) {
    case Place::before_attribute:
      if (c == '>') return end_tag(), true;
      if (is_white(c) || c == '/') return true;
      held_.clear();
      return go(Place::attribute_name), false;
    case Place::after_attribute_name:
      if (is_white(c)) return true;
      if (c == '=') return go(Place::before_value), true;
      return go(Place::before_attribute), false;
    case Place::before_value:
      if (is_white(c)) return true;
      if (c == '"') return go(Place::value_in_double_quotes), true;
      if (c == '\'') return go(Place::value_in_single_quotes), true;
      return go(c == '>' ? Place::before_attribute : Place::value_without_quotes), false;
    default:  // the other places are not taken one octet at a time
      return true;
  }
}

std::size_t HtmlTokenizer::in_tag_name(std::string_view piece) {
  const std::size_t end = find_octet(piece, ends_name);
  add_to_name(tag_.name_, piece.substr(0, end));
  if (end < piece.size()) go(Place::before_attribute);
  return end;
}

std::size_t HtmlTokenizer::in_attribute_name(std::string_view piece) {
  // A '=' as the first octet of a name belongs to it.
  const std::size_t first = held_.empty() && piece.front() == '=' ? 1 : 0;
  const std::size_t end =
      first + find_octet(piece.substr(first), [](char c) { return ends_name(c) || c == '='; });
  add_to_name(held_, piece.substr(0, end));
  if (end < piece.size()) end_attribute_name();
  return end;
}

std::size_t HtmlTokenizer::in_plain_value(std::string_view piece) {
  const std::size_t end = find_octet(piece, [](char c) { return is_white(c) || c == '>'; });
  add_to_value(piece.substr(0, end));
  if (end < piece.size()) go(Place::before_attribute);
  return end;
}

void HtmlTokenizer::end_attribute_name() {
  const auto* const place = std::find(kept_attributes.begin(), kept_attributes.end(), held_);
  kept_attribute_ = static_cast<std::size_t>(place - kept_attributes.begin());
  if (kept_attribute_ < HtmlTag::attributes_kept) {
    const bool seen = std::exchange(tag_.seen_[kept_attribute_], true);
    if (seen) kept_attribute_ = HtmlTag::attributes_kept;
  }
  go(Place::after_attribute_name);
}

std::size_t HtmlTokenizer::in_quotes(std::string_view piece, char quote) {
  const std::size_t end = size_until(piece, piece.find(quote));
  add_to_value(piece.substr(0, end));
  if (end == piece.size()) return end;
  go(Place::before_attribute);
  return end + 1;
}

void HtmlTokenizer::add_to_value(std::string_view piece) {
  if (kept_attribute_ >= HtmlTag::attributes_kept) return;
  std::string& value = tag_.values_[kept_attribute_];
  const std::size_t room = HtmlTag::longest_value - value.size();
  if (piece.size() > room) tag_.cut_[kept_attribute_] = true;
  value += piece.substr(0, room);
}

void HtmlTokenizer::end_tag() {
  go(Place::text);
  if (tag_.name_.size() > HtmlTag::longest_name) tag_.name_.clear();
  if (is_end_tag_) {
    handler_.end_tag(tag_.name());
    return;
  }
  const auto* const raw = std::find(raw_elements.begin(), raw_elements.end(), tag_.name_);
  if (raw != raw_elements.end()) {
    raw_end_.assign("</").append(*raw);
    matched_ = 0;
    go(Place::raw_text);
  }
  handler_.start_tag(tag_);
}

}  // namespace smtpgate::converter
