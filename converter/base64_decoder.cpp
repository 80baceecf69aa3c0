// See base64_decoder.h. Clean lines go sixteen characters at a time in a vector, the rest of a line
// four at a time over four tables, and anything else one octet at a time and back. The vectors are
// those of the compiler, not of one processor: no instruction beyond the baseline is asked for.
#include "converter/base64_decoder.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace smtpgate::converter {
namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// Beyond the 24 bits of a quantum: one or more of the four characters are not of the alphabet.
constexpr std::uint32_t invalid = std::uint32_t{1} << 31;

using Table = std::array<std::uint32_t, 256>;

// A sextet already shifted to its place in the quantum.
constexpr Table make_table(unsigned shift) {
  Table table{};
  table.fill(invalid);
  for (std::uint32_t value = 0; value < alphabet.size(); ++value) {
    table[static_cast<unsigned char>(alphabet[value])] = value << shift;
  }
  return table;
}

constexpr std::array<Table, 4> tables = {make_table(18), make_table(12), make_table(6),
                                         make_table(0)};

constexpr char octet_of(std::uint32_t bits, unsigned shift) {
  return static_cast<char>((bits >> shift) & 0xff);
}

constexpr std::size_t vector_size = 16;
using Characters = signed char __attribute__((vector_size(vector_size)));
using Pairs = std::uint16_t __attribute__((vector_size(vector_size)));
using Quanta = std::uint32_t __attribute__((vector_size(vector_size)));
using Halves = std::uint64_t __attribute__((vector_size(vector_size)));

/// The twelve octets of sixteen characters, in the lower 48 bits of each half; false if one of them
/// is not of the alphabet.
bool decode_vector(const unsigned char* at, Halves& octets) {
  Characters c;
  std::memcpy(&c, at, sizeof c);
  // Octets above 127 are negative here and in none of the ranges.
  const Characters upper = (c >= 'A') & (c <= 'Z');
  const Characters lower = (c >= 'a') & (c <= 'z');
  const Characters digit = (c >= '0') & (c <= '9');
  const Characters plus = c == '+';
  const Characters slash = c == '/';
  const auto valid = reinterpret_cast<Halves>(upper | lower | digit | plus | slash);
  if ((valid[0] & valid[1]) != ~std::uint64_t{0}) return false;
  const Characters sextets = c + ((upper & -'A') | (lower & (26 - 'a')) | (digit & (52 - '0')) |
                                  (plus & (62 - '+')) | (slash & (63 - '/')));
  // The first character is in the lowest octet of its lane and belongs on top of the quantum.
  const auto singles = reinterpret_cast<Pairs>(sextets);
  const Pairs pairs = ((singles & 0xff) << 6) | (singles >> 8);
  const auto twos = reinterpret_cast<Quanta>(pairs);
  const Quanta fours = ((twos & 0xffff) << 12) | (twos >> 16);
  const auto quanta = reinterpret_cast<Halves>(fours);
  octets = ((quanta & 0xffffffff) << 24) | (quanta >> 32);
  return true;
}

// One store of four octets, the last of which does not count.
char* put_three(char* to, std::uint32_t octets) {
  octets <<= 8;
  if constexpr (std::endian::native == std::endian::little) octets = __builtin_bswap32(octets);
  std::memcpy(to, &octets, sizeof octets);
  return to + 3;
}

// One store of eight, the last two of which do not count.
char* put_six(char* to, std::uint64_t octets) {
  octets <<= 16;
  if constexpr (std::endian::native == std::endian::little) octets = __builtin_bswap64(octets);
  std::memcpy(to, &octets, sizeof octets);
  return to + 6;
}

// Decoded through a block on the stack, so that the string grows by appending and no octet of it is
// written twice.
constexpr std::size_t block_input = 8192;

}  // namespace

struct Base64Decoder::Cursor {
  // Three octets for four of input, for what the last piece left, and for what a store writes
  // beyond its octets.
  std::array<char, block_input / 4 * 3 + 16> block;
  char* to = block.data();

  std::string_view written() const {
    return {block.data(), static_cast<std::size_t>(to - block.data())};
  }
};

/// As many whole quanta, and line ends between them, as there are from `at` on; returns where that
/// ends.
const unsigned char* Base64Decoder::decode_quanta(const unsigned char* at, const unsigned char* end,
                                                  Cursor& cursor) {
  char* to = cursor.to;
  for (;;) {
    if constexpr (std::endian::native == std::endian::little) {
      Halves octets{};
      while (end - at >= static_cast<std::ptrdiff_t>(vector_size) && decode_vector(at, octets)) {
        to = put_six(to, octets[0]);
        to = put_six(to, octets[1]);
        at += vector_size;
      }
    }
    while (end - at >= 4) {
      const std::uint32_t quantum =
          tables[0][at[0]] | tables[1][at[1]] | tables[2][at[2]] | tables[3][at[3]];
      if ((quantum & invalid) != 0) break;
      to = put_three(to, quantum);
      at += 4;
    }
    if (end - at < 2 || at[0] != '\r' || at[1] != '\n') break;
    at += 2;
  }
  cursor.to = to;
  return at;
}

void Base64Decoder::feed(std::string_view piece, std::string& out) {
  Cursor cursor;
  while (!piece.empty()) {
    const std::string_view part = piece.substr(0, block_input);
    piece.remove_prefix(part.size());
    const auto* at = reinterpret_cast<const unsigned char*>(part.data());
    const auto* const end = at + part.size();
    cursor.to = cursor.block.data();
    while (at != end) {
      if (sextets_ == 0) at = decode_quanta(at, end, cursor);
      if (at != end) decode_one(*at++, cursor);
    }
    out += cursor.written();
  }
}

void Base64Decoder::decode_one(unsigned char octet, Cursor& cursor) {
  const std::uint32_t value = tables[3][octet];
  if (value != invalid) {
    bits_ = bits_ << 6 | value;
    if (++sextets_ == 4) {
      cursor.to = put_three(cursor.to, bits_);
      bits_ = sextets_ = 0;
    }
  } else if (octet == '=') {
    // Padding ends a quantum; what follows is another piece glued on. A further '=' ends nothing.
    end_quantum(cursor);
  } else if (octet != '\r' && octet != '\n' && octet != ' ' && octet != '\t') {
    ++errors_;
  }
}

void Base64Decoder::end_quantum(Cursor& cursor) {
  if (sextets_ == 1) ++errors_;  // six bits make no octet
  if (sextets_ >= 2) {
    const std::uint32_t quantum = bits_ << 6 * (4 - sextets_);
    *cursor.to++ = octet_of(quantum, 16);
    if (sextets_ == 3) *cursor.to++ = octet_of(quantum, 8);
  }
  bits_ = sextets_ = 0;
}

void Base64Decoder::finish(std::string& out) {
  Cursor cursor;
  end_quantum(cursor);
  out += cursor.written();
}

}  // namespace smtpgate::converter
