// How many octets of a text are of some kind, counted so that the compiler can look at sixteen and
// more at a time. Not for searching: postoffice/ascii.h, postoffice/utf8.h.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace smtpgate::converter {

/// `is_one` takes an unsigned char; best without branches.
template <typename IsOne>
std::size_t count_octets(std::string_view text, IsOne is_one) {
  // Counted in octets themselves as long as those cannot overflow: wider sums are several times
  // slower.
  constexpr std::size_t block = 255;
  std::size_t total = 0;
  for (std::size_t at = 0; at < text.size(); at += block) {
    const std::string_view part = text.substr(at, block);
    std::uint8_t count = 0;
    for (const char c : part) {
      count = static_cast<std::uint8_t>(count + (is_one(static_cast<unsigned char>(c)) ? 1 : 0));
    }
    total += count;
  }
  return total;
}

}  // namespace smtpgate::converter
