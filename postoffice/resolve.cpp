// Whose mailbox is a name? The order is docs/postoffice-format.md, "Whose mailbox is a name"; this
// is the one place that knows it.
//
// What it must never do is call a name unknown because the disk is in trouble: the sender would
// get a bounce for a mailbox that exists. So only a plain "no such directory" in a folder that is
// visibly there is unknown; all else is temporary.
#include <cerrno>
#include <utility>

#include "postoffice/aliases.h"
#include "postoffice/folder.h"
#include "postoffice/mailbox_changes.h"
#include "postoffice/name_search.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

namespace {

Resolved to_mailbox(std::string name, std::string how) {
  return {std::move(name), std::move(how), {}};
}

/// Nothing at all of that name, for a look-up in MBG or GRP.
bool is_absent(const FileError& error) {
  return error.code == ENOENT || error.code == ENOTDIR;
}

/// "anna" of "anna+orders": up to the first delimiter that has something before it.
std::optional<std::string_view> without_extension(std::string_view local_part,
                                                  std::string_view delimiters) {
  const std::size_t at =
      delimiters.empty() ? std::string_view::npos : local_part.find_first_of(delimiters, 1);
  if (at == std::string_view::npos) return std::nullopt;
  return local_part.substr(0, at);
}

}  // namespace

Expected<Resolved> NameSearch::resolve(std::string_view local_part, std::string_view domain) {
  const PostofficeSettings& settings = postoffice_.settings();
  auto found = find(local_part, domain);
  if (!found) return failure(found.error());
  if (*found) return std::move(**found);

  if (auto base = without_extension(local_part, settings.recipient_delimiter)) {
    found = find(*base, domain);
    if (!found) return failure(found.error());
    if (*found) {
      // "mailbox" would hide that the name was shortened; an alias or a group stays what it is.
      if ((*found)->how == "mailbox") (*found)->how = "delimiter";
      return std::move(**found);
    }
  }
  // A mailbox that was renamed between our looks is not unknown.
  auto anew = look_again(local_part, domain);
  if (!anew) return failure(anew.error());
  if (*anew) return std::move(**anew);
  if (!settings.catch_all.empty()) {
    return follow(settings.catch_all, postoffice_.path(layout::settings) + ": catch_all",
                  "catch-all");
  }
  if (auto problem = why_not_there(postoffice_)) return failure(*problem);
  return failure(Outcome::permanent(
      "there is no mailbox " + std::string(local_part) + " in postoffice " + settings.name.str(),
      "5.1.1"));
}

/// What a rename at this moment hides: until its end its plan says what the old name means, and at
/// its end ALIAS does, which may have been read before.
Expected<std::optional<Resolved>> NameSearch::look_again(std::string_view local_part,
                                                         std::string_view domain) {
  const std::string base(without_extension(local_part, postoffice_.settings().recipient_delimiter)
                             .value_or(local_part));
  for (const std::string& name : {std::string(local_part), base}) {
    const std::string folded = fold_mailbox_name(name);
    auto renamed = renamed_just_now(postoffice_, folded);
    if (!renamed) return failure(renamed.error());
    if (*renamed) {
      auto found = follow(**renamed, postoffice_.path(layout::mailbox_plan), "alias");
      if (!found) return failure(found.error());
      return std::move(*found);
    }
    if (base == local_part) break;
  }
  auto status = postoffice_.files().status(postoffice_.path(layout::aliases));
  if (!status && status.error().code != ENOENT) return failure(status.error().outcome());
  const auto now = status ? std::pair(status->inode, status->modified)
                          : std::pair(std::uint64_t{0}, std::int64_t{0});
  if (now == aliases_read_) return std::nullopt;
  aliases_.reset();
  auto found = find(local_part, domain);
  if (found && !*found && base != local_part) found = find(base, domain);
  return found;
}

Expected<std::optional<Resolved>> NameSearch::find(std::string_view local_part,
                                                   std::string_view domain) {
  const std::string folded = fold_mailbox_name(local_part);
  auto exists = mailbox_exists(folded);
  if (!exists) return failure(exists.error());
  if (*exists) return to_mailbox(folded, "mailbox");
  if (folded == layout::postmaster) return make_postmaster();
  auto alias = find_alias(local_part, domain);
  if (!alias || *alias) return alias;
  auto group = group_exists(folded);
  if (!group) return failure(group.error());
  if (*group) return Resolved{{}, "group", folded};
  return std::nullopt;
}

Expected<Resolved> NameSearch::follow(const std::string& mailbox, const std::string& pointer,
                                      std::string how) {
  auto exists = mailbox_exists(mailbox);
  if (!exists) return failure(exists.error());
  if (*exists) return to_mailbox(mailbox, std::move(how));
  if (mailbox == layout::postmaster) {
    auto made = make_postmaster();
    if (!made) return failure(made.error());
    return to_mailbox(mailbox, std::move(how));
  }
  // Renamed, and the pointer still says the old name: that is an alias then, or about to be one.
  if (auto read = load_aliases(); !read.is_delivered()) return failure(read);
  const AliasEntry* renamed = aliases_->find(mailbox);
  if (renamed != nullptr) {
    exists = mailbox_exists(renamed->mailbox);
    if (!exists) return failure(exists.error());
    if (*exists) return to_mailbox(renamed->mailbox, std::move(how));
  }
  auto planned = renamed_just_now(postoffice_, mailbox);
  if (!planned) return failure(planned.error());
  if (*planned) {
    exists = mailbox_exists(**planned);
    if (!exists) return failure(exists.error());
    if (*exists) return to_mailbox(**planned, std::move(how));
  }
  if (auto problem = why_not_there(postoffice_)) return failure(*problem);
  return failure(Outcome::temporary(pointer + " points to mailbox " + mailbox +
                                        ", which does not exist; add the mailbox or " +
                                        "change the line",
                                    "4.3.5"));
}

Expected<bool> NameSearch::mailbox_exists(const std::string& folded) {
  if (why_bad_mailbox_name(folded)) return false;
  auto status = postoffice_.files().status(postoffice_.mailbag_directory(folded));
  if (status) {
    if (status->kind == FileKind::directory) return true;
    return failure(Outcome::temporary(
        postoffice_.mailbag_directory(folded) + " is no directory; remove it, or make it a mailbox",
        "4.3.5"));
  }
  if (is_absent(status.error())) return false;
  return failure(status.error().outcome());
}

Expected<bool> NameSearch::group_exists(const std::string& folded) {
  if (why_bad_mailbox_name(folded)) return false;
  const std::string path = path_in(postoffice_.path(layout::groups), folded);
  auto status = postoffice_.files().status(path);
  if (status) {
    if (status->kind == FileKind::regular) return true;
    return failure(
        Outcome::temporary(path + " is no regular file; remove it, or make it a group", "4.3.5"));
  }
  if (is_absent(status.error())) return false;
  return failure(status.error().outcome());
}

/// Somebody removed it; but mail to postmaster must always be taken (RFC 5321, 4.5.1).
Expected<std::optional<Resolved>> NameSearch::make_postmaster() {
  if (auto problem = why_not_there(postoffice_)) return failure(*problem);
  const Outcome made = postoffice_.add_mailbox(layout::postmaster);
  const std::string name(layout::postmaster);
  if (made.is_delivered()) return to_mailbox(name, "postmaster");
  auto exists = mailbox_exists(name);  // another process may have been faster
  if (exists && *exists) return to_mailbox(name, "postmaster");
  return failure(made.is_temporary() ? made : Outcome::temporary(made.sentence(), "4.3.5"));
}

Outcome NameSearch::load_aliases() {
  if (aliases_) return Outcome::delivered("read already");
  // Looked at before it is read: what changes in between is seen as changed.
  auto status = postoffice_.files().status(postoffice_.path(layout::aliases));
  if (!status && status.error().code != ENOENT) return status.error().outcome();
  aliases_read_ = status ? std::pair(status->inode, status->modified)
                         : std::pair(std::uint64_t{0}, std::int64_t{0});
  auto file = read_aliases(postoffice_);
  if (!file) return file.error();
  aliases_ = std::move(*file);
  return Outcome::delivered("read");
}

Expected<std::optional<Resolved>> NameSearch::find_alias(std::string_view local_part,
                                                         std::string_view domain) {
  if (auto read = load_aliases(); !read.is_delivered()) return failure(read);
  const AliasEntry* entry = nullptr;
  if (!domain.empty()) entry = aliases_->find(alias_key(local_part, domain));
  if (entry == nullptr) entry = aliases_->find(alias_key(local_part, {}));
  if (entry == nullptr) return std::nullopt;
  auto found = follow(entry->mailbox,
                      postoffice_.path(layout::aliases) + ":" + std::to_string(entry->line) +
                          ": alias " + entry->name,
                      "alias");
  if (!found) return failure(found.error());
  return std::move(*found);
}

Expected<Resolved> Postoffice::resolve(std::string_view local_part, std::string_view domain) const {
  return NameSearch(*this).resolve(local_part, domain);
}

}  // namespace smtpgate::postoffice
