// Expiry: messages that have been in a mailbox for as many days as its settings say (Expiry in
// mailbox_settings.h) are deleted. To be done once a day; docs/postoffice-format.md, "Expiry".
//
// Not for markers and work left over (put.h), and never for outboxes, outgoing mail or messages
// that wait for the program of a folder mailbox.
//
// Safe beside deliveries, readers and another expiry, on any host; killed in the middle, the next
// one does the rest. Needs the gateway's rights. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

/// What went out of one mailbox, or would.
struct MailboxExpiry {
  std::string name;
  bool is_set = false;  ///< anything expires there at all
  std::uint64_t read = 0;
  std::uint64_t unread = 0;
  std::uint64_t sent = 0;
  std::uint64_t octets = 0;  ///< of message files; on disk as long as another mailbox has them too
  /// Directories in new/ that are as old, and stay: a program has not said yet that it has them.
  std::uint64_t waiting = 0;
  std::optional<Outcome> trouble;  ///< it was not, or not wholly, done

  std::uint64_t messages() const { return read + unread + sent; }
};

struct ExpiryOptions {
  std::vector<std::string> mailboxes;  ///< names in any case; empty: all
  bool is_dry_run = false;             ///< nothing is changed
  std::int64_t now = 0;                ///< seconds since 1970
  std::function<void(std::size_t done, std::size_t total)> progress;  ///< mailboxes; may be empty
};

/// permanent 5.1.1 if a mailbox that is named does not exist; nothing is deleted then.
Expected<std::vector<MailboxExpiry>> expire_messages(const Postoffice& postoffice,
                                                     const ExpiryOptions& options);

}  // namespace smtpgate::postoffice
