// What of Postfix's settings the gateway rests on: see the header. Each check names the fact it
// comes from by what would happen otherwise.
#include "milter/postfix_check.h"

#include <algorithm>
#include <string>
#include <utility>

#include "milter/postfix_rewrites.h"

namespace smtpgate::milter {

namespace {

/// Each sentence once, however many services it holds for.
class Findings {
 public:
  void ok(const std::string& text) { add({FindingKind::ok, "Postfix: " + text}); }
  void warning(const std::string& text) { add({FindingKind::warning, "Postfix: " + text}); }
  void error(const std::string& text) { add({FindingKind::error, "Postfix: " + text}); }
  void add(Finding finding) {
    const bool known = std::any_of(list_.begin(), list_.end(), [&](const Finding& one) {
      return one.kind == finding.kind && one.text == finding.text;
    });
    if (!known) list_.push_back(std::move(finding));
  }
  std::vector<Finding> take() { return std::move(list_); }

 private:
  std::vector<Finding> list_;
};

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// The path of a milter entry's first word; empty if it is no Unix socket.
std::string socket_path(std::string_view entry) {
  const std::string_view word = entry.substr(0, entry.find_first_of(", \t"));
  for (const std::string_view prefix : {"unix:", "local:"}) {
    if (word.starts_with(prefix)) return std::string(word.substr(prefix.size()));
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

bool names_socket(const std::string& entry, const Configuration& configuration,
                  const std::string& queue_directory) {
  const std::string path = socket_path(entry);
  return !path.empty() &&
         (seen_by_postfix(path, queue_directory, false) == configuration.milter.socket ||
          seen_by_postfix(path, queue_directory, true) == configuration.milter.socket);
}

/// "" for what main.cf says, else the service whose own -o it is.
std::string where(const PostfixService& service, const char* name) {
  if (!service.options.contains(name)) return {};
  return "the service " + service.fields[0] + " in master.cf: ";
}

/// An smtpd, chrooted or not, must reach the socket by the spelling of the entry.
void check_reach(const std::string& entry, const Configuration& configuration,
                 const std::string& queue_directory, const PostfixService& service,
                 Findings& findings) {
  if (seen_by_postfix(socket_path(entry), queue_directory, service.is_chrooted()) ==
      configuration.milter.socket) {
    return;
  }
  findings.error("the service " + service.fields[0] + " in master.cf is " +
                 (service.is_chrooted() ? "" : "not ") +
                 "chrooted and does not find our socket by " + socket_path(entry) +
                 "; put the socket below the queue directory and name it without a leading /");
}

/// What must not be beside our milter on one smtpd.
void check_company(const PostfixSettings& settings, const PostfixService& service,
                   Findings& findings) {
  if (!settings.value(service, "smtpd_proxy_filter").empty()) {
    findings.error(where(service, "smtpd_proxy_filter") +
                   "smtpd_proxy_filter is set beside our milter: milters get no content then; "
                   "put our milter on the smtpd that takes the filtered mail back, and "
                   "-o smtpd_milters= on this one");
  }
  if (!settings.value(service, "content_filter").empty()) {
    findings.error(where(service, "content_filter") +
                   "content_filter is set beside our milter, which would file mail that was not "
                   "filtered; put our milter on the smtpd that takes the filtered mail back "
                   "(-o content_filter=), and -o smtpd_milters= on this one");
  }
}

/// One smtpd's list; false if we are not in it, or if it uses none.
bool check_milter_entry(const Configuration& configuration, const PostfixSettings& settings,
                        const PostfixService& service, Findings& findings) {
  if (contains(settings.value(service, "receive_override_options"), "no_milters")) return false;
  const std::string& queue_directory = settings.value("queue_directory");
  const std::vector<std::string> entries =
      split_postfix_list(settings.value(service, "smtpd_milters"));
  const auto ours = std::find_if(entries.begin(), entries.end(), [&](const std::string& entry) {
    return names_socket(entry, configuration, queue_directory);
  });
  if (ours == entries.end()) return false;
  const std::string place = where(service, "smtpd_milters");
  const bool last = ours + 1 == entries.end();
  if (service.runs("smtpd")) {
    check_reach(*ours, configuration, queue_directory, service, findings);
  }
  check_company(settings, service, findings);
  if (!last) {
    findings.error(place +
                   "our entry in smtpd_milters is not the last; a milter after it may refuse what "
                   "was filed already: move ours to the end");
  }
  if (!contains(*ours, "default_action=accept") && !contains(*ours, "default_action = accept")) {
    findings.error(place +
                   "our entry in smtpd_milters lacks default_action=accept; a stopped daemon would "
                   "stop all mail: write { " +
                   ours->substr(0, ours->find_first_of(", \t")) + ", default_action=accept }");
  } else if (last) {
    findings.ok(place + "smtpd_milters has our entry, last, with default_action=accept");
  }
  return true;
}

void check_milter_entries(const Configuration& configuration, const PostfixSettings& settings,
                          Findings& findings) {
  bool found = false;
  bool any = false;
  for (const PostfixService& service : settings.services()) {
    if (!service.runs("smtpd")) continue;
    any = true;
    found = check_milter_entry(configuration, settings, service, findings) || found;
  }
  // A Postfix that listens nowhere yet: main.cf alone.
  if (!any) found = check_milter_entry(configuration, settings, {}, findings);
  if (!found) {
    findings.warning("smtpd_milters has no entry for " + configuration.milter.socket +
                     "; all mail then goes the slower way, by the transport");
  }
  for (const std::string& entry : split_postfix_list(settings.value("non_smtpd_milters"))) {
    if (!names_socket(entry, configuration, settings.value("queue_directory"))) continue;
    findings.warning(
        "non_smtpd_milters names our socket; local mail is delivered by the transport "
        "only: take it out");
  }
}

void check_services(const Configuration& configuration, const PostfixSettings& settings,
                    Findings& findings) {
  const std::vector<PostfixService>& services = settings.services();
  const std::string& transport = configuration.gateway.transport;
  const auto named =
      std::find_if(services.begin(), services.end(),
                   [&](const PostfixService& service) { return service.fields[0] == transport; });
  if (named == services.end()) {
    findings.error("master.cf has no transport " + transport + "; see postfix-conf/");
  } else if (!named->runs("lmtp")) {
    findings.error("the transport " + transport +
                   " in master.cf is not Postfix's lmtp client; see "
                   "postfix-conf/");
  } else {
    findings.ok("master.cf has the transport " + transport);
    if (!contains(named->line, "lmtp_line_length_limit=0")) {
      findings.warning("the transport " + transport +
                       " lacks -o lmtp_line_length_limit=0; Postfix would break long lines, and "
                       "the two doors would no longer see the same message");
    }
  }
  for (const std::string_view verb : {"deliver", "lookup"}) {
    const bool found =
        std::any_of(services.begin(), services.end(), [&](const PostfixService& service) {
          return service.runs("spawn") && contains(service.line, "smtpgate " + std::string(verb));
        });
    if (found) {
      findings.ok("master.cf starts smtpgate " + std::string(verb));
    } else {
      findings.error("master.cf has no spawn entry for smtpgate " + std::string(verb) +
                     "; see postfix-conf/");
    }
  }
}

void check_routing(const Configuration& configuration, const PostfixSettings& settings,
                   Findings& findings) {
  const std::string& transport = configuration.gateway.transport;
  for (const char* name : {"virtual_transport", "relay_transport", "transport_maps",
                           "local_transport", "mailbox_transport", "default_transport"}) {
    const std::string& value = settings.value(name);
    // "smtpgate:..." as a word of its own, or a table, whose content is not looked into.
    if (value.starts_with(transport + ":") || value == transport ||
        contains(value, "=" + transport + ":") || contains(value, " " + transport + ":")) {
      return findings.ok(std::string(name) + " routes to " + transport);
    }
  }
  if (!settings.value("transport_maps").empty()) {
    return findings.warning("no setting names the transport " + transport +
                            " directly; make sure that transport_maps has it for our domains");
  }
  findings.error("nothing routes mail to the transport " + transport +
                 "; set virtual_transport or transport_maps, see postfix-conf/");
}

void check_lookup(const PostfixSettings& settings, Findings& findings) {
  for (const char* name :
       {"virtual_mailbox_maps", "relay_recipient_maps", "local_recipient_maps"}) {
    if (contains(settings.value(name), "socketmap:")) {
      return findings.ok(std::string(name) + " asks a socketmap");
    }
  }
  findings.warning(
      "neither virtual_mailbox_maps nor relay_recipient_maps asks smtpgate lookup; "
      "unknown recipients are refused only while the daemon runs");
}

/// What one cleanup does with mail that we claim recipients of.
void check_cleanup(const PostfixSettings& settings, const PostfixService& service,
                   Findings& findings) {
  if (settings.value(service, "enable_original_recipient") == "no") {
    findings.error(where(service, "enable_original_recipient") +
                   "enable_original_recipient = no: claiming one recipient could remove another; "
                   "set it to yes");
  }
  for (const char* name :
       {"header_checks", "mime_header_checks", "nested_header_checks", "body_checks"}) {
    if (settings.value(service, name).empty()) continue;
    findings.warning(where(service, name) + name +
                     " is set: its HOLD and FILTER come too late for recipients that door 1 "
                     "claims, which are filed at once; REJECT, DISCARD and REDIRECT work");
  }
}

/// A dot between bare line feeds, as an end of the data, is what SMTP smuggling lives on: the
/// server before may have taken it for text. Releases that do not know the setting are not spoken
/// of.
void check_line_ends(const PostfixSettings& settings, const PostfixService& service,
                     Findings& findings) {
  if (settings.value(service, "smtpd_forbid_bare_newline") != "no") return;
  findings.warning(where(service, "smtpd_forbid_bare_newline") +
                   "smtpd_forbid_bare_newline = no: a dot between bare line feeds ends a message, "
                   "so a sender can smuggle in a second one with any sender address "
                   "(CVE-2023-51764); set it to normalize");
}

/// Settings with which claiming goes wrong, or strangers come in.
void check_traps(const PostfixSettings& settings, Findings& findings) {
  for (const PostfixService& service : settings.services()) {
    if (service.runs("cleanup")) check_cleanup(settings, service, findings);
    if (service.runs("smtpd")) check_line_ends(settings, service, findings);
  }
  if (!settings.value("always_bcc").empty() || !settings.value("recipient_bcc_maps").empty()) {
    findings.ok("always_bcc and recipient_bcc_maps do no harm: their recipients are never claimed");
  }
  for (const char* name : {"canonical_maps", "sender_canonical_maps"}) {
    if (settings.value(name).empty()) continue;
    findings.warning(std::string(name) +
                     " is set: the two doors see different senders for what it rewrites, so a "
                     "message may be filed twice after a crash");
  }
}

}  // namespace

std::vector<Finding> check_postfix(const Configuration& configuration,
                                   const PostfixProgram& program) {
  Findings findings;
  const auto settings = PostfixSettings::read(program);
  if (!settings) {
    findings.error("postconf gives no answer; is the directory right, and may you read it?");
    return findings.take();
  }
  check_milter_entries(configuration, *settings, findings);
  check_services(configuration, *settings, findings);
  check_routing(configuration, *settings, findings);
  check_lookup(*settings, findings);
  check_traps(*settings, findings);
  for (Finding& finding : check_rewrites(configuration, *settings, program)) {
    findings.add(std::move(finding));
  }
  return findings.take();
}

}  // namespace smtpgate::milter
