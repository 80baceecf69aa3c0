// xtext: see the header.
#include "converter/xtext.h"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace smtpgate::converter {

std::string xtext(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet > 0x20 && octet < 0x7f && c != '+' && c != '=') {
      out += c;
    } else {
      out += '+';
      out += digits[octet >> 4];
      out += digits[octet & 15];
    }
  }
  return out;
}

std::string decode_xtext(std::string_view text, std::size_t most) {
  if (text.size() > most) return {};
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char* const digits = text.data() + at + 1;
    unsigned char octet = 0;
    if (text[at] == '+' && text.size() - at > 2) {
      const auto parsed = std::from_chars(digits, digits + 2, octet, 16);
      if (parsed.ec == std::errc() && parsed.ptr == digits + 2) {
        out += static_cast<char>(octet);
        at += 2;
        continue;
      }
    }
    out += text[at];
  }
  const bool is_printable =
      std::all_of(out.begin(), out.end(), [](char c) { return c >= ' ' && c <= '~'; });
  return is_printable ? out : std::string();
}

}  // namespace smtpgate::converter
