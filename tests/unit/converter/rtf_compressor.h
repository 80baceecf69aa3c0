// MS-OXRTFCP's compression, for tests: the longest match in the dictionary at every place. Not for
// speed.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "unit/converter/tnef_builder.h"

namespace smtpgate::test {

inline std::string compress_rtf(std::string_view rtf) {
  constexpr std::string_view known =
      "{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern "
      "\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0"
      "\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";
  constexpr std::size_t size = 4096;
  constexpr std::size_t longest = 17;
  const std::string all = std::string(known) + std::string(rtf);
  std::string contents;
  std::size_t control = 0;  // where the control octet of the run stands
  unsigned tokens = 8;
  const auto token = [&](bool is_reference, std::string_view octets) {
    if (tokens == 8) {
      control = contents.size();
      contents += '\0';
      tokens = 0;
    }
    if (is_reference) {
      contents[control] =
          static_cast<char>(static_cast<unsigned char>(contents[control]) | 1U << tokens);
    }
    ++tokens;
    contents += octets;
  };
  const auto reference = [&](std::size_t place, std::size_t length) {
    const auto bits = static_cast<unsigned>(place % size << 4U | length);
    const std::array<char, 2> octets{static_cast<char>(bits >> 8U), static_cast<char>(bits)};
    token(true, {octets.data(), octets.size()});
  };
  for (std::size_t at = known.size(); at < all.size();) {
    std::size_t best = 0;
    std::size_t from = 0;
    // The place of writing itself means the end, so a match is less than a round away.
    const std::string_view wanted = std::string_view(all).substr(at, longest);
    std::size_t start = wanted.size() < 2 ? at : (at < size ? 0 : at - size + 1);
    for (; best < longest; ++start) {
      start = all.find(wanted.substr(0, 2), start);
      if (start >= at) break;
      std::size_t length = 2;
      while (length < wanted.size() && all[start + length] == wanted[length]) ++length;
      if (length > best) {
        best = length;
        from = start;
      }
    }
    if (best >= 2) {
      reference(from, best - 2);
      at += best;
    } else {
      token(false, std::string_view(all).substr(at, 1));
      ++at;
    }
  }
  reference(all.size(), 0);
  std::uint32_t crc = 0;
  for (const char c : contents) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1U) != 0 ? crc >> 1U ^ 0xEDB88320U : crc >> 1U;
  }
  return number(contents.size() + 12, 4) + number(rtf.size(), 4) + "LZFu" + number(crc, 4) +
         contents;
}

}  // namespace smtpgate::test
