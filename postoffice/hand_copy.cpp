// Copies; see the header.
#include "postoffice/hand_copy.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "postoffice/ascii.h"
#include "postoffice/folder.h"
#include "postoffice/mmff_text.h"
#include "postoffice/mmff_writer.h"
#include "postoffice/put.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::size_t buffer_size = std::size_t{256} << 10;

/// What a text editor or a DOS program leaves behind the last message.
bool is_padding(std::string_view octets) {
  return octets.find_first_not_of(" \t\r\n\x1a") == std::string_view::npos;
}

HandCopy::Result failed(const FileError& error) {
  return {std::nullopt, error.outcome()};
}

HandCopy::Result broken(FormatError error) {
  return {std::move(error), std::nullopt};
}

/// Text in one kind of line ends to another, and counted: the size must stand before the text.
class ConvertedText : public ByteSink {
 public:
  ConvertedText(File& file, LineEnd from, LineEnd to)
      : file_(file), to_line_feeds_(from), end_(line_end_octets(to)) {}

  FileResult<void> write(std::string_view piece) override {
    return append(to_line_feeds_.convert(piece));
  }
  FileResult<void> finish() { return append(to_line_feeds_.finish()); }
  std::uint64_t size() const { return size_; }

 private:
  FileResult<void> append(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
      // A CRLF that the text of an LF file brought with it is one line end already.
      const bool is_whole = last_ == '\r' && end_ == "\r\n";
      if (c == '\n' && !is_whole) {
        out += end_;
      } else {
        out += c;
      }
      last_ = c;
    }
    size_ += out.size();
    return file_.write(out);
  }

  File& file_;
  LineFeedConverter to_line_feeds_;
  std::string_view end_;
  char last_ = '\0';
  std::uint64_t size_ = 0;
};

/// Contents as the Writer takes them.
class WriterSink : public ByteSink {
 public:
  explicit WriterSink(Writer& writer) : writer_(writer) {}
  FileResult<void> write(std::string_view data) override { return writer_.write(data); }

 private:
  Writer& writer_;
};

}  // namespace

FileResult<std::size_t> OffsetSource::read(std::span<char> buffer) {
  auto count = file_.read_at(offset_, buffer);
  if (count) offset_ += *count;
  return count;
}

std::uint64_t end_of_contents(const Reader& reader, const MessageHeader& header) {
  constexpr std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t end = reader.contents_offset();
  const auto add = [&end](std::uint64_t size) { end += std::min(size, largest - end); };
  if (header.external_text.empty()) add(header.text_size);
  for (const Attachment& attachment : header.attachments) {
    if (attachment.external_path.empty()) add(attachment.size);
  }
  return end;
}

HandCopy::HandCopy(const Postoffice& postoffice, File& file, Reader& reader,
                   const MessageHeader& header, bool believes_key)
    : postoffice_(postoffice),
      file_(file),
      reader_(reader),
      header_(header),
      buffer_(buffer_size, '\0') {
  const std::string key = header_.field(ext::content_key).value_or("");
  if (believes_key && is_content_key(key)) {
    content_key_ = key;
  } else {
    leave_out(ext::content_key);
    // Fields that the converter alone writes: they would show another sender than FROM.
    leave_out(ext::header_from);
    leave_out(ext::envelope_from);
  }
  // A recipient is not to learn who else was one.
  leave_out(ext::filed);
  leave_out(ext::bcc);
  is_changed_ = is_changed_ || !header_.external_text.empty();
  header_.external_text.clear();
  for (Attachment& attachment : header_.attachments) {
    is_changed_ = is_changed_ || !attachment.external_path.empty();
    attachment.external_path.clear();
  }
}

void HandCopy::leave_out(std::string_view name) {
  const auto removed = std::erase_if(header_.fields, [name](const ExtendedField& field) {
    return equals_ignoring_case(field.name, name);
  });
  is_changed_ = is_changed_ || removed > 0;
}

HandCopy::Result HandCopy::write_to(File& target, bool is_first) {
  const bool may_stay =
      is_first && !is_changed_ && reader_.line_end() == postoffice_.settings().line_end;
  if (!may_stay) return write_anew(target);
  auto alone = is_alone();
  if (!alone) return failed(alone.error());
  if (!*alone) return write_anew(target);
  auto status = file_.status();
  if (!status) return failed(status.error());
  if (auto copied = target.append_from(file_, 0, status->size); !copied) {
    return failed(copied.error());
  }
  return {};
}

/// True if nothing but padding follows the message, and all of it is there.
FileResult<bool> HandCopy::is_alone() {
  // Nothing is external here: such a message is changed.
  const std::uint64_t end = end_of_contents(reader_, header_);
  auto status = file_.status();
  if (!status) return tl::unexpected(status.error());
  if (status->size < end || status->size - end > buffer_.size()) return false;
  std::size_t filled = 0;
  while (filled < status->size - end) {
    auto count = file_.read_at(end + filled, std::span<char>(buffer_).subspan(filled));
    if (!count) return tl::unexpected(count.error());
    if (*count == 0) break;
    filled += *count;
  }
  return is_padding(std::string_view(buffer_).substr(0, filled));
}

HandCopy::Result HandCopy::copy_section(ByteSink& sink) {
  for (;;) {
    auto count = reader_.read(buffer_);
    if (!count) return broken(count.error());
    if (*count == 0) return {};
    auto written = sink.write(std::string_view(buffer_.data(), *count));
    if (!written) return failed(written.error());
  }
}

HandCopy::Result HandCopy::write_anew(File& target) {
  const LineEnd from = reader_.line_end();
  const LineEnd to = postoffice_.settings().line_end;
  std::unique_ptr<File> text;
  if (from != to) {
    auto created = postoffice_.files().create_unnamed(postoffice_.path(layout::work));
    if (!created) return failed(created.error());
    text = std::move(*created);
    ConvertedText converted(*text, from, to);
    Result copied = copy_section(converted);
    if (copied.format_error || copied.failed) return copied;
    if (auto finished = converted.finish(); !finished) return failed(finished.error());
    header_.text_size = converted.size();
  }
  FileSink sink(target);
  Writer writer(sink, to);
  WriterSink contents(writer);
  if (auto begun = writer.begin(header_); !begun) return failed(begun.error());
  if (text) {
    OffsetSource source(*text);
    for (;;) {
      auto count = source.read(buffer_);
      if (!count) return failed(count.error());
      if (*count == 0) break;
      auto written = writer.write(std::string_view(buffer_.data(), *count));
      if (!written) return failed(written.error());
    }
  } else if (Result copied = copy_section(contents); copied.format_error || copied.failed) {
    return copied;
  }
  for (std::size_t i = 0; i < header_.attachments.size(); ++i) {
    auto opened = reader_.next_section();
    if (!opened) return broken(opened.error());
    Result copied = copy_section(contents);
    if (copied.format_error || copied.failed) return copied;
  }
  if (auto ended = writer.end(); !ended) return failed(ended.error());
  return {};
}

}  // namespace smtpgate::postoffice
