// UTF-8 one character at a time, and ASCII in long runs: what character_set.cpp, printable.cpp and
// the converter's grammar share. Not for other sets (character_set.h) or for showing (printable.h).
//
// Source: RFC 3629; Unicode 15, 3.9 "U+FFFD substitution of maximal subparts".
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace smtpgate::postoffice {

inline constexpr std::string_view replacement_character = "\xEF\xBF\xBD";  // U+FFFD

struct Utf8Character {
  enum class Kind {
    valid,
    invalid,     ///< `length` octets are a maximal subpart: one U+FFFD stands for them
    incomplete,  ///< the text ends inside what could still become a character
  };
  Kind kind = Kind::invalid;
  char32_t code = 0;
  std::size_t length = 0;  ///< octets; at least 1
};

/// The character at `at`, which must be less than text.size().
Utf8Character utf8_character(std::string_view text, std::size_t at);

/// Appends `code`, a Unicode scalar value.
void append_utf8(char32_t code, std::string& out);

/// The first octet at or after `at` that is not ASCII; text.size() if there is none. Eight octets
/// a step: most mail is ASCII, and the converter's speed is this loop.
inline std::size_t end_of_ascii(std::string_view text, std::size_t at) {
  constexpr std::uint64_t high_bits = 0x8080808080808080U;
  std::uint64_t word = 0;
  while (text.size() - at >= sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    if ((word & high_bits) != 0) break;
    at += sizeof word;
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) ++at;
  return at;
}

/// The length of the longest beginning of `text` that is whole, valid characters.
std::size_t valid_utf8_prefix(std::string_view text);

}  // namespace smtpgate::postoffice
