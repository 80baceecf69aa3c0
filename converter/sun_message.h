// A message of Sun's mailtool ("Content-Type: X-sun-attachment"): parts behind lines of ten dashes,
// each with X-Sun- fields of its own and an empty line. Source: such messages; there is no
// standard.
//
// The first part of type "text" is the text; a part in uuencode is given on as text, where its
// block is found; any other is a file as it stands.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "converter/line_cutter.h"
#include "converter/text_part_sink.h"

namespace smtpgate::converter {

class SunMessage : public TextPartReader {
 public:
  /// `charset` is that of names; `line_end` that of files. `sink` outlives the object.
  SunMessage(std::string_view charset, std::string_view line_end, TextPartSink& sink)
      : charset_(charset), line_end_(line_end), sink_(sink) {}

  void feed(std::string_view octets) override;
  void finish() override;

 private:
  enum class State { content, separator, header };

  void take(const CutLine& line);
  void field(std::string_view line);
  void begin_content();
  void put(std::string_view octets, std::string_view end);
  void put_separator();
  void end_file();

  std::string charset_;
  std::string line_end_;
  TextPartSink& sink_;
  LineCutter lines_;
  State state_ = State::content;
  std::string separator_;  ///< a line of dashes, until the next line tells what it is
  std::string separator_end_;
  unsigned fields_ = 0;
  std::string type_;
  std::string name_;
  std::string encoding_;
  bool has_text_ = false;
  bool is_file_ = false;  ///< the part is one as it stands
};

}  // namespace smtpgate::converter
