// original/; see the header. A file is made under ids/, which is closed to the mailbox's users and
// on its file system, and linked into place when it is whole and synced.
#include "postoffice/kept_original.h"

#include <cerrno>
#include <set>
#include <utility>

#include "postoffice/folder.h"
#include "postoffice/put.h"
#include "postoffice/unique_id.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::string_view extension = ".eml";

/// With the group of the mailbag, so that its users may read and delete.
FileResult<void> make_directory(FileSystem& files, const Postoffice& postoffice,
                                const std::string& mailbag) {
  const std::string directory = path_in(mailbag, layout::original);
  if (files.status(directory)) return {};
  auto status = files.status(mailbag);
  if (!status) return tl::unexpected(status.error());
  auto owner = owner_for_new_files(files, postoffice.directory());
  if (!owner) return tl::unexpected(owner.error());
  const FolderOwner shared{*owner ? (*owner)->user : status->owner, status->group};
  auto made = make_owned_directory(files, directory, 02770, shared);
  // A gateway that is no member of the mailbox's group cannot give it away; `mailbox set` by root
  // has made it before, as a rule.
  if (!made && made.error().code == EPERM) {
    made = make_owned_directory(files, directory, 02770, *owner);
  }
  if (!made && made.error().code == EEXIST) return {};
  if (!made) return made;
  return files.sync_directory(mailbag);
}

}  // namespace

Outcome OriginalKeeper::keep_in(const std::string& mailbox) {
  FileSystem& files = postoffice_.files();
  const std::string mailbag = postoffice_.mailbag_directory(mailbox);
  const std::string directory = path_in(mailbag, layout::original);
  const std::string target = path_in(directory, key_ + std::string(extension));
  auto there = files.status(target);
  if (!there && there.error().code != ENOENT) return there.error().outcome();
  if (!there) {
    if (auto made = make_directory(files, postoffice_, mailbag); !made) {
      return made.error().outcome();
    }
    auto placed = place(mailbag, target);
    if (!placed && placed.error().code != EEXIST) return placed.error().outcome();
  }
  // Who placed it may have died before this.
  if (auto synced = files.sync_directory(directory); !synced) return synced.error().outcome();
  return Outcome::delivered("original kept as " + key_ + " in mailbox " + mailbox);
}

FileResult<void> OriginalKeeper::place(const std::string& mailbag, const std::string& target) {
  if (!first_.empty()) {
    auto linked = postoffice_.files().link(first_, target);
    if (linked || linked.error().code == EEXIST) return linked;
  }
  auto written = write_copy(mailbag, target);
  if (written && first_.empty()) first_ = target;
  return written;
}

FileResult<void> OriginalKeeper::write_copy(const std::string& mailbag, const std::string& target) {
  FileSystem& files = postoffice_.files();
  const std::string temporary = path_in(path_in(mailbag, layout::markers), "." + new_unique_id());
  auto file = files.create(temporary, 0600);
  if (!file) return tl::unexpected(file.error());
  const auto fill = [&]() -> FileResult<void> {
    if (auto done = write_(**file); !done) return done;
    auto owner = owner_for_new_files(files, postoffice_.directory());
    if (!owner) return tl::unexpected(owner.error());
    if (*owner) {
      if (auto done = (*file)->set_owner((*owner)->user, (*owner)->group); !done) return done;
    }
    if (auto done = (*file)->set_mode(0444); !done) return done;
    if (auto done = (*file)->set_modified(arrival_); !done) return done;
    if (auto done = (*file)->sync(); !done) return done;
    auto linked = files.link(temporary, target);
    if (linked || linked.error().code == EEXIST) return linked;
    // A file system without links: what could come in between has the same octets.
    return files.rename(temporary, target);
  };
  auto done = fill();
  (void)files.remove(temporary);
  return done;
}

Outcome prepare_originals(const Postoffice& postoffice, const std::string& mailbox) {
  const std::string mailbag = postoffice.mailbag_directory(mailbox);
  // Who made it may have died before it was synced.
  const bool is_there = postoffice.files().status(path_in(mailbag, layout::original)).has_value();
  auto made = is_there ? postoffice.files().sync_directory(mailbag)
                       : make_directory(postoffice.files(), postoffice, mailbag);
  if (!made) return made.error().outcome();
  return Outcome::delivered("ready for originals");
}

FileResult<std::uint64_t> remove_stale_originals(FileSystem& files, const std::string& mailbag,
                                                 std::int64_t oldest) {
  const std::string directory = path_in(mailbag, layout::original);
  auto names = files.list(directory);
  if (!names) {
    if (names.error().code == ENOENT) return std::uint64_t{0};
    return tl::unexpected(names.error());
  }
  std::set<std::string> kept;  // keys; a message may be called K-2
  for (const std::string_view part : {layout::unread, layout::read}) {
    auto messages = files.list(path_in(mailbag, part));
    if (!messages) return tl::unexpected(messages.error());
    for (const std::string& name : *messages) kept.insert(name.substr(0, content_key_size));
  }
  std::uint64_t removed = 0;
  for (const std::string& name : *names) {
    const bool is_original = name.size() == content_key_size + extension.size() &&
                             name.ends_with(extension) &&
                             is_content_key(std::string_view(name).substr(0, content_key_size));
    if (!is_original || kept.contains(name.substr(0, content_key_size))) continue;
    const std::string path = path_in(directory, name);
    auto status = files.status(path);
    if (!status || status->modified >= oldest) continue;
    if (files.remove(path)) ++removed;
  }
  return removed;
}

}  // namespace smtpgate::postoffice
