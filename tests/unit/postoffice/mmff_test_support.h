// What the MMFF tests share: whole files to and from memory. Not for tests of other things.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "postoffice/mmff_reader.h"
#include "postoffice/mmff_writer.h"
#include "unit/catch.h"

namespace smtpgate::postoffice::mmff_test {

struct ReadMessage {
  MessageHeader header;
  std::vector<std::string> sections;  ///< text, then attachments
};

/// All messages of a file, or its first error.
inline FormatResult<std::vector<ReadMessage>> read_all(std::string_view file,
                                                       ReaderOptions options = {}) {
  MemorySource source(file);
  Reader reader(source, std::move(options));
  std::vector<ReadMessage> messages;
  while (true) {
    auto header = reader.next();
    if (!header) return tl::unexpected(header.error());
    if (!*header) return messages;
    ReadMessage message{std::move(**header), {}};
    bool open = true;
    while (open) {
      std::string& section = message.sections.emplace_back();
      char buffer[7];  // small and odd, so that pieces end anywhere
      while (true) {
        const auto count = reader.read(buffer);
        if (!count) return tl::unexpected(count.error());
        if (*count == 0) break;
        section.append(buffer, *count);
      }
      const auto more = reader.next_section();
      if (!more) return tl::unexpected(more.error());
      open = *more;
    }
    messages.push_back(std::move(message));
  }
}

/// The error that reading `file` ends with, as "141-1-2 text"; "none" if there is none.
inline std::string error_of(std::string_view file, ReaderOptions options = {}) {
  const auto result = read_all(file, std::move(options));
  return result ? "none" : result.error().str();
}

inline std::string write_all(const std::vector<ReadMessage>& messages, LineEnd line_end,
                             bool extended = true) {
  std::string file;
  StringSink sink(file);
  Writer writer(sink, line_end, extended);
  for (const ReadMessage& message : messages) {
    REQUIRE(writer.begin(message.header));
    for (const std::string& section : message.sections) REQUIRE(writer.write(section));
    REQUIRE(writer.end());
  }
  return file;
}

/// A file of `lines` with one kind of line end.
inline std::string file_of(const std::vector<std::string>& lines, std::string_view contents = {},
                           LineEnd line_end = LineEnd::lf) {
  std::string file;
  for (const std::string& line : lines) {
    file += line;
    file += line_end_octets(line_end);
  }
  return file.append(contents);
}

inline constexpr LineEnd all_line_ends[] = {LineEnd::cr, LineEnd::lf, LineEnd::crlf};

}  // namespace smtpgate::postoffice::mmff_test
