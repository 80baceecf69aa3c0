// ASCII-only character work without a locale: mail's grammar is ASCII whatever the process's
// language is. Not for names of people or mailboxes beyond ASCII folding (see mailbox_name.h).
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace smtpgate {

constexpr char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
constexpr char ascii_upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}
constexpr bool is_ascii_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_ascii_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t';
}
/// No octet above 127.
inline bool is_ascii(std::string_view text) {
  // Without an early end, which lets the compiler look at many octets at a time.
  unsigned char all = 0;
  for (const char c : text) all |= static_cast<unsigned char>(c);
  return all <= 0x7F;
}

inline std::string ascii_lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](char c) { return ascii_lower(c); });
  return result;
}
inline std::string ascii_upper(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](char c) { return ascii_upper(c); });
  return result;
}
inline bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return ascii_lower(x) == ascii_lower(y);
         });
}
inline bool starts_with_ignoring_case(std::string_view text, std::string_view start) {
  return text.size() >= start.size() && equals_ignoring_case(text.substr(0, start.size()), start);
}

/// A blank (space, tab) or an octet of a line end. Asked of each octet of a header, where a look-up
/// in a string of four would call the library each time.
constexpr bool is_blank_or_line_end(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}
/// Without blanks (space, tab) and line ends at both ends.
constexpr std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank_or_line_end(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank_or_line_end(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace smtpgate
