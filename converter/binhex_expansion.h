// An attachment in BinHex 4.0: the file's forks, as binhex_block.h finds them.
#pragma once

#include "converter/leaf_expansion.h"
#include "converter/text_file_scanner.h"

namespace smtpgate::converter {

bool is_binhex(const ContentType& type);

class BinhexExpansion : public LeafExpansion {
 public:
  explicit BinhexExpansion(const ExpansionContext& context) : scanner_({}, context.files) {}

  void feed(std::string_view octets) override { scanner_.feed(octets); }
  void finish() override { scanner_.finish(); }
  std::vector<std::string> marks() const override;

 private:
  TextFileScanner scanner_;
};

}  // namespace smtpgate::converter
