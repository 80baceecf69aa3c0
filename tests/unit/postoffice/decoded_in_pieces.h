// Octets of a set decoded whole and in pieces of every size, which must not matter. For the tests
// of the decoders that are ours.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "postoffice/character_set.h"
#include "unit/catch.h"

namespace smtpgate::test {

/// UTF-8; "N:" before it if N were replaced.
inline std::string decoded_in_pieces(std::string_view set, std::string_view octets) {
  std::string whole;
  for (std::size_t piece = octets.size() + 1; piece > 0; --piece) {
    auto decoder = postoffice::CharacterDecoder::open(set);
    REQUIRE(decoder);
    std::string text;
    for (std::size_t at = 0; at < octets.size(); at += piece) {
      decoder->feed(octets.substr(at, piece), text);
    }
    decoder->finish(text);
    if (decoder->replaced() > 0) text = std::to_string(decoder->replaced()) + ":" + text;
    if (whole.empty()) whole = text;
    CHECK(text == whole);
  }
  return whole;
}

}  // namespace smtpgate::test
