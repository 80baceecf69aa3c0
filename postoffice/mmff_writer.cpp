// Token lines and counted contents; see the header.
#include "postoffice/mmff_writer.h"

#include <cerrno>

namespace smtpgate::postoffice {

namespace {

constexpr std::size_t usual_size = 1000;  // octets of a header

/// Lines of one kind of end, every value escaped.
class LineWriter {
 public:
  explicit LineWriter(LineEnd line_end) : end_(line_end_octets(line_end)) {
    text_.reserve(usual_size);
  }

  void line(std::string_view token, std::string_view value) {
    text_ += token;
    text_ += ':';
    text_ += escape_value(value);
    text_ += end_;
  }
  void line_unless_empty(std::string_view token, std::string_view value) {
    if (!value.empty()) line(token, value);
  }
  void address(std::string_view token, const TypedAddress& address) {
    text_ += token;
    text_ += ':';
    text_ += address.type.empty() ? "CSI" : escape_value(address.type);
    text_ += ':';
    text_ += escape_value(address.address);
    text_ += end_;
  }
  void field(const ExtendedField& field) {
    text_ += "EXT:";
    text_ += field.type;
    text_ += ':';
    text_ += std::to_string(field.number);
    text_ += ':';
    text_ += escape_value(field.name);
    text_ += end_;
    text_ += escape_value(field.value);
    text_ += end_;
  }
  std::string take() { return std::move(text_); }

 private:
  std::string_view end_;
  std::string text_;
};

void write_attachment(LineWriter& writer, const Attachment& attachment) {
  if (attachment.external_path.empty()) {
    writer.line("ATTACHMENT", attachment.name + " " + std::to_string(attachment.size));
  } else {
    writer.line("XATTACH", attachment.external_path + " " + attachment.name);
  }
}

/// Octets of contents that stand in the file itself.
std::uint64_t contents_size(const MessageHeader& header) {
  std::uint64_t size = header.external_text.empty() ? header.text_size : 0;
  for (const Attachment& attachment : header.attachments) {
    if (attachment.external_path.empty()) size += attachment.size;
  }
  return size;
}

FileError contents_error() {
  return {EINVAL, "write", "MMFF contents (they differ from the size on the token lines)"};
}

}  // namespace

std::string render_header(const MessageHeader& header, LineEnd line_end, bool extended) {
  LineWriter writer(line_end);
  writer.line("VERSION", header.version);
  for (const TypedAddress& address : header.to) writer.address("TO", address);
  for (const TypedAddress& address : header.cc) writer.address(extended ? "CC" : "TO", address);
  writer.address("FROM", header.from);
  writer.line_unless_empty("DATE", header.date);
  writer.line_unless_empty("TIME", header.time);
  writer.line_unless_empty("SUBJECT", header.subject);
  writer.line_unless_empty("PRIORITY", header.priority);
  for (const Attachment& attachment : header.attachments) write_attachment(writer, attachment);
  if (extended) {
    for (const ExtendedField& field : header.all_fields()) writer.field(field);
  }
  if (header.external_text.empty()) {
    writer.line("TEXT", std::to_string(header.text_size));
  } else {
    writer.line("XTEXT", header.external_text);
  }
  return writer.take();
}

Writer::Writer(ByteSink& sink, LineEnd line_end, bool extended)
    : sink_(sink), line_end_(line_end), extended_(extended) {}

FileResult<void> Writer::begin(const MessageHeader& header) {
  if (auto ended = end(); !ended) return ended;
  if (auto written = sink_.write(render_header(header, line_end_, extended_)); !written) {
    return written;
  }
  missing_ = contents_size(header);
  return {};
}

FileResult<void> Writer::write(std::string_view contents) {
  if (contents.size() > missing_) return tl::unexpected(contents_error());
  if (auto written = sink_.write(contents); !written) return written;
  missing_ -= contents.size();
  return {};
}

FileResult<void> Writer::end() {
  if (missing_ != 0) return tl::unexpected(contents_error());
  return {};
}

}  // namespace smtpgate::postoffice
