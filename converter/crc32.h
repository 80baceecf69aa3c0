// CRC-32 (ISO 3309, as in zip files and yEnc), in pieces. Not for anything that must hold against
// somebody who wants it to fail.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace smtpgate::converter {

namespace detail {
inline constexpr std::array<std::uint32_t, 256> crc32_table = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t index = 0; index < table.size(); ++index) {
    std::uint32_t value = index;
    for (int bit = 0; bit < 8; ++bit)
      value = (value & 1U) != 0 ? value >> 1U ^ 0xEDB88320U : value >> 1U;
    table[index] = value;
  }
  return table;
}();
}  // namespace detail

/// Of what `so_far` (0 at first) is of, and `octets` behind it.
constexpr std::uint32_t crc32(std::uint32_t so_far, std::string_view octets) {
  std::uint32_t value = ~so_far;
  for (const char c : octets) {
    value = detail::crc32_table[(value ^ static_cast<unsigned char>(c)) & 0xFFU] ^ value >> 8U;
  }
  return ~value;
}

}  // namespace smtpgate::converter
