// See encoding_field.h.
#include "converter/encoding_field.h"

#include <charconv>

#include "converter/encoded_word.h"
#include "converter/header_field.h"
#include "postoffice/ascii.h"

namespace smtpgate::converter {

namespace {

constexpr std::size_t most_parts = 1000;

std::string without_comments(std::string_view value) {
  std::string result;
  std::size_t depth = 0;
  for (const char c : value) {
    if (c == '(') {
      ++depth;
    } else if (c == ')' && depth > 0) {
      --depth;
    } else if (depth == 0) {
      result += c;
    }
  }
  return result;
}

std::optional<EncodingPart> parse_part(std::string_view text) {
  text = trim(text);
  EncodingPart part;
  if (!text.empty() && is_ascii_digit(text.front())) {
    std::uint64_t lines = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), lines);
    if (error != std::errc()) return {};
    part.lines = lines;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    text = trim(text);
  }
  const std::string_view keyword = text.substr(0, text.find_first_of(" \t"));
  if (keyword.empty() || !is_ascii_alpha(keyword.front())) return {};
  part.keyword = ascii_lower(keyword);
  return part;
}

/// Takes the last word off `text`. False if there is none but it, or it has other letters than
/// these.
bool take_last(std::string_view& text, std::string_view letters) {
  const std::size_t blank = text.find_last_of(" \t");
  if (blank == std::string_view::npos) return false;
  if (text.substr(blank + 1).find_first_not_of(letters) != std::string_view::npos) return false;
  text = trim(text.substr(0, blank));
  return true;
}

}  // namespace

std::vector<EncodingPart> parse_encoding_field(std::string_view value) {
  const std::string list = without_comments(unfold(value));
  std::vector<EncodingPart> parts;
  std::string_view rest = list;
  for (;;) {
    const std::size_t comma = rest.find(',');
    auto part = parse_part(rest.substr(0, comma));
    if (!part || parts.size() == most_parts) return {};
    parts.push_back(std::move(*part));
    if (comma == std::string_view::npos) return parts;
    rest.remove_prefix(comma + 1);
  }
}

std::string name_of_attachment_field(std::string_view value) {
  const std::string decoded = decode_header_text(unfold(value)).text;
  const std::string_view whole = trim(decoded);
  std::string_view name = whole;
  const bool has_all = take_last(name, "0123456789:") && take_last(name, "0123456789-/") &&
                       take_last(name, "0123456789");
  return std::string(has_all ? name : whole);
}

}  // namespace smtpgate::converter
