// Who gets a message from an outbox: its TO, CC and Bcc looked up, groups and forwards followed.
// And who gets one from a peer, whose recipients are given. Internal to this room.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "postoffice/groups.h"
#include "postoffice/mmff.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"
#include "postoffice/put.h"

namespace smtpgate::postoffice {

struct FailedRecipient {
  TypedAddress address;
  Outcome outcome;  ///< permanent or temporary
};

struct OutboxRecipients {
  std::vector<std::string> mailboxes;  ///< folded, each once
  /// Each address once; UTF-8. `via` and `owner` are empty where the message names it itself.
  std::vector<BeyondRecipient> beyond;
  std::vector<FailedRecipient> failures;
  std::map<std::string, Quota> quotas;  ///< of mailboxes that have one
  bool are_too_many = false;            ///< more than most_outgoing_recipients in all

  bool has_temporary_failure() const;
  /// The mailboxes in their order, each with its quota.
  std::vector<FilingTarget> filing_targets() const;
};

/// Of `addresses`, in UTF-8.
OutboxRecipients find_recipients(const Postoffice& postoffice,
                                 const std::vector<TypedAddress>& addresses);
/// `set` is the character set of the header's values.
OutboxRecipients find_outbox_recipients(const Postoffice& postoffice, const MessageHeader& header,
                                        const std::string& set);

}  // namespace smtpgate::postoffice
