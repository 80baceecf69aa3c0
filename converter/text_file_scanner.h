// Finds the files that are written into a text (uuencode, xxencode, uuencode -m, yEnc, BinHex 4.0)
// and takes them out: text octets in and out, files to a handler. What is a file and what stays
// text: docs/conversion.md, "Files inside a part".
//
// Linear time. Memory: some lines, while it is not certain whether a block is one. What turns out
// to be none comes out octet for octet as it went in.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "converter/embedded_files.h"
#include "converter/text_block.h"

namespace smtpgate::converter {

struct TextFileRules {
  std::string charset;         ///< of the text, as labelled: file names are in it
  unsigned most_files = 1000;  ///< blocks beyond stay text
  /// An empty line before a block is its separator, and goes with it (RFC 1154).
  bool drops_separator = false;
};

class TextFileScanner {
 public:
  /// `handler` outlives the scanner.
  TextFileScanner(TextFileRules rules, EmbeddedFileHandler& handler);

  /// Transfer-decoded octets, with CR LF or LF at line ends, cut anywhere. What is text of what
  /// came so far: a view of `octets` or of the scanner's own buffer, valid until the next call.
  std::string_view feed(std::string_view octets);
  /// The rest. What is fed after it is another text.
  std::string_view finish();

  /// Files told so far.
  unsigned files() const { return counter_.files(); }
  /// A block was left in the text because there were too many before it.
  bool limit_reached() const { return limit_reached_; }

 private:
  class Counter : public EmbeddedFileHandler {
   public:
    explicit Counter(EmbeddedFileHandler& handler) : handler_(handler) {}
    void begin_file(const EmbeddedFile& file) override;
    void file_octets(std::string_view octets) override { handler_.file_octets(octets); }
    void end_file(const std::vector<std::string>& odd) override { handler_.end_file(odd); }
    unsigned files() const { return files_; }

   private:
    EmbeddedFileHandler& handler_;
    unsigned files_ = 0;
  };

  bool may_begin_here(std::string_view octets) const;
  std::size_t pass_text(std::string_view octets, std::size_t at);
  void take_line(std::string_view line_with_end);
  void take_text_line(std::string_view line_with_end);
  std::unique_ptr<TextBlock> block_at(std::string_view line);
  void release();
  void end_block();

  TextFileRules rules_;
  Counter counter_;
  std::unique_ptr<TextBlock> block_;  ///< the one being read
  std::string held_;                  ///< whole lines of a block that may be none
  std::string partial_;               ///< the beginning of a line that may matter
  bool at_line_start_ = true;         ///< where text passes
  bool limit_reached_ = false;
  std::string out_;
};

}  // namespace smtpgate::converter
