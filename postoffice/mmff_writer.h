// Writes MMFF: the token lines of a message from a MessageHeader whose sizes are known, then the
// contents as the caller streams them. Not for reading (mmff_reader.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "postoffice/byte_stream.h"
#include "postoffice/mmff.h"

namespace smtpgate::postoffice {

/// All token lines, from VERSION to TEXT, ready for the contents to follow. Every value is escaped
/// here and nowhere else. `extended` false leaves CC (written as TO, as the original's basic format
/// did) and EXT fields out. XTEXT/XATTACH lines are written for members that name external files.
std::string render_header(const MessageHeader& header, LineEnd line_end, bool extended = true);

/// Streams messages into one file and holds the caller to the sizes that the header promised.
class Writer {
 public:
  /// `sink` outlives the writer.
  Writer(ByteSink& sink, LineEnd line_end, bool extended = true);

  /// Ends the message before it (EINVAL if its contents are short) and writes the token lines.
  FileResult<void> begin(const MessageHeader& header);
  /// The next octets of text and attachments, in order. EINVAL if more than the header promised.
  FileResult<void> write(std::string_view contents);
  /// EINVAL if contents are short.
  FileResult<void> end();

 private:
  ByteSink& sink_;
  LineEnd line_end_;
  bool extended_;
  std::uint64_t missing_ = 0;
};

}  // namespace smtpgate::postoffice
