// Making, removing and listing mailboxes: the directories under MBG. A mailbox exists if and only
// if its directory does, so each of these ends in one rename.
#include <algorithm>
#include <cerrno>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "postoffice/folder.h"
#include "postoffice/postoffice.h"
#include "postoffice/receipt_marks.h"
#include "postoffice/shared_file_system.h"
#include "postoffice/tidying.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::string_view owners_parts[] = {layout::unread, layout::read, layout::outbox,
                                             layout::sent};

/// MBG/.new-x with everything that a mailbag has, synced.
FileResult<void> build_mailbag(FileSystem& files, const std::string& directory,
                               const std::optional<FolderOwner>& own,
                               const std::optional<FolderOwner>& shared) {
  // Closed until all is in place; its mode comes last.
  if (auto made = make_owned_directory(files, directory, 0700, shared); !made) return made;
  auto made = make_owned_directory(files, path_in(directory, layout::markers), 0700, own);
  if (!made) return made;
  for (const std::string_view part : owners_parts) {
    made = make_owned_directory(files, path_in(directory, part), 02770, shared);
    if (!made) return made;
  }
  auto opened = files.open_directory(directory);
  if (!opened) return tl::unexpected(opened.error());
  if (auto done = (*opened)->set_mode(0750); !done) return done;
  return (*opened)->sync();
}

Outcome exists_already(const std::string& name) {
  return Outcome::permanent("mailbox " + name + " exists already", "5.3.5");
}

}  // namespace

FileResult<std::uint64_t> count_messages(FileSystem& files, const std::string& mailbag) {
  std::uint64_t count = 0;
  for (const std::string_view part : owners_parts) {
    auto names = files.list(path_in(mailbag, part));
    if (!names) {
      if (names.error().code == ENOENT) continue;
      return tl::unexpected(names.error());
    }
    // Marks that messages were answered outlive them for a while.
    count += static_cast<std::uint64_t>(
        std::count_if(names->begin(), names->end(),
                      [](const std::string& name) { return !is_receipt_mark(name); }));
  }
  return count;
}

Outcome holds_messages(const std::string& folded, std::uint64_t messages) {
  return Outcome::permanent(
      fmt::format("mailbox {} holds {} messages; move them, or say --with-messages", folded,
                  messages),
      "5.3.5");
}

Outcome Postoffice::add_mailbox(std::string_view name, const MailboxOptions& options) const {
  if (auto why = why_bad_mailbox_name(name)) {
    return Outcome::permanent("mailbox name \"" + std::string(name) + "\" " + *why, "5.1.3");
  }
  const std::string folded = fold_mailbox_name(name);
  const std::string target = mailbag_directory(folded);
  auto taken = files_->status(target);
  if (taken) return exists_already(folded);
  if (taken.error().code != ENOENT) return taken.error().outcome();

  auto own = owner_for_new_files(*files_, directory_);
  if (!own) return own.error().outcome();
  std::optional<FolderOwner> shared = *own;
  if (!options.group.empty()) {
    auto group = find_group(options.group);
    if (!group) return group.error();
    shared = FolderOwner{shared ? shared->user : ::geteuid(), *group};
  }

  const std::string temporary = mailbag_directory(being_made_name());
  auto done = build_mailbag(*files_, temporary, *own, shared);
  // Two at once: the second rename finds a directory that is not empty, and fails.
  if (done) done = files_->rename(temporary, target);
  if (!done) {
    const FileError& error = done.error();
    (void)remove_mailbag(*files_, temporary);  // the first error is the one to report
    if (error.code == ENOTEMPTY || error.code == EEXIST) return exists_already(folded);
    if (error.code == EPERM && !options.group.empty()) {
      return Outcome::permanent("cannot give mailbox " + folded + " to group " + options.group +
                                    ": only root or a member of the group can; run this as root",
                                "5.3.5");
    }
    return error.outcome();
  }
  if (auto synced = files_->sync_directory(path(layout::mailbags)); !synced) {
    return synced.error().outcome();
  }
  return Outcome::delivered(name == folded
                                ? "mailbox " + folded + " made"
                                : "mailbox " + folded + " made (names are kept in lower case)");
}

Outcome Postoffice::remove_mailbox(std::string_view name, bool with_messages) const {
  const std::string folded = fold_mailbox_name(name);
  const std::string unknown = "there is no mailbox " + std::string(name);
  if (why_bad_mailbox_name(folded)) return Outcome::permanent(unknown, "5.1.1");
  if (folded == layout::postmaster) {
    return Outcome::permanent("the postmaster's mailbox stays: every postoffice has one", "5.3.5");
  }
  const std::string mailbag = mailbag_directory(folded);
  const std::string leaving = mailbag_directory(being_removed_name(folded));
  // A process died between the two looks below.
  if (!files_->status(mailbag) && files_->status(leaving)) {
    if (auto back = files_->rename(leaving, mailbag); !back) return back.error().outcome();
  }
  auto status = files_->status(mailbag);
  if (!status) {
    if (status.error().code != ENOENT) return status.error().outcome();
    if (auto problem = why_not_there(*this)) return *problem;
    return Outcome::permanent(unknown, "5.1.1");
  }
  auto before = count_messages(*files_, mailbag);
  if (!before) return before.error().outcome();
  if (*before > 0 && !with_messages) return holds_messages(folded, *before);
  // Out of the way in one step: from then on nothing is filed in it. Then looked into once more,
  // for a message that came a moment ago. What has its last name is cleared with all that is in it.
  if (auto moved = files_->rename(mailbag, leaving); !moved) return moved.error().outcome();
  // Another host may follow the old name a little longer, and file there what it says it has filed.
  std::this_thread::sleep_for(name_memory(*files_, leaving));
  auto count = count_messages(*files_, leaving);
  if (!count || (*count > 0 && !with_messages)) {
    if (auto moved = files_->rename(leaving, mailbag); !moved) {
      return Outcome::temporary(moved.error().sentence() + "; the mailbox is in " + leaving);
    }
    if (!count) return count.error().outcome();
    return holds_messages(folded, *count);
  }
  const std::string doomed = mailbag_directory(removed_name());
  if (auto moved = files_->rename(leaving, doomed); !moved) return moved.error().outcome();
  if (auto synced = files_->sync_directory(path(layout::mailbags)); !synced) {
    return synced.error().outcome();
  }
  // Or a new mailbox of that name would forward its mail to somebody's old address.
  const std::string settings =
      path_in(path(layout::mailbox_settings), folded + std::string(".toml"));
  if (auto removed = files_->remove(settings);
      !removed && removed.error().code != ENOENT && removed.error().code != ENOTDIR) {
    return Outcome::temporary("mailbox " + folded + " is gone, but " + removed.error().sentence() +
                              "; remove its settings by hand");
  } else if (removed) {
    auto synced = files_->sync_directory(path(layout::mailbox_settings));
    if (!synced) return synced.error().outcome();
  }
  if (auto removed = remove_mailbag(*files_, doomed); !removed) {
    return Outcome::temporary("mailbox " + folded + " is gone, but " + removed.error().sentence() +
                              "; remove " + doomed + " by hand");
  }
  return Outcome::delivered("mailbox " + folded + " removed");
}

Expected<std::vector<std::string>> Postoffice::list_mailboxes() const {
  auto names = files_->list(path(layout::mailbags));
  if (!names) return failure(names.error().outcome());
  std::vector<std::string> mailboxes;
  bool is_one_gone = false;
  for (std::string& name : *names) {
    if (name.front() == '.' || why_bad_mailbox_name(name) || fold_mailbox_name(name) != name) {
      continue;
    }
    auto status = files_->status(mailbag_directory(name));
    if (!status) {
      if (status.error().code != ENOENT) return failure(status.error().outcome());
      is_one_gone = true;  // removed a moment ago
      continue;
    }
    if (status->kind == FileKind::directory) mailboxes.push_back(std::move(name));
  }
  // Or all of them, with the disk that they are on.
  if (is_one_gone) {
    if (auto problem = why_not_there(*this)) return failure(*problem);
  }
  std::sort(mailboxes.begin(), mailboxes.end());
  return mailboxes;
}

}  // namespace smtpgate::postoffice
