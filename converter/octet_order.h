// Whole numbers out of octets, in either order. Not for reading streams (each reader keeps its own
// place) or for writing.
#pragma once

#include <cstdint>
#include <string_view>

namespace smtpgate::converter {

/// The number of text.size() octets, at most 8, least significant first.
constexpr std::uint64_t little_endian(std::string_view octets) {
  std::uint64_t value = 0;
  for (std::size_t i = octets.size(); i > 0; --i) {
    value = value << 8U | static_cast<unsigned char>(octets[i - 1]);
  }
  return value;
}

/// Likewise, most significant first.
constexpr std::uint64_t big_endian(std::string_view octets) {
  std::uint64_t value = 0;
  for (const char c : octets) value = value << 8U | static_cast<unsigned char>(c);
  return value;
}

}  // namespace smtpgate::converter
