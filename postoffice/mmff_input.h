// An MMFF file as the reader takes it: lines ending in one kind of line end while it reads tokens,
// counted octets while it reads contents. Buffered, constant memory but for the line in hand.
// Knows nothing of tokens (mmff_header_parser.h).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "postoffice/byte_stream.h"
#include "postoffice/mmff.h"

namespace smtpgate::postoffice {

class MmffInput {
 public:
  enum class LineResult {
    line,      ///< a whole line, its line end taken off
    unended,   ///< the last octets of the file, without a line end
    end,       ///< the file has ended
    too_long,  ///< more octets than allowed before a line end
  };

  /// `source` outlives the input. Without a `line_end`, the first CR or LF of the file tells.
  MmffInput(ByteSource& source, std::optional<LineEnd> line_end);

  /// The next line into `line`; CR or LF octets that are not this file's line end stay in it.
  FileResult<LineResult> read_line(std::string& line, std::uint64_t longest);
  /// Up to buffer.size() octets; 0 at the end of the file.
  FileResult<std::size_t> read(std::span<char> buffer);
  /// Passes over `count` octets; returns how many there were.
  FileResult<std::uint64_t> skip(std::uint64_t count);

  LineEnd line_end() const { return line_end_.value_or(LineEnd::lf); }
  std::uint64_t offset() const { return offset_; }  ///< octets taken so far

 private:
  /// More octets behind those in hand; false at the end of the file.
  FileResult<bool> fill();
  std::string_view in_hand() const { return {buffer_.data() + begin_, end_ - begin_}; }
  void take(std::size_t count);
  /// Decides the line end if `octets` hold the first CR or LF and enough behind it.
  void tell_line_end(std::string_view octets, bool at_end_of_file);

  ByteSource& source_;
  std::optional<LineEnd> line_end_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t offset_ = 0;
};

}  // namespace smtpgate::postoffice
