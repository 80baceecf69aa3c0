// Locks that count on every host of a postoffice: for changing its mailboxes, aliases and groups.
// On small files of their own, since a lock on a directory is seen on its own host only where the
// folder is on a network (FUSE and NFS clients keep it to themselves; docs/scale.md), and a file
// that is replaced cannot be locked by its name. Internal to this room.
//
// Not for work in flight: a directory in P1 belongs to one host, and what several hosts may want
// at once goes to whose rename or link succeeds.
#pragma once

#include <initializer_list>
#include <memory>
#include <string_view>

#include "postoffice/file_system.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

namespace layout {
inline constexpr std::string_view mailbox_lock = "GLB/.lock-mailboxes";
inline constexpr std::string_view alias_lock = "GLB/.lock-aliases";
inline constexpr std::string_view group_lock = "GLB/.lock-groups";
inline constexpr std::string_view outgoing_marker_lock = "GLB/.lock-outgoing";
}  // namespace layout

/// `place`, one of the above, locked for as long as the file is open. Null: somebody
/// else has it. It waits for nobody; whoever dies loses it, with its host too. What other hosts
/// changed in `directories` of the folder while they had it is seen from then on.
FileResult<std::unique_ptr<File>> take_shared_lock(
    const Postoffice& postoffice, std::string_view place,
    std::initializer_list<std::string_view> directories);

/// Whether somebody has it. Changes nothing: a lock that nobody ever took has no file.
FileResult<bool> is_shared_lock_taken(const Postoffice& postoffice, std::string_view place);

}  // namespace smtpgate::postoffice
