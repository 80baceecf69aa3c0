// The order of addresses: see the header.
#include "milter/recipient_resolver.h"

#include <utility>

#include "milter/wrapping.h"
#include "postoffice/ascii.h"
#include "postoffice/groups.h"

namespace smtpgate::milter {

using converter::InternetAddress;
using postoffice::Postoffice;

namespace {

Resolution refused(Resolution::Kind kind, Outcome outcome,
                   const postoffice::PostofficeName& postoffice = {}) {
  return {kind, {postoffice, {}}, {}, std::move(outcome)};
}

/// No mailbox, alias or group is called so; that a catch-all would take it does not count.
bool is_nobodys_name(const Expected<postoffice::Resolved>& resolved) {
  if (!resolved) return resolved.error().is_permanent();
  return resolved->how != "mailbox" && resolved->how != "alias" && resolved->how != "group";
}

}  // namespace

RecipientResolver::RecipientResolver(const Configuration& configuration,
                                     postoffice::FileSystem& files)
    : configuration_(configuration), files_(files) {}

Resolution RecipientResolver::resolve_path(std::string_view path) {
  const auto address = converter::parse_path(path);
  if (!address || address->local_part.empty()) {
    return refused(Resolution::Kind::no_address,
                   Outcome::permanent(std::string(path) + " is no mail address; "
                                                          "write local-part@domain",
                                      "5.1.3"));
  }
  return resolve(*address);
}

Resolution RecipientResolver::resolve(const InternetAddress& address) {
  const std::string domain = converter::canonical_domain(address.domain);
  const converter::ServedPostoffice* served = nullptr;
  if (domain.empty() && equals_ignoring_case(address.local_part, "postmaster") &&
      !configuration_.converter.postoffices.empty()) {
    // RFC 5321, 4.5.1: postmaster exists without a domain too; the first postoffice has it.
    served = &configuration_.converter.postoffices.front();
  } else if (const auto* entry = configuration_.converter.map.find(domain)) {
    served = configuration_.find_postoffice(entry->postoffice);
  }
  if (served == nullptr) {
    return refused(
        Resolution::Kind::unknown_domain,
        Outcome::temporary("the address map has no postoffice for the domain \"" + domain +
                               "\"; add it to ADDR_MAP.CFG, or do not route "
                               "it to the gateway",
                           "4.3.5"));
  }
  const Expected<Postoffice>& opened = open(*served);
  if (!opened) return refused(Resolution::Kind::unavailable, opened.error(), served->name);
  auto resolved = opened->resolve(address.local_part, domain);
  const bool is_encapsulated = !configuration_.converter.peers.empty() &&
                               equals_ignoring_case(address.local_part, encapsulation_name) &&
                               is_nobodys_name(resolved);
  if (is_encapsulated) resolved = opened->resolve("postmaster", domain);
  if (!resolved) {
    const auto kind = resolved.error().is_permanent() ? Resolution::Kind::unknown_mailbox
                                                      : Resolution::Kind::unavailable;
    return refused(kind, resolved.error(), served->name);
  }
  const bool is_group = !resolved->group.empty();
  const std::string& name = is_group ? resolved->group : resolved->mailbox;
  return {is_group ? Resolution::Kind::group : Resolution::Kind::mailbox,
          {served->name, name},
          resolved->how,
          Outcome::delivered("is " + served->name.str() + "/" + name, "2.1.5"),
          is_encapsulated};
}

Expected<bool> RecipientResolver::stays_here(const Resolution& resolution) {
  if (resolution.is_encapsulated) return false;
  const auto* served = configuration_.find_postoffice(resolution.address.postoffice);
  if (served == nullptr) return failure(Outcome::temporary("not served", "4.3.5"));
  const Expected<Postoffice>& opened = open(*served);
  if (!opened) return failure(opened.error());
  postoffice::Resolved resolved;
  (resolution.kind == Resolution::Kind::group ? resolved.group : resolved.mailbox) =
      resolution.address.mailbox;
  const auto distribution = postoffice::distribute(*opened, resolved);
  if (!distribution) return failure(distribution.error());
  return distribution->is_plain();
}

const Expected<Postoffice>& RecipientResolver::open(const converter::ServedPostoffice& served) {
  auto found = opened_.find(served.directory);
  if (found == opened_.end()) {
    found = opened_.emplace(served.directory, Postoffice::open(served.directory, files_)).first;
  }
  return found->second;
}

InternetAddress parse_internal_address(std::string_view text) {
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos) return {std::string(text), {}};
  return {std::string(text.substr(0, at)), std::string(text.substr(at + 1))};
}

}  // namespace smtpgate::milter
