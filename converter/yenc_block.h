// yEnc in a text (yEnc draft 1.3): "=ybegin line=128 size=584 name=x", "=ypart begin=1 end=584" for
// a piece of several, lines of octets plus 42, "=yend size=584 crc32=...".
//
// Every line is code in yEnc, so only its length tells code from prose, and the size that it
// promises how much may come. Pieces are kept as pieces; nothing here joins them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "converter/text_block.h"

namespace smtpgate::converter {

/// What a line "=ybegin ..." says.
struct YencBegin {
  std::string_view name;
  std::uint64_t line = 0;   ///< characters of a full line
  std::uint64_t size = 0;   ///< octets of the file
  std::uint64_t part = 0;   ///< from 1; 0: the file is in one piece
  std::uint64_t total = 0;  ///< pieces; 0: not told
};

/// nullopt: no such line, or not all that it must have.
std::optional<YencBegin> parse_yenc_begin(std::string_view line);

class YencBlock : public TextBlock {
 public:
  /// `name` in UTF-8; `begin.name` is not looked at.
  YencBlock(const YencBegin& begin, std::string name, EmbeddedFileHandler& handler);

  BlockLine line(std::string_view line) override;
  void close() override;

 private:
  BlockLine part_line(std::string_view line);
  BlockLine first_line(std::string_view line);
  BlockLine end_line(std::string_view line);
  void begin();
  void decode(std::string_view line);

  std::string name_;
  std::uint64_t line_length_;
  std::uint64_t promised_;  ///< octets, of the piece
  std::string part_mark_;   ///< empty: a whole file
  bool awaits_part_;
  bool has_first_ = false;
  std::string first_;  ///< the first line, while it alone does not show that it is code
  std::uint64_t size_ = 0;
  std::uint32_t crc_ = 0;
  BlockFile file_;
};

}  // namespace smtpgate::converter
