// Filing a report as an MMFF message; see the header. The text of a non-delivery report is made in
// non_delivery.cpp.
#include "postoffice/reports.h"

#include <algorithm>
#include <ctime>
#include <optional>
#include <utility>

#include "postoffice/character_set.h"
#include "postoffice/derived_key.h"
#include "postoffice/folder.h"
#include "postoffice/mailbag.h"
#include "postoffice/mailbox_changes.h"
#include "postoffice/mmff.h"
#include "postoffice/mmff_writer.h"
#include "postoffice/put.h"

namespace smtpgate::postoffice {

namespace {

/// The name of the report in a mailbag or its marker in SMTP/: BLAKE2b of 32 octets, like a content
/// key, of a text that no content key is made of (docs/postoffice-format.md, "The content key K").
/// `recipient` is a mailbox here, or an address with its type.
std::string key_of(std::string_view id, std::string_view recipient) {
  std::string text = "smtpgate-report-1\n";
  text.append(recipient).append("\n").append(id);
  return derived_key(text);
}

/// How many octets of the original are attached; 0: it is not.
FileResult<std::uint64_t> attached_size(const Report& report) {
  if (report.original == nullptr) return 0;
  auto size = original_size(*report.original, report.original_part);
  if (!size) return tl::unexpected(size.error());
  return *size <= largest_attached_original ? *size : 0;
}

class ReportFile {
 public:
  ReportFile(const Postoffice& postoffice, const NativeAddress& recipient, const Report& report,
             std::int64_t now)
      : postoffice_(postoffice), report_(report) {
    const PostofficeSettings& settings = postoffice.settings();
    const std::string& set = settings.character_set;
    for (const std::string& line : report.lines) {
      text_ += from_utf8(line, set);
      text_ += line_end_octets(settings.line_end);
    }
    const LocalTime time = postoffice.local_time(now);
    header_.from =
        TypedAddress::native({settings.name, from_utf8(layout::postmaster, set)}, "Postmaster");
    header_.to = {TypedAddress::native({recipient.postoffice, from_utf8(recipient.mailbox, set)})};
    header_.date = time.date;
    header_.time = time.time;
    header_.subject = from_utf8(report.subject, set);
    header_.text_size = text_.size();
    header_.add_field(ext::character_set, set);
    header_.add_field(ext::received, time.rfc3339);
    header_.add_field(ext::envelope_from, "");
    header_.add_field(ext::auto_submitted, "auto-replied");
  }

  FileResult<void> write(File& target) {
    auto size = attached_size(report_);
    if (!size) return tl::unexpected(size.error());
    if (*size > 0) add_attachment(*size);
    FileSink sink(target);
    Writer writer(sink, postoffice_.settings().line_end);
    if (auto begun = writer.begin(header_); !begun) return begun;
    if (auto written = writer.write(text_); !written) return written;
    if (*size > 0) {
      if (auto copied = copy_original(writer, *size); !copied) return copied;
    }
    return writer.end();
  }

 private:
  void add_attachment(std::uint64_t size) {
    const bool is_mmff = report_.original_kind == OutgoingContent::mmff;
    Attachment attachment;
    attachment.name = is_mmff ? "original.api" : "original.eml";
    attachment.size = size;
    attachment.content_type = is_mmff ? "application/octet-stream" : "message/rfc822";
    attachment.disposition = "attachment";
    header_.attachments = {attachment};
  }

  FileResult<void> copy_original(Writer& writer, std::uint64_t size) {
    std::string buffer(std::size_t{64} << 10, '\0');
    // No more than was promised, should it grow meanwhile; the writer tells if it shrank.
    for (std::uint64_t at = 0; at < size;) {
      const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), size - at));
      auto count = report_.original->read_at(report_.original_part.start + at,
                                             std::span<char>(buffer.data(), want));
      if (!count) return tl::unexpected(count.error());
      if (*count == 0) break;
      auto written = writer.write(std::string_view(buffer.data(), *count));
      if (!written) return written;
      at += *count;
    }
    return {};
  }

  const Postoffice& postoffice_;
  const Report& report_;
  std::string text_;
  MessageHeader header_;
};

}  // namespace

FileResult<std::uint64_t> original_size(File& file, const FilePart& part) {
  if (part.size) return *part.size;
  auto status = file.status();
  if (!status) return tl::unexpected(status.error());
  return status->size - std::min(status->size, part.start);
}

Outcome file_report(const Postoffice& postoffice, std::string_view mailbox, const Report& report) {
  // Looked up here: filing takes a mailbag that is not there for one that is being removed.
  std::string target(mailbox);
  if (auto mailbag = Mailbag::open(postoffice, mailbox); !mailbag) {
    if (!mailbag.error().is_permanent()) return mailbag.error();
    auto renamed = new_name_of(postoffice, mailbox);
    if (!renamed) return renamed.error();
    // Nobody to tell; but somebody should know.
    auto postmaster = postoffice.resolve(layout::postmaster);
    if (!postmaster) return postmaster.error();
    target = renamed->value_or(postmaster->mailbox);
  }
  const std::int64_t now = std::time(nullptr);
  auto delivery = Delivery::begin(postoffice);
  if (!delivery) return delivery.error();
  ReportFile file(postoffice, {postoffice.settings().name, std::string(mailbox)}, report, now);
  if (auto written = file.write(delivery->message_file()); !written) {
    return written.error().outcome();
  }
  if (Outcome sealed = delivery->seal(now, key_of(report.id, mailbox)); !sealed.is_delivered()) {
    return sealed;
  }
  return delivery->file_into(target);
}

Outcome send_report(const Postoffice& postoffice, const NativeAddress& recipient,
                    const Report& report) {
  const std::int64_t now = std::time(nullptr);
  auto draft = OutgoingDraft::begin(postoffice, OutgoingContent::mmff);
  if (!draft) return draft.error();
  ReportFile file(postoffice, recipient, report, now);
  if (auto written = file.write(draft->content()); !written) return written.error().outcome();
  OutgoingState state;  // nobody's mailbox: should it fail, nobody is told of that
  state.created = now;
  state.next_attempt = now;
  OutgoingRecipient outgoing;
  outgoing.address = TypedAddress::native(recipient);
  state.recipients.push_back(outgoing);
  return draft->hand_over(std::move(state), key_of(report.id, outgoing.address.str()));
}

}  // namespace smtpgate::postoffice
