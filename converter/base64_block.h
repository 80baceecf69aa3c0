// "begin-base64 644 name", lines of base64, "====": what uuencode -m writes into a text (POSIX,
// uuencode). Not for base64 as a transfer encoding (base64_decoder.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "converter/text_block.h"

namespace smtpgate::converter {

/// The name on a line "begin-base64 644 name"; empty if it is none.
std::string_view name_on_begin_base64_line(std::string_view line);

class Base64Block : public TextBlock {
 public:
  /// `name` in UTF-8.
  Base64Block(std::string name, EmbeddedFileHandler& handler)
      : name_(std::move(name)), file_(handler) {}

  BlockLine line(std::string_view line) override;
  void close() override;

 private:
  void begin();

  std::string name_;
  BlockFile file_;
  std::vector<std::string> undecided_;  ///< lines
  bool after_padding_ = false;
};

}  // namespace smtpgate::converter
