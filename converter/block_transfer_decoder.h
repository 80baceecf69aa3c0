// A part whose transfer encoding is uuencode or one of its kin: the file in its block. Which kind
// it is the block itself says (text_file_scanner.h), so there is one decoder for all of them.
//
// What stands beside the block, further files and a resource fork are counted as errors: then the
// part is more than this file, and whoever decodes keeps it as it came, too.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "converter/embedded_files.h"
#include "converter/text_file_scanner.h"
#include "converter/transfer_decoder.h"

namespace smtpgate::converter {

class BlockTransferDecoder : public TransferDecoder, private EmbeddedFileHandler {
 public:
  BlockTransferDecoder() : scanner_({}, *this) {}

  void feed(std::string_view piece, std::string& out) override;
  void finish(std::string& out) override;
  std::uint64_t errors() const override { return errors_; }
  bool found_nothing() const override { return files_ == 0; }
  std::string found_name() const override { return name_; }
  std::vector<std::string> marks() const override { return marks_; }

 private:
  void begin_file(const EmbeddedFile& file) override;
  void file_octets(std::string_view octets) override;
  void end_file(const std::vector<std::string>& odd) override;
  void count_text(std::string_view text);

  TextFileScanner scanner_;
  std::string name_;
  std::vector<std::string> marks_;
  std::string* out_ = nullptr;  ///< during feed() and finish()
  std::uint64_t files_ = 0;
  std::uint64_t errors_ = 0;
};

}  // namespace smtpgate::converter
