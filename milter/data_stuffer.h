// The content on its way into DATA: dots at the start of lines are doubled (RFC 5321, 4.5.2), and
// every line end is CRLF: a stray CR or LF goes out as CRLF (RFC 5321, 2.3.8), for what one server
// takes for a line end and another does not is what SMTP smuggling lives on. Content that is in
// CRLF form passes as it is. The way back is data_unstuffer.h.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace smtpgate::milter {

class DataStuffer {
 public:
  /// Appends `piece`, stuffed, to `out`: at most two octets for each of its own.
  void feed(std::string_view piece, std::string& out) {
    // Where the next line end of each kind is; looked for once each, so that time stays linear.
    std::size_t lf = std::min(piece.find('\n'), piece.size());
    std::size_t cr = std::min(piece.find('\r'), piece.size());
    for (std::size_t at = 0; at < piece.size();) {
      if (after_cr_) {
        // CR LF, or a stray CR: either way this line ends here.
        after_cr_ = false;
        line_start_ = true;
        out += "\r\n";
        if (piece[at] == '\n') ++at;
        continue;
      }
      if (lf < at) lf = std::min(piece.find('\n', at), piece.size());
      if (cr < at) cr = std::min(piece.find('\r', at), piece.size());
      const std::size_t end = std::min(lf, cr);
      if (line_start_ && piece[at] == '.') out += '.';
      out += piece.substr(at, end - at);
      if (end == piece.size()) {
        line_start_ = false;
      } else if (end == cr) {
        after_cr_ = true;
      } else {
        line_start_ = true;
        out += "\r\n";
      }
      at = end + 1;
    }
  }

  /// Appends the end of the data: the last line's end if it has none, and the final dot.
  void finish(std::string& out) {
    if (after_cr_ || !line_start_) out += "\r\n";
    out += ".\r\n";
    line_start_ = true;
    after_cr_ = false;
  }

 private:
  bool line_start_ = true;
  bool after_cr_ = false;  ///< a CR whose successor was not seen; it is not in `out` yet
};

}  // namespace smtpgate::milter
