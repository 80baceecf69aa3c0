// What the files that implement a postoffice folder share: the names in it, who owns what is made
// in it, small files read whole and replaced durably. Internal to this room; docs:
// docs/postoffice-format.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "postoffice/file_system.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

namespace layout {
inline constexpr std::string_view settings = "GLB/postoffice.toml";
inline constexpr std::string_view aliases = "GLB/ALIAS";
inline constexpr std::string_view mailbox_settings = "GLB/MAILBOX";
inline constexpr std::string_view mailbox_plan = "GLB/CHANGES.json";
inline constexpr std::string_view groups = "GRP";
inline constexpr std::string_view mailbags = "MBG";
inline constexpr std::string_view work = "P1";
inline constexpr std::string_view unread = "new";
inline constexpr std::string_view read = "cur";
inline constexpr std::string_view markers = "ids";
inline constexpr std::string_view usage = "usage";
inline constexpr std::string_view original = "original";
inline constexpr std::string_view outbox = "outbox";
inline constexpr std::string_view sent = "sent";
/// In a message that is a directory: the message itself, as an MMFF file.
inline constexpr std::string_view folder_message = "message.api";
inline constexpr std::string_view postmaster = "postmaster";
inline constexpr std::string_view message_file = "TO_NC.API";
inline constexpr std::string_view taken_file = "TAKEN.API";
inline constexpr std::string_view outgoing = "SMTP";
inline constexpr std::string_view bad = "SMTP/BAD";
inline constexpr std::string_view outgoing_markers = "SMTP/ids";
inline constexpr std::string_view outgoing_mmff = "FROM_NC.API";
inline constexpr std::string_view outgoing_internet = "SMTP_OUT.822";
inline constexpr std::string_view outgoing_state = "STATE.json";
inline constexpr std::string_view outgoing_in_doubt = "MAYBE_SENT";
inline constexpr std::string_view outgoing_marker = "MARKER";
}  // namespace layout

/// Whose new files and directories are to be: the owner of the postoffice's top directory where we
/// are root and may choose, nobody in particular (the process's own) otherwise.
FileResult<std::optional<FolderOwner>> owner_for_new_files(FileSystem& files,
                                                           const std::string& top);

/// A directory with exactly this mode and owner, whatever the umask.
FileResult<void> make_owned_directory(FileSystem& files, const std::string& path, mode_t mode,
                                      const std::optional<FolderOwner>& owner);

/// A regular file of at most `most` octets; EFBIG beyond, EINVAL if it is no regular file.
FileResult<std::string> read_whole(FileSystem& files, const std::string& path, std::uint64_t most);

/// The one durable way to write a small file: temporary name beside it, write, sync, rename, sync
/// the directory. Readers see the old file or the new one. After an error of the last sync the new
/// one is visible but may not survive a crash. A crash leaves the temporary one.
inline constexpr std::string_view half_written_prefix = ".new-";
FileResult<void> replace_file(FileSystem& files, const std::string& path, std::string_view contents,
                              mode_t mode, const std::optional<FolderOwner>& owner);

/// Syncs the directories that hold mailboxes, settings, aliases and groups: before "is there
/// already" or "there is none" is said of what a process may have changed that died before its
/// own sync.
Outcome settle_administration(const Postoffice& postoffice);
/// `answer`, once that is done; temporary where the whole folder is away, or cannot be synced.
Outcome settled(const Postoffice& postoffice, Outcome answer);

/// Nothing if the folder looks as if it is there: MBG and GLB/postoffice.toml exist. Otherwise why
/// not, temporary: an unmounted postoffice has no unknown mailboxes.
std::optional<Outcome> why_not_there(const Postoffice& postoffice);

/// What lies in new/, cur/, outbox/ and sent/ of a mailbag (its directory), and the refusal to
/// remove a mailbox for that.
FileResult<std::uint64_t> count_messages(FileSystem& files, const std::string& mailbag);
Outcome holds_messages(const std::string& folded, std::uint64_t messages);

/// The number of a group of the system; permanent 5.3.5 if there is none of that name.
Expected<gid_t> find_group(const std::string& name);

/// "directory/name".
std::string path_in(std::string_view directory, std::string_view name);

/// A host's name as one path component: letters, digits, '.', '-', '_'; no dot in front.
std::string host_component(std::string_view name);

/// The folder of a path: "a/b" of "a/b/c".
std::string parent_directory(const std::string& path);

}  // namespace smtpgate::postoffice
