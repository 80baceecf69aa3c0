// format=flowed (RFC 3676), read: lines that a writer broke become one paragraph again, unless the
// configuration wants them as they came (docs/conversion.md).
//
// Paragraphs may be as long as their sender likes; memory is a few octets all the same. Quote marks
// stay as the paragraph's first line has them, with or without a blank behind. Not for the way out
// (flowed_text.h), whose texts come out of here octet for octet.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace smtpgate::converter {

class FlowedJoin {
 public:
  /// `deletes_space`: DelSp=yes, the blank at a line's end is no part of the text.
  explicit FlowedJoin(bool deletes_space) : deletes_space_(deletes_space) {}

  /// Transfer-decoded octets with CR LF or LF at line ends, cut anywhere; in a set in which blank,
  /// '>' and '-' are those of ASCII. Lines come out with the ends they had.
  void feed(std::string_view octets, std::string& out);
  void finish(std::string& out);

 private:
  enum class State { quotes, beginning, content };

  void end_line(std::string_view line_end, std::string& out);
  void begin_content(bool joins, bool is_empty, std::string& out);
  void text_cr(std::string& out);

  bool deletes_space_;
  State state_ = State::quotes;
  std::size_t depth_ = 0;
  bool is_stuffed_ = false;  ///< a blank stands between the quote marks and the content
  std::string beginning_;    ///< of the line's content, while it may be "-- "
  bool has_blank_ = false;   ///< held back at the end of what came of the line
  bool has_cr_ = false;      ///< likewise, behind it
  bool flows_ = false;       ///< the line before goes on in this one, if its depth is the same
  std::size_t flow_depth_ = 0;
  std::string flow_end_;  ///< the end of the line before, if it does not
};

}  // namespace smtpgate::converter
