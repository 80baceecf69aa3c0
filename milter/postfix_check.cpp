// What of Postfix's settings the gateway rests on: see the header. Each check names the fact it
// comes from by what would happen otherwise.
#include "milter/postfix_check.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <utility>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "postoffice/ascii.h"

extern char** environ;

namespace smtpgate::milter {

namespace {

/// postconf's answer is a page or two; more is something else.
constexpr std::size_t longest_answer = 1 << 20;

class Findings {
 public:
  void ok(std::string text) { list_.push_back({FindingKind::ok, "Postfix: " + std::move(text)}); }
  void warning(std::string text) {
    list_.push_back({FindingKind::warning, "Postfix: " + std::move(text)});
  }
  void error(std::string text) {
    list_.push_back({FindingKind::error, "Postfix: " + std::move(text)});
  }
  std::vector<Finding> take() { return std::move(list_); }

 private:
  std::vector<Finding> list_;
};

using Parameters = std::map<std::string, std::string>;

Parameters parse_parameters_of(std::string_view text) {
  Parameters result;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    const std::size_t equals = line.find('=');
    if (equals != std::string_view::npos) {
      result[std::string(trim(line.substr(0, equals)))] = trim(line.substr(equals + 1));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return result;
}

/// An entry of master.cf as postconf -M prints it: fields apart by blanks.
struct Service {
  std::vector<std::string> fields;
  std::string line;

  bool runs(std::string_view program) const { return fields.size() > 7 && fields[7] == program; }
};

std::vector<Service> parse_services(std::string_view text) {
  std::vector<Service> result;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && is_blank(line.front()) && !result.empty()) {
      result.back().line += " " + std::string(trim(line));
      continue;
    }
    Service service;
    service.line = trim(line);
    for (std::string_view rest = trim(line); !rest.empty(); rest = trim(rest)) {
      const std::size_t word = std::min(rest.find_first_of(" \t"), rest.size());
      service.fields.emplace_back(rest.substr(0, word));
      rest.remove_prefix(word);
    }
    if (!service.fields.empty()) result.push_back(std::move(service));
  }
  return result;
}

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

/// Each smtpd, chrooted or not, must reach the socket by the spelling of the entry.
void check_reach(const std::string& entry, const Configuration& configuration,
                 const std::string& queue_directory, const std::vector<Service>& services,
                 Findings& findings) {
  for (const Service& service : services) {
    if (!service.runs("smtpd")) continue;
    const bool chrooted = service.fields[4] == "y";
    if (seen_by_postfix(socket_path(entry), queue_directory, chrooted) ==
        configuration.milter.socket) {
      continue;
    }
    findings.error("the service " + service.fields[0] + " in master.cf is " +
                   (chrooted ? "" : "not ") + "chrooted and does not find our socket by " +
                   socket_path(entry) +
                   "; put the socket below the queue directory and name it without a leading /");
  }
}

void check_milter_entry(const Configuration& configuration, Parameters& parameters,
                        const std::vector<Service>& services, Findings& findings) {
  const std::vector<std::string> entries = split_postfix_list(parameters["smtpd_milters"]);
  const auto ours = std::find_if(entries.begin(), entries.end(), [&](const std::string& entry) {
    return names_socket(entry, configuration, parameters["queue_directory"]);
  });
  if (ours == entries.end()) {
    return findings.warning("smtpd_milters has no entry for " + configuration.milter.socket +
                            "; all mail then goes the slower way, by the transport");
  }
  check_reach(*ours, configuration, parameters["queue_directory"], services, findings);
  if (ours + 1 != entries.end()) {
    findings.error(
        "our entry in smtpd_milters is not the last; a milter after it may refuse what "
        "was filed already: move ours to the end");
  }
  if (!contains(*ours, "default_action=accept") && !contains(*ours, "default_action = accept")) {
    findings.error(
        "our entry in smtpd_milters lacks default_action=accept; a stopped daemon would "
        "stop all mail: write { " +
        ours->substr(0, ours->find_first_of(", \t")) + ", default_action=accept }");
  } else if (ours + 1 == entries.end()) {
    findings.ok("smtpd_milters has our entry, last, with default_action=accept");
  }
  if (contains(parameters["non_smtpd_milters"], configuration.milter.socket)) {
    findings.warning(
        "non_smtpd_milters names our socket; local mail is delivered by the transport "
        "only: take it out");
  }
}

void check_services(const Configuration& configuration, const std::vector<Service>& services,
                    Findings& findings) {
  const std::string& transport = configuration.gateway.transport;
  const auto named = std::find_if(services.begin(), services.end(), [&](const Service& service) {
    return service.fields[0] == transport;
  });
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
    const bool found = std::any_of(services.begin(), services.end(), [&](const Service& service) {
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

void check_routing(const Configuration& configuration, Parameters& parameters, Findings& findings) {
  const std::string& transport = configuration.gateway.transport;
  for (const char* name : {"virtual_transport", "relay_transport", "transport_maps",
                           "local_transport", "mailbox_transport", "default_transport"}) {
    const std::string& value = parameters[name];
    // "smtpgate:..." as a word of its own, or a table, whose content is not looked into.
    if (value.starts_with(transport + ":") || value == transport ||
        contains(value, "=" + transport + ":") || contains(value, " " + transport + ":")) {
      return findings.ok(std::string(name) + " routes to " + transport);
    }
  }
  if (!parameters["transport_maps"].empty()) {
    return findings.warning("no setting names the transport " + transport +
                            " directly; make sure that transport_maps has it for our domains");
  }
  findings.error("nothing routes mail to the transport " + transport +
                 "; set virtual_transport or transport_maps, see postfix-conf/");
}

void check_lookup(Parameters& parameters, Findings& findings) {
  for (const char* name :
       {"virtual_mailbox_maps", "relay_recipient_maps", "local_recipient_maps"}) {
    if (contains(parameters[name], "socketmap:")) {
      return findings.ok(std::string(name) + " asks a socketmap");
    }
  }
  findings.warning(
      "neither virtual_mailbox_maps nor relay_recipient_maps asks smtpgate lookup; "
      "unknown recipients are refused only while the daemon runs");
}

/// Settings with which claiming goes wrong.
void check_traps(Parameters& parameters, Findings& findings) {
  if (parameters["enable_original_recipient"] == "no") {
    findings.error(
        "enable_original_recipient = no: claiming one recipient could remove another; "
        "set it to yes");
  }
  if (!parameters["smtpd_proxy_filter"].empty()) {
    findings.error(
        "smtpd_proxy_filter is set: milters get no content then; use a milter or a "
        "content_filter");
  }
  if (!parameters["content_filter"].empty()) {
    findings.warning(
        "content_filter is set: put our milter only on the smtpd that takes the "
        "filtered mail back");
  }
  if (!parameters["always_bcc"].empty() || !parameters["recipient_bcc_maps"].empty()) {
    findings.ok("always_bcc and recipient_bcc_maps do no harm: their recipients are never claimed");
  }
  if (!parameters["virtual_alias_maps"].empty()) {
    findings.warning(
        "virtual_alias_maps is set: an address that it rewrites must not be a mailbox "
        "here, or claiming it cancels the alias; use the postoffice's own aliases");
  }
  for (const char* name : {"canonical_maps", "sender_canonical_maps"}) {
    if (parameters[name].empty()) continue;
    findings.warning(std::string(name) +
                     " is set: the two doors see different senders for what it rewrites, so a "
                     "message may be filed twice after a crash");
  }
}

std::optional<std::string> run_program(const std::vector<std::string>& words) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return std::nullopt;
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_t child = 0;
  const int spawned =
      ::posix_spawnp(&child, words[0].c_str(), &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  std::string output;
  if (spawned == 0) {
    std::array<char, 4096> buffer{};
    ssize_t count = 0;
    while (output.size() < longest_answer &&
           (count = ::read(ends[0], buffer.data(), buffer.size())) > 0) {
      output.append(buffer.data(), static_cast<std::size_t>(count));
    }
  }
  ::close(ends[0]);
  if (spawned != 0) return std::nullopt;
  int status = 0;
  if (::waitpid(child, &status, 0) != child || status != 0) return std::nullopt;
  return output;
}

}  // namespace

Postconf real_postconf(const std::string& directory) {
  return [directory](const std::vector<std::string>& arguments) {
    std::vector<std::string> words{::access("/usr/sbin/postconf", X_OK) == 0 ? "/usr/sbin/postconf"
                                                                             : "postconf"};
    if (!directory.empty()) words.insert(words.end(), {"-c", directory});
    words.insert(words.end(), arguments.begin(), arguments.end());
    return run_program(words);
  };
}

std::vector<std::string> split_postfix_list(std::string_view text) {
  std::vector<std::string> result;
  constexpr std::string_view separators = ", \t\r\n";
  for (;;) {
    const std::size_t first = text.find_first_not_of(separators);
    if (first == std::string_view::npos) return result;
    text.remove_prefix(first);
    if (text.front() == '{') {
      const std::size_t close = std::min(text.find('}'), text.size());
      result.emplace_back(trim(text.substr(1, close - 1)));
      text.remove_prefix(std::min(close + 1, text.size()));
    } else {
      const std::size_t end = std::min(text.find_first_of(separators), text.size());
      result.emplace_back(text.substr(0, end));
      text.remove_prefix(end);
    }
  }
}

std::vector<Finding> check_postfix(const Configuration& configuration, const Postconf& postconf) {
  Findings findings;
  const auto settings = postconf({"-x"});
  const auto services = postconf({"-M"});
  if (!settings || !services) {
    findings.error("postconf gives no answer; is the directory right, and may you read it?");
    return findings.take();
  }
  Parameters parameters = parse_parameters_of(*settings);
  const std::vector<Service> entries = parse_services(*services);
  check_milter_entry(configuration, parameters, entries, findings);
  check_services(configuration, entries, findings);
  check_routing(configuration, parameters, findings);
  check_lookup(parameters, findings);
  check_traps(parameters, findings);
  return findings.take();
}

}  // namespace smtpgate::milter
