// One message on its way out: who gets it, in which form, and its pieces in order. See the header
// and docs/conversion-out.md.
#include "converter/outbound.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <sodium.h>

#include "converter/address_list.h"
#include "converter/disposition_notification.h"
#include "converter/header_writer.h"
#include "converter/outbound_address.h"
#include "converter/outbound_header.h"
#include "converter/outbound_parts.h"
#include "converter/outbound_text.h"
#include "converter/parameter_encoder.h"
#include "converter/uuencode_encoder.h"
#include "converter/xtext.h"
#include "postoffice/ascii.h"
#include "postoffice/mmff_text.h"
#include "postoffice/utf8.h"

namespace smtpgate::converter {

using postoffice::Attachment;
using postoffice::FileResult;
using postoffice::MessageHeader;
using postoffice::Reader;

namespace {

constexpr std::size_t longest_envelope_id = 100;  // RFC 3461, 4.4

bool is_ascii(std::string_view text) {
  return postoffice::end_of_ascii(text, 0) == text.size();
}

/// "=_" can stand in no line of base64 or quoted-printable; what goes out as it is, is looked at.
std::string boundary_for(std::string_view message_id) {
  std::array<unsigned char, 16> hash{};
  crypto_generichash(hash.data(), hash.size(),
                     reinterpret_cast<const unsigned char*>(message_id.data()), message_id.size(),
                     nullptr, 0);
  std::string boundary = "=_";
  for (const unsigned char octet : hash) boundary += fmt::format("{:02x}", octet);
  return boundary;
}

bool is_in_domains(std::string_view address, const std::vector<std::string>& domains) {
  const std::string_view domain = address.substr(address.rfind('@') + 1);
  return std::any_of(domains.begin(), domains.end(), [&](const std::string& wanted) {
    const std::size_t size = std::min(wanted.size(), domain.size());
    return equals_ignoring_case(
        wanted.starts_with('.') ? domain.substr(domain.size() - size) : domain, wanted);
  });
}

/// Counts what passes.
class CountingSink : public postoffice::ByteSink {
 public:
  explicit CountingSink(postoffice::ByteSink& target) : target_(target) {}
  FileResult<void> write(std::string_view data) override {
    count_ += data.size();
    return target_.write(data);
  }
  std::uint64_t count() const { return count_; }

 private:
  postoffice::ByteSink& target_;
  std::uint64_t count_ = 0;
};

class OutboundConversion {
 public:
  OutboundConversion(Reader& reader, const MessageHeader& header, const OutboundRequest& request,
                     const AddressMap& map, const OutboundSettings& settings,
                     const SpoolPlace& place, postoffice::ByteSink& content)
      : reader_(reader),
        header_(header),
        request_(request),
        map_(map),
        settings_(settings),
        place_(place),
        content_(content),
        character_set_(postoffice::character_set_of(header, request.character_set)),
        boundary_(boundary_for(request.message_id)) {}

  Expected<OutboundEnvelope> run();

 private:
  Expected<void> address();
  Expected<void> write(std::string_view octets);
  Expected<void> write_message();
  Expected<void> write_single(OutboundText& text, std::string head);
  Expected<void> write_multipart(OutboundText& text, std::string head);
  Expected<void> write_answer(OutboundText& text, std::string head);
  Expected<void> write_uuencoded(OutboundText& text, std::string head);
  Expected<void> next_section();
  void set_parameters();

  Reader& reader_;
  const MessageHeader& header_;
  const OutboundRequest& request_;
  const AddressMap& map_;
  const OutboundSettings& settings_;
  SpoolPlace place_;
  CountingSink content_;
  std::string character_set_;
  std::string boundary_;
  std::string from_;  // FROM's Internet address
  bool uses_uuencode_ = false;
  OutboundEnvelope envelope_;
};

/// The envelope's addresses, and with them the form of the message.
Expected<void> OutboundConversion::address() {
  postoffice::TypedAddress from = header_.from;
  from.address = postoffice::to_utf8(from.address, character_set_);
  auto routable = routable_address(from, map_);
  if (routable) {
    from_ = std::move(*routable);
  } else if (!request_.allows_nobody || from.type != "SMTP" || is_disposition_answer(header_)) {
    return failure(routable.error());
  }
  if (!request_.null_sender) envelope_.sender = request_.sender.value_or(from_);
  for (std::size_t index = 0; index < request_.recipients.size(); ++index) {
    auto address = routable_address(request_.recipients[index], map_, true);
    if (address) {
      envelope_.recipients.push_back({std::move(*address), "", index});
    } else {
      envelope_.refused.push_back({index, address.error()});
    }
  }
  if (envelope_.recipients.empty() && !request_.allows_nobody) {
    return failure(envelope_.refused.empty()
                       ? Outcome::permanent("the message has no recipient; name one", "5.1.3")
                       : envelope_.refused.front().outcome);
  }
  // Of From too, which is not the sender of what programs made.
  envelope_.needs_smtputf8 = !is_ascii(from_) || !is_ascii(envelope_.sender);
  uses_uuencode_ = !envelope_.recipients.empty();
  for (const OutboundRecipient& one : envelope_.recipients) {
    envelope_.needs_smtputf8 = envelope_.needs_smtputf8 || !is_ascii(one.address);
    uses_uuencode_ = uses_uuencode_ && is_in_domains(one.address, settings_.uuencode_domains);
  }
  return {};
}

Expected<void> OutboundConversion::write(std::string_view octets) {
  if (auto written = content_.write(octets); !written) return failure(written.error().outcome());
  return {};
}

Expected<void> OutboundConversion::next_section() {
  const auto opened = reader_.next_section();
  if (!opened) return failure(opened.error().outcome());
  if (*opened) return {};
  return failure(Outcome::temporary("an attachment of the message is missing from the reader"));
}

Expected<void> OutboundConversion::write_single(OutboundText& text, std::string head) {
  head += "MIME-Version: 1.0\r\n" + text.fields() + "\r\n";
  if (auto written = write(head); !written) return written;
  const auto ended = text.write(content_);
  if (!ended) return failure(ended.error());
  return *ended ? Expected<void>() : write("\r\n");
}

Expected<void> OutboundConversion::write_multipart(OutboundText& text, std::string head) {
  head += "MIME-Version: 1.0\r\n";
  write_parameterized(head, "Content-Type", "multipart/mixed",
                      encode_parameter("boundary", boundary_));
  head += "\r\n--" + boundary_ + "\r\n" + text.fields() + "\r\n";
  if (auto written = write(head); !written) return written;
  if (auto ended = text.write(content_); !ended) return failure(ended.error());
  OutboundParts parts(reader_, content_, place_, boundary_, character_set_);
  // The line end before a boundary is the boundary's; lines of base64 bring one that is not theirs.
  bool at_line_start = false;
  for (const Attachment& attachment : header_.attachments) {
    if (auto written = write((at_line_start ? "--" : "\r\n--") + boundary_ + "\r\n"); !written) {
      return written;
    }
    if (auto opened = next_section(); !opened) return opened;
    const auto ended = parts.write_part(attachment);
    if (!ended) return failure(ended.error());
    at_line_start = *ended;
  }
  return write((at_line_start ? "--" : "\r\n--") + boundary_ + "--\r\n");
}

/// multipart/report (RFC 6522): the text for people, the notification for programs.
Expected<void> OutboundConversion::write_answer(OutboundText& text, std::string head) {
  head += "MIME-Version: 1.0\r\n";
  std::vector<std::string> parameters = encode_parameter("report-type", "disposition-notification");
  for (std::string& piece : encode_parameter("boundary", boundary_)) {
    parameters.push_back(std::move(piece));
  }
  write_parameterized(head, "Content-Type", "multipart/report", parameters);
  head += "\r\n--" + boundary_ + "\r\n" + text.fields() + "\r\n";
  if (auto written = write(head); !written) return written;
  if (auto ended = text.write(content_); !ended) return failure(ended.error());
  return write("\r\n--" + boundary_ + "\r\nContent-Type: message/disposition-notification\r\n\r\n" +
               render_disposition_notification(header_, from_, settings_.hostname) + "\r\n--" +
               boundary_ + "--\r\n");
}

/// RFC 1154, and the names in the order of the parts: the peer fills in what Encoding has listed
/// (Q111857).
Expected<void> OutboundConversion::write_uuencoded(OutboundText& text, std::string head) {
  std::string encoding = fmt::format("{} TEXT", text.lines());
  std::vector<std::string> names;
  for (const Attachment& attachment : header_.attachments) {
    encoding += fmt::format(", {} UUENCODE", UuencodeEncoder::lines_for(attachment.size));
    names.push_back(outbound_name(attachment, character_set_, true));
  }
  if (!names.empty()) write_unstructured(head, "Encoding", encoding);
  for (std::size_t index = 0; index < names.size(); ++index) {
    // As others write it who do not know the file's time (Q157000).
    write_unstructured(
        head, "X-MS-Attachment",
        fmt::format("{} {} 00-00-1980 00:00", names[index], header_.attachments[index].size));
  }
  if (auto written = write(head + "\r\n"); !written) return written;
  const auto ended = text.write(content_);
  if (!ended) return failure(ended.error());
  if (!*ended) {
    if (auto written = write("\r\n"); !written) return written;
  }
  OutboundParts parts(reader_, content_, place_, boundary_, character_set_);
  for (const std::string& name : names) {
    if (auto written = write("\r\n"); !written) return written;
    if (auto opened = next_section(); !opened) return opened;
    if (auto written = parts.write_uuencoded(name); !written) return written;
  }
  return {};
}

Expected<void> OutboundConversion::write_message() {
  OutboundText text(place_, boundary_);
  if (auto read = text.read(reader_, header_, character_set_, uses_uuencode_); !read) return read;
  const AddressStyle style{&map_, character_set_, envelope_.needs_smtputf8, uses_uuencode_};
  envelope_.characters_replaced = text.replaced();
  std::string head =
      compose_header(header_, request_, settings_, style, from_, &envelope_.characters_replaced);
  envelope_.is_8bit = !is_ascii(head);
  if (uses_uuencode_) return write_uuencoded(text, std::move(head));
  if (is_disposition_answer(header_)) return write_answer(text, std::move(head));
  return header_.attachments.empty() ? write_single(text, std::move(head))
                                     : write_multipart(text, std::move(head));
}

/// What Postfix is told beside the addresses. What the server does not know, the client leaves out.
void OutboundConversion::set_parameters() {
  std::string& of_mail = envelope_.parameters;
  if (envelope_.is_8bit) of_mail += "BODY=8BITMIME ";
  if (envelope_.needs_smtputf8) of_mail += "SMTPUTF8 ";
  of_mail += fmt::format("SIZE={}", content_.count());
  if (envelope_.sender.empty()) return;
  const std::string id = xtext(request_.envelope_id);
  of_mail += " RET=HDRS";
  if (!id.empty() && id.size() <= longest_envelope_id) of_mail += " ENVID=" + id;
  const bool of_delivery = settings_.receipts == ReceiptRequest::delivery ||
                           settings_.receipts == ReceiptRequest::delivery_and_reading;
  const bool wants_success = of_delivery && wants_receipt(header_, request_);
  for (OutboundRecipient& one : envelope_.recipients) {
    if (wants_success) one.parameters = "NOTIFY=SUCCESS,FAILURE,DELAY";
    if (!is_ascii(one.address)) continue;
    if (!one.parameters.empty()) one.parameters += ' ';
    one.parameters += "ORCPT=rfc822;" + xtext(one.address);
  }
}

Expected<OutboundEnvelope> OutboundConversion::run() {
  if (auto done = address(); !done) return failure(done.error());
  if (auto done = write_message(); !done) return failure(done.error());
  set_parameters();
  return std::move(envelope_);
}

}  // namespace

Expected<OutboundEnvelope> convert_outbound(Reader& reader, const MessageHeader& header,
                                            const OutboundRequest& request, const AddressMap& map,
                                            const OutboundSettings& settings,
                                            const SpoolPlace& place,
                                            postoffice::ByteSink& content) {
  if (!is_disposition_answer(header)) {
    return OutboundConversion(reader, header, request, map, settings, place, content).run();
  }
  // Whoever asks may be a program too: nothing may answer the answer (RFC 8098, 3 and 4).
  OutboundRequest answer = request;
  answer.null_sender = true;
  answer.auto_submitted = "auto-replied";
  return OutboundConversion(reader, header, answer, map, settings, place, content).run();
}

bool wants_uuencode(const postoffice::TypedAddress& address, const AddressMap& map,
                    const OutboundSettings& settings) {
  if (settings.uuencode_domains.empty()) return false;
  const auto routable = routable_address(address, map);
  return routable && is_in_domains(*routable, settings.uuencode_domains);
}

std::string render_outbound_envelope(const OutboundEnvelope& envelope) {
  const auto line = [](std::string_view command, const std::string& address,
                       const std::string& parameters) {
    std::string text = fmt::format("{}:<{}>", command, address);
    if (!parameters.empty()) text += " " + parameters;
    return text + "\r\n";
  };
  std::string text = line("MAIL FROM", envelope.sender, envelope.parameters);
  for (const OutboundRecipient& one : envelope.recipients) {
    text += line("RCPT TO", one.address, one.parameters);
  }
  return text;
}

}  // namespace smtpgate::converter
