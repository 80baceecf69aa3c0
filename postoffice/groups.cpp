// Reading and editing GRP/<group>. An edit replaces the file in one rename, under a lock on GRP, so
// that readers see the old group or the new one and two edits at once do not lose one.
#include "postoffice/groups.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "postoffice/folder.h"
#include "postoffice/group_file.h"
#include "postoffice/name_search.h"
#include "postoffice/shared_lock.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::uint64_t largest_group_file = std::uint64_t{64} << 20;

std::string group_path(const Postoffice& postoffice, std::string_view folded) {
  return path_in(postoffice.path(layout::groups), folded);
}

Outcome no_such_group(std::string_view name) {
  return Outcome::permanent("there is no group " + std::string(name), "5.1.1");
}

/// Held while a group is read, changed and replaced.
Expected<std::unique_ptr<File>> lock_groups(const Postoffice& postoffice) {
  auto lock = take_shared_lock(postoffice, layout::group_lock, {layout::groups});
  if (!lock) return failure(lock.error().outcome());
  if (!*lock) {
    return failure(Outcome::temporary("somebody else is changing a group in " +
                                      postoffice.path(layout::groups) + "; try again"));
  }
  return std::move(*lock);
}

Expected<GroupFile> read_file(const Postoffice& postoffice, const std::string& folded) {
  const std::string path = group_path(postoffice, folded);
  auto text = read_whole(postoffice.files(), path, largest_group_file);
  if (!text) {
    if (text.error().code != ENOENT) return failure(text.error().outcome());
    if (auto problem = why_not_there(postoffice)) return failure(*problem);
    return failure(no_such_group(folded));
  }
  auto parsed = GroupFile::parse(*text, path, postoffice.settings().name);
  if (!parsed) return failure(Outcome::temporary(parsed.error(), "4.3.5"));
  return std::move(*parsed);
}

Group to_group(const GroupFile& file, std::string folded) {
  return {std::move(folded), file.owner().empty() ? std::string(layout::postmaster) : file.owner(),
          file.members()};
}

/// Nothing if `group` can be written.
std::optional<Outcome> why_bad_group(const Postoffice& postoffice, const Group& group) {
  if (auto why = why_bad_mailbox_name(group.name)) {
    return Outcome::permanent("group name \"" + group.name + "\" " + *why, "5.1.3");
  }
  if (!group.owner.empty()) {
    if (auto why = why_bad_mailbox_name(group.owner)) {
      return Outcome::permanent("owner \"" + group.owner + "\" " + *why, "5.1.3");
    }
  }
  for (const std::string& member : group.members) {
    if (auto parsed = parse_member(member, postoffice.settings().name); !parsed) {
      return Outcome::permanent("member " + member + " " + parsed.error(), "5.1.3");
    }
  }
  return std::nullopt;
}

/// A group's name comes last in the look-up: one that a mailbox or alias has would never be used.
std::optional<Outcome> why_never_used(const Postoffice& postoffice, const std::string& folded) {
  auto found = postoffice.resolve(folded);
  if (!found) {
    if (found.error().is_temporary()) return found.error();
    return std::nullopt;
  }
  if (found->how != "mailbox" && found->how != "alias" && found->how != "postmaster") {
    return std::nullopt;
  }
  const std::string_view whose = found->how == "alias" ? "an alias" : "a mailbox";
  return Outcome::permanent(
      "group " + folded + " would never be used: " + std::string(whose) + " has that name",
      "5.3.5");
}

/// The lock is held.
Outcome replace_group(const Postoffice& postoffice, Group group) {
  if (auto problem = why_bad_group(postoffice, group)) return *problem;
  group.name = fold_mailbox_name(group.name);
  group.owner = fold_mailbox_name(group.owner);
  auto file = read_file(postoffice, group.name);
  const bool is_new = !file && file.error().is_permanent();
  if (!file && !is_new) return file.error();
  if (is_new) {
    if (auto problem = why_never_used(postoffice, group.name)) return *problem;
  }
  const std::string text = is_new ? GroupFile().with(group) : file->with(group);
  FileSystem& files = postoffice.files();
  auto owner = owner_for_new_files(files, postoffice.directory());
  if (!owner) return owner.error().outcome();
  auto written = replace_file(files, group_path(postoffice, group.name), text, 0644, *owner);
  if (!written) return written.error().outcome();
  return Outcome::delivered("group " + group.name + (is_new ? " made" : " changed"));
}

}  // namespace

Expected<Group> read_group(const Postoffice& postoffice, std::string_view name) {
  const std::string folded = fold_mailbox_name(name);
  if (why_bad_mailbox_name(folded)) return failure(no_such_group(name));
  auto file = read_file(postoffice, folded);
  if (!file) return failure(file.error());
  return to_group(*file, folded);
}

Expected<std::vector<std::string>> list_groups(const Postoffice& postoffice) {
  auto names = postoffice.files().list(postoffice.path(layout::groups));
  if (!names) return failure(names.error().outcome());
  std::vector<std::string> groups;
  for (std::string& name : *names) {
    if (why_bad_mailbox_name(name) || fold_mailbox_name(name) != name) continue;
    auto status = postoffice.files().status(group_path(postoffice, name));
    if (!status) {
      if (status.error().code == ENOENT) continue;  // removed a moment ago
      return failure(status.error().outcome());
    }
    if (status->kind == FileKind::regular) groups.push_back(std::move(name));
  }
  std::sort(groups.begin(), groups.end());
  return groups;
}

Outcome write_group(const Postoffice& postoffice, const Group& group) {
  auto lock = lock_groups(postoffice);
  if (!lock) return lock.error();
  return replace_group(postoffice, group);
}

Outcome change_group(const Postoffice& postoffice, std::string_view name,
                     const std::function<Outcome(Group&)>& change) {
  auto lock = lock_groups(postoffice);
  if (!lock) return lock.error();
  auto group = read_group(postoffice, name);
  if (!group) return group.error();
  Outcome changed = change(*group);
  if (!changed.is_delivered()) return changed;
  Outcome written = replace_group(postoffice, std::move(*group));
  return written.is_delivered() ? changed : written;
}

Outcome remove_group(const Postoffice& postoffice, std::string_view name) {
  const std::string folded = fold_mailbox_name(name);
  if (why_bad_mailbox_name(folded)) return no_such_group(name);
  auto lock = lock_groups(postoffice);
  if (!lock) return lock.error();
  FileSystem& files = postoffice.files();
  if (auto removed = files.remove(group_path(postoffice, folded)); !removed) {
    if (removed.error().code != ENOENT) return removed.error().outcome();
    return settled(postoffice, no_such_group(name));
  }
  if (auto synced = files.sync_directory(postoffice.path(layout::groups)); !synced) {
    return synced.error().outcome();
  }
  return Outcome::delivered("group " + folded + " removed");
}

}  // namespace smtpgate::postoffice
