// Our services in master.cf: the transport, and what spawn(8) starts. See postfix_view.h.
#include <algorithm>
#include <climits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include "milter/postfix_tables.h"
#include "milter/postfix_view.h"
#include "postoffice/ascii.h"

namespace smtpgate::milter {

namespace {

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// What a spawn(8) entry starts, and as whom.
struct Spawned {
  std::string user;
  std::vector<std::string> words;  ///< argv
};

Spawned spawned_by(const PostfixService& service) {
  Spawned result;
  bool in_arguments = false;
  for (std::size_t i = 8; i < service.fields.size(); ++i) {
    std::string_view word = service.fields[i];
    if (!in_arguments && word.starts_with("user=")) {
      result.user = word.substr(5, word.find(':') == std::string_view::npos ? std::string_view::npos
                                                                            : word.find(':') - 5);
    }
    if (!in_arguments && word.starts_with("argv=")) {
      in_arguments = true;
      word.remove_prefix(5);
    }
    if (in_arguments && !word.empty()) result.words.emplace_back(word);
  }
  return result;
}

/// Column 7 of master.cf; nullopt: no limit.
std::optional<long> most_processes(const PostfixView& view, const PostfixService& service) {
  std::string text = service.fields.size() > 6 ? service.fields[6] : "-";
  if (text == "-") text = view.settings.value("default_process_limit");
  const auto number = postfix_seconds(text);
  return number && *number > 0 ? number : std::nullopt;
}

void check_program(const PostfixView& view, const PostfixService& service, const Spawned& spawned,
                   Findings& findings) {
  const std::string place = view.places.service(service);
  const std::string program = spawned.words.empty() ? std::string() : spawned.words.front();
  if (::access(program.c_str(), X_OK) != 0) {
    findings.add(
        "program-missing",
        fmt::format("the service {} starts {}, which cannot be run", service.fields[0], program),
        place, "smtpgate-setup remove, then smtpgate-setup apply --program FILE");
  }
  const std::string& user = view.configuration.gateway.user;
  if (!user.empty() && spawned.user != user) {
    findings.add("door-user",
                 fmt::format("the service {} runs as {}, and the gateway is {}", service.fields[0],
                             spawned.user.empty() ? "nobody in particular" : spawned.user, user),
                 place,
                 fmt::format("smtpgate-setup remove, then smtpgate-setup apply --user {}", user));
  }
  std::string configuration = default_configuration_path;
  for (std::size_t i = 1; i < spawned.words.size(); ++i) {
    if (spawned.words[i].starts_with("--config=")) configuration = spawned.words[i].substr(9);
    if (spawned.words[i] == "--config" && i + 1 < spawned.words.size()) {
      configuration = spawned.words[i + 1];
    }
  }
  if (!view.configuration.path.empty() && configuration != view.configuration.path) {
    findings.add(
        "door-configuration",
        fmt::format("the service {} reads {}, and this check {}", service.fields[0], configuration,
                    view.configuration.path),
        place,
        fmt::format("smtpgate-setup remove, then smtpgate-setup apply --config {}; or give "
                    "--config {} to the check",
                    shell_word(view.configuration.path), shell_word(configuration)));
  }
}

/// Our own deadline must come first, so that Postfix hears of it.
void check_door_limits(const PostfixView& view, const PostfixService& door, Findings& findings) {
  const long needed = view.configuration.lmtp.deadline.count();
  const std::string name = door.fields[0] + "_time_limit";
  std::string value = view.settings.value(name);
  if (value.empty()) value = view.settings.value("command_time_limit");
  const auto limit = postfix_seconds(value);
  if (limit && *limit <= needed) {
    findings.add("door-time-limit",
                 fmt::format("spawn(8) ends the service {} after {} s, and a message may take {} s "
                             "([lmtp] deadline)",
                             door.fields[0], *limit, needed),
                 view.places.setting(name),
                 view.places.edit(name, fmt::format("{}s", std::max(1000L, needed * 2))));
  }
}

void check_transport_limits(const PostfixView& view, const PostfixService& transport,
                            Findings& findings) {
  const long needed = view.configuration.lmtp.deadline.count();
  const char* name = "lmtp_data_done_timeout";
  const auto limit = postfix_seconds(view.settings.value(transport, name));
  if (limit && *limit <= needed) {
    findings.add(
        "lmtp-timeout",
        fmt::format("{} is {} s, and door 2 may take {} s ([lmtp] deadline)", name, *limit, needed),
        view.places.setting(transport, name),
        view.places.edit(transport, name, fmt::format("{}s", std::max(600L, needed * 2))));
  }
  const std::uint64_t ours = view.configuration.lmtp.size_limit;
  const std::string& theirs = view.settings.value("message_size_limit");
  const bool is_number = !theirs.empty() && theirs.size() < 19 &&
                         std::all_of(theirs.begin(), theirs.end(), is_ascii_digit);
  if (ours > 0 && is_number && (theirs == "0" || std::stoull(theirs) > ours)) {
    findings.add(
        "size-limit",
        fmt::format("message_size_limit is {} octets, and [lmtp] size_limit {}", theirs, ours),
        view.places.setting("message_size_limit"),
        view.places.edit("message_size_limit", std::to_string(ours)));
  }
}

void check_concurrency(const PostfixView& view, const PostfixService& transport,
                       const PostfixService& door, Findings& findings) {
  const auto doors = most_processes(view, door);
  if (!doors) return;
  std::string value = view.settings.value(transport.fields[0] + "_destination_concurrency_limit");
  if (value.empty()) value = view.settings.value("default_destination_concurrency_limit");
  const auto wished = postfix_seconds(value);
  if (!wished) return;
  long clients = *wished == 0 ? LONG_MAX : *wished;
  if (const auto most = most_processes(view, transport)) clients = std::min(clients, *most);
  if (clients <= *doors) return;
  findings.add(
      "door-few",
      fmt::format("the service {} has {} processes for {} deliveries at once", door.fields[0],
                  *doors, clients == LONG_MAX ? "any number of" : std::to_string(clients)),
      view.places.service(door),
      view.places.edit_field(door, "process_limit",
                             clients == LONG_MAX ? "0" : std::to_string(clients)));
}

/// What Postfix's own client changes in a message on its way to door 2.
void check_transport(const PostfixView& view, const PostfixService& transport, Findings& findings) {
  if (view.settings.value(transport, "lmtp_line_length_limit") != "0" &&
      !contains(transport.line, "lmtp_line_length_limit=0")) {
    findings.add(
        "transport-folds",
        fmt::format("the transport {} lacks -o lmtp_line_length_limit=0", transport.fields[0]),
        view.places.service(transport),
        view.places.edit_own(transport, "lmtp_line_length_limit", "0"));
  }
  for (const char* name : {"lmtp_generic_maps", "lmtp_header_checks", "lmtp_mime_header_checks",
                           "lmtp_nested_header_checks", "lmtp_body_checks"}) {
    if (view.settings.value(transport, name).empty()) continue;
    findings.add(
        "transport-rewrites",
        fmt::format("{} changes what the transport {} hands over", name, transport.fields[0]),
        view.places.setting(transport, name), view.places.edit_own(transport, name, ""));
  }
  const std::vector<std::string> deferred =
      split_postfix_list(view.settings.value("defer_transports"));
  if (std::find(deferred.begin(), deferred.end(), transport.fields[0]) != deferred.end()) {
    findings.add("transport-deferred",
                 fmt::format("defer_transports names {}", transport.fields[0]),
                 view.places.setting("defer_transports"),
                 "take it out of defer_transports, then postqueue -f");
  }
  check_transport_limits(view, transport, findings);
}

}  // namespace

bool spawns(const PostfixService& service, std::string_view verb) {
  if (!service.runs("spawn")) return false;
  const Spawned spawned = spawned_by(service);
  return spawned.words.size() > 1 && spawned.words[0].ends_with("smtpgate") &&
         spawned.words[1] == verb;
}

void check_services(const PostfixView& view, Findings& findings) {
  const std::vector<PostfixService>& services = view.settings.services();
  const std::string& name = view.configuration.gateway.transport;
  const auto transport =
      std::find_if(services.begin(), services.end(),
                   [&](const PostfixService& service) { return service.fields[0] == name; });
  if (transport == services.end()) {
    findings.add("transport-missing", "master.cf has no transport " + name, view.places.master(),
                 "smtpgate-setup apply");
  } else if (!transport->runs("lmtp")) {
    findings.add("transport-not-lmtp",
                 "the transport " + name + " in master.cf is not Postfix's lmtp client",
                 view.places.service(*transport),
                 "smtpgate-setup remove, then smtpgate-setup apply");
  } else {
    findings.ok("master.cf has the transport " + name);
    check_transport(view, *transport, findings);
  }
  for (const std::string_view verb : {"deliver", "lookup"}) {
    const auto found =
        std::find_if(services.begin(), services.end(),
                     [&](const PostfixService& service) { return spawns(service, verb); });
    if (found == services.end()) {
      findings.add(verb == "deliver" ? "door-missing" : "lookup-missing",
                   fmt::format("master.cf has no spawn entry for smtpgate {}", verb),
                   view.places.master(), "smtpgate-setup apply");
      continue;
    }
    findings.ok(fmt::format("master.cf starts smtpgate {}", verb));
    check_program(view, *found, spawned_by(*found), findings);
    if (verb != "deliver") continue;
    check_door_limits(view, *found, findings);
    if (transport != services.end() && transport->runs("lmtp")) {
      check_concurrency(view, *transport, *found, findings);
    }
  }
}

}  // namespace smtpgate::milter
