// Reads MMFF as a stream: one message header at a time, then its text and attachments in pieces.
// Constant memory whatever the sizes; header lines are bounded (ReaderOptions).
// Not for writing (mmff_writer.h); not for deciding where a message goes (put.h).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <tl/expected.hpp>

#include "postoffice/byte_stream.h"
#include "postoffice/mmff.h"

namespace smtpgate::postoffice {

struct ReaderOptions {
  /// Forced by -f0, -f1, -f2; otherwise told from the first line of the file.
  std::optional<LineEnd> line_end;
  /// Where XTEXT and XATTACH may name files (--external DIR); empty: each is error 146 (rule 5).
  std::string external_directory;
  /// Octets. Wide enough for all that the converter's own limits let through (50 MiB of header,
  /// each octet written as three), so that whatever the gateway wrote can be read.
  std::uint64_t longest_line = std::uint64_t{160} << 20;
  std::uint64_t largest_header = std::uint64_t{512} << 20;  ///< all token lines of a message
  std::uint64_t most_attachments = 100'000;                 ///< ATTACHMENT and XATTACH lines
  std::uint64_t most_recipients = 1'000'000;                ///< TO and CC lines
  std::uint64_t most_fields = 1'000'000;                    ///< EXT lines
};

template <typename T>
using FormatResult = tl::expected<T, FormatError>;

class Reader {
 public:
  /// `source` outlives the reader.
  Reader(ByteSource& source, ReaderOptions options = {});
  ~Reader();

  /// The next message's header, or nullopt at the end of the file. What is left of the contents of
  /// the message before it is skipped. Blank lines before a message are allowed, and one Ctrl-Z at
  /// the end of the file. An empty file has no message. After an error every call returns it again.
  /// All strings are octets of the file's character set (CHARSET), unescaped.
  FormatResult<std::optional<MessageHeader>> next();

  /// Contents of the current message come as sections: 0 the text, k the k-th attachment. The first
  /// section is open after next(); this closes the open one (skipping its rest) and opens the next,
  /// false after the last.
  FormatResult<bool> next_section();
  /// Up to buffer.size() octets of the open section; 0 at its end. A file that ends early is error
  /// 140 that says how many octets are missing. Text and attachments in external files come the
  /// same way.
  FormatResult<std::size_t> read(std::span<char> buffer);

  /// The line end found or forced; meaningful after the first next().
  LineEnd line_end() const;
  /// Where in the file the current message begins (the end of the one before it), where its last
  /// token line does, and where its contents do. Octets; meaningful after a next() that found one.
  std::uint64_t message_offset() const;
  std::uint64_t last_line_offset() const;
  std::uint64_t contents_offset() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace smtpgate::postoffice
