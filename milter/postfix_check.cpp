// How mail passes our milter, and Postfix's settings that change what it sees or what a claim does:
// see the header. Services of ours in master.cf: postfix_services.cpp. Domains:
// postfix_routing.cpp.
#include "milter/postfix_check.h"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "milter/discard_claim.h"
#include "milter/postfix_rewrites.h"
#include "milter/postfix_tables.h"
#include "milter/postfix_view.h"
#include "postoffice/ascii.h"
#include "postoffice/postoffice.h"

namespace smtpgate::milter {

namespace {

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// One entry of a list of milters: its address, and what is said of it alone.
struct MilterEntry {
  std::string written;  ///< without braces
  std::string address;
  std::map<std::string, std::string> attributes;
};

MilterEntry parse_milter_entry(const std::string& written) {
  MilterEntry result{written, {}, {}};
  for (const std::string& word : split_postfix_list(written)) {
    const std::size_t equals = word.find('=');
    if (result.address.empty()) {
      result.address = word;
    } else if (equals != std::string::npos) {
      result.attributes[word.substr(0, equals)] = word.substr(equals + 1);
    }
  }
  return result;
}

/// "a = b" and "a=b" are the same to Postfix within braces.
std::string without_blanks_at_equals(std::string text) {
  for (std::size_t at = text.find('='); at != std::string::npos; at = text.find('=', at + 1)) {
    while (at + 1 < text.size() && is_blank(text[at + 1])) text.erase(at + 1, 1);
    while (at > 0 && is_blank(text[at - 1])) text.erase(--at, 1);
  }
  return text;
}

std::vector<MilterEntry> milter_entries(const std::string& value) {
  std::vector<MilterEntry> result;
  for (const std::string& entry : split_postfix_list(value)) {
    result.push_back(parse_milter_entry(without_blanks_at_equals(entry)));
  }
  return result;
}

/// An entry as it is written in a list: in braces if it has more than an address.
std::string in_list(const MilterEntry& entry) {
  return entry.written == entry.address ? entry.address : "{ " + entry.written + " }";
}

/// The path of an address; empty if it is no Unix socket.
std::string socket_path(std::string_view address) {
  for (const std::string_view prefix : {"unix:", "local:"}) {
    if (address.starts_with(prefix)) return std::string(address.substr(prefix.size()));
  }
  return {};
}

/// Where a program of Postfix finds `path`: they all work in the queue directory, and for a
/// chrooted one that is the root too.
std::string seen_by_postfix(const std::string& path, const std::string& queue_directory,
                            bool chrooted) {
  if (!path.starts_with('/')) return queue_directory + "/" + path;
  return chrooted ? queue_directory + path : path;
}

bool names_socket(const MilterEntry& entry, const PostfixView& view) {
  const std::string path = socket_path(entry.address);
  const std::string& queue_directory = view.settings.value("queue_directory");
  const std::string& socket = view.configuration.milter.socket;
  return !path.empty() && (seen_by_postfix(path, queue_directory, false) == socket ||
                           seen_by_postfix(path, queue_directory, true) == socket);
}

/// "" for what main.cf says, else the service whose own -o it is.
std::string of_service(const PostfixService& service, const char* name) {
  if (!service.options.contains(name)) return {};
  return "the service " + service.fields[0] + ": ";
}

/// How our entry is to be written, with what it says already.
std::string good_entry(const MilterEntry& entry) {
  std::string text = "{ " + entry.address + ", default_action=accept";
  for (const auto& [name, value] : entry.attributes) {
    if (name != "default_action") text += ", " + name + "=" + value;
  }
  return text + " }";
}

/// Ours once, even where our socket is named twice.
std::string list_with_ours_last(const std::vector<MilterEntry>& entries, const MilterEntry& ours,
                                const PostfixView& view) {
  std::string text;
  for (const MilterEntry& entry : entries) {
    if (!names_socket(entry, view)) text += in_list(entry) + ", ";
  }
  return text + good_entry(ours);
}

/// An smtpd, chrooted or not, must reach the socket by the spelling of the entry.
void check_reach(const PostfixView& view, const PostfixService& service, const MilterEntry& ours,
                 Findings& findings) {
  const std::string& queue_directory = view.settings.value("queue_directory");
  const std::string& socket = view.configuration.milter.socket;
  const std::string path = socket_path(ours.address);
  if (seen_by_postfix(path, queue_directory, service.is_chrooted()) == socket) return;
  std::string remedy =
      "put the socket below the queue directory ([milter] socket) and name it "
      "without a leading / in smtpd_milters";
  if (socket.starts_with(queue_directory + "/")) {
    MilterEntry right = ours;
    right.address = "unix:" + socket.substr(queue_directory.size() + 1);
    remedy = view.places.edit(service, "smtpd_milters", list_with_ours_last({}, right, view));
  }
  findings.add("milter-unreachable",
               fmt::format("the service {} in master.cf is {}chrooted and does not find our socket "
                           "by {}",
                           service.fields[0], service.is_chrooted() ? "" : "not ", path),
               view.places.setting(service, "smtpd_milters"), std::move(remedy));
}

/// What must not be beside our milter on one smtpd.
void check_company(const PostfixView& view, const PostfixService& service, Findings& findings) {
  for (const auto& [name, id] : {std::pair{"smtpd_proxy_filter", "milter-proxy-filter"},
                                 std::pair{"content_filter", "milter-before-filter"}}) {
    if (view.settings.value(service, name).empty()) continue;
    findings.add(
        id, of_service(service, name) + name + " is set beside our milter",
        view.places.setting(service, name),
        (service.fields.empty() ? std::string("put -o smtpd_milters= on the smtpd with the filter")
                                : view.places.edit_own(service, "smtpd_milters", "")) +
            "; our entry belongs on the smtpd that takes the filtered mail back, which "
            "has -o " +
            name + "=");
  }
}

/// How long Postfix waits, for our entry or for all of them.
void check_patience(const PostfixView& view, const PostfixService& service, const MilterEntry& ours,
                    Findings& findings) {
  const auto own = ours.attributes.find("content_timeout");
  const std::string value = own != ours.attributes.end()
                                ? own->second
                                : view.settings.value(service, "milter_content_timeout");
  const auto patience = postfix_seconds(value);
  const long needed = view.configuration.milter.deadline.count();
  if (!patience || *patience > needed) return;
  findings.add("milter-timeout",
               fmt::format("{}Postfix waits {} s for our answer to a message, and the daemon may "
                           "take {} s ([milter] deadline)",
                           of_service(service, "smtpd_milters"), *patience, needed),
               view.places.setting(service, "smtpd_milters"),
               fmt::format("write content_timeout={}s into our entry of smtpd_milters, or make "
                           "[milter] deadline shorter",
                           std::max(240L, needed * 2)));
}

/// One smtpd's list; false if we are not in it, or if it uses none.
bool check_milter_entry(const PostfixView& view, const PostfixService& service,
                        Findings& findings) {
  if (contains(view.settings.value(service, "receive_override_options"), "no_milters")) {
    return false;
  }
  const std::vector<MilterEntry> entries =
      milter_entries(view.settings.value(service, "smtpd_milters"));
  const auto ours = std::find_if(entries.begin(), entries.end(), [&](const MilterEntry& entry) {
    return names_socket(entry, view);
  });
  if (ours == entries.end()) return false;
  const std::string place = view.places.setting(service, "smtpd_milters");
  const std::string prefix = of_service(service, "smtpd_milters");
  const std::string remedy =
      view.places.edit(service, "smtpd_milters", list_with_ours_last(entries, *ours, view));
  const bool is_last = ours + 1 == entries.end();
  if (service.runs("smtpd")) check_reach(view, service, *ours, findings);
  check_company(view, service, findings);
  check_patience(view, service, *ours, findings);
  const auto again = std::find_if(ours + 1, entries.end(), [&](const MilterEntry& entry) {
    return names_socket(entry, view);
  });
  if (again != entries.end()) {
    findings.add("milter-not-last", prefix + "smtpd_milters names our socket twice", place, remedy);
  } else if (!is_last) {
    findings.add("milter-not-last", prefix + "our entry in smtpd_milters is not the last", place,
                 remedy);
  }
  const auto action = ours->attributes.find("default_action");
  if (action == ours->attributes.end() || action->second != "accept") {
    findings.add("milter-no-accept",
                 prefix + "our entry in smtpd_milters lacks default_action=accept", place, remedy);
  } else if (is_last) {
    findings.ok(prefix + "smtpd_milters has our entry, last, with default_action=accept");
  }
  return true;
}

/// Not smtpgate-setup beside a shadow: that would route our domains to us as well.
std::string how_to_add_entry(const PostfixView& view) {
  if (!view.configuration.shadow.enabled) return "smtpgate-setup apply";
  const std::string queue = view.settings.value("queue_directory") + "/";
  const std::string& socket = view.configuration.milter.socket;
  MilterEntry ours;
  ours.address = "unix:" + (socket.starts_with(queue) ? socket.substr(queue.size()) : socket);
  return view.places.edit(
      "smtpd_milters",
      list_with_ours_last(milter_entries(view.settings.value("smtpd_milters")), ours, view));
}

void check_milter_entries(const PostfixView& view, Findings& findings) {
  const std::string& socket = view.configuration.milter.socket;
  bool found = false;
  bool any = false;
  for (const PostfixService& service : view.settings.services()) {
    if (!service.runs("smtpd")) continue;
    any = true;
    found = check_milter_entry(view, service, findings) || found;
  }
  // A Postfix that listens nowhere yet: main.cf alone.
  if (!any) found = check_milter_entry(view, {}, findings);
  if (!found) {
    findings.add("milter-missing", "smtpd_milters has no entry for " + socket,
                 view.places.setting("smtpd_milters"), how_to_add_entry(view));
  }
  const std::vector<MilterEntry> local = milter_entries(view.settings.value("non_smtpd_milters"));
  std::string others;
  for (const MilterEntry& entry : local) {
    if (!names_socket(entry, view)) others += (others.empty() ? "" : ", ") + in_list(entry);
  }
  if (std::any_of(local.begin(), local.end(),
                  [&](const MilterEntry& entry) { return names_socket(entry, view); })) {
    findings.add("milter-non-smtpd", "non_smtpd_milters names our socket",
                 view.places.setting("non_smtpd_milters"),
                 view.places.edit("non_smtpd_milters", others));
  }
  const std::string& protocol = view.settings.value("milter_protocol");
  if (found && !protocol.empty() && protocol != "6") {
    findings.add("milter-protocol", "milter_protocol is " + protocol + ", and not 6",
                 view.places.setting("milter_protocol"), view.places.edit("milter_protocol", "6"));
  }
}

/// Mail that is filtered must come back by a way that does not filter it again.
void check_filter_loop(const PostfixView& view, Findings& findings) {
  const std::string& filter = view.settings.value("content_filter");
  if (filter.empty()) return;
  const std::string& transport = view.configuration.gateway.transport;
  if (filter == transport || filter.starts_with(transport + ":")) {
    findings.add("filter-is-ours", "content_filter is our own transport, " + filter,
                 view.places.setting("content_filter"), view.places.edit("content_filter", ""));
  }
  const auto& services = view.settings.services();
  const bool comes_back =
      std::any_of(services.begin(), services.end(), [&](const PostfixService& service) {
        return (service.runs("smtpd") || service.runs("pickup") || service.runs("qmqpd")) &&
               view.settings.value(service, "content_filter").empty();
      });
  if (comes_back || services.empty()) return;
  findings.add(
      "filter-loop",
      "content_filter is " + filter +
          " for every way into Postfix, also for what the filter hands back",
      view.places.setting("content_filter"),
      "put -o content_filter= on the smtpd in master.cf that takes the filtered mail back");
}

/// What one cleanup does with mail that we claim recipients of.
void check_cleanup(const PostfixView& view, const PostfixService& service, Findings& findings) {
  if (view.settings.value(service, "enable_original_recipient") == "no") {
    findings.add(
        "original-recipient",
        of_service(service, "enable_original_recipient") + "enable_original_recipient = no",
        view.places.setting(service, "enable_original_recipient"),
        view.places.edit(service, "enable_original_recipient", "yes"));
  }
  for (const char* name :
       {"header_checks", "mime_header_checks", "nested_header_checks", "body_checks"}) {
    if (view.settings.value(service, name).empty()) continue;
    findings.add("late-checks", of_service(service, name) + name + " is set",
                 view.places.setting(service, name),
                 "nothing, if it uses only REJECT, DISCARD, REDIRECT and the like; else take our "
                 "entry out of smtpd_milters, and all mail goes by door 2");
  }
}

/// A dot between bare line feeds, as an end of the data, is what SMTP smuggling lives on: the
/// server before may have taken it for text. Releases that do not know the setting are not spoken
/// of.
void check_line_ends(const PostfixView& view, const PostfixService& service, Findings& findings) {
  if (view.settings.value(service, "smtpd_forbid_bare_newline") != "no") return;
  findings.add("bare-newline",
               of_service(service, "smtpd_forbid_bare_newline") +
                   "smtpd_forbid_bare_newline = no: a dot between bare line feeds ends a message",
               view.places.setting(service, "smtpd_forbid_bare_newline"),
               view.places.edit(service, "smtpd_forbid_bare_newline", "normalize"));
}

/// A message that Postfix still tries must still be known.
void check_queue_lifetime(const PostfixView& view, Findings& findings) {
  constexpr long day = 86'400;
  const auto lifetime = postfix_seconds(view.settings.value("maximal_queue_lifetime"), day);
  if (!lifetime) return;
  for (const converter::ServedPostoffice& served : view.configuration.converter.postoffices) {
    const auto office = postoffice::Postoffice::open(served.directory);
    if (!office || office->settings().dedupe_days * day >= *lifetime) continue;
    findings.add(
        "queue-lifetime",
        fmt::format("maximal_queue_lifetime is {} days, and {} knows what it has filed for "
                    "{} (dedupe_days)",
                    (*lifetime + day - 1) / day, served.name.str(), office->settings().dedupe_days),
        served.directory + "/GLB/postoffice.toml",
        fmt::format("write dedupe_days = {} there", (*lifetime + day - 1) / day));
  }
}

/// Settings with which claiming goes wrong, or strangers come in.
void check_traps(const PostfixView& view, Findings& findings) {
  for (const PostfixService& service : view.settings.services()) {
    if (service.runs("cleanup")) check_cleanup(view, service, findings);
    if (service.runs("smtpd")) check_line_ends(view, service, findings);
  }
  if (!view.settings.value("always_bcc").empty() ||
      !view.settings.value("recipient_bcc_maps").empty()) {
    findings.ok("always_bcc and recipient_bcc_maps do no harm: their recipients are never claimed");
  }
  for (const char* name : {"canonical_maps", "sender_canonical_maps"}) {
    if (view.settings.value(name).empty()) continue;
    findings.add("sender-rewritten", std::string(name) + " is set", view.places.setting(name),
                 "rewrite on the way out only (smtp_generic_maps), or nothing if it touches no "
                 "sender of mail to the postoffices");
  }
  if (view.settings.value("soft_bounce") == "yes") {
    findings.add("soft-bounce", "soft_bounce = yes", view.places.setting("soft_bounce"),
                 view.places.edit("soft_bounce", "no"));
  }
  check_queue_lifetime(view, findings);
}

/// [milter] claim = "discard" and what it rests on.
void check_discard(const PostfixView& view, Findings& findings) {
  if (view.configuration.milter.claim != Claim::discard) return;
  const std::vector<std::string> found = what_may_add_recipients(view.settings);
  if (found.empty()) {
    findings.ok("claim = \"discard\": nothing in Postfix adds recipients");
  } else {
    findings.add(
        "discard-unsafe",
        fmt::format("[milter] claim is \"discard\", and {}", fmt::join(found, ", ")),
        view.places.setting("always_bcc"),
        "take them out of Postfix, or write claim = \"delete\" into " + view.configuration.path);
  }
  const std::string& delay = view.settings.value("in_flow_delay");
  if (delay.empty() || postfix_seconds(delay) == 0) return;
  findings.add("discard-slow",
               fmt::format("[milter] claim is \"discard\", and in_flow_delay is {}", delay),
               view.places.setting("in_flow_delay"), view.places.edit("in_flow_delay", "0"));
}

}  // namespace

std::vector<Finding> check_postfix(const Configuration& configuration,
                                   const PostfixProgram& program, bool is_default_directory) {
  Findings findings;
  const auto settings = PostfixSettings::read(program);
  if (!settings) {
    findings.add("postfix-silent", "postconf gives no answer", "postconf -x",
                 "name Postfix's directory with --postfix, and run the check as root");
    return findings.take();
  }
  const std::string& directory = settings->value("config_directory");
  const PostfixPlaces places(directory.empty() ? "/etc/postfix" : directory, is_default_directory);
  const PostfixView view{configuration, program, *settings, places};
  check_milter_entries(view, findings);
  if (configuration.shadow.enabled) {
    // A shadow has no doors in Postfix and claims nothing: what would lead there is all wrong.
    check_shadow_routing(view, findings);
    return findings.take();
  }
  check_filter_loop(view, findings);
  check_services(view, findings);
  check_routing(view, findings);
  check_traps(view, findings);
  check_discard(view, findings);
  check_rewrites(view, findings);
  return findings.take();
}

}  // namespace smtpgate::milter
