// uuencode, as the original gateway sent files to peers without MIME (Q111857, Q118487; RFC 1154
// calls the parts). Not for decoding, which inbound mail will need behind transfer_decoder.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace smtpgate::converter {

class UuencodeEncoder {
 public:
  static constexpr std::size_t line_octets = 45;

  /// "begin 644 name"; `name` is printable ASCII.
  static std::string begin_line(std::string_view name);
  /// Pieces may be cut anywhere. Lines end in CR LF.
  void feed(std::string_view piece, std::string& out);
  /// The last line, the empty one and "end".
  void finish(std::string& out);

  /// Lines that `size` octets take, from "begin" to "end".
  static std::uint64_t lines_for(std::uint64_t size);

 private:
  std::string held_;  // less than a line
};

}  // namespace smtpgate::converter
