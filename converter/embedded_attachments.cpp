// EmbeddedAttachments: see the header.
#include "converter/embedded_attachments.h"

#include <utility>

#include "converter/leaf_plan.h"
#include "converter/media_type.h"

namespace smtpgate::converter {

using postoffice::Attachment;

void EmbeddedAttachments::begin_file(const EmbeddedFile& file) {
  is_open_ = false;
  if (error_) return;
  if (files_ == most_files_) {
    limit_reached_ = true;
    return;
  }
  ++files_;
  is_open_ = true;
  const std::string written =
      file.content_type.empty() ? std::string(media_type_of(file.name, "")) : file.content_type;
  const ContentType type = parse_content_type(&written);
  Attachment attachment;
  attachment.name = names_.take(file.name, default_attachment_name(type, list_.size() + 1, false));
  if (file.name != attachment.name) attachment.original_name = names_.in_set(file.name);
  attachment.content_type = names_.in_set(type.str());
  attachment.character_set = names_.in_set(type.parsed.parameter("charset"));
  attachment.disposition = "attachment";
  attachment.content_id = names_.in_set(file.content_id);
  for (const std::string& mark : file.odd) attachment.odd.push_back(names_.in_set(mark));
  if (!source_.empty()) attachment.odd.push_back("from:" + source_);
  list_.push_back(std::move(attachment));
}

void EmbeddedAttachments::file_octets(std::string_view octets) {
  if (!is_open_ || error_) return;
  if (auto written = contents_.write(octets); !written) error_ = written.error();
  list_.back().size += octets.size();
}

void EmbeddedAttachments::end_file(const std::vector<std::string>& odd) {
  if (!is_open_) return;
  is_open_ = false;
  for (const std::string& mark : odd) list_.back().odd.push_back(mark);
}

void EmbeddedAttachments::rename(std::size_t index, const std::string& name) {
  Attachment& attachment = list_[index];
  const std::string written = names_.in_set(name);
  const std::string& before =
      attachment.original_name.empty() ? attachment.name : attachment.original_name;
  if (name.empty() || written == before) return;
  attachment.name = names_.take(name, attachment.name);
  attachment.original_name = written == attachment.name ? std::string() : written;
}

void EmbeddedAttachments::rename_last(const std::vector<std::string>& names) {
  if (names.size() > list_.size()) return;
  std::size_t index = list_.size() - names.size();
  for (const std::string& name : names) rename(index++, name);
}

}  // namespace smtpgate::converter
