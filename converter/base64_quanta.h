// The hot loop of base64: whole quanta (four characters, three octets) of clean lines. What
// interrupts them - padding, blanks, octets of no alphabet, quanta cut by a line end - is
// base64_decoder.cpp's business, so how fast a loop goes never changes what comes out.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace smtpgate::converter {

constexpr std::string_view base64_alphabet_and_padding =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
constexpr std::string_view base64_alphabet = base64_alphabet_and_padding.substr(0, 64);

/// What is no character of the alphabet, in the table and in an OR of four of its values.
constexpr std::uint32_t no_base64 = std::uint32_t{1} << 31;

/// The value of each character, already shifted to its place in a quantum.
using Base64Table = std::array<std::uint32_t, 256>;

constexpr Base64Table make_base64_table(unsigned shift) {
  Base64Table table{};
  table.fill(no_base64);
  for (std::uint32_t value = 0; value < base64_alphabet.size(); ++value) {
    table[static_cast<unsigned char>(base64_alphabet[value])] = value << shift;
  }
  return table;
}

/// The 24 bits of `octets`, most significant first, by one store of four octets, the last of which
/// does not count; returns where the next octet goes.
inline char* put_three(char* to, std::uint32_t octets) {
  octets <<= 8;
  if constexpr (std::endian::native == std::endian::little) octets = __builtin_bswap32(octets);
  std::memcpy(to, &octets, sizeof octets);
  return to + 3;
}

/// Decodes from `at` on, to `to` on and moves it, as long as there are whole quanta and CRLFs
/// between them; returns where that ends: at `end` or at what needs another look. May write
/// base64_slack octets beyond those that count.
using Base64Quanta = const unsigned char* (*)(const unsigned char* at, const unsigned char* end,
                                              char*& to);
constexpr std::size_t base64_slack = 32;

/// For any processor.
const unsigned char* decode_quanta_portably(const unsigned char* at, const unsigned char* end,
                                            char*& to);

/// The fastest that this processor can run; found out once.
Base64Quanta fastest_base64_quanta();

}  // namespace smtpgate::converter
