// MMFF to Internet mail: the converter's way out (docs/conversion-out.md). One message of an MMFF
// file becomes an envelope (SMTP_OUT.ENV) and an RFC 5322 message with MIME parts (SMTP_OUT.822).
//
// Not for fetching the message (postoffice/outgoing.h) or for submitting it (milter/submission.h).
//
// Nothing that the message says can add a header line, a part or an SMTP command: each value is
// encoded where it is written. Fails permanently where a fact about the message forbids sending it
// (its sender's postoffice has no domain, no recipient has an Internet address), temporarily for
// disk and memory. One call belongs to one thread; calls share nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "converter/address_map.h"
#include "converter/spool.h"
#include "postoffice/byte_stream.h"
#include "postoffice/mmff_reader.h"
#include "postoffice/outcome.h"

namespace smtpgate::converter {

enum class ReceiptRequest {
  ignore,    ///< requests in MMFF ask for nothing
  delivery,  ///< DSN NOTIFY=SUCCESS
  reading,   ///< Disposition-Notification-To
  delivery_and_reading,
};

struct OutboundSettings {
  std::string hostname;  ///< for Message-ID where the sender has no domain; never empty
  ReceiptRequest receipts = ReceiptRequest::delivery_and_reading;
  /// Domains (canonical; a leading dot takes subdomains) whose recipients get uuencoded attachments
  /// with Encoding: and X-MS-Attachment: fields (RFC 1154, Q111857), for peers without MIME.
  std::vector<std::string> uuencode_domains;
};

struct OutboundRecipient {
  std::string address;     ///< user@host, local part quoted where needed; UTF-8
  std::string parameters;  ///< ESMTP: NOTIFY=... ORCPT=...; may be empty
  std::size_t index = 0;   ///< of the recipient in OutboundRequest::recipients
};

/// Who a message is to be sent to now, and in whose name.
struct OutboundRequest {
  /// SMTP:user@host or CSI:NET/PO/BOX, in UTF-8; the envelope's recipients (house rule 9: a Bcc
  /// recipient stands here and not in the message's TO and CC).
  std::vector<postoffice::TypedAddress> recipients;
  std::string character_set = "UTF-8";  ///< of a file that does not say it: the postoffice's
  std::int64_t now = 0;                 ///< seconds since 1970; for a message without DATE
  int zone_minutes = 0;                 ///< east of UTC, of the postoffice at that time
  std::string message_id;               ///< left part of the Message-ID, unique; of boundaries too
  std::string envelope_id;              ///< ENVID: the outgoing ID; empty: none
  bool null_sender = false;             ///< <>: made by programs, or from the postmaster (Q98067)
  std::optional<std::string> sender;    ///< of the envelope, user@host; absent: FROM's address
  /// By hand: a message without a recipient, or with none that can be addressed, is written all the
  /// same, and its envelope has MAIL alone. So is one whose FROM is Internet mail without a domain
  /// ("SMTP:somebody"): its envelope's sender, if none is given here, is then <>.
  bool allows_nobody = false;
  std::string auto_submitted;  ///< value of Auto-Submitted, e.g. "auto-generated"; empty: none
};

struct OutboundRefusal {
  std::size_t index = 0;  ///< of the recipient
  Outcome outcome;        ///< permanent
};

struct OutboundEnvelope {
  std::string sender;      ///< empty: <>
  std::string parameters;  ///< ESMTP of MAIL: BODY=8BITMIME SMTPUTF8 SIZE=... RET=... ENVID=...
  bool needs_smtputf8 = false;
  bool is_8bit = false;  ///< the content has octets above 127 (it has not, unless it must)
  /// Of text and header, that could not be read or written as what they are.
  std::uint64_t characters_replaced = 0;
  std::vector<OutboundRecipient> recipients;
  std::vector<OutboundRefusal> refused;  ///< recipients that cannot be addressed
};

/// The current message of `reader` (its next() has been called and gave `header`), its contents
/// read to their end, becomes RFC 5322 in `content` (CRLF) and the envelope. An answer to a request
/// for a receipt (disposition_notification.h) has the null sender whatever the request says.
Expected<OutboundEnvelope> convert_outbound(postoffice::Reader& reader,
                                            const postoffice::MessageHeader& header,
                                            const OutboundRequest& request, const AddressMap& map,
                                            const OutboundSettings& settings,
                                            const SpoolPlace& place, postoffice::ByteSink& content);

/// Whether that recipient is to get uuencoded attachments. A message goes out so if all its
/// recipients want it; the caller asks for those who do apart from those who do not.
bool wants_uuencode(const postoffice::TypedAddress& address, const AddressMap& map,
                    const OutboundSettings& settings);

/// SMTP_OUT.ENV: "MAIL FROM:<..> params" and "RCPT TO:<..> params" lines, CRLF.
std::string render_outbound_envelope(const OutboundEnvelope& envelope);

/// "anna@acme.example" of a native address: the mailbox at the first domain that the map has for
/// its postoffice (Q111840) and where that is its address (AddressMap::name_at), quoted and NFC
/// where needed. permanent 5.1.3 if it has none.
Expected<std::string> published_address(const postoffice::NativeAddress& address,
                                        const AddressMap& map);
/// Where mail for it is sent: the same at the first domain that no other postoffice shares, since
/// at a shared one another's mailbox of the name could be found.
Expected<std::string> delivery_address(const postoffice::NativeAddress& address,
                                       const AddressMap& map);

}  // namespace smtpgate::converter
