// quoted-printable (RFC 2045, 6.7) as a stream, for texts whose lines end in LF; what comes out
// ends its lines in CR LF, none of them above 76 octets.
//
// Beyond what the RFC demands, no line begins with "From " or with a dot: the one is changed by old
// mailbox programs, the other by broken SMTP ones (RFC 2049, 3). Not for decoding
// (quoted_printable_decoder.h) or for encoded words (encoded_word_encoder.h).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace smtpgate::converter {

class QuotedPrintableEncoder {
 public:
  /// Pieces may be cut anywhere. A CR is an octet like any other: it is encoded.
  void feed(std::string_view piece, std::string& out);
  void finish(std::string& out);

 private:
  void octet(char c, std::string& out);
  void put(char c, bool encoded, std::string& out);
  void end_held(std::string& out);
  bool at_start() const;

  std::string held_;        // at the start of a line: as much of "From " as has come
  char blank_ = '\0';       // held back: at the end of a line it must be encoded
  std::size_t column_ = 0;  // octets of the line written
};

/// How many octets `text` takes, soft line breaks left out: an octet is one or three.
std::size_t quoted_printable_weight(std::string_view text);

}  // namespace smtpgate::converter
