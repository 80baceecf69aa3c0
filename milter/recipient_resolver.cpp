// The order of addresses: see the header.
#include "milter/recipient_resolver.h"

#include <utility>

#include "milter/shadow.h"
#include "milter/wrapping.h"
#include "postoffice/ascii.h"
#include "postoffice/company_alias.h"
#include "postoffice/groups.h"
#include "postoffice/usage.h"

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
  auto [served, resolved] = search(address.local_part, domain);
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

RecipientResolver::Found RecipientResolver::search(const std::string& local_part,
                                                   const std::string& domain) {
  std::vector<const converter::ServedPostoffice*> having;
  if (domain.empty() && equals_ignoring_case(local_part, "postmaster") &&
      !configuration_.converter.postoffices.empty()) {
    // RFC 5321, 4.5.1: postmaster exists without a domain too; the first postoffice has it.
    having.push_back(&configuration_.converter.postoffices.front());
  } else {
    for (const auto* entry : configuration_.converter.map.find_all(domain)) {
      if (const auto* served = configuration_.find_postoffice(entry->postoffice)) {
        having.push_back(served);
      }
    }
  }
  if (having.empty()) return {nullptr, failure(Outcome::temporary("not served", "4.3.5"))};
  if (having.size() > 1) return search_shared(having, local_part, domain);
  const Expected<Postoffice>& opened = open(*having.front());
  if (!opened) return {having.front(), failure(opened.error())};
  return {having.front(), opened->resolve(local_part, domain)};
}

/// The whole address as an alias, in any of them; then the name; then a catch-all. One that cannot
/// be read may be the one that has it, so what comes after it is not asked.
RecipientResolver::Found RecipientResolver::search_shared(
    const std::vector<const converter::ServedPostoffice*>& sharing, const std::string& local_part,
    const std::string& domain) {
  for (const auto* served : sharing) {
    const Expected<Postoffice>& opened = open(*served);
    if (!opened) return {served, failure(opened.error())};
    auto found = postoffice::resolve_whole_address(*opened, local_part, domain);
    if (!found) return {served, failure(found.error())};
    if (*found) return {served, std::move(**found)};
  }
  std::optional<Found> caught;
  std::optional<Found> unknown;
  for (const auto* served : sharing) {
    auto resolved = open(*served)->resolve(local_part, domain);
    if (!resolved && resolved.error().is_temporary()) return {served, std::move(resolved)};
    const bool is_caught = resolved && resolved->how == "catch-all";
    if (resolved && !is_caught) return {served, std::move(resolved)};
    std::optional<Found>& first = is_caught ? caught : unknown;
    if (!first) first.emplace(Found{served, std::move(resolved)});
  }
  if (caught) return std::move(*caught);
  return {unknown->served,
          failure(Outcome::permanent("no postoffice of " + domain + " has a mailbox " + local_part,
                                     "5.1.1"))};
}

Expected<bool> RecipientResolver::stays_here(const Resolution& resolution, bool is_from_internet) {
  if (resolution.is_encapsulated) return false;
  const auto* served = configuration_.find_postoffice(resolution.address.postoffice);
  if (served == nullptr) return failure(Outcome::temporary("not served", "4.3.5"));
  const Expected<Postoffice>& opened = open(*served);
  if (!opened) return failure(opened.error());
  postoffice::Resolved resolved;
  (resolution.kind == Resolution::Kind::group ? resolved.group : resolved.mailbox) =
      resolution.address.mailbox;
  const auto distribution =
      postoffice::distribute(*opened, resolved, {.is_from_internet = is_from_internet});
  if (!distribution) return failure(distribution.error());
  for (const auto& [mailbox, quota] : distribution->quotas) {
    if (!postoffice::is_surely_full(*opened, mailbox, quota)) continue;
    return failure(Outcome::temporary("mailbox " + mailbox + " is full", "4.2.2"));
  }
  return distribution->is_plain();
}

std::optional<Outcome> RecipientResolver::why_not_from_internet(const Resolution& resolution) {
  if (resolution.kind != Resolution::Kind::mailbox || resolution.is_encapsulated) {
    return std::nullopt;
  }
  const auto* served = configuration_.find_postoffice(resolution.address.postoffice);
  if (served == nullptr) return std::nullopt;
  const Expected<Postoffice>& opened = open(*served);
  if (!opened) return opened.error();
  const std::string& mailbox = resolution.address.mailbox;
  const auto settings = postoffice::read_mailbox_settings(*opened, mailbox);
  if (!settings) return settings.error();
  return postoffice::why_not_from_internet(mailbox, *settings);
}

std::optional<std::string> RecipientResolver::name_at(const postoffice::NativeAddress& address,
                                                      const std::string& domain) {
  const auto* served = configuration_.find_postoffice(address.postoffice);
  if (served == nullptr) return address.mailbox;
  const Expected<Postoffice>& opened = open(*served);
  if (!opened) return std::nullopt;
  const auto own = opened->resolve(address.mailbox);
  if (!own) return std::nullopt;
  const auto comes_to_it = [&](const std::string& name) {
    const auto [found, resolved] = search(name, domain);
    return found == served && resolved && resolved->mailbox == own->mailbox &&
           resolved->group == own->group;
  };
  if (comes_to_it(address.mailbox)) return address.mailbox;
  for (const Postoffice::Alias& alias :
       opened->list_aliases().value_or(std::vector<Postoffice::Alias>())) {
    const InternetAddress whole = parse_internal_address(alias.name);
    if (converter::canonical_domain(whole.domain) != domain) continue;
    if (postoffice::fold_mailbox_name(alias.mailbox) != own->mailbox) continue;
    if (comes_to_it(whole.local_part)) return whole.local_part;
  }
  return std::nullopt;
}

const Expected<Postoffice>& RecipientResolver::open(const converter::ServedPostoffice& served) {
  auto found = opened_.find(served.directory);
  if (found == opened_.end()) {
    auto opened = Postoffice::open(served.directory, files_);
    if (auto wrong = why_wrong_kind(configuration_, served, files_); opened && wrong) {
      opened = failure(std::move(*wrong));
    }
    found = opened_.emplace(served.directory, std::move(opened)).first;
  }
  return found->second;
}

InternetAddress parse_internal_address(std::string_view text) {
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos) return {std::string(text), {}};
  return {std::string(text.substr(0, at)), std::string(text.substr(at + 1))};
}

}  // namespace smtpgate::milter
