// A message with RFC 1154's Encoding field, whose further TEXT parts are the files that the
// original put into the body because they were ASCII alone (Q87045). Its numbers of lines are
// believed only where an empty line stands behind so many: relays change lines.
//
// Not for UUENCODE parts: those are found as they are in any text (text_file_scanner.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "converter/encoding_field.h"
#include "converter/line_cutter.h"
#include "converter/text_part_sink.h"

namespace smtpgate::converter {

class EncodingParts : public TextPartReader {
 public:
  /// Whether there is anything to do: a TEXT part that is not the first, and a name for all but
  /// the first part.
  static bool applies(const std::vector<EncodingPart>& parts,
                      const std::vector<std::string>& names);

  /// `names` of the second part and so on; `line_end` is that of files. `sink` outlives the object.
  EncodingParts(std::vector<EncodingPart> parts, std::vector<std::string> names,
                std::string_view line_end, TextPartSink& sink);

  void feed(std::string_view octets) override;
  void finish() override;

 private:
  void take(const CutLine& line);
  bool is_file() const { return part_ > 0 && parts_[part_].keyword == "text"; }
  void put(const CutLine& line);

  std::vector<EncodingPart> parts_;
  std::vector<std::string> names_;
  std::string line_end_;
  TextPartSink& sink_;
  LineCutter lines_;
  std::size_t part_ = 0;
  std::uint64_t lines_seen_ = 0;  ///< whole lines of the part
  bool is_open_ = false;          ///< a file is being told
  bool gave_up_ = false;          ///< the numbers are wrong: the rest is text
};

}  // namespace smtpgate::converter
