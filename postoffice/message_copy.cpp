// Messages written anew; see the header.
#include "postoffice/message_copy.h"

#include <memory>
#include <utility>

#include "postoffice/folder.h"
#include "postoffice/mmff_text.h"
#include "postoffice/mmff_writer.h"

namespace smtpgate::postoffice {

namespace {

CopyResult failed(const FileError& error) {
  return {std::nullopt, error.outcome()};
}

CopyResult broken(FormatError error) {
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

/// All of the reader's open section.
CopyResult copy_section(Reader& reader, ByteSink& sink, std::string& buffer) {
  for (;;) {
    auto count = reader.read(buffer);
    if (!count) return broken(count.error());
    if (*count == 0) return {};
    auto written = sink.write(std::string_view(buffer.data(), *count));
    if (!written) return failed(written.error());
  }
}

FileResult<void> copy_file(File& file, ByteSink& sink, std::string& buffer) {
  OffsetSource source(file);
  for (;;) {
    auto count = source.read(buffer);
    if (!count) return tl::unexpected(count.error());
    if (*count == 0) return {};
    auto written = sink.write(std::string_view(buffer.data(), *count));
    if (!written) return written;
  }
}

}  // namespace

CopyResult copy_message(const Postoffice& postoffice, Reader& reader, MessageHeader header,
                        ByteSink& target, LineEnd line_end, bool extended) {
  std::string buffer(stream_buffer_size, '\0');
  header.external_text.clear();
  for (Attachment& attachment : header.attachments) attachment.external_path.clear();
  std::unique_ptr<File> text;
  if (reader.line_end() != line_end) {
    auto created = postoffice.files().create_unnamed(postoffice.path(layout::work));
    if (!created) return failed(created.error());
    text = std::move(*created);
    ConvertedText converted(*text, reader.line_end(), line_end);
    CopyResult copied = copy_section(reader, converted, buffer);
    if (!copied.is_good()) return copied;
    if (auto finished = converted.finish(); !finished) return failed(finished.error());
    header.text_size = converted.size();
  }
  Writer writer(target, line_end, extended);
  WriterSink contents(writer);
  if (auto begun = writer.begin(header); !begun) return failed(begun.error());
  if (text) {
    if (auto copied = copy_file(*text, contents, buffer); !copied) return failed(copied.error());
  } else if (CopyResult copied = copy_section(reader, contents, buffer); !copied.is_good()) {
    return copied;
  }
  for (std::size_t i = 0; i < header.attachments.size(); ++i) {
    auto opened = reader.next_section();
    if (!opened) return broken(opened.error());
    CopyResult copied = copy_section(reader, contents, buffer);
    if (!copied.is_good()) return copied;
  }
  if (auto ended = writer.end(); !ended) return failed(ended.error());
  return {};
}

}  // namespace smtpgate::postoffice
