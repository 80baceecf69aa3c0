// Copies; see the header.
#include "postoffice/hand_copy.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "postoffice/ascii.h"
#include "postoffice/byte_stream.h"
#include "postoffice/folder.h"
#include "postoffice/put.h"

namespace smtpgate::postoffice {

namespace {

/// What a text editor or a DOS program leaves behind the last message.
bool is_padding(std::string_view octets) {
  return octets.find_first_not_of(" \t\r\n\x1a") == std::string_view::npos;
}

HandCopy::Result failed(const FileError& error) {
  return {std::nullopt, error.outcome()};
}

}  // namespace

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
      buffer_(stream_buffer_size, '\0') {
  const std::string key = header_.field(ext::content_key).value_or("");
  if (believes_key && is_content_key(key)) {
    content_key_ = key;
  } else {
    leave_out(ext::content_key);
    // Fields that the converter alone writes: they would show another sender than FROM.
    leave_out(ext::header_from);
    leave_out(ext::envelope_from);
    leave_out(ext::sender);
  }
  // A recipient is not to learn who else was one.
  leave_out(ext::filed);
  leave_out(ext::envelope_to);
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
  FileSink sink(target);
  const auto write_anew = [&] {
    return copy_message(postoffice_, reader_, header_, sink, postoffice_.settings().line_end);
  };
  if (!may_stay) return write_anew();
  auto alone = is_alone();
  if (!alone) return failed(alone.error());
  if (!*alone) return write_anew();
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

}  // namespace smtpgate::postoffice
