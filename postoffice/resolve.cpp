// Postoffice::resolve(): whose mailbox is a name? The order is docs/postoffice-format.md, "Whose
// mailbox is a name"; this is the one place that knows it.
//
// What it must never do is call a name unknown because the disk is in trouble: the sender would
// get a bounce for a mailbox that exists. So only a plain "no such directory" in a folder that is
// visibly there is unknown; all else is temporary.
#include <cerrno>
#include <utility>

#include "postoffice/alias_file.h"
#include "postoffice/aliases.h"
#include "postoffice/folder.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

namespace {

/// One name to find, and what is known so far; ALIAS is read once and only when it is needed.
class Search {
 public:
  Search(const Postoffice& postoffice, std::string_view domain)
      : postoffice_(postoffice), domain_(domain) {}

  /// The mailbox of exactly that name, or of an alias of that name; nothing if there is neither.
  Expected<std::optional<Resolved>> find(std::string_view local_part) {
    const std::string folded = fold_mailbox_name(local_part);
    auto exists = mailbox_exists(folded);
    if (!exists) return failure(exists.error());
    if (*exists) return Resolved{folded, "mailbox"};
    if (folded == layout::postmaster) return make_postmaster();
    return find_alias(local_part);
  }

  /// The mailbox `name` that the configuration points to ("alias x", "catch_all").
  Expected<Resolved> follow(const std::string& mailbox, const std::string& pointer,
                            std::string how) {
    auto exists = mailbox_exists(mailbox);
    if (!exists) return failure(exists.error());
    if (*exists) return Resolved{mailbox, std::move(how)};
    if (mailbox == layout::postmaster) {
      auto made = make_postmaster();
      if (!made) return failure(made.error());
      return Resolved{mailbox, std::move(how)};
    }
    if (auto problem = why_not_there(postoffice_)) return failure(*problem);
    return failure(Outcome::temporary(pointer + " points to mailbox " + mailbox +
                                          ", which does not exist; add the mailbox or " +
                                          "change the line",
                                      "4.3.5"));
  }

 private:
  Expected<bool> mailbox_exists(const std::string& folded) {
    if (why_bad_mailbox_name(folded)) return false;
    auto status = postoffice_.files().status(postoffice_.mailbag_directory(folded));
    if (status) {
      if (status->kind == FileKind::directory) return true;
      return failure(Outcome::temporary(postoffice_.mailbag_directory(folded) +
                                            " is no directory; remove it, or make it a mailbox",
                                        "4.3.5"));
    }
    if (status.error().code == ENOENT || status.error().code == ENOTDIR) return false;
    return failure(status.error().outcome());
  }

  /// Somebody removed it; but mail to postmaster must always be taken (RFC 5321, 4.5.1).
  Expected<std::optional<Resolved>> make_postmaster() {
    if (auto problem = why_not_there(postoffice_)) return failure(*problem);
    const Outcome made = postoffice_.add_mailbox(layout::postmaster);
    const std::string name(layout::postmaster);
    if (made.is_delivered()) return Resolved{name, "postmaster"};
    auto exists = mailbox_exists(name);  // another process may have been faster
    if (exists && *exists) return Resolved{name, "postmaster"};
    return failure(made.is_temporary() ? made : Outcome::temporary(made.sentence(), "4.3.5"));
  }

  Expected<std::optional<Resolved>> find_alias(std::string_view local_part) {
    if (!aliases_) {
      auto file = read_aliases(postoffice_);
      if (!file) return failure(file.error());
      aliases_ = std::move(*file);
    }
    const AliasEntry* entry = nullptr;
    if (!domain_.empty()) entry = aliases_->find(alias_key(local_part, domain_));
    if (entry == nullptr) entry = aliases_->find(alias_key(local_part, {}));
    if (entry == nullptr) return std::nullopt;
    auto found = follow(entry->mailbox,
                        postoffice_.path(layout::aliases) + ":" + std::to_string(entry->line) +
                            ": alias " + entry->name,
                        "alias");
    if (!found) return failure(found.error());
    return std::move(*found);
  }

  const Postoffice& postoffice_;
  std::string_view domain_;
  std::optional<AliasFile> aliases_;
};

/// "anna" of "anna+orders": up to the first delimiter that has something before it.
std::optional<std::string_view> without_extension(std::string_view local_part,
                                                  std::string_view delimiters) {
  const std::size_t at =
      delimiters.empty() ? std::string_view::npos : local_part.find_first_of(delimiters, 1);
  if (at == std::string_view::npos) return std::nullopt;
  return local_part.substr(0, at);
}

}  // namespace

Expected<Resolved> Postoffice::resolve(std::string_view local_part, std::string_view domain) const {
  Search search(*this, domain);
  auto found = search.find(local_part);
  if (!found) return failure(found.error());
  if (*found) return std::move(**found);

  if (auto base = without_extension(local_part, settings_.recipient_delimiter)) {
    found = search.find(*base);
    if (!found) return failure(found.error());
    if (*found) {
      // "mailbox" would hide that the name was shortened; an alias stays an alias.
      if ((*found)->how == "mailbox") (*found)->how = "delimiter";
      return std::move(**found);
    }
  }
  if (!settings_.catch_all.empty()) {
    return search.follow(settings_.catch_all, path(layout::settings) + ": catch_all", "catch-all");
  }
  if (auto problem = why_not_there(*this)) return failure(*problem);
  return failure(Outcome::permanent(
      "there is no mailbox " + std::string(local_part) + " in postoffice " + settings_.name.str(),
      "5.1.1"));
}

}  // namespace smtpgate::postoffice
