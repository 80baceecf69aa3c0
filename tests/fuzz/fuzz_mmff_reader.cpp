// Fuzzes the MMFF reader, writer and both views. Input: one octet of choices, then a file. What is
// read must come back the same when it is written and read again, and showing it must end in valid
// output, whatever the file is. Nothing touches the disk.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "postoffice/character_set.h"
#include "postoffice/mmff_reader.h"
#include "postoffice/mmff_show.h"
#include "postoffice/mmff_writer.h"

namespace {

using namespace smtpgate::postoffice;

void require(bool holds) {
  if (!holds) std::abort();
}

struct Message {
  MessageHeader header;
  std::string contents;
};

/// Every message before the end or the first error.
std::vector<Message> read_all(std::string_view file, const ReaderOptions& options, bool* failed) {
  MemorySource source(file);
  Reader reader(source, options);
  std::vector<Message> messages;
  char buffer[33];
  while (true) {
    auto header = reader.next();
    *failed = !header;
    if (!header) {
      require(!header.error().is_file_error);
      require(is_utf8(header.error().str()));
      return messages;
    }
    if (!*header) return messages;
    Message message{std::move(**header), {}};
    while (true) {
      const auto count = reader.read(buffer);
      if (!count) {
        *failed = true;
        return messages;
      }
      message.contents.append(buffer, *count);
      if (*count > 0) continue;
      const auto more = reader.next_section();
      if (!more) {
        *failed = true;
        return messages;
      }
      if (!*more) break;
    }
    messages.push_back(std::move(message));
  }
}

std::string write_all(const std::vector<Message>& messages, LineEnd line_end) {
  std::string file;
  StringSink sink(file);
  Writer writer(sink, line_end);
  for (const Message& message : messages) {
    require(writer.begin(message.header).has_value());
    require(writer.write(message.contents).has_value());
    require(writer.end().has_value());
  }
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view file(reinterpret_cast<const char*>(data) + 1, size - 1);
  constexpr LineEnd line_ends[] = {LineEnd::cr, LineEnd::lf, LineEnd::crlf};
  ReaderOptions options;
  if ((data[0] & 3U) != 3) options.line_end = line_ends[data[0] & 3U];
  if ((data[0] & 4U) != 0) options.longest_line = 16;
  const LineEnd written = line_ends[(data[0] >> 3U) % 3];

  bool failed = false;
  const auto messages = read_all(file, options, &failed);
  const std::string copy = write_all(messages, written);
  const auto again = read_all(copy, {}, &failed);
  require(!failed);
  require(again.size() == messages.size());
  for (std::size_t i = 0; i < again.size(); ++i) {
    require(again[i].contents == messages[i].contents);
    require(render_header(again[i].header, written) == render_header(messages[i].header, written));
  }

  ShowOptions show;
  show.reader = options;
  MemorySource json_source(file);
  std::ostringstream json;
  const auto shown = show_json(json_source, json, show);
  require(is_utf8(json.str()));
  require(nlohmann::json::parse(json.str())["messages"].size() == messages.size());
  MemorySource text_source(file);
  std::ostringstream text;
  require(show_text(text_source, text, show).has_value() == shown.has_value());
  require(is_utf8(text.str()));
  require(text.str().find('\x1B') == std::string::npos);
  return 0;
}
