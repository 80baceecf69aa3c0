// Whether changes of mailboxes can be done, one after the other: each is tried on what the
// postoffice would be after those before it, and nothing is written. See mailbox_changes.h.
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "postoffice/alias_file.h"
#include "postoffice/aliases.h"
#include "postoffice/folder.h"
#include "postoffice/groups.h"
#include "postoffice/mailbox_changes.h"

namespace smtpgate::postoffice {

namespace {

using Verdict = std::optional<Outcome>;

Outcome refused(std::string sentence) {
  return Outcome::permanent(std::move(sentence), "5.3.5");
}

/// The postoffice as it would be after the changes so far.
class Supposed {
 public:
  static Expected<Supposed> of(const Postoffice& postoffice) {
    Supposed now(postoffice);
    auto mailboxes = postoffice.list_mailboxes();
    if (!mailboxes) return failure(mailboxes.error());
    now.mailboxes_.insert(mailboxes->begin(), mailboxes->end());
    auto aliases = read_aliases(postoffice);
    if (!aliases) return failure(aliases.error());
    for (const AliasEntry& entry : aliases->entries()) now.aliases_[entry.key] = entry.mailbox;
    auto groups = list_groups(postoffice);
    if (!groups) return failure(groups.error());
    now.groups_.insert(groups->begin(), groups->end());
    return now;
  }

  Verdict change(const MailboxChange& change) {
    switch (change.kind) {
      case MailboxChange::Kind::add:
        return add(change);
      case MailboxChange::Kind::set:
        return set(change);
      case MailboxChange::Kind::rename:
        return rename(change);
      case MailboxChange::Kind::remove:
        return remove(change);
    }
    return std::nullopt;
  }

 private:
  explicit Supposed(const Postoffice& postoffice) : postoffice_(&postoffice) {}

  /// May a mailbox be called so? An alias that is hidden by it would never be used again.
  Verdict why_not_new(std::string_view name, std::string_view alias_of = {}) const {
    if (auto why = why_bad_mailbox_name(name)) {
      return Outcome::permanent("mailbox name \"" + std::string(name) + "\" " + *why, "5.1.3");
    }
    const std::string folded = fold_mailbox_name(name);
    if (mailboxes_.contains(folded)) return refused("mailbox " + folded + " exists already");
    if (groups_.contains(folded)) {
      return refused("group " + folded + " would never be used; remove it first");
    }
    const auto alias = aliases_.find(folded);
    if (alias != aliases_.end() && alias->second != alias_of) {
      return refused("alias " + folded + " of mailbox " + alias->second +
                     " would never be used; remove it first");
    }
    return std::nullopt;
  }

  Verdict why_no_mailbox(std::string_view name) const {
    const std::string folded = fold_mailbox_name(name);
    if (!why_bad_mailbox_name(folded) && mailboxes_.contains(folded)) return std::nullopt;
    return Outcome::permanent("there is no mailbox " + std::string(name), "5.1.1");
  }

  Verdict add_aliases(const MailboxChange& change, const std::string& folded) {
    for (const std::string& name : change.new_aliases) {
      if (auto why = why_bad_alias_name(name)) {
        return Outcome::permanent("alias " + name + " " + *why, "5.1.3");
      }
      const std::string key = alias_key(name);
      if (key == layout::postmaster || mailboxes_.contains(key)) {
        return refused("alias " + name + " would never be used: a mailbox has that name");
      }
      const auto [known, is_new] = aliases_.emplace(key, folded);
      if (!is_new && known->second != folded) {
        return refused("alias " + name + " is there already, for mailbox " + known->second +
                       "; remove it first");
      }
    }
    return std::nullopt;
  }

  Verdict add(const MailboxChange& change) {
    if (auto problem = why_not_new(change.mailbox)) return problem;
    if (!change.group.empty()) {
      if (auto group = find_group(change.group); !group) return group.error();
    }
    if (auto problem = why_bad_settings(*postoffice_, change.settings)) return problem;
    const std::string folded = fold_mailbox_name(change.mailbox);
    mailboxes_.insert(folded);
    return add_aliases(change, folded);
  }

  Verdict set(const MailboxChange& change) {
    if (auto problem = why_no_mailbox(change.mailbox)) return problem;
    if (auto problem = why_bad_settings(*postoffice_, change.settings)) return problem;
    const std::string folded = fold_mailbox_name(change.mailbox);
    if (folded == layout::postmaster && !change.settings.receive_from_internet) {
      return refused("the postmaster takes mail from everywhere (RFC 5321, 4.5.1)");
    }
    for (const std::string& name : change.lost_aliases) {
      const auto alias = aliases_.find(alias_key(name));
      if (alias == aliases_.end() || alias->second != folded) {
        return Outcome::permanent("mailbox " + folded + " has no alias " + name, "5.1.1");
      }
      aliases_.erase(alias);
    }
    return add_aliases(change, folded);
  }

  Verdict rename(const MailboxChange& change) {
    const std::string from = fold_mailbox_name(change.mailbox);
    const std::string to = fold_mailbox_name(change.new_name);
    if (from == layout::postmaster) {
      return refused("the postmaster's mailbox stays: every postoffice has one");
    }
    if (auto problem = why_no_mailbox(change.mailbox)) return problem;
    if (from == to) return refused("mailbox " + from + " is called so already");
    if (auto problem = why_not_new(change.new_name, from)) return problem;
    mailboxes_.erase(from);
    mailboxes_.insert(to);
    aliases_.erase(to);
    for (auto& [key, mailbox] : aliases_) {
      if (mailbox == from) mailbox = to;
    }
    if (!why_bad_alias_name(from) && from.find('@') == std::string::npos) aliases_[from] = to;
    return std::nullopt;
  }

  Verdict remove(const MailboxChange& change) {
    const std::string folded = fold_mailbox_name(change.mailbox);
    if (folded == layout::postmaster) {
      return refused("the postmaster's mailbox stays: every postoffice has one");
    }
    if (auto problem = why_no_mailbox(change.mailbox)) return problem;
    if (!change.with_messages) {
      // One that is only supposed to be there is empty, or was looked at under its old name.
      auto count = count_messages(postoffice_->files(), postoffice_->mailbag_directory(folded));
      if (!count && count.error().code != ENOENT) return count.error().outcome();
      if (count && *count > 0) return holds_messages(folded, *count);
    }
    mailboxes_.erase(folded);
    std::erase_if(aliases_, [&](const auto& alias) { return alias.second == folded; });
    return std::nullopt;
  }

  const Postoffice* postoffice_;
  std::set<std::string, std::less<>> mailboxes_;
  std::map<std::string, std::string, std::less<>> aliases_;  ///< key to mailbox
  std::set<std::string, std::less<>> groups_;
};

}  // namespace

Expected<std::vector<ChangeProblem>> MailboxChanges::check(
    const std::vector<MailboxChange>& changes) const {
  auto supposed = Supposed::of(postoffice_);
  if (!supposed) return failure(supposed.error());
  std::vector<ChangeProblem> problems;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (auto problem = supposed->change(changes[i])) problems.push_back({i, std::move(*problem)});
  }
  if (!problems.empty()) {
    if (Outcome done = settle_administration(postoffice_); !done.is_delivered()) {
      return failure(done);
    }
  }
  return problems;
}

}  // namespace smtpgate::postoffice
