// Answering a request for a receipt: whether it may be answered, by whom, once; and the answer,
// dropped in the mailbox's own outbox (docs/receipts.md). For `postoffice read` and `mark`.
//
// Not for asking (compose.h), for what the answer becomes on the Internet (converter/), or for
// reading reports (report_lines.h).
//
// Needs no more rights than the mailbox's group has. Functions are safe from several threads,
// processes and hosts at once: one of them answers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "postoffice/mailbag.h"
#include "postoffice/mmff.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

/// What a message asks for, and what stands against an answer.
struct ReceiptRequest {
  bool is_asked = false;
  std::vector<TypedAddress> to;  ///< who asks, each once, UTF-8
  /// Why nobody may answer; empty: somebody may. The end of the sentence "message X is not
  /// answered: ...".
  std::string never;
  std::string only_by_hand;  ///< why only a person's own word will do; empty: a setting will
};

/// `header` of a message in `mailbox` (a folded name), its strings in `set`. Temporary: a name
/// could not be looked up.
Expected<ReceiptRequest> judge_receipt_request(const Postoffice& postoffice,
                                               std::string_view mailbox,
                                               const MessageHeader& header, const std::string& set);

/// Who wants the answer to be sent.
enum class ReceiptWish {
  as_set,    ///< the mailbox's settings
  by_hand,   ///< the reader's own word for this message
  forbidden  ///< the reader's own word against it
};

struct ReceiptResult {
  /// Delivered: the answer lies in the outbox, or there is nothing to be done. permanent: a rule
  /// forbids it. Temporary: disk; nothing was answered, unless the sentence says so.
  Outcome outcome;
  bool is_worth_telling = false;  ///< to a person who did not ask for it
};

/// The message has been shown to somebody, or was marked as read.
ReceiptResult answer_receipt_request(const Postoffice& postoffice, const Mailbag& mailbag,
                                     const MailbagEntry& entry, ReceiptWish wish);

}  // namespace smtpgate::postoffice
