// Aliases that are whole addresses; see the header.
#include "postoffice/company_alias.h"

#include <string>
#include <utility>

#include "postoffice/aliases.h"

namespace smtpgate::postoffice {

Expected<std::optional<Resolved>> resolve_whole_address(const Postoffice& postoffice,
                                                        std::string_view local_part,
                                                        std::string_view domain) {
  auto aliases = read_aliases(postoffice);
  if (!aliases) return failure(aliases.error());
  const AliasEntry* entry = aliases->find(alias_key(local_part, domain));
  const std::string& delimiters = postoffice.settings().recipient_delimiter;
  if (entry == nullptr && !delimiters.empty()) {
    const std::size_t end = local_part.find_first_of(delimiters, 1);
    if (end != std::string_view::npos) {
      entry = aliases->find(alias_key(local_part.substr(0, end), domain));
    }
  }
  if (entry == nullptr) return std::nullopt;
  // By its name, so that a mailbox that was renamed or is gone is judged as ever.
  auto found = postoffice.resolve(entry->mailbox);
  const bool is_mailbox =
      found && (found->how == "mailbox" || found->how == "alias" || found->how == "postmaster");
  if (is_mailbox && !found->mailbox.empty()) {
    found->how = "alias";
    return std::move(*found);
  }
  if (!found && found.error().is_temporary()) return failure(found.error());
  return failure(Outcome::temporary(
      "alias " + entry->name + " of postoffice " + postoffice.settings().name.str() +
          " points to mailbox " + entry->mailbox +
          ", which does not exist; add the mailbox or change the line",
      "4.3.5"));
}

}  // namespace smtpgate::postoffice
