// Our names held against Postfix's address tables: see the header.
#include "milter/postfix_rewrites.h"

#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "converter/address_list.h"
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

/// Postfix tries "@domain" in tables that hold keys, not in those that hold patterns.
bool holds_patterns(std::string_view table) {
  for (const std::string_view kind : {"regexp:", "pcre:", "tcp:"}) {
    if (table.starts_with(kind)) return true;
  }
  return false;
}

class Rewrites {
 public:
  Rewrites(const PostfixProgram& program, const Names& names) : program_(&program) {
    for (const std::string& address : names.addresses) addresses_ += address + "\n";
    for (const std::string& domain : names.domains) domains_ += "@" + domain + "\n";
  }

  /// Asks one table of the list `parameter`; false if it cannot be read.
  bool ask(const std::string& table) {
    const PostfixAnswer answer = (*program_)({"postmap", "-q", "-", table}, keys_for(table));
    // Not found is exit code 1 too, but without a word about it.
    if (!answer.good && answer.complaint.find("fatal:") != std::string::npos) return false;
    std::string_view rest = answer.output;
    while (!rest.empty()) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
      const std::size_t tab = line.find('\t');
      if (tab == std::string_view::npos) continue;
      const std::string_view key = line.substr(0, tab);
      // An address that stands for itself, as beside a catch-all of Postfix's, loses nothing.
      if (!equals_ignoring_case(key, trim(line.substr(tab + 1)))) found_.emplace(key);
    }
    return true;
  }

  const std::set<std::string>& found() const { return found_; }

 private:
  std::string keys_for(const std::string& table) const {
    return holds_patterns(table) ? addresses_ : addresses_ + domains_;
  }

  const PostfixProgram* program_;
  std::string addresses_;
  std::string domains_;
  std::set<std::string> found_;
};

std::string first_of(const std::set<std::string>& addresses) {
  std::string text;
  std::size_t told = 0;
  for (const std::string& address : addresses) {
    if (told == most_told) return text + fmt::format(" and {} more", addresses.size() - told);
    text += (told++ == 0 ? "" : ", ") + address;
  }
  return text;
}

void check_list(const std::string& parameter, const std::string& value, const Names& names,
                const PostfixProgram& program, std::vector<Finding>& findings) {
  Rewrites rewrites(program, names);
  for (const std::string& table : split_postfix_list(value)) {
    if (rewrites.ask(table)) continue;
    findings.push_back(
        {FindingKind::warning,
         fmt::format("Postfix: {} names {}, which postmap -q cannot read; make sure that it "
                     "rewrites no name of a postoffice, or claiming it cancels the rewriting",
                     parameter, table)});
  }
  if (!rewrites.found().empty()) {
    findings.push_back(
        {FindingKind::error,
         fmt::format("Postfix: {} rewrites {}, and we have that name too: claiming it cancels what "
                     "the table makes of it; take it out of one of the two (a postoffice has "
                     "aliases, groups and forwards of its own)",
                     parameter, first_of(rewrites.found()))});
  } else {
    findings.push_back({FindingKind::ok, fmt::format("Postfix: {} rewrites none of our {} names",
                                                     parameter, names.addresses.size())});
  }
  if (names.catch_all) {
    findings.push_back(
        {FindingKind::warning,
         fmt::format("Postfix: {} is set and a postoffice has a catch_all, which takes what the "
                     "table rewrites at the same domain: claiming it cancels the rewriting",
                     parameter)});
  }
}

}  // namespace

std::vector<Finding> check_rewrites(const Configuration& configuration,
                                    const PostfixSettings& settings,
                                    const PostfixProgram& program) {
  std::vector<Finding> findings;
  std::optional<Names> names;
  for (const char* parameter :
       {"virtual_alias_maps", "canonical_maps", "recipient_canonical_maps"}) {
    const std::string& value = settings.value(parameter);
    if (value.empty()) continue;
    if (!names) names = our_names(configuration);
    check_list(parameter, value, *names, program, findings);
  }
  if (!settings.value("virtual_alias_maps").empty() &&
      configuration.gateway.unknown_recipient == UnknownRecipient::refuse) {
    findings.push_back({FindingKind::warning,
                        "Postfix: virtual_alias_maps is set: door 1 refuses an alias at our "
                        "domains that is no name of a postoffice; set unknown_recipient = "
                        "\"leave\", the look-up refuses the others"});
  }
  return findings;
}

}  // namespace smtpgate::milter
