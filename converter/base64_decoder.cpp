// See base64_decoder.h. Clean lines go through base64_quanta.h's loop, anything else one octet at a
// time and back.
#include "converter/base64_decoder.h"

#include <algorithm>
#include <array>
#include <utility>

#include "postoffice/ascii.h"

namespace smtpgate::converter {
namespace {

constexpr Base64Table values = make_base64_table(0);

constexpr char octet_of(std::uint32_t bits, unsigned shift) {
  return static_cast<char>((bits >> shift) & 0xff);
}

// Decoded through a block on the stack, so that the string grows by appending and no octet of it is
// written twice.
constexpr std::size_t block_input = 8192;

// Of a line after padding, before it is judged: any honest line (RFC 5322, 2.1.1).
constexpr std::size_t longest_held = 998;
// "unsubscribe", "Regards" and the like are base64 by their letters.
constexpr std::size_t longest_word = 20;

}  // namespace

struct Base64Decoder::Cursor {
  // Three octets for four of input, for what the last piece left, and for what a store writes
  // beyond its octets.
  std::array<char, block_input / 4 * 3 + 16 + base64_slack> block;
  char* to = block.data();

  std::string_view written() const {
    return {block.data(), static_cast<std::size_t>(to - block.data())};
  }
};

void Base64Decoder::feed(std::string_view piece, std::string& out) {
  out.reserve(out.size() + piece.size() / 4 * 3);
  while (!piece.empty()) {
    if (after_padding_) {
      piece.remove_prefix(take_after_padding(piece, out));
      continue;
    }
    Cursor cursor;
    piece.remove_prefix(decode_data(piece, cursor));
    out += cursor.written();
  }
}

std::size_t Base64Decoder::count(std::string_view piece, std::string& room) {
  room.clear();
  std::size_t decoded = 0;
  while (!piece.empty()) {
    if (after_padding_) {
      piece.remove_prefix(take_after_padding(piece, room));
      continue;
    }
    Cursor cursor;
    piece.remove_prefix(decode_data(piece, cursor));
    decoded += cursor.written().size();
  }
  return decoded + room.size();
}

// Up to the end of the piece, of a block, or of the data.
std::size_t Base64Decoder::decode_data(std::string_view piece, Cursor& cursor) {
  const auto* const begin = reinterpret_cast<const unsigned char*>(piece.data());
  const auto* const end = begin + std::min(piece.size(), block_input);
  const auto* at = begin;
  while (at != end && !after_padding_) {
    if (sextets_ == 0) at = quanta_(at, end, cursor.to);
    if (at != end) decode_one(*at++, cursor);
  }
  return static_cast<std::size_t>(at - begin);
}

// Gathers a line until it can be judged.
std::size_t Base64Decoder::take_after_padding(std::string_view piece, std::string& out) {
  if (skips_rest_) {
    count_skipped(piece);
    return piece.size();
  }
  const std::size_t end = piece.find('\n');
  const std::size_t size = std::min(end, piece.size());
  std::size_t used = 0;
  for (; used < size && held_.size() < longest_held; ++used) {
    const char c = piece[used];
    // More padding, blanks and line ends before the line mean nothing.
    if (held_.empty() && (c == '=' || is_blank_or_line_end(c))) continue;
    held_ += c;
  }
  if (used == end) {
    judge_held(true, out);
    is_next_line_ = true;
    return used + 1;
  }
  if (held_.size() == longest_held) judge_held(false, out);
  return used;
}

void Base64Decoder::judge_held(bool is_whole_line, std::string& out) {
  const std::string line = std::exchange(held_, {});
  const std::string_view data = trim(line);
  if (data.empty()) return;
  const bool is_base64 =
      data.find_first_not_of(base64_alphabet_and_padding) == std::string_view::npos &&
      (!is_whole_line || data.size() % 4 == 0) &&
      (data.ends_with('=') || data.size() > longest_word || !is_next_line_);
  if (!is_base64) {
    count_skipped(data);
    skips_rest_ = true;
    return;
  }
  Cursor cursor;
  for (const char c : data) decode_one(static_cast<unsigned char>(c), cursor);
  after_padding_ = data.back() == '=';
  out += cursor.written();
}

void Base64Decoder::count_skipped(std::string_view octets) {
  errors_ += static_cast<std::uint64_t>(
      std::count_if(octets.begin(), octets.end(), [](char c) { return !is_blank_or_line_end(c); }));
}

void Base64Decoder::decode_one(unsigned char octet, Cursor& cursor) {
  const std::uint32_t value = values[octet];
  if (value != no_base64) {
    bits_ = bits_ << 6 | value;
    if (++sextets_ == 4) {
      cursor.to = put_three(cursor.to, bits_);
      bits_ = sextets_ = 0;
    }
  } else if (octet == '=') {
    if (sextets_ > 0) {
      after_padding_ = sextets_ > 1;
      is_next_line_ = false;
      end_quantum(cursor);
    }
  } else if (!is_blank_or_line_end(static_cast<char>(octet))) {
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
