// The MMFF reader: messages and their sections; see the header. Lines are taken by mmff_input,
// understood by mmff_header_parser.
#include "postoffice/mmff_reader.h"

#include <algorithm>
#include <array>

#include "postoffice/mmff_external.h"
#include "postoffice/mmff_header_parser.h"
#include "postoffice/mmff_input.h"

namespace smtpgate::postoffice {

namespace {

/// Text or one attachment: so many octets in the MMFF file, or a file of its own.
struct Section {
  std::uint64_t size = 0;
  std::string external_path;  ///< empty: in the file
  std::string what;           ///< for errors
};

/// U+FEFF in UTF-8. Windows editors put it in front of a text file.
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

bool is_blank_line(std::string_view line) {
  return line.find_first_not_of(" \t") == std::string_view::npos;
}

}  // namespace

struct Reader::State {
  State(ByteSource& source, ReaderOptions given)
      : options(std::move(given)), input(source, options.line_end) {}

  FormatResult<std::optional<MessageHeader>> read_header();
  FormatResult<bool> read_first_line(std::string& line, MmffHeaderParser& parser);
  FormatResult<MmffInput::LineResult> read_line(std::string& line, MmffHeaderParser& parser);
  FormatResult<void> measure_external(MessageHeader& header, const MmffHeaderParser& parser) const;
  void list_sections(const MessageHeader& header);
  FormatResult<void> open_section();
  FormatResult<void> skip_section();
  FormatResult<void> skip_contents();
  FormatResult<std::size_t> read_section(std::span<char> buffer);
  FormatError file_error(const FileError& error) const;
  FormatError missing(std::uint64_t octets) const;

  template <typename T>
  FormatResult<T> keep(FormatResult<T> result) {
    if (!result) failed = result.error();
    return result;
  }

  ReaderOptions options;
  MmffInput input;
  std::optional<FormatError> failed;
  std::uint64_t message = 0;
  std::uint64_t line = 0;          ///< the current message's last token line, for errors
  std::uint64_t header_taken = 0;  ///< octets of its token lines
  std::uint64_t message_offset = 0;
  std::uint64_t last_line_offset = 0;
  std::uint64_t contents_offset = 0;
  std::vector<Section> sections;
  std::size_t section = 0;  ///< the open one; sections.size(): none
  std::uint64_t rest = 0;   ///< octets of the open section not yet read
  std::unique_ptr<ExternalFile> external;
};

FormatError Reader::State::file_error(const FileError& error) const {
  return {143, std::max<std::uint64_t>(message, 1), std::max<std::uint64_t>(line, 1),
          "Unknown parser error: " + error.sentence(), true};
}

FormatError Reader::State::missing(std::uint64_t octets) const {
  if (external) {
    return {147, message, line,
            "Failure opening text body file " + sections[section].external_path +
                ": it became shorter while it was read; try again",
            false};
  }
  return {140, message, line,
          "Unknown error processing token " + sections[section].what + ": the file ends " +
              std::to_string(octets) +
              " octets early; a size on a token line is wrong, or the file was cut",
          false};
}

FormatResult<MmffInput::LineResult> Reader::State::read_line(std::string& text,
                                                             MmffHeaderParser& parser) {
  const auto allowed = std::min(options.longest_line, options.largest_header - header_taken);
  const auto before = input.offset();
  const auto result = input.read_line(text, allowed);
  if (!result) {
    line = parser.line() + 1;
    return tl::unexpected(file_error(result.error()));
  }
  if (*result == MmffInput::LineResult::too_long) return tl::unexpected(parser.line_too_long());
  header_taken = std::min(options.largest_header, header_taken + (input.offset() - before));
  return *result;
}

FormatResult<bool> Reader::State::read_first_line(std::string& text, MmffHeaderParser& parser) {
  while (true) {
    header_taken = 0;
    const auto result = read_line(text, parser);
    if (!result) return tl::unexpected(result.error());
    if (*result == MmffInput::LineResult::end) return false;
    if (text.starts_with(byte_order_mark)) text.erase(0, byte_order_mark.size());
    // DOS editors end a text file with Ctrl-Z.
    if (*result == MmffInput::LineResult::unended && (text == "\x1A" || is_blank_line(text))) {
      return false;
    }
    if (!is_blank_line(text)) return true;
  }
}

FormatResult<std::optional<MessageHeader>> Reader::State::read_header() {
  if (auto skipped = skip_contents(); !skipped) return tl::unexpected(skipped.error());
  ++message;
  message_offset = input.offset();
  std::string text;
  MmffHeaderParser first(options, options.line_end.value_or(LineEnd::lf), message);
  const auto begins = read_first_line(text, first);
  if (!begins) return tl::unexpected(begins.error());
  sections.clear();
  section = 0;
  if (!*begins) return std::nullopt;

  MmffHeaderParser parser(options, input.line_end(), message);
  while (true) {
    const auto done = parser.take_line(text);
    if (!done) return tl::unexpected(done.error());
    if (*done) break;
    last_line_offset = input.offset();
    const auto result = read_line(text, parser);
    if (!result) return tl::unexpected(result.error());
    if (*result == MmffInput::LineResult::end) return tl::unexpected(parser.end_of_file());
  }
  contents_offset = input.offset();
  line = parser.line();
  MessageHeader header = std::move(parser.header());
  if (auto measured = measure_external(header, parser); !measured) {
    return tl::unexpected(measured.error());
  }
  list_sections(header);
  if (auto opened = open_section(); !opened) return tl::unexpected(opened.error());
  return header;
}

FormatResult<void> Reader::State::measure_external(MessageHeader& header,
                                                   const MmffHeaderParser& parser) const {
  const auto measure = [&](const std::string& path, std::uint64_t& size) -> FormatResult<void> {
    if (path.empty()) return {};
    const auto file = ExternalFile::open(options.external_directory, path);
    if (!file) {
      return tl::unexpected(
          parser.error(147, "Failure opening text body file " + path + ": " + file.error()));
    }
    size = (*file)->size();
    return {};
  };
  if (auto done = measure(header.external_text, header.text_size); !done) return done;
  for (Attachment& attachment : header.attachments) {
    if (auto done = measure(attachment.external_path, attachment.size); !done) return done;
  }
  return {};
}

void Reader::State::list_sections(const MessageHeader& header) {
  sections.push_back({header.text_size, header.external_text, "TEXT"});
  for (const Attachment& attachment : header.attachments) {
    sections.push_back({attachment.size, attachment.external_path, "ATTACHMENT"});
  }
}

FormatResult<void> Reader::State::open_section() {
  external.reset();
  const Section& opened = sections[section];
  rest = opened.size;
  if (opened.external_path.empty()) return {};
  auto file = ExternalFile::open(options.external_directory, opened.external_path);
  if (!file) {
    return tl::unexpected(FormatError{
        147, message, line,
        "Failure opening text body file " + opened.external_path + ": " + file.error(), false});
  }
  external = std::move(*file);
  return {};
}

FormatResult<void> Reader::State::skip_section() {
  if (!sections[section].external_path.empty()) return {};
  const auto skipped = input.skip(rest);
  if (!skipped) return tl::unexpected(file_error(skipped.error()));
  rest -= *skipped;
  if (rest > 0) return tl::unexpected(missing(rest));
  return {};
}

FormatResult<void> Reader::State::skip_contents() {
  while (section < sections.size()) {
    if (auto skipped = skip_section(); !skipped) return skipped;
    if (++section < sections.size()) rest = sections[section].size;
  }
  return {};
}

FormatResult<std::size_t> Reader::State::read_section(std::span<char> buffer) {
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), rest));
  if (wanted == 0) return std::size_t{0};
  const auto count =
      external ? external->read(buffer.first(wanted)) : input.read(buffer.first(wanted));
  if (!count) return tl::unexpected(file_error(count.error()));
  if (*count == 0) return tl::unexpected(missing(rest));
  rest -= *count;
  return *count;
}

Reader::Reader(ByteSource& source, ReaderOptions options)
    : state_(std::make_unique<State>(source, std::move(options))) {}

Reader::~Reader() = default;

FormatResult<std::optional<MessageHeader>> Reader::next() {
  if (state_->failed) return tl::unexpected(*state_->failed);
  return state_->keep(state_->read_header());
}

FormatResult<bool> Reader::next_section() {
  if (state_->failed) return tl::unexpected(*state_->failed);
  if (state_->section >= state_->sections.size()) return false;
  if (auto skipped = state_->keep(state_->skip_section()); !skipped) {
    return tl::unexpected(skipped.error());
  }
  ++state_->section;
  if (state_->section >= state_->sections.size()) return false;
  if (auto opened = state_->keep(state_->open_section()); !opened) {
    return tl::unexpected(opened.error());
  }
  return true;
}

FormatResult<std::size_t> Reader::read(std::span<char> buffer) {
  if (state_->failed) return tl::unexpected(*state_->failed);
  if (state_->section >= state_->sections.size()) return std::size_t{0};
  return state_->keep(state_->read_section(buffer));
}

LineEnd Reader::line_end() const {
  return state_->input.line_end();
}

std::uint64_t Reader::message_offset() const {
  return state_->message_offset;
}

std::uint64_t Reader::last_line_offset() const {
  return state_->last_line_offset;
}

std::uint64_t Reader::contents_offset() const {
  return state_->contents_offset;
}

}  // namespace smtpgate::postoffice
