// base64: see the header. Two sextets a look-up in a table of 4096 pairs: half the look-ups of the
// plain way, and no instruction that only some processors have.
#include "converter/base64_encoder.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace smtpgate::converter {

namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::size_t line_characters = 76;
constexpr std::size_t line_width = line_characters + 2;  // with CR LF

using Pair = std::array<char, 2>;

constexpr std::array<Pair, 4096> make_pairs() {
  std::array<Pair, 4096> pairs{};
  for (std::size_t value = 0; value < pairs.size(); ++value) {
    pairs[value] = {alphabet[value >> 6], alphabet[value & 63]};
  }
  return pairs;
}

constexpr std::array<Pair, 4096> pairs = make_pairs();

/// `count` groups of three octets.
char* encode_groups(const unsigned char* from, std::size_t count, char* to) {
  for (; count > 0; --count, from += 3, to += 4) {
    const std::size_t first = (std::size_t{from[0]} << 4) | (from[1] >> 4U);
    const std::size_t second = ((std::size_t{from[1]} & 15) << 8) | from[2];
    std::memcpy(to, pairs[first].data(), 2);
    std::memcpy(to + 2, pairs[second].data(), 2);
  }
  return to;
}

const unsigned char* octets_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

void Base64Encoder::feed(std::string_view piece, std::string& out) {
  if (!held_.empty()) {
    const std::size_t count = std::min(line_octets - held_.size(), piece.size());
    held_.append(piece.substr(0, count));
    piece.remove_prefix(count);
    if (held_.size() < line_octets) return;
    out += base64(held_);
    out += "\r\n";
    held_.clear();
  }
  const std::size_t lines = piece.size() / line_octets;
  const std::size_t before = out.size();
  out.resize(before + lines * line_width);
  char* to = out.data() + before;
  const unsigned char* from = octets_of(piece);
  for (std::size_t line = 0; line < lines; ++line, from += line_octets) {
    to = encode_groups(from, line_octets / 3, to);
    *to++ = '\r';
    *to++ = '\n';
  }
  held_ = piece.substr(lines * line_octets);
}

void Base64Encoder::finish(std::string& out) {
  if (held_.empty()) return;
  out += base64(held_);
  out += "\r\n";
  held_.clear();
}

std::string base64(std::string_view octets) {
  std::string result((octets.size() + 2) / 3 * 4, '=');
  const std::size_t groups = octets.size() / 3;
  char* to = encode_groups(octets_of(octets), groups, result.data());
  const std::string_view rest = octets.substr(groups * 3);
  if (rest.empty()) return result;
  const auto first = static_cast<unsigned char>(rest[0]);
  const auto second = rest.size() > 1 ? static_cast<unsigned char>(rest[1]) : 0U;
  const Pair& begin = pairs[(std::size_t{first} << 4) | (second >> 4U)];
  to[0] = begin[0];
  to[1] = begin[1];
  if (rest.size() > 1) to[2] = alphabet[(second & 15U) << 2U];
  return result;
}

}  // namespace smtpgate::converter
