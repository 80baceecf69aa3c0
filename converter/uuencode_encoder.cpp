// uuencode: see the header. A zero is written as a grave accent, because blanks get lost.
#include "converter/uuencode_encoder.h"

#include <algorithm>

namespace smtpgate::converter {

namespace {

char letter(unsigned sextet) {
  return sextet == 0 ? '`' : static_cast<char>(' ' + sextet);
}

void append_line(std::string_view octets, std::string& out) {
  const auto at = [&](std::size_t index) {
    return index < octets.size() ? static_cast<unsigned char>(octets[index]) : 0U;
  };
  out += letter(static_cast<unsigned>(octets.size()));
  for (std::size_t index = 0; index < octets.size(); index += 3) {
    const unsigned bits = (at(index) << 16U) | (at(index + 1) << 8U) | at(index + 2);
    for (const unsigned shift : {18U, 12U, 6U, 0U}) out += letter((bits >> shift) & 63U);
  }
  out += "\r\n";
}

}  // namespace

std::string UuencodeEncoder::begin_line(std::string_view name) {
  return "begin 644 " + std::string(name) + "\r\n";
}

void UuencodeEncoder::feed(std::string_view piece, std::string& out) {
  while (!piece.empty()) {
    if (held_.empty() && piece.size() >= line_octets) {
      append_line(piece.substr(0, line_octets), out);
      piece.remove_prefix(line_octets);
      continue;
    }
    const std::size_t count = std::min(line_octets - held_.size(), piece.size());
    held_ += piece.substr(0, count);
    piece.remove_prefix(count);
    if (held_.size() < line_octets) return;
    append_line(held_, out);
    held_.clear();
  }
}

void UuencodeEncoder::finish(std::string& out) {
  if (!held_.empty()) append_line(held_, out);
  held_.clear();
  append_line({}, out);
  out += "end\r\n";
}

std::uint64_t UuencodeEncoder::lines_for(std::uint64_t size) {
  return (size + line_octets - 1) / line_octets + 3;
}

}  // namespace smtpgate::converter
