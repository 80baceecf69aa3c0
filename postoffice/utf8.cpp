// UTF-8: see the header. Also the two whole-string functions of character_set.h that need nothing
// but this.
#include "postoffice/utf8.h"

#include "postoffice/character_set.h"

namespace smtpgate::postoffice {

namespace {

/// What may follow a lead octet: how many octets in all, and the range of the second one, which
/// shuts out overlong forms, surrogates and everything beyond U+10FFFF (RFC 3629, 4).
struct Lead {
  std::size_t length;
  unsigned char least_second;
  unsigned char most_second;
};

Lead lead_of(unsigned char octet) {
  if (octet < 0xC2) return {0, 0, 0};
  if (octet < 0xE0) return {2, 0x80, 0xBF};
  if (octet == 0xE0) return {3, 0xA0, 0xBF};
  if (octet == 0xED) return {3, 0x80, 0x9F};
  if (octet < 0xF0) return {3, 0x80, 0xBF};
  if (octet == 0xF0) return {4, 0x90, 0xBF};
  if (octet < 0xF4) return {4, 0x80, 0xBF};
  if (octet == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

}  // namespace

Utf8Character utf8_character(std::string_view text, std::size_t at) {
  using Kind = Utf8Character::Kind;
  const auto octet = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
  const unsigned char first = octet(at);
  if (first < 0x80) return {Kind::valid, first, 1};
  const Lead lead = lead_of(first);
  if (lead.length == 0) return {Kind::invalid, 0, 1};
  const std::size_t available = text.size() - at;
  char32_t code = first & (0x7FU >> lead.length);
  for (std::size_t index = 1; index < lead.length; ++index) {
    if (index == available) return {Kind::incomplete, 0, available};
    const unsigned char next = octet(at + index);
    const unsigned char least = index == 1 ? lead.least_second : 0x80;
    const unsigned char most = index == 1 ? lead.most_second : 0xBF;
    if (next < least || next > most) return {Kind::invalid, 0, index};
    code = (code << 6) | (next & 0x3FU);
  }
  return {Kind::valid, code, lead.length};
}

void append_utf8(char32_t code, std::string& out) {
  const auto put = [&out](char32_t octet) {
    out.push_back(static_cast<char>(static_cast<unsigned char>(octet)));
  };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | (code >> 6));
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3F));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

std::size_t valid_utf8_prefix(std::string_view text) {
  std::size_t at = 0;
  for (;;) {
    at = end_of_ascii(text, at);
    // A run of other characters is walked here, so that text without ASCII does not start the
    // word loop for each of its characters.
    while (at < text.size() && static_cast<unsigned char>(text[at]) >= 0x80) {
      const Utf8Character character = utf8_character(text, at);
      if (character.kind != Utf8Character::Kind::valid) return at;
      at += character.length;
    }
    if (at == text.size()) return at;
  }
}

bool is_utf8(std::string_view text) {
  return valid_utf8_prefix(text) == text.size();
}

std::string repair_utf8(std::string_view text, std::uint64_t* replaced) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const std::size_t good = valid_utf8_prefix(text);
    result.append(text.substr(0, good));
    text.remove_prefix(good);
    if (text.empty()) break;
    result.append(replacement_character);
    if (replaced != nullptr) ++*replaced;
    text.remove_prefix(utf8_character(text, 0).length);
  }
  return result;
}

}  // namespace smtpgate::postoffice
