// Our names held against Postfix's address tables: see the header.
#include "milter/postfix_rewrites.h"

#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "converter/address_list.h"
#include "milter/postfix_tables.h"
#include "postoffice/ascii.h"
#include "postoffice/groups.h"
#include "postoffice/postoffice.h"

namespace smtpgate::milter {

using postoffice::Postoffice;

namespace {

constexpr std::size_t most_told = 3;

struct Names {
  std::set<std::string> addresses;  ///< as a table of Postfix has them
  std::set<std::string> domains;
  bool catch_all = false;
};

/// Mailboxes, aliases and groups of one postoffice at one of its domains.
void add_names(const Postoffice& office, const std::string& domain, Names& names) {
  const auto add = [&](const std::string& local) {
    names.addresses.insert(converter::InternetAddress{local, domain}.str());
  };
  for (const std::string& name : office.list_mailboxes().value_or(std::vector<std::string>())) {
    add(name);
  }
  for (const std::string& name :
       postoffice::list_groups(office).value_or(std::vector<std::string>())) {
    add(name);
  }
  for (const Postoffice::Alias& alias :
       office.list_aliases().value_or(std::vector<Postoffice::Alias>())) {
    if (alias.name.find('@') == std::string::npos) {
      add(alias.name);
    } else {
      names.addresses.insert(alias.name);
    }
  }
  names.catch_all = names.catch_all || !office.settings().catch_all.empty();
}

Names our_names(const Configuration& configuration) {
  Names names;
  for (const converter::ServedPostoffice& served : configuration.converter.postoffices) {
    const auto office = Postoffice::open(served.directory);
    if (!office) continue;
    for (const converter::AddressMap::Entry& entry : configuration.converter.map.entries()) {
      if (!(entry.postoffice == served.name) || entry.domain.starts_with('.')) continue;
      names.domains.insert(entry.domain);
      add_names(*office, entry.domain, names);
    }
  }
  return names;
}

/// Which keys of `table` stand for one of our names; nullopt if it cannot be read.
std::optional<std::set<std::string>> rewritten_by(const PostfixProgram& program,
                                                  const std::string& table, const Names& names) {
  std::set<std::string> keys = names.addresses;
  if (!holds_patterns(table)) {
    for (const std::string& domain : names.domains) keys.insert("@" + domain);
  }
  const auto answers = ask_table(program, table, keys);
  if (!answers) return std::nullopt;
  std::set<std::string> found;
  for (const auto& [key, value] : *answers) {
    // An address that stands for itself, as beside a catch-all of Postfix's, loses nothing.
    if (!equals_ignoring_case(key, value)) found.insert(key);
  }
  return found;
}

std::string first_of(const std::set<std::string>& addresses) {
  std::string text;
  std::size_t told = 0;
  for (const std::string& address : addresses) {
    if (told == most_told) return text + fmt::format(" and {} more", addresses.size() - told);
    text += (told++ == 0 ? "" : ", ") + address;
  }
  return text;
}

void check_list(const PostfixView& view, const char* parameter, const Names& names,
                Findings& findings) {
  const std::string place = view.places.setting(parameter);
  std::set<std::string> rewritten;
  for (const std::string& table : split_postfix_list(view.settings.value(parameter))) {
    const auto found = rewritten_by(view.program, table, names);
    if (found) {
      rewritten.insert(found->begin(), found->end());
    } else {
      findings.add("table-unreadable",
                   fmt::format("{} names {}, which postmap -q cannot read", parameter, table),
                   place, "run the check as root; postmap -q NAME@DOMAIN " + shell_word(table));
    }
  }
  if (!rewritten.empty()) {
    findings.add(
        "name-rewritten",
        fmt::format("{} rewrites {}, and we have that name too", parameter, first_of(rewritten)),
        place,
        "take it out of one of the two: a postoffice has aliases, groups and forwards of "
        "its own");
  } else {
    findings.ok(fmt::format("{} rewrites none of our {} names", parameter, names.addresses.size()));
  }
  if (names.catch_all) {
    findings.add("catch-all-rewritten",
                 fmt::format("{} is set and a postoffice has a catch_all", parameter), place,
                 "take the catch_all out of GLB/postoffice.toml, or our domains out of the table");
  }
}

}  // namespace

void check_rewrites(const PostfixView& view, Findings& findings) {
  std::optional<Names> names;
  for (const char* parameter :
       {"virtual_alias_maps", "canonical_maps", "recipient_canonical_maps"}) {
    if (view.settings.value(parameter).empty()) continue;
    if (!names) names = our_names(view.configuration);
    check_list(view, parameter, *names, findings);
  }
  if (!view.settings.value("virtual_alias_maps").empty() &&
      view.configuration.gateway.unknown_recipient == UnknownRecipient::refuse) {
    findings.add("alias-refused",
                 "virtual_alias_maps is set, and [gateway] unknown_recipient is \"refuse\"",
                 view.places.setting("virtual_alias_maps"),
                 "write unknown_recipient = \"leave\" into " + view.configuration.path +
                     "; the look-up still refuses who is unknown to both");
  }
}

}  // namespace smtpgate::milter
