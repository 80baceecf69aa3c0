// base64 (RFC 2045, 6.8) as a stream, in lines of 76 octets that end in CR LF. And of short values,
// without lines, for encoded words. Not for decoding (base64_decoder.h).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace smtpgate::converter {

class Base64Encoder {
 public:
  /// Octets that fill a line.
  static constexpr std::size_t line_octets = 57;

  /// Appends whole lines to `out`; what does not fill one is kept. Pieces may be cut anywhere; a
  /// multiple of line_octets is quickest.
  void feed(std::string_view piece, std::string& out);
  /// The last line, with its line end; nothing if there is none.
  void finish(std::string& out);

 private:
  std::string held_;  // less than a line
};

/// `octets` in base64 without line ends.
std::string base64(std::string_view octets);

}  // namespace smtpgate::converter
