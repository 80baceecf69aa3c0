// See html_entities.h; the names are in html_entity_table.cpp.
#include "converter/html_entities.h"

#include <algorithm>
#include <array>

#include "postoffice/ascii.h"

namespace smtpgate::converter {
namespace {

constexpr char32_t replacement = 0xFFFD;

// What &#128; to &#159; mean: the characters of windows-1252 at those octets.
constexpr std::array<char32_t, 32> windows_1252 = {
    0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x8D,   0x017D, 0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178};

std::string utf8_of(char32_t character) {
  const auto octet = [](char32_t value) { return static_cast<char>(value & 0xff); };
  if (character < 0x80) return {octet(character)};
  const char last = octet(0x80 | (character & 0x3f));
  if (character < 0x800) return {octet(0xC0 | character >> 6), last};
  const char third = octet(0x80 | (character >> 6 & 0x3f));
  if (character < 0x10000) return {octet(0xE0 | character >> 12), third, last};
  return {octet(0xF0 | character >> 18), octet(0x80 | (character >> 12 & 0x3f)), third, last};
}

/// Marks that newsletters pad their preview lines with, and that show nothing.
bool is_invisible(char32_t character) {
  return character == 0xAD || character == 0x34F || character == 0x200B || character == 0xFEFF;
}

CharacterReference make(std::size_t length, char32_t character) {
  return {length, is_invisible(character) ? std::string{} : utf8_of(character)};
}

char32_t character_of_number(char32_t number) {
  if (number >= 0x80 && number < 0xA0) return windows_1252[number - 0x80];
  const bool is_surrogate = number >= 0xD800 && number < 0xE000;
  return number == 0 || is_surrogate || number > 0x10FFFF ? replacement : number;
}

int digit_value(char c) {
  if (is_ascii_digit(c)) return c - '0';
  const char lower = ascii_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : 99;
}

CharacterReference read_number(std::string_view text) {
  std::size_t at = 2;
  const bool is_hexadecimal = at < text.size() && ascii_lower(text[at]) == 'x';
  if (is_hexadecimal) ++at;
  const int base = is_hexadecimal ? 16 : 10;
  const std::size_t first = at;
  char32_t number = 0;
  while (at < text.size() && digit_value(text[at]) < base) {
    number = number * static_cast<char32_t>(base) + static_cast<char32_t>(digit_value(text[at]));
    number = std::min<char32_t>(number, 0x110000);  // no overflow, and no character
    ++at;
  }
  if (at == first) return {};
  if (at < text.size() && text[at] == ';') ++at;
  return make(at, character_of_number(number));
}

bool is_name_character(char c) {
  return is_ascii_alpha(c) || is_ascii_digit(c);
}

}  // namespace

CharacterReference read_character_reference(std::string_view text, bool in_attribute) {
  text = text.substr(0, longest_character_reference);
  if (text.size() > 1 && text[1] == '#') return read_number(text);
  std::size_t end = 1;
  while (end < text.size() && is_name_character(text[end])) ++end;
  if (end < text.size() && text[end] == ';') {
    const HtmlEntity* const entity = find_html_entity(text.substr(1, end - 1));
    if (entity != nullptr) return make(end + 1, entity->character);
  }
  const bool goes_on = end < text.size() && text[end] == '=';
  for (std::size_t length = std::min(end, std::size_t{8}); length > 2; --length) {
    const HtmlEntity* const entity = find_html_entity(text.substr(1, length - 1));
    if (entity == nullptr || !entity->without_semicolon) continue;
    if (in_attribute && (length < end || goes_on)) return {};
    return make(length, entity->character);
  }
  return {};
}

std::string decode_attribute(std::string_view value) {
  std::string result;
  while (!value.empty()) {
    const std::size_t at = value.find('&');
    if (at == std::string_view::npos) break;
    result += value.substr(0, at);
    value.remove_prefix(at);
    const CharacterReference reference = read_character_reference(value, true);
    if (reference.length == 0) {
      result += '&';
      value.remove_prefix(1);
    } else {
      result += reference.text;
      value.remove_prefix(reference.length);
    }
  }
  result += value;
  return result;
}

}  // namespace smtpgate::converter
