// Doing changes of mailboxes: see the header. Each step looks first whether it was done, since a
// plan that was left unfinished is gone through again from its start.
#include "postoffice/mailbox_changes.h"

#include <cerrno>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "postoffice/aliases.h"
#include "postoffice/folder.h"
#include "postoffice/group_file.h"
#include "postoffice/groups.h"
#include "postoffice/kept_original.h"
#include "postoffice/mailbox_plan.h"
#include "postoffice/shared_lock.h"
#include "postoffice/tidying.h"
#include "postoffice/usage.h"

namespace smtpgate::postoffice {

namespace {

/// Whether one file is replaced and no more: then there is nothing to be left half done.
/// Of a file that a person must put right; other trouble passes.
constexpr std::string_view wrong_file = "4.3.5";

bool is_one_step(const std::vector<MailboxChange>& changes) {
  if (changes.size() != 1) return false;
  const MailboxChange& only = changes.front();
  return only.kind == MailboxChange::Kind::set && only.new_aliases.empty() &&
         only.lost_aliases.empty();
}

class Doer {
 public:
  explicit Doer(const Postoffice& postoffice)
      : postoffice_(postoffice), files_(postoffice.files()) {}

  MailboxChanges::Result run(const std::vector<MailboxChange>& changes,
                             const std::function<void(std::size_t)>& progress) {
    MailboxChanges::Result result;
    for (std::size_t i = 0; i < changes.size(); ++i) {
      Outcome done = change(changes[i]);
      if (done.is_temporary()) {
        result.trouble = std::move(done);
        return result;
      }
      result.outcomes.push_back(std::move(done));
      if (progress) progress(i + 1);
    }
    if (Outcome written = write_aliases(); !written.is_delivered()) result.trouble = written;
    return result;
  }

  /// What a process did that died before its sync is done already, and must not be taken back.
  Outcome settle(const std::vector<MailboxChange>& changes) {
    for (const MailboxChange& one : changes) {
      const std::string mailbag = postoffice_.mailbag_directory(fold_mailbox_name(one.mailbox));
      if (auto done = sync_if_there(mailbag); !done) return done.error().outcome();
    }
    return settle_administration(postoffice_);
  }

 private:
  Outcome change(const MailboxChange& one) {
    const std::string folded = fold_mailbox_name(one.mailbox);
    switch (one.kind) {
      case MailboxChange::Kind::add:
        return add(one, folded);
      case MailboxChange::Kind::set:
        return set(one, folded);
      case MailboxChange::Kind::rename:
        return rename(folded, fold_mailbox_name(one.new_name));
      case MailboxChange::Kind::remove:
        return remove(folded, one.with_messages);
    }
    return Outcome::temporary("no such change");
  }

  FileResult<void> sync_if_there(const std::string& directory) {
    auto synced = files_.sync_directory(directory);
    if (!synced && synced.error().code == ENOENT) return {};
    return synced;
  }

  FileResult<bool> exists(const std::string& mailbox) {
    auto status = files_.status(postoffice_.mailbag_directory(mailbox));
    if (status) return true;
    if (status.error().code == ENOENT) return false;
    return tl::unexpected(status.error());
  }

  /// Aliases of many mailboxes are one edit.
  void take_aliases(const MailboxChange& one, const std::string& folded) {
    for (const std::string& name : one.lost_aliases) aliases_.removed.insert(alias_key(name));
    for (const std::string& name : one.new_aliases) aliases_.added.emplace_back(name, folded);
  }

  Outcome write_aliases() {
    if (aliases_.is_empty()) return Outcome::delivered("no aliases");
    Outcome done = edit_aliases(postoffice_, [&](const AliasFile& file) -> Expected<AliasEdit> {
      AliasEdit edit = aliases_;
      std::set<std::string, std::less<>> added;
      std::erase_if(edit.added, [&](const auto& one) {
        const std::string key = alias_key(one.first);
        const bool is_there = file.find(key) != nullptr && !edit.removed.contains(key);
        return is_there || !added.insert(key).second;
      });
      std::erase_if(edit.removed, [&](const auto& key) { return file.find(key) == nullptr; });
      return edit;
    });
    if (done.is_delivered()) aliases_ = {};
    return done;
  }

  /// Settings first, so that no message finds the mailbox without them; those of an earlier mailbox
  /// of that name must not be found either.
  Outcome add(const MailboxChange& one, const std::string& folded) {
    const bool has_settings =
        render_mailbox_settings(one.settings) != render_mailbox_settings(MailboxSettings());
    Outcome written = has_settings ? write_settings_file(postoffice_, folded, one.settings)
                                   : remove_settings_file(postoffice_, folded);
    if (!written.is_delivered()) return written;
    auto there = exists(folded);
    if (!there) return there.error().outcome();
    Outcome made = *there ? Outcome::delivered("mailbox " + folded + " made")
                          : postoffice_.add_mailbox(one.mailbox, {one.group});
    if (made.is_permanent()) return take_back(folded, made);
    if (!made.is_delivered()) return made;
    if (one.settings.keep_original) {
      Outcome ready = prepare_originals(postoffice_, folded);
      if (!ready.is_delivered()) return ready;
    }
    take_aliases(one, folded);
    return made;
  }

  /// Refused: the settings of a mailbox that was not made would be those of the next one of its
  /// name. If somebody else has made one meanwhile they stay.
  Outcome take_back(const std::string& folded, Outcome refused) {
    auto there = exists(folded);
    if (!there) return there.error().outcome();
    if (*there) return refused;
    Outcome removed = remove_settings_file(postoffice_, folded);
    return removed.is_delivered() ? refused : removed;
  }

  Outcome set(const MailboxChange& one, const std::string& folded) {
    auto before = read_mailbox_settings(postoffice_, folded);
    Outcome written = write_mailbox_settings(postoffice_, folded, one.settings);
    if (!written.is_delivered()) return written;
    take_aliases(one, folded);
    // While there was none, nobody kept the record.
    if (one.settings.keep_original) {
      if (Outcome made = prepare_originals(postoffice_, folded); !made.is_delivered()) return made;
    }
    const bool has_new_quota = one.settings.quota.is_set() && !(before && before->quota.is_set());
    if (has_new_quota) {
      if (auto counted = recount_usage(postoffice_, folded); !counted) return counted.error();
    }
    return written;
  }

  Outcome remove(const std::string& folded, bool with_messages) {
    if (Outcome written = write_aliases(); !written.is_delivered()) return written;
    auto there = exists(folded);
    if (!there) return there.error().outcome();
    auto is_leaving = exists(being_removed_name(folded));
    if (!is_leaving) return is_leaving.error().outcome();
    if (*there || *is_leaving) {
      Outcome removed = postoffice_.remove_mailbox(folded, with_messages);
      if (!removed.is_delivered()) return removed;
    }
    if (Outcome gone = remove_settings_file(postoffice_, folded); !gone.is_delivered()) return gone;
    // People who left stayed in groups (Q93076). Before the aliases go, since members may be called
    // by these.
    auto aliases = read_aliases(postoffice_);
    if (!aliases) return aliases.error();
    std::set<std::string, std::less<>> names = {folded};
    AliasEdit edit;
    for (const AliasEntry& entry : aliases->entries()) {
      if (entry.mailbox == folded) edit.removed.insert(entry.key);
    }
    names.insert(edit.removed.begin(), edit.removed.end());
    const auto is_gone = [&](const std::string& member) {
      const auto name = own_name(member);
      return name && names.contains(*name);
    };
    auto remarks =
        change_groups([&](Group& group) { return std::erase_if(group.members, is_gone) > 0; });
    if (!remarks) return remarks.error();
    Outcome edited =
        edit_aliases(postoffice_, [&](const AliasFile&) -> Expected<AliasEdit> { return edit; });
    if (!edited.is_delivered()) return edited;
    return Outcome::delivered("mailbox " + folded + " removed" + *remarks);
  }

  Outcome rename(const std::string& from, const std::string& to) {
    if (Outcome written = write_aliases(); !written.is_delivered()) return written;
    if (Outcome moved = move_mailbag(from, to); !moved.is_delivered()) return moved;
    Outcome edited = edit_aliases(postoffice_, [&](const AliasFile& file) -> Expected<AliasEdit> {
      AliasEdit edit;
      for (const AliasEntry& entry : file.entries()) {
        if (entry.mailbox == from) edit.renamed[from] = to;
      }
      if (file.find(to) != nullptr) edit.removed.insert(to);
      const bool may_be_alias = !why_bad_alias_name(from) && from.find('@') == std::string::npos;
      if (may_be_alias && file.find(from) == nullptr) edit.added.emplace_back(from, to);
      return edit;
    });
    if (!edited.is_delivered()) return edited;
    auto remarks = change_groups([&](Group& group) { return rename_in(group, from, to); });
    if (!remarks) return remarks.error();
    auto forwards = change_forwards(from, to);
    if (!forwards) return forwards.error();
    if (Outcome gone = remove_settings_file(postoffice_, from); !gone.is_delivered()) return gone;
    return Outcome::delivered("mailbox " + from + " is " + to + " now" + *remarks + *forwards);
  }

  /// The settings under their new name before the mailbag, so that they are never missing.
  Outcome move_mailbag(const std::string& from, const std::string& to) {
    auto old_there = exists(from);
    if (!old_there) return old_there.error().outcome();
    auto new_there = exists(to);
    if (!new_there) return new_there.error().outcome();
    if (!*old_there && !*new_there) {
      if (auto problem = why_not_there(postoffice_)) return *problem;
      return Outcome::permanent("there is no mailbox " + from, "5.1.1");
    }
    if (*old_there && *new_there) {
      return Outcome::temporary("mailbox " + from + " is to be renamed to " + to +
                                    ", and both exist; move the messages " +
                                    "of one of them by hand and remove it, or remove " +
                                    postoffice_.path(layout::mailbox_plan) +
                                    " to give the rename up",
                                "4.3.5");
    }
    if (*old_there) {
      auto settings = read_mailbox_settings(postoffice_, from);
      if (!settings) return settings.error();
      Outcome written = write_settings_file(postoffice_, to, *settings);
      if (!written.is_delivered()) return written;
      auto moved =
          files_.rename(postoffice_.mailbag_directory(from), postoffice_.mailbag_directory(to));
      if (!moved) return moved.error().outcome();
    }
    auto synced = files_.sync_directory(postoffice_.path(layout::mailbags));
    if (!synced) return synced.error().outcome();
    return Outcome::delivered("moved");
  }

  /// The folded name, if `member` is one of this postoffice.
  std::optional<std::string> own_name(std::string_view member) const {
    auto address = parse_member(member, postoffice_.settings().name);
    if (!address || address->type != "CSI") return std::nullopt;
    auto native = NativeAddress::parse(address->address);
    if (!native || !(native->postoffice == postoffice_.settings().name)) return std::nullopt;
    return fold_mailbox_name(native->mailbox);
  }

  bool rename_in(Group& group, const std::string& from, const std::string& to) const {
    bool is_changed = false;
    if (fold_mailbox_name(group.owner) == from) {
      group.owner = to;
      is_changed = true;
    }
    for (std::string& member : group.members) {
      if (own_name(member) != from) continue;
      const bool is_bare =
          member.find('/') == std::string::npos && to.find_first_of("@#") == std::string::npos;
      member = is_bare ? to : postoffice_.settings().name.str() + "/" + to;
      is_changed = true;
    }
    return is_changed;
  }

  /// Each group that `change` says yes to is written. The end of a sentence: how many, and which
  /// could not be.
  Expected<std::string> change_groups(const std::function<bool(Group&)>& change) {
    auto names = list_groups(postoffice_);
    if (!names) return failure(names.error());
    std::size_t changed = 0;
    std::string problems;
    for (const std::string& name : *names) {
      auto known = read_group(postoffice_, name);
      if (!known) {
        if (known.error().status() != wrong_file) return failure(known.error());
        // A file with a wrong line stays as it is; nobody's mail depends on it now.
        problems += "; " + known.error().sentence();
        continue;
      }
      if (!change(*known)) continue;
      Outcome done = change_group(postoffice_, name, [&](Group& group) {
        (void)change(group);
        return Outcome::delivered("changed");
      });
      if (!done.is_delivered()) return failure(done);
      ++changed;
    }
    return (changed == 0 ? std::string() : fmt::format("; {} groups changed", changed)) + problems;
  }

  Expected<std::string> change_forwards(const std::string& from, const std::string& to) {
    auto mailboxes = postoffice_.list_mailboxes();
    if (!mailboxes) return failure(mailboxes.error());
    std::size_t changed = 0;
    std::string problems;
    for (const std::string& mailbox : *mailboxes) {
      auto settings = read_mailbox_settings(postoffice_, mailbox);
      if (!settings) {
        if (settings.error().status() != wrong_file) return failure(settings.error());
        problems += "; " + settings.error().sentence();
        continue;
      }
      bool is_changed = false;
      for (TypedAddress& target : settings->forward) {
        if (own_name(target.str()) != from) continue;
        target = TypedAddress::native({postoffice_.settings().name, to});
        is_changed = true;
      }
      if (!is_changed) continue;
      Outcome written = write_settings_file(postoffice_, mailbox, *settings);
      if (!written.is_delivered()) return failure(written);
      ++changed;
    }
    return (changed == 0 ? std::string() : fmt::format("; {} forwards changed", changed)) +
           problems;
  }

  const Postoffice& postoffice_;
  FileSystem& files_;
  AliasEdit aliases_;  ///< still to be written
};

}  // namespace

Expected<MailboxChanges> MailboxChanges::begin(const Postoffice& postoffice) {
  auto lock = take_shared_lock(postoffice, layout::mailbox_lock,
                               {"GLB", layout::mailbox_settings, layout::mailbags});
  if (!lock) return failure(lock.error().outcome());
  if (!*lock) {
    return failure(Outcome::temporary("somebody else is changing mailboxes of " +
                                      postoffice.directory() + "; try again"));
  }
  MailboxChanges changes(postoffice, std::move(*lock));
  auto left = read_plan(postoffice);
  if (!left) return failure(left.error());
  if (left->changes.empty()) return changes;
  Doer doer(postoffice);
  Result done = doer.run(left->changes, {});
  if (!done.trouble) {
    if (Outcome settled = doer.settle(left->changes); !settled.is_delivered()) {
      done.trouble = settled;
    }
  }
  if (done.trouble) {
    return failure(Outcome::temporary(
        "what " + postoffice.path(layout::mailbox_plan) +
            " says was left unfinished, and cannot be finished now: " + done.trouble->sentence(),
        done.trouble->status()));
  }
  if (Outcome removed = remove_plan(postoffice); !removed.is_delivered()) return failure(removed);
  changes.finished_ = left->changes.size();
  changes.finished_source_ = std::move(left->source);
  return changes;
}

MailboxChanges::Result MailboxChanges::apply(const std::vector<MailboxChange>& changes,
                                             const std::function<void(std::size_t)>& progress,
                                             const std::string& source) const {
  if (changes.empty()) return {};
  const bool is_planned = !is_one_step(changes);
  if (is_planned) {
    Outcome written = write_plan(postoffice_, {source, changes});
    if (!written.is_delivered()) return {{}, written};
  }
  Result result = Doer(postoffice_).run(changes, progress);
  if (is_planned && !result.trouble) {
    Outcome removed = remove_plan(postoffice_);
    if (!removed.is_delivered()) result.trouble = removed;
  }
  return result;
}

Outcome change_mailbox(const Postoffice& postoffice, const MailboxChange& change) {
  auto changes = MailboxChanges::begin(postoffice);
  if (!changes) return changes.error();
  auto problems = changes->check({change});
  if (!problems) return problems.error();
  if (!problems->empty()) return problems->front().outcome;
  auto result = changes->apply({change});
  if (result.trouble) return *result.trouble;
  return result.outcomes.front();
}

Expected<std::optional<std::string>> renamed_just_now(const Postoffice& postoffice,
                                                      std::string_view folded) {
  auto plan = read_plan(postoffice);
  if (!plan) return failure(plan.error());
  std::optional<std::string> found;
  std::string name(folded);
  for (const MailboxChange& one : plan->changes) {
    if (one.kind != MailboxChange::Kind::rename || fold_mailbox_name(one.mailbox) != name) continue;
    name = fold_mailbox_name(one.new_name);
    found = name;
  }
  return found;
}

Expected<std::optional<std::string>> new_name_of(const Postoffice& postoffice,
                                                 std::string_view mailbox) {
  auto found = postoffice.resolve(mailbox);
  if (!found) {
    if (found.error().is_temporary()) return failure(found.error());
    return std::nullopt;
  }
  if (found->how != "alias" || found->mailbox.empty()) return std::nullopt;
  return found->mailbox;
}

}  // namespace smtpgate::postoffice
