// Reports from the postmaster: messages that a program of ours writes into a mailbag, so that a
// sender hears what became of his mail. Above all the non-delivery report.
//
// Not for reports to the Internet: a message that came from there is refused or bounced by Postfix
// (house rule 7). But a sender in a peer's postoffice gets his like one here. Nothing here is ever
// reported on: a report has no sender (ENVELOPE-FROM is empty), so no two programs can answer each
// other for ever (Q175447, Q128432).
//
// Functions are safe from several threads, processes and hosts at once. Filing the same report
// again is a duplicate within dedupe_days, so whoever is not sure may file it again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postoffice/address.h"
#include "postoffice/file_system.h"
#include "postoffice/outcome.h"
#include "postoffice/outgoing.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

/// Octets; a larger original is not attached.
inline constexpr std::uint64_t largest_attached_original = std::uint64_t{1} << 20;

/// Where in an open file a message stands that is not alone in it.
struct FilePart {
  std::uint64_t start = 0;            ///< octets before it
  std::optional<std::uint64_t> size;  ///< octets; nothing: to the end of the file
};

/// Octets of the message.
FileResult<std::uint64_t> original_size(File& file, const FilePart& part);

struct Report {
  /// What is reported, as any text that is the same each time and different for anything else.
  std::string id;
  std::string subject;             ///< UTF-8
  std::vector<std::string> lines;  ///< of the text: UTF-8, no line ends, hostile bytes escaped
  File* original = nullptr;        ///< attached whole if it is not too large; null: none
  FilePart original_part = {};
  OutgoingContent original_kind = OutgoingContent::mmff;
};

/// Files it in `mailbox` (a folded name), from the postmaster, durably; in the postmaster's own
/// where there is no such mailbox any more. Delivered also if it was filed before.
Outcome file_report(const Postoffice& postoffice, std::string_view mailbox, const Report& report);

/// Hands it over to SMTP/ for somebody in another postoffice, from the postmaster here, as a
/// program's mail. Delivered also if it was handed over before.
Outcome send_report(const Postoffice& postoffice, const NativeAddress& recipient,
                    const Report& report);

struct NonDelivery {
  std::string message_id;  ///< of the message in SMTP/, or of the file taken from an outbox
  std::vector<OutgoingRecipient> recipients;  ///< that failed, with status and reason
  std::string remark;  ///< a sentence for all of them ("It was returned by ..."); may be empty
  File* original = nullptr;  ///< open; null: it cannot be read
  FilePart original_part = {};
  OutgoingContent original_kind = OutgoingContent::mmff;
};

/// The non-delivery report: which recipients did not get it, the original's code and plain words
/// for why, the remote answer, what the message was, and the message itself. Within dedupe_days
/// each recipient of a message is told once, however often and with whomever it is reported: who
/// was told before is left out.
Outcome file_non_delivery(const Postoffice& postoffice, std::string_view mailbox,
                          const NonDelivery& failed);

/// The same report for a sender in another postoffice.
Outcome send_non_delivery(const Postoffice& postoffice, const NativeAddress& sender,
                          const NonDelivery& failed);

/// A message in SMTP/ or in BAD that is given up: whoever still waits has failed, the mailbox is
/// told, and the message goes. `remark` as in NonDelivery. Temporary: it stays as it was.
Outcome return_to_sender(const Postoffice& postoffice, TakenMessage& message, std::string remark);

/// The code that the original's reports gave, "[002]", and its meaning in plain words, for an
/// enhanced status (RFC 3463).
struct NonDeliveryCode {
  std::string_view code;
  std::string_view words;
};
NonDeliveryCode non_delivery_code(std::string_view status);

}  // namespace smtpgate::postoffice
