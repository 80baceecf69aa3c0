// Character references of HTML (&eacute; &#233; &#xE9;) and what they stand for. Not for: where in
// a page they count (html_tokenizer.h).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace smtpgate::converter {

struct HtmlEntity {
  std::string_view name;
  char32_t character;
  bool without_semicolon;  ///< one of those that HTML knows without their ';'
};

/// nullptr if there is none of that name; names are case-sensitive.
const HtmlEntity* find_html_entity(std::string_view name);

struct CharacterReference {
  std::size_t length = 0;  ///< octets of the reference; 0: it is none
  std::string text;        ///< UTF-8; empty for characters that only control layout
};

/// No reference has more octets; what is longer is none.
constexpr std::size_t longest_character_reference = 40;

/// `text` begins with '&'. Numbers 128 to 159 are windows-1252's, as browsers read them; numbers
/// that are no character become U+FFFD. In attributes an old name without ';' counts only where no
/// letter, digit or '=' follows (query strings in links).
CharacterReference read_character_reference(std::string_view text, bool in_attribute);

/// A whole attribute value with its references replaced.
std::string decode_attribute(std::string_view value);

}  // namespace smtpgate::converter
