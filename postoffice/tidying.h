// What commands that died left half made or half removed, cleared: files and directories under
// names with a leading dot in GLB, GRP, MBG and outboxes (docs/postoffice-format.md, "Tidying").
//
// Not for mailbags and their markers (put.h), for work in P1 (put.h), or for SMTP/ (outgoing.h).
//
// Safe at any time beside running commands and deliveries, on any host.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

inline constexpr std::string_view gone_prefix = ".gone-";        ///< nothing in it is wanted
inline constexpr std::string_view leaving_prefix = ".leaving-";  ///< with the mailbox's own name
/// compose.h's, in an outbox.
inline constexpr std::string_view draft_prefix = ".send-";

/// The names of mailbags that are no mailboxes, under MBG. One that is being removed and may still
/// turn out to hold messages keeps its name, so that it can be found again.
std::string being_made_name();
std::string being_removed_name(std::string_view folded);
std::string removed_name();

/// A mailbag with all that is in it. Symbolic links are not followed.
FileResult<void> remove_mailbag(FileSystem& files, const std::string& directory);

/// `now` in seconds since 1970. Returns how many. Mailbags are left for another time while somebody
/// changes mailboxes.
Expected<std::uint64_t> clear_half_done(const Postoffice& postoffice, std::int64_t now);

}  // namespace smtpgate::postoffice
