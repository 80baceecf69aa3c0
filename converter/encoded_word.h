// RFC 2047: header text with encoded words, to UTF-8. Forgiving: words that touch text or each
// other, blanks inside, a missing final "?=", characters split over words of the same set, sets
// unknown or mislabelled. Not for parameters (mime_parameters.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace smtpgate::converter {

struct DecodedText {
  std::string text;  ///< valid UTF-8; may hold control characters (escaping is the writer's)
  std::uint64_t replaced = 0;  ///< characters that could not be decoded
  bool odd = false;            ///< something had to be forgiven
};

/// `value` unfolded (header_field.h). Raw octets that are UTF-8 stay; others are read as CP1252.
DecodedText decode_header_text(std::string_view value);

}  // namespace smtpgate::converter
