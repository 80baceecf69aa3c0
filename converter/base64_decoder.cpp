// See base64_decoder.h. Clean lines go sixteen characters at a time in a vector, the rest of a line
// four at a time over four tables, and anything else one octet at a time and back. The vectors are
// those of the compiler, not of one processor: no instruction beyond the baseline is asked for.
#include "converter/base64_decoder.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "postoffice/ascii.h"

namespace smtpgate::converter {
namespace {

constexpr std::string_view alphabet_and_padding =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
constexpr std::string_view alphabet = alphabet_and_padding.substr(0, 64);

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

// Of a line after padding, before it is judged: any honest line (RFC 5322, 2.1.1).
constexpr std::size_t longest_held = 998;

bool is_white(char c) {
  return c == '\r' || c == '\n' || c == ' ' || c == '\t';
}

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
  while (!piece.empty()) {
    piece.remove_prefix(after_padding_ ? take_after_padding(piece, out) : decode_data(piece, out));
  }
}

// Up to the end of the piece, of a block, or of the data.
std::size_t Base64Decoder::decode_data(std::string_view piece, std::string& out) {
  Cursor cursor;
  const auto* const begin = reinterpret_cast<const unsigned char*>(piece.data());
  const auto* const end = begin + std::min(piece.size(), block_input);
  const auto* at = begin;
  while (at != end && !after_padding_) {
    if (sextets_ == 0) at = decode_quanta(at, end, cursor);
    if (at != end) decode_one(*at++, cursor);
  }
  out += cursor.written();
  return static_cast<std::size_t>(at - begin);
}

// Gathers a line until it can be judged.
std::size_t Base64Decoder::take_after_padding(std::string_view piece, std::string& out) {
  const std::size_t end = piece.find('\n');
  const std::size_t size = std::min(end, piece.size());
  std::size_t used = 0;
  for (; used < size && held_.size() < longest_held && !skips_line_; ++used) {
    const char c = piece[used];
    // More padding, blanks and line ends before the line mean nothing.
    if (held_.empty() && (c == '=' || is_white(c))) continue;
    held_ += c;
  }
  if (skips_line_) {
    errors_ += static_cast<std::uint64_t>(
        std::count_if(piece.begin(), piece.begin() + size, [](char c) { return !is_white(c); }));
    used = size;
  }
  if (used == end) {
    judge_held(true, out);
    skips_line_ = false;
    return used + 1;
  }
  if (held_.size() == longest_held) judge_held(false, out);
  return used;
}

void Base64Decoder::judge_held(bool is_whole_line, std::string& out) {
  const std::string line = std::exchange(held_, {});
  const std::string_view data = trim(line);
  if (data.empty()) return;
  const bool is_base64 = data.find_first_not_of(alphabet_and_padding) == std::string_view::npos &&
                         (!is_whole_line || data.size() % 4 == 0);
  if (!is_base64) {
    errors_ += static_cast<std::uint64_t>(
        std::count_if(data.begin(), data.end(), [](char c) { return !is_white(c); }));
    skips_line_ = true;
    return;
  }
  Cursor cursor;
  for (const char c : data) decode_one(static_cast<unsigned char>(c), cursor);
  after_padding_ = data.back() == '=';
  out += cursor.written();
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
    if (sextets_ > 0) {
      after_padding_ = sextets_ > 1;
      end_quantum(cursor);
    }
  } else if (!is_white(static_cast<char>(octet))) {
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
  judge_held(true, out);
  Cursor cursor;
  end_quantum(cursor);
  out += cursor.written();
}

}  // namespace smtpgate::converter
