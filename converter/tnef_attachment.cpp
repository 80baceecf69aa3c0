// TnefMessageReader: attachments. An attachment begins with its rendering data; where a writer left
// those out, with the second octets or title.
#include <algorithm>
#include <utility>

#include "converter/tnef_format.h"
#include "converter/tnef_message_reader.h"

namespace smtpgate::converter {

namespace {

namespace attribute = tnef::attribute;
namespace property = tnef::property;
namespace type = tnef::type;

// Each costs memory until it is read.
constexpr std::size_t most_waiting_messages = 1000;

/// "report" and ".doc" to "report.doc"; a name that has an extension keeps its own.
std::string with_extension(const std::string& name, std::string_view extension) {
  if (name.empty() || extension.size() < 2 || extension.front() != '.') return name;
  return name.find('.') == std::string::npos ? name + std::string(extension) : name;
}

}  // namespace

void TnefMessageReader::begin_attachment() {
  const bool is_next =
      attribute_.id == attribute::attach_rendering ||
      (attribute_.id == attribute::attach_data && attachment_.has_data_attribute) ||
      (attribute_.id == attribute::attach_title && attachment_.has_title);
  if (is_next) end_attachment();
  attachment_.is_open = true;
}

TnefMessageReader::Stream TnefMessageReader::stream_of_attachment_value(const MapiProperty& value,
                                                                        std::uint32_t size) {
  attachment_.is_open = true;
  if (value.is_named() || value.id != property::attach_data || value.value_index > 0) {
    return Stream::small;
  }
  if (attachment_.data.size() > 0 || attachment_.embedded || size == 0) return Stream::none;
  if (value.type == type::object) {
    head_.clear();
    return Stream::object_head;
  }
  return value.type == type::binary ? Stream::data : Stream::small;
}

// An object begins with the interface that it speaks; the file is what follows.
void TnefMessageReader::take_object_head(std::string_view octets) {
  const std::size_t count = std::min(tnef::message_interface.size() - head_.size(), octets.size());
  head_ += octets.substr(0, count);
  octets.remove_prefix(count);
  if (head_.size() < tnef::message_interface.size()) return;
  stream_ = Stream::data;
  if (head_ == tnef::message_interface) {
    const bool is_deep = message_.depth >= reading_.limits.tnef_depth ||
                         reading_.queue->size() >= most_waiting_messages;
    if (is_deep) {
      reading_.is_limit_broken = true;
      attachment_.is_too_deep = true;
    } else {
      attachment_.embedded = EmbeddedTnef{reading_.embedded->size(), 0, message_.depth + 1, {}};
      stream_ = Stream::embedded;
    }
  }
  to_stream(octets);
}

void TnefMessageReader::take_attachment_value(const TnefValue& value) {
  if (property_.is_named() || property_.value_index > 0 || value.text.empty()) return;
  switch (property_.id) {
    case property::attach_long_filename:
      set_name(value.text, property_.type == type::unicode ? 7 : 6);
      break;
    case property::attach_filename:
      set_name(value.text, 4);
      break;
    case property::attach_transport_name:
      set_name(value.text, 2);
      break;
    case property::display_name:
      set_name(value.text, 1);
      break;
    case property::attach_extension:
      attachment_.extension = value.text;
      break;
    case property::attach_mime_tag:
      attachment_.content_type = value.text;
      break;
    case property::attach_content_id:
      attachment_.content_id = value.text;
      break;
    default:
      break;
  }
}

/// The name of the highest rank counts, whenever it comes.
void TnefMessageReader::set_name(std::string name, int rank) {
  if (name.empty() || rank <= attachment_.name_rank) return;
  attachment_.name = std::move(name);
  attachment_.name_rank = rank;
}

void TnefMessageReader::end_attachment() {
  if (attachment_.is_open && !reading_.error) {
    if (attachment_.embedded) {
      attachment_.embedded->name = attachment_.name;
      reading_.queue->push_back(std::move(*attachment_.embedded));
    } else {
      tell_file();
    }
  }
  attachment_ = Attachment(reading_.place);
}

void TnefMessageReader::tell_file() {
  EmbeddedFile file;
  file.name = with_extension(attachment_.name, attachment_.extension);
  file.content_type = attachment_.content_type;
  file.content_id = attachment_.content_id;
  if (attachment_.is_too_deep) {
    file.name = (file.name.empty() ? "message" : file.name) + ".tnef";
    file.content_type = "application/ms-tnef";
  }
  if (!message_.name.empty()) file.odd.push_back("from:" + message_.name);

  // A file that is TNEF itself is kept, and read when this message is through.
  std::string start(tnef::signature.size(), '\0');
  auto count = attachment_.data.read_at(0, start);
  bool is_expanded = false;
  if (!count) {
    reading_.error = count.error();
    return;
  }
  if (*count == start.size() && start == tnef::signature && !attachment_.is_too_deep) {
    is_expanded = message_.depth < reading_.limits.tnef_depth &&
                  reading_.queue->size() < most_waiting_messages;
    if (is_expanded) {
      reading_.queue->push_back(
          {reading_.embedded->size(), attachment_.data.size(), message_.depth + 1, file.name});
      file.odd.emplace_back("expanded");
    } else {
      reading_.is_limit_broken = true;
    }
  }
  reading_.files.begin_file(file);
  auto copied = attachment_.data.for_each_piece(spool_piece, [&](std::string_view piece) {
    reading_.files.file_octets(piece);
    if (is_expanded) write(*reading_.embedded, piece);
    return !reading_.error;
  });
  if (!copied) reading_.error = copied.error();
  std::vector<std::string> odd;
  if (attachment_.is_damaged) odd.emplace_back("tnef-damaged");
  if (attachment_.is_checksum_wrong) odd.emplace_back("checksum-wrong");
  reading_.files.end_file(odd);
}

}  // namespace smtpgate::converter
