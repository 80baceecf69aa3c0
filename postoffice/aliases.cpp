// Listing and editing GLB/ALIAS. Each edit replaces the whole file in one rename, under a lock, so
// that readers see the old file or the new one and two edits at once do not lose one.
#include "postoffice/aliases.h"

#include <cerrno>

#include "postoffice/alias_file.h"
#include "postoffice/folder.h"
#include "postoffice/postoffice.h"
#include "postoffice/shared_lock.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::uint64_t largest_alias_file = std::uint64_t{64} << 20;

/// Held while the file is read, changed and replaced.
Expected<std::unique_ptr<File>> lock_aliases(const Postoffice& postoffice) {
  auto lock = take_shared_lock(postoffice, layout::alias_lock, {"GLB"});
  if (!lock) return failure(lock.error().outcome());
  if (!*lock) {
    return failure(Outcome::temporary("somebody else is changing " +
                                      postoffice.path(layout::aliases) + "; try again"));
  }
  return std::move(*lock);
}

/// Nothing if the directory of that mailbox is there.
std::optional<Outcome> why_no_mailbox(const Postoffice& postoffice, const std::string& folded) {
  auto status = postoffice.files().status(postoffice.mailbag_directory(folded));
  if (status && status->kind == FileKind::directory) return std::nullopt;
  if (!status && status.error().code != ENOENT) return status.error().outcome();
  if (auto problem = why_not_there(postoffice)) return problem;
  return Outcome::permanent("there is no mailbox " + folded + "; add it first", "5.1.1");
}

}  // namespace

Expected<AliasFile> read_aliases(const Postoffice& postoffice) {
  const std::string path = postoffice.path(layout::aliases);
  auto text = read_whole(postoffice.files(), path, largest_alias_file);
  if (!text) {
    if (text.error().code != ENOENT) return failure(text.error().outcome());
    if (auto problem = why_not_there(postoffice)) return failure(*problem);
  }
  auto parsed = AliasFile::parse(text ? *text : std::string(), path);
  if (!parsed) return failure(Outcome::temporary(parsed.error(), "4.3.5"));
  return std::move(*parsed);
}

Outcome edit_aliases(const Postoffice& postoffice,
                     const std::function<Expected<AliasEdit>(const AliasFile&)>& decide) {
  auto lock = lock_aliases(postoffice);
  if (!lock) return lock.error();
  auto file = read_aliases(postoffice);
  if (!file) return file.error();
  auto edit = decide(*file);
  if (!edit) return settled(postoffice, edit.error());
  if (edit->is_empty()) return Outcome::delivered("the aliases are as they should be");
  FileSystem& files = postoffice.files();
  auto owner = owner_for_new_files(files, postoffice.directory());
  if (!owner) return owner.error().outcome();
  auto written =
      replace_file(files, postoffice.path(layout::aliases), file->edited(*edit), 0644, *owner);
  if (!written) return written.error().outcome();
  return Outcome::delivered("aliases changed");
}

Outcome Postoffice::add_alias(std::string_view name, std::string_view mailbox) const {
  if (auto why = why_bad_alias_name(name)) {
    return Outcome::permanent("alias " + std::string(name) + " " + *why, "5.1.3");
  }
  if (auto why = why_bad_mailbox_name(mailbox)) {
    return Outcome::permanent("mailbox name \"" + std::string(mailbox) + "\" " + *why, "5.1.3");
  }
  const std::string folded = fold_mailbox_name(mailbox);
  if (auto problem = why_no_mailbox(*this, folded)) return *problem;
  const std::string key = alias_key(name);
  if (key == layout::postmaster ||
      (!why_bad_mailbox_name(key) && files_->status(mailbag_directory(key)))) {
    return Outcome::permanent(
        "alias " + std::string(name) + " would never be used: a mailbox has that name", "5.3.5");
  }
  const Outcome done = edit_aliases(*this, [&](const AliasFile& file) -> Expected<AliasEdit> {
    if (const AliasEntry* taken = file.find(key)) {
      return failure(Outcome::permanent("alias " + taken->name + " is there already, for mailbox " +
                                            taken->mailbox + "; remove it first",
                                        "5.3.5"));
    }
    return AliasEdit{{}, {}, {{std::string(name), folded}}};
  });
  if (!done.is_delivered()) return done;
  return Outcome::delivered("alias " + std::string(name) + " made for mailbox " + folded);
}

Outcome Postoffice::remove_alias(std::string_view name) const {
  std::string written;
  const Outcome done = edit_aliases(*this, [&](const AliasFile& file) -> Expected<AliasEdit> {
    const AliasEntry* entry = file.find(alias_key(name));
    if (entry == nullptr) {
      return failure(Outcome::permanent("there is no alias " + std::string(name), "5.1.1"));
    }
    written = entry->name;
    return AliasEdit{{entry->key}, {}, {}};
  });
  if (!done.is_delivered()) return done;
  return Outcome::delivered("alias " + written + " removed");
}

Expected<std::vector<Postoffice::Alias>> Postoffice::list_aliases() const {
  auto file = read_aliases(*this);
  if (!file) return failure(file.error());
  std::vector<Alias> aliases;
  for (const AliasEntry& entry : file->entries()) aliases.push_back({entry.name, entry.mailbox});
  return aliases;
}

}  // namespace smtpgate::postoffice
