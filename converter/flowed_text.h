// format=flowed (RFC 3676): long lines of a text broken at blanks so that a reader may join them
// again, octet for octet. Lines end in LF, as they came. Lines that mail programs take for
// something else ("From ", a boundary of ours) are indented by a blank, which readers take off
// again (4.4).
//
// A line that a writer ended in a blank would be read as one that goes on, so a text that has such
// lines (but "-- ", the line above a signature) is not for here: text_survey.h tells. Our own
// reader is flowed_join.h.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace smtpgate::converter {

class FlowedWriter {
 public:
  /// Pieces may be cut anywhere; UTF-8. A line is held until it ends: the caller bounds them.
  void feed(std::string_view piece, std::string& out);
  /// The last line, if it has no end.
  void finish(std::string& out);
  /// Octets of a line that has no end yet.
  std::size_t held() const { return held_.size(); }

 private:
  static void line(std::string_view text, std::string& out);
  static void part(std::string_view quotes, std::string_view content, bool is_first,
                   std::string& out);

  std::string held_;
};

}  // namespace smtpgate::converter
