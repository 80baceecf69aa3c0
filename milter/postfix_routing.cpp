// Which way Postfix sends mail for our domains, worked out as its trivial-rewrite(8) does: the
// domain's address class gives a transport, transport_maps may give another (transport(5)). See
// postfix_view.h.
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "converter/address_list.h"
#include "milter/postfix_tables.h"
#include "milter/postfix_view.h"
#include "postoffice/ascii.h"

namespace smtpgate::milter {

namespace {

/// Where mail of a class goes, and who says which of its recipients exist.
struct AddressClass {
  const char* domains;    ///< the list that says which domains are in it
  const char* transport;  ///< the setting; nullptr: rewritten by virtual_alias_maps only
  const char* recipients;
};

/// In the order in which Postfix looks.
constexpr AddressClass classes[] = {
    {"mydestination", "local_transport", "local_recipient_maps"},
    {"virtual_alias_domains", nullptr, "virtual_alias_maps"},
    {"virtual_mailbox_domains", "virtual_transport", "virtual_mailbox_maps"},
    {"relay_domains", "relay_transport", "relay_recipient_maps"},
};

/// Any name at it: what a table of patterns is asked for.
std::string somebody_at(const std::string& domain) {
  return "postmaster@" + domain;
}

class Routing {
 public:
  Routing(const PostfixView& view, std::vector<std::string> domains)
      : view_(&view),
        domains_(std::move(domains)),
        parents_mean_subdomains_(
            split_postfix_list(view.settings.value("parent_domain_matches_subdomains"))) {
    for (const std::string& domain : domains_) {
      for (std::string& key : keys_of(domain, true)) keys_.insert(std::move(key));
    }
  }

  void check(Findings& findings) {
    std::size_t good = 0;
    for (const std::string& domain : domains_) {
      if (check_domain(domain, findings)) ++good;
    }
    if (good > 0) {
      findings.ok(fmt::format("{} domain{} routed to {}", good, good == 1 ? " is" : "s are",
                              view_->configuration.gateway.transport));
    }
    check_lookups(findings);
  }

  /// What cannot be asked is passed over: it is no mistake of shadow mode.
  void check_shadow(Findings& findings) {
    const auto add = [&](const std::string& text, const char* setting) {
      findings.add("shadow-routed", text + ", and the gateway is in shadow mode",
                   view_->places.setting(setting),
                   "smtpgate-setup remove, then postfix reload; or, if the mail is to be ours: "
                   "[shadow] enabled = false, and systemctl restart smtpgate");
    };
    for (const std::string& domain : domains_) {
      Findings of_the_classes;  // what is said of them is for a gateway that takes mail
      const auto found = class_of(domain, of_the_classes);
      const auto by_map = mapped(domain);
      if (!found || *found == nullptr || !by_map) continue;
      const auto [way, said_by] = way_of(**found, *by_map);
      if (said_by != nullptr && is_ours(way)) {
        add(fmt::format("{} is routed to {}", domain, way), said_by);
      }
    }
    for (const char* name : {"default_transport", "relayhost"}) {
      const std::string& value = view_->settings.value(name);
      if (is_ours(value)) add(fmt::format("{} is {}", name, value), name);
    }
    for (const AddressClass& one : classes) {
      if (asks_lookup(view_->settings.value(one.recipients))) {
        add(fmt::format("{} asks smtpgate lookup", one.recipients), one.recipients);
      }
    }
    for (const char* name : {"smtpd_recipient_restrictions", "smtpgate_rights"}) {
      if (asks_lookup(view_->settings.value(name))) {
        add(fmt::format("{} asks smtpgate lookup", name), name);
      }
    }
  }

 private:
  std::vector<std::string> keys_of(const std::string& domain, bool with_domains) const {
    std::vector<std::string> keys{somebody_at(domain)};
    if (!with_domains) return keys;
    keys.push_back(domain);
    const bool bare = means_subdomains("transport_maps");
    for (std::size_t dot = domain.find('.', 1); dot != std::string::npos;
         dot = domain.find('.', dot + 1)) {
      keys.push_back(domain.substr(bare ? dot + 1 : dot));
    }
    keys.emplace_back("*");
    return keys;
  }

  bool means_subdomains(std::string_view list) const {
    return std::find(parents_mean_subdomains_.begin(), parents_mean_subdomains_.end(), list) !=
           parents_mean_subdomains_.end();
  }

  /// What transport_maps says: nullopt if a table that comes first cannot be read, empty if
  /// nothing.
  std::optional<std::string> mapped(const std::string& domain) {
    const std::vector<std::string> tables =
        split_postfix_list(view_->settings.value("transport_maps"));
    std::vector<const TableAnswers*> answers;
    for (const std::string& table : tables) {
      const auto [known, is_new] = asked_.try_emplace(table);
      if (is_new) known->second = ask_table(view_->program, table, keys_);
      if (!known->second) return std::nullopt;
      answers.push_back(&*known->second);
    }
    // Each key in all tables, then the next key.
    for (const std::string& key : keys_of(domain, true)) {
      for (std::size_t i = 0; i < answers.size(); ++i) {
        if (holds_patterns(tables[i]) && key.find('@') == std::string::npos) continue;
        const auto found = answers[i]->find(key);
        if (found != answers[i]->end()) return found->second;
      }
    }
    return std::string();
  }

  /// The class that Postfix takes; nullptr: none. nullopt: a list cannot be read.
  std::optional<const AddressClass*> class_of(const std::string& domain, Findings& findings) {
    const AddressClass* first = nullptr;
    std::string lists;
    std::size_t count = 0;
    for (const AddressClass& one : classes) {
      std::string list = view_->settings.value(one.domains);
      // Its default is a table, of which Postfix takes "domain anything" entries alone.
      if (one.transport == nullptr && list == view_->settings.value("virtual_alias_maps")) {
        list.clear();
      }
      const InList found =
          is_in_domain_list(view_->program, list, domain, means_subdomains(one.domains));
      if (found == InList::unknown && first == nullptr) return std::nullopt;
      if (found != InList::yes) continue;
      if (first == nullptr) first = &one;
      lists += (count++ == 0 ? "" : " and ") + std::string(one.domains);
    }
    if (count > 1) {
      findings.add("domain-two-classes", domain + " is in " + lists,
                   view_->places.setting(first->domains), "take it out of all but one of them");
    }
    return first;
  }

  bool check_domain(const std::string& domain, Findings& findings) {
    const auto found = class_of(domain, findings);
    const auto by_map = mapped(domain);
    if (!found || !by_map) {
      findings.add("domain-unclear",
                   fmt::format("where {} is routed to is not known: a table cannot be asked "
                               "(postmap -q)",
                               domain),
                   view_->places.setting(found ? "transport_maps" : "virtual_mailbox_domains"),
                   "run the check as root; make sure that transport_maps sends the domain to " +
                       view_->configuration.gateway.transport);
      return false;
    }
    if (*found == nullptr) {
      findings.add("domain-refused",
                   domain +
                       " is no domain of Postfix's: it is in none of mydestination, "
                       "virtual_mailbox_domains, relay_domains",
                   view_->places.setting("virtual_mailbox_domains"), "smtpgate-setup apply");
      return false;
    }
    classes_used_.insert(*found);
    const auto [way, said_by] = way_of(**found, *by_map);
    return check_way(domain, way, said_by, **found, findings);
  }

  struct Way {
    std::string transport;
    const char* said_by;  ///< the setting; nullptr: none
  };
  Way way_of(const AddressClass& address_class, const std::string& by_map) const {
    if (!by_map.empty() && by_map.front() != ':') return {by_map, "transport_maps"};
    if (address_class.transport == nullptr) return {"error", nullptr};
    return {view_->settings.value(address_class.transport), address_class.transport};
  }

  bool is_ours(const std::string& way) const {
    const std::string& transport = view_->configuration.gateway.transport;
    return way == transport || way.starts_with(transport + ":");
  }

  bool check_way(const std::string& domain, const std::string& way, const char* said_by,
                 const AddressClass& address_class, Findings& findings) {
    const std::string& transport = view_->configuration.gateway.transport;
    if (!is_ours(way)) {
      findings.add("domain-elsewhere",
                   fmt::format("{} is routed to {}, and not to {}", domain,
                               way.empty() ? "nothing" : way, transport),
                   view_->places.setting(said_by == nullptr ? address_class.domains : said_by),
                   "smtpgate-setup apply");
      return false;
    }
    const std::string place = way.size() > transport.size() ? way.substr(transport.size() + 1) : "";
    if (leads_to_door(place)) return true;
    findings.add("domain-other-door",
                 fmt::format("{} is routed to {}, and no smtpgate deliver of master.cf is there",
                             domain, way),
                 view_->places.setting(said_by),
                 "smtpgate-setup remove, then smtpgate-setup apply");
    return false;
  }

  /// "unix:private/NAME" of a service that is door 2. What is no such socket is not judged.
  bool leads_to_door(const std::string& place) const {
    constexpr std::string_view socket = "unix:private/";
    if (!place.starts_with(socket)) return !place.empty();
    const auto& services = view_->settings.services();
    return std::any_of(services.begin(), services.end(), [&](const PostfixService& service) {
      return service.fields[0] == std::string_view(place).substr(socket.size()) &&
             spawns(service, "deliver");
    });
  }

  bool asks_lookup(const std::string& maps) const {
    const auto& services = view_->settings.services();
    for (const std::string& table : split_postfix_list(maps)) {
      for (const PostfixService& service : services) {
        if (table.starts_with("socketmap:unix:private/" + service.fields[0] + ":") &&
            spawns(service, "lookup")) {
          return true;
        }
      }
    }
    return false;
  }

  void check_lookups(Findings& findings) {
    for (const AddressClass* one : classes_used_) {
      if (one->transport == nullptr) continue;
      if (asks_lookup(view_->settings.value(one->recipients))) {
        findings.ok(fmt::format("{} asks smtpgate lookup", one->recipients));
      } else {
        findings.add("lookup-not-asked",
                     fmt::format("{}, which says who exists in {}, does not ask smtpgate lookup",
                                 one->recipients, one->domains),
                     view_->places.setting(one->recipients), "smtpgate-setup apply");
      }
    }
  }

  const PostfixView* view_;
  std::vector<std::string> domains_;
  std::vector<std::string> parents_mean_subdomains_;
  std::set<std::string> keys_;
  std::map<std::string, std::optional<TableAnswers>> asked_;
  std::set<const AddressClass*> classes_used_;
};

/// Those of postoffices served here, in each spelling; for a line with a leading dot a name below.
std::vector<std::string> our_domains(const Configuration& configuration) {
  std::vector<std::string> result;
  for (const converter::AddressMap::Entry& entry : configuration.converter.map.entries()) {
    if (configuration.find_postoffice(entry.postoffice) == nullptr) continue;
    if (entry.domain.starts_with('.')) {
      result.push_back("any" + entry.domain);
      continue;
    }
    for (std::string& spelling : converter::domain_spellings(entry.domain)) {
      if (std::find(result.begin(), result.end(), spelling) == result.end()) {
        result.push_back(std::move(spelling));
      }
    }
  }
  return result;
}

}  // namespace

void check_shadow_routing(const PostfixView& view, Findings& findings) {
  Routing(view, our_domains(view.configuration)).check_shadow(findings);
}

void check_routing(const PostfixView& view, Findings& findings) {
  Routing(view, our_domains(view.configuration)).check(findings);
  const std::string& transport = view.configuration.gateway.transport;
  for (const char* name : {"default_transport", "relayhost"}) {
    const std::string& value = view.settings.value(name);
    if (value != transport && !value.starts_with(transport + ":")) continue;
    findings.add("default-is-ours", fmt::format("{} is our own transport, {}", name, value),
                 view.places.setting(name),
                 name == std::string_view("relayhost") ? view.places.edit(name, "")
                                                       : view.places.edit(name, "smtp"));
  }
}

}  // namespace smtpgate::milter
