// Wrapping: see the header. The message around the payload is written as an MMFF message and takes
// the way of all others through the converter, so that its header, addresses and base64 are theirs.
#include "milter/wrapping.h"

#include <string>
#include <utility>

#include <fmt/format.h>

#include "postoffice/byte_stream.h"
#include "postoffice/mmff.h"
#include "postoffice/mmff_reader.h"
#include "postoffice/mmff_writer.h"

namespace smtpgate::milter {

using converter::OutboundEnvelope;
using postoffice::TypedAddress;
namespace ext = postoffice::ext;

namespace {

constexpr std::string_view text =
    "This message carries mail between two postoffices. It is not meant for people:\n"
    "the gateway smtpgate takes the mail out of the attachment MESSAGE.ENC and\n"
    "delivers it. Where somebody reads this instead, it could not do so; the header\n"
    "or the log of the gateway there says why.\n";

/// Token lines, the text, and what is in the attachment before the message.
std::string render_beginning(const Wrapping& wrapping, const std::string& domain,
                             const std::string& head, std::uint64_t content_size) {
  const postoffice::EncapsulatedHeader& header = wrapping.header;
  postoffice::MessageHeader around;
  around.from = TypedAddress::native(header.from, std::string(wrapping.author_name));
  around.to = {
      TypedAddress::native({header.to.front().postoffice, std::string(encapsulation_name)})};
  around.subject = "Encapsulated message";
  around.text_size = text.size();
  around.add_field(ext::character_set, "UTF-8");
  // The outgoing message's own is that of its part for the others.
  around.add_field(ext::message_id, fmt::format("<{}.{}@{}>", header.id, wrapping.ordinal, domain));
  postoffice::Attachment attachment;
  attachment.name = "MESSAGE.ENC";
  attachment.size = head.size() + content_size;
  attachment.content_type = "application/x-smtpgate-encapsulated";
  attachment.disposition = "attachment";
  around.attachments = {attachment};
  std::string result = postoffice::render_header(around, postoffice::LineEnd::lf);
  result += text;
  result += head;
  return result;
}

}  // namespace

Expected<OutboundEnvelope> wrap_message(const Wrapping& wrapping,
                                        converter::OutboundRequest request,
                                        const converter::ConverterSettings& settings,
                                        const converter::SpoolPlace& place,
                                        converter::Spool& target) {
  const auto author = converter::published_address(wrapping.header.from, settings.map);
  if (!author) return failure(author.error());
  const auto head = encapsulation_head(wrapping.header, wrapping.content, wrapping.key);
  if (!head) return failure(head.error());
  const auto status = wrapping.content.status();
  if (!status) return failure(status.error().outcome());
  const std::string beginning =
      render_beginning(wrapping, author->substr(author->rfind('@') + 1), *head, status->size);

  postoffice::MemorySource before(beginning);
  postoffice::OffsetSource message(wrapping.content, 0, status->size);
  postoffice::JoinedSource source(before, message);
  postoffice::Reader reader(source);
  const auto header = reader.next();
  if (!header) return failure(header.error().outcome());
  request.recipients = (**header).to;
  request.auto_submitted = "auto-generated";
  // A peer knows MIME whatever other programs at its domain know.
  converter::OutboundSettings outbound = settings.outbound;
  outbound.uuencode_domains.clear();
  return converter::convert_outbound(reader, **header, request, settings.map, outbound, place,
                                     target);
}

}  // namespace smtpgate::milter
