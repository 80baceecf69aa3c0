// What a postoffice holds: how many messages and octets in each mailbox, how many came in the last
// hour, day and week, what waits to go out. Names, sizes and times only: no message is opened. Not
// for what a running gateway does at the moment, nor for what was deleted long ago.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

/// Of messages that are in new/ and cur/.
struct MailbagCount {
  std::uint64_t messages = 0;
  std::uint64_t unread = 0;
  std::uint64_t octets = 0;     ///< of message files; one that mailboxes share counts in each
  std::uint64_t last_hour = 0;  ///< arrived since then
  std::uint64_t last_day = 0;
  std::uint64_t last_week = 0;
  std::int64_t newest = 0;  ///< seconds since 1970; 0: there is none

  void add(const MailbagCount& other);
};

struct MailboxCount {
  std::string name;
  MailbagCount count;
  std::optional<Outcome> trouble;  ///< it could not be read; `count` is empty
};

struct OutgoingCount {
  std::uint64_t waiting = 0;
  std::uint64_t held = 0;
  std::uint64_t taken = 0;  ///< being sent at this moment, by some host
  std::uint64_t bad = 0;
  std::int64_t oldest_waiting = 0;  ///< when it was handed over, seconds since 1970; 0: none waits
};

struct Statistics {
  std::vector<MailboxCount> mailboxes;  ///< most octets first
  MailbagCount all;
  /// Each message file once, however many mailboxes share it.
  std::uint64_t files = 0;
  std::uint64_t octets_of_files = 0;
  OutgoingCount outgoing;
};

/// One mailbox alone.
MailboxCount count_mailbox(const Postoffice& postoffice, const std::string& name, std::int64_t now);

/// `now` in seconds since 1970. `progress` gets how many mailboxes are done, of how many.
Expected<Statistics> count_all(const Postoffice& postoffice, std::int64_t now,
                               const std::function<void(std::size_t, std::size_t)>& progress);

}  // namespace smtpgate::postoffice
