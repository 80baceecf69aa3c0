// Which failed recipients of a message its sender was told of, and in which report: the file
// SMTP/ids/told-<...> (docs/outgoing.md, "Reports"). And, in the same way, which recipients of a
// message from an outbox were handed over together. Internal to this room, for non_delivery.cpp and
// outbox_message.cpp.
//
// A report is filed once under a name made of whom it tells of. What fails together one time may
// fail together with others the next time, after a crash in between; so it is written down before a
// report is filed whom that one is for, and whoever comes again files that one first.
//
// Belongs to one thread; the message is in one process's hands.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "postoffice/outcome.h"
#include "postoffice/outgoing.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

class ToldRecipients {
 public:
  /// Those of one report.
  struct Group {
    std::size_t number = 0;  ///< in the order in which they were written down
    std::string identity;    ///< the same for the same ones, in any order
    std::vector<OutgoingRecipient> recipients;
  };

  /// What is known of the message with this number, whose reports go to `mailbox`.
  static Expected<ToldRecipients> read(const Postoffice& postoffice, std::string_view mailbox,
                                       std::string_view message_id);

  /// Nothing was written down yet.
  bool is_empty() const { return groups_.empty(); }

  /// `failed` in groups: each that a report was begun for as it was then, less those that are not
  /// in `failed`; last all the others, written down durably.
  Expected<std::vector<Group>> divide(const std::vector<OutgoingRecipient>& failed);

 private:
  ToldRecipients(const Postoffice& postoffice, std::string path);

  const Postoffice& postoffice_;
  std::string path_;
  std::vector<std::vector<std::string>> groups_;  ///< sorted names of addresses
};

}  // namespace smtpgate::postoffice
