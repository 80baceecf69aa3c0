// See base64_decoder.h. Clean lines take a loop of four characters at a time over four tables;
// anything else goes one octet at a time and back.
#include "converter/base64_decoder.h"

#include <algorithm>
#include <array>

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

// Decoded through a block on the stack, so that the string grows by appending and no octet of it is
// written twice.
constexpr std::size_t block_input = 8192;

}  // namespace

struct Base64Decoder::Cursor {
  // Three octets for four of input and for what the last piece left.
  std::array<char, block_input / 4 * 3 + 8> block;
  std::size_t size = 0;

  void put(std::uint32_t quantum) {
    block[size] = octet_of(quantum, 16);
    block[size + 1] = octet_of(quantum, 8);
    block[size + 2] = octet_of(quantum, 0);
    size += 3;
  }
};

void Base64Decoder::feed(std::string_view piece, std::string& out) {
  Cursor cursor;
  while (!piece.empty()) {
    const std::string_view part = piece.substr(0, block_input);
    piece.remove_prefix(part.size());
    const auto* at = reinterpret_cast<const unsigned char*>(part.data());
    const auto* const end = at + part.size();
    cursor.size = 0;
    while (at != end) {
      if (sextets_ == 0) {
        while (end - at >= 4) {
          const std::uint32_t quantum =
              tables[0][at[0]] | tables[1][at[1]] | tables[2][at[2]] | tables[3][at[3]];
          if ((quantum & invalid) != 0) {
            if (at[0] != '\r' || at[1] != '\n') break;
            at += 2;
            continue;
          }
          cursor.put(quantum);
          at += 4;
        }
        if (at == end) break;
      }
      decode_one(*at++, cursor);
    }
    out.append(cursor.block.data(), cursor.size);
  }
}

void Base64Decoder::decode_one(unsigned char octet, Cursor& cursor) {
  const std::uint32_t value = tables[3][octet];
  if (value != invalid) {
    bits_ = bits_ << 6 | value;
    if (++sextets_ == 4) {
      cursor.put(bits_);
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
    cursor.block[cursor.size++] = octet_of(quantum, 16);
    if (sextets_ == 3) cursor.block[cursor.size++] = octet_of(quantum, 8);
  }
  bits_ = sextets_ = 0;
}

void Base64Decoder::finish(std::string& out) {
  Cursor cursor;
  end_quantum(cursor);
  out.append(cursor.block.data(), cursor.size);
}

}  // namespace smtpgate::converter
