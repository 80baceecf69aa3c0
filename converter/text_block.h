// One file written into a text as lines (uuencode and its kin), while it is being read. What all
// kinds have in common: lines go in, and a file goes to an EmbeddedFileHandler once it is certain
// that it is one; until then nothing was told, so that the text can stay as it is.
//
// Not for finding where a block begins (text_file_scanner.h).
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "converter/embedded_files.h"

namespace smtpgate::converter {

/// What a block says of a line.
enum class BlockLine {
  undecided,  ///< perhaps none of the block's: the caller keeps it until the next answer, and
              ///< gives the block up if there is too much to keep
  taken,      ///< the block's, and so are all that were undecided before it
  last,       ///< taken, and the block is complete: its file has been ended
  refused,    ///< none of the block's, and neither are those that were undecided before it
};

class TextBlock {
 public:
  virtual ~TextBlock() = default;
  /// A line without its line end, behind the line that began the block. Not after last or refused.
  virtual BlockLine line(std::string_view line) = 0;
  /// The text ended, or a line was refused: the file, if one was begun, ends here.
  virtual void close() = 0;
};

/// Gathers a file's octets, so that a line is not a call, and keeps the order of calls.
class BlockFile {
 public:
  explicit BlockFile(EmbeddedFileHandler& handler) : handler_(handler) {}

  void begin(const EmbeddedFile& file) {
    handler_.begin_file(file);
    is_open_ = true;
  }
  bool is_open() const { return is_open_; }
  /// Where decoded octets are appended; settle() after each line.
  std::string& octets() { return octets_; }
  void settle() {
    if (octets_.size() >= enough) pass_on();
  }
  void end(const std::vector<std::string>& odd) {
    pass_on();
    handler_.end_file(odd);
    is_open_ = false;
  }

 private:
  static constexpr std::size_t enough = std::size_t{16} << 10;

  void pass_on() {
    if (!octets_.empty()) handler_.file_octets(octets_);
    octets_.clear();
  }

  EmbeddedFileHandler& handler_;
  std::string octets_;
  bool is_open_ = false;
};

/// Without the blanks at its end.
constexpr std::string_view without_trailing_blanks(std::string_view line) {
  const std::size_t last = line.find_last_not_of(" \t");
  return last == std::string_view::npos ? std::string_view() : line.substr(0, last + 1);
}

}  // namespace smtpgate::converter
