// A mailbox moved from one postoffice into another while mail flows: for dividing mailboxes over
// several postoffices (docs/scale.md, "Moving a mailbox").
//
// Not for renaming (mailbox_changes.h), and not for the routes that lead mail to the right
// postoffice: these are Postfix's transport table, which mailbox_routes() prints.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

/// GLB/.moving-<mailbox>: its move was begun and has not ended. NET/PO of where to, and a line
/// feed; locked (shared_lock.h) by whoever is at it.
inline constexpr std::string_view moving_prefix = ".moving-";

struct MoveOptions {
  std::string group;  ///< of the system, for the new mailbag; empty: its own
  std::function<void(std::size_t)> progress;  ///< hears how many messages have gone over
};

struct MoveReport {
  std::size_t messages = 0;                 ///< that went over, of new/ and cur/
  std::size_t sent = 0;                     ///< copies of sent/
  std::vector<std::string> left_aliases{};  ///< names that mean something else over there
};

/// All that `mailbox` of `from` holds goes to a mailbox of that name in `to`, which is made with
/// its settings and aliases. From then on mail that still comes to `from` goes on to `to` by a
/// forward. Each message is in `to`, durably, before it leaves `from`, and there once, whatever
/// dies in between; a move that was broken off is gone on with by the same call. A message that was
/// being filed while the forward was set may come later: called again, it goes over too.
///
/// permanent: no such mailbox, one of that name over there, other character sets or line ends, or
/// messages as directories (folder delivery). One thread; waits for no other program.
Expected<MoveReport> move_mailbox(const Postoffice& from, const Postoffice& to,
                                  std::string_view mailbox, const MoveOptions& options = {});

/// Whether the mailbox's mail is filed elsewhere, and `key` was filed here within dedupe_days
/// before `now` (seconds since 1970): then it was moved with the rest, and must not go on a second
/// time. An error: it cannot be told, so it must not go on either.
Expected<bool> was_filed_before_forward(const Postoffice& postoffice, std::string_view mailbox,
                                        std::string_view key, std::int64_t now);

/// The lines of a transport table (transport(5)) that lead mail for this postoffice's names in
/// `domains` to `next_hop`, such as "smtp:[gate2.example.net]": mailboxes, aliases, groups. A
/// mailbox that keeps nothing is left out, and so is postmaster, whom every postoffice has.
Expected<std::vector<std::string>> mailbox_routes(const Postoffice& postoffice,
                                                  const std::vector<std::string>& domains,
                                                  std::string_view next_hop);

}  // namespace smtpgate::postoffice
