// The message's header: see the header and docs/conversion-out.md.
#include "converter/outbound_header.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "converter/mail_date.h"
#include "converter/parameter_encoder.h"
#include "postoffice/ascii.h"
#include "postoffice/utf8.h"

namespace smtpgate::converter {

using postoffice::MessageHeader;
using postoffice::TypedAddress;
namespace ext = postoffice::ext;

namespace {

constexpr std::size_t longest_id = 998;                // RFC 5322, 2.1.1: no line could hold more
constexpr std::int64_t first_moment = -2'208'988'800;  // 1900: RFC 5322, 3.3, knows none before

class HeaderComposer {
 public:
  HeaderComposer(const MessageHeader& header, const OutboundRequest& request,
                 const OutboundSettings& settings, const AddressStyle& style,
                 const std::string& from, std::uint64_t* replaced)
      : header_(header),
        request_(request),
        settings_(settings),
        style_(style),
        from_(from),
        author_(written_address(header.from, style)),
        replaced_(replaced) {
    // Once more, to count: the address may have been put into the name.
    header_text(header.from.name, style, replaced);
  }

  std::string run() {
    out_ += "Date: " + date() + "\r\n";
    write_addresses(out_, "From", {author_});
    write_sender();
    write_addresses(out_, "Reply-To", written_list(value_of(ext::reply_to), style_));
    write_addresses(out_, "To", written(header_.to));
    write_addresses(out_, "Cc", written(header_.cc));
    write_unstructured(out_, "Subject", header_text(header_.subject, style_, replaced_));
    write_message_id();
    write_message_ids(out_, "In-Reply-To", ids(ext::in_reply_to));
    write_message_ids(out_, "References", ids(ext::references));
    write_importance();
    write_receipt_request();
    const std::string automatic = auto_submitted(header_, request_);
    if (is_mime_token(automatic)) write_unstructured(out_, "Auto-Submitted", automatic);
    out_ += "X-Mailer: smtpgate\r\n";
    return std::move(out_);
  }

 private:
  std::string value_of(std::string_view name) const { return header_.field(name).value_or(""); }

  std::vector<WrittenAddress> written(const std::vector<TypedAddress>& addresses) const {
    std::vector<WrittenAddress> result;
    result.reserve(addresses.size());
    for (const TypedAddress& one : addresses) result.push_back(written_address(one, style_));
    return result;
  }

  /// RFC 5322, 3.6.2: only where somebody else sent it than From says.
  void write_sender() {
    std::vector<WrittenAddress> senders = written_list(value_of(ext::sender), style_);
    if (senders.empty() || equals_ignoring_case(senders.front().address, author_.address)) {
      return;
    }
    senders.resize(1);
    write_addresses(out_, "Sender", senders);
  }

  std::string date() const {
    if (const auto sent = parse_mail_date(value_of(ext::sent));
        sent && sent->seconds >= first_moment) {
      return sent->rfc5322();
    }
    const std::int64_t moment = written_moment().value_or(request_.now);
    return format_mail_date(moment, request_.zone_minutes);
  }

  /// DATE and TIME, which are local to the postoffice.
  std::optional<std::int64_t> written_moment() const {
    if (header_.date.size() != 10 || header_.time.size() != 5) return std::nullopt;
    const auto parsed = parse_mail_date(header_.date + " " + header_.time + " +0000");
    if (!parsed) return std::nullopt;
    const std::int64_t moment = parsed->seconds - std::int64_t{request_.zone_minutes} * 60;
    return moment >= first_moment ? std::optional(moment) : std::nullopt;
  }

  void write_message_id() {
    const std::string kept(trim(value_of(ext::message_id)));
    // What came in with an odd one is known by it elsewhere.
    if (!is_message_id(kept) && header_.field(ext::received) && is_plain_text(kept)) {
      write_unstructured(out_, "Message-ID", kept);
      return;
    }
    write_message_ids(out_, "Message-ID", {is_message_id(kept) ? kept : made_message_id()});
  }

  std::string made_message_id() const {
    const std::size_t at = std::min(from_.rfind('@'), from_.size());
    const std::string made = "<" + request_.message_id + from_.substr(at) + ">";
    // A domain literal may hold what a message id may not; and FROM may have no domain.
    return is_message_id(made) ? made : "<" + request_.message_id + "@" + settings_.hostname + ">";
  }

  /// What stands in angle brackets, each octet looked at once.
  std::vector<std::string> ids(std::string_view name) const {
    const std::string value = value_of(name);
    std::vector<std::string> result;
    for (std::size_t at = 0;;) {
      const std::size_t end = value.find('>', at);
      if (end == std::string::npos) break;
      const std::size_t begin = value.rfind('<', end);
      if (begin != std::string::npos && begin >= at && end - begin < longest_id) {
        result.push_back(value.substr(begin, end - begin + 1));
      }
      at = end + 1;
    }
    return result;
  }

  /// Q112915: 5 and 4 are high, 1 is low.
  void write_importance() {
    if (header_.priority == "5" || header_.priority == "4") {
      out_ += header_.priority == "5" ? "Importance: high\r\nX-Priority: 1\r\n"
                                      : "Importance: high\r\nX-Priority: 2\r\n";
    } else if (header_.priority == "1") {
      out_ += "Importance: low\r\nX-Priority: 5\r\n";
    }
  }

  void write_receipt_request() {
    const bool of_reading = settings_.receipts == ReceiptRequest::reading ||
                            settings_.receipts == ReceiptRequest::delivery_and_reading;
    if (!of_reading || !wants_receipt(header_, request_)) return;
    std::vector<WrittenAddress> where;
    for (const postoffice::ExtendedField& field : header_.fields) {
      if (!equals_ignoring_case(field.name, ext::receipt_to)) continue;
      for (WrittenAddress& one : written_list(field.value, style_)) where.push_back(std::move(one));
    }
    if (where.empty() && !author_.address.empty()) where = {{"", author_.address}};
    write_addresses(out_, "Disposition-Notification-To", where);
  }

  const MessageHeader& header_;
  const OutboundRequest& request_;
  const OutboundSettings& settings_;
  const AddressStyle& style_;
  const std::string& from_;
  WrittenAddress author_;
  std::uint64_t* replaced_;
  std::string out_;
};

}  // namespace

std::string auto_submitted(const MessageHeader& header, const OutboundRequest& request) {
  if (!request.auto_submitted.empty()) return request.auto_submitted;
  std::string written(trim(header.field(ext::auto_submitted).value_or("")));
  return equals_ignoring_case(written, "no") ? std::string() : written;
}

bool wants_receipt(const MessageHeader& header, const OutboundRequest& request) {
  if (request.null_sender || !auto_submitted(header, request).empty()) return false;
  return equals_ignoring_case(header.priority, "R") ||
         !trim(header.field(ext::receipt_to).value_or("")).empty();
}

std::string compose_header(const MessageHeader& header, const OutboundRequest& request,
                           const OutboundSettings& settings, const AddressStyle& style,
                           const std::string& from, std::uint64_t* replaced) {
  return HeaderComposer(header, request, settings, style, from, replaced).run();
}

}  // namespace smtpgate::converter
