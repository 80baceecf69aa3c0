// The checks that need no Postfix, and the program around all of them: see the header.
#include "milter/check.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <grp.h>
#include <nlohmann/json.hpp>
#include <pwd.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "milter/postfix_check.h"
#include "milter/privileges.h"
#include "milter/secret_file.h"
#include "milter/submission.h"
#include "postoffice/postoffice.h"
#include "postoffice/printable.h"

namespace smtpgate::milter {

using postoffice::FileKind;
using postoffice::FileSystem;
using postoffice::Postoffice;

namespace {

using Findings = std::vector<Finding>;

void add(Findings& findings, FindingKind kind, std::string text) {
  findings.push_back({kind, std::move(text)});
}

/// A probe file in `directory`, linked to a second name if `link` is asked for; both removed.
/// Empty, or the sentence of what failed.
std::string probe(const std::string& directory, bool link) {
  FileSystem& files = FileSystem::posix();
  const std::string name = fmt::format("{}/.smtpgate-check-{}", directory, ::getpid());
  auto created = files.create(name, 0600);
  if (!created) return created.error().sentence();
  std::string failed;
  if (auto written = (*created)->write("probe\n"); !written) failed = written.error().sentence();
  if (failed.empty()) {
    if (auto synced = (*created)->sync(); !synced) failed = synced.error().sentence();
  }
  if (failed.empty() && link) {
    if (auto linked = files.link(name, name + "-2"); !linked) {
      failed = linked.error().sentence();
    } else if (auto removed = files.remove(name + "-2"); !removed) {
      failed = removed.error().sentence();
    }
  }
  if (auto removed = files.remove(name); !removed && failed.empty()) {
    failed = removed.error().sentence();
  }
  return failed;
}

void check_work(const Configuration& configuration, Findings& findings) {
  const std::string& work = configuration.gateway.work;
  const auto status = FileSystem::posix().status(work);
  if (!status) {
    return add(findings, FindingKind::error,
               status.error().sentence() +
                   "; make the work directory, mode 0700, for the "
                   "gateway's user");
  }
  if (status->kind != FileKind::directory) {
    return add(findings, FindingKind::error, work + " is no directory; make it one, mode 0700");
  }
  if ((status->mode & 0077) != 0) {
    add(findings, FindingKind::warning,
        fmt::format("{} has mode {:04o}, so others can look at mail in it; chmod 0700 {}", work,
                    status->mode, work));
  }
  if (const std::string failed = probe(work, false); !failed.empty()) {
    return add(findings, FindingKind::error,
               failed + "; run the check as the gateway's user, and let it write there");
  }
  add(findings, FindingKind::ok, "the work directory " + work + " can be written");
}

/// Only root may become somebody; for anybody else the key has no meaning.
void check_user(const Configuration& configuration, Findings& findings) {
  const std::string& user = configuration.gateway.user;
  if (user.empty()) return;
  if (::getpwnam(user.c_str()) == nullptr) {
    return add(findings, FindingKind::error,
               fmt::format("there is no user {}; make one (adduser --system --group {}), or set "
                           "user = \"\" to stay who you are",
                           user, user));
  }
  const std::string& group = configuration.gateway.group;
  if (!group.empty() && ::getgrnam(group.c_str()) == nullptr) {
    return add(findings, FindingKind::error,
               fmt::format("there is no group {}; make one, or leave group empty", group));
  }
  const std::string& socket_group = configuration.milter.socket_group;
  if (!socket_group.empty() && ::getgrnam(socket_group.c_str()) == nullptr) {
    return add(findings, FindingKind::error,
               fmt::format("there is no group {}; correct socket_group", socket_group));
  }
  add(findings, FindingKind::ok, "the user " + user + " is there");
}

void check_socket(const Configuration& configuration, Findings& findings) {
  const std::string& socket = configuration.milter.socket;
  const std::string directory = socket.substr(0, std::max<std::size_t>(socket.rfind('/'), 1));
  const auto status = FileSystem::posix().status(directory);
  if (!status || status->kind != FileKind::directory) {
    return add(findings, FindingKind::error,
               "the socket's directory " + directory +
                   " is not there; make it, writable for the gateway's user and open to Postfix's");
  }
  const MilterSettings& settings = configuration.milter;
  if (settings.socket_group.empty() && (settings.socket_mode & 0006) != 0006 &&
      (status->mode & S_ISGID) == 0) {
    return add(findings, FindingKind::error,
               fmt::format("Postfix's user will not be able to open the socket {}: it belongs to "
                           "the gateway's user and group alone, so all mail goes by door 2; chgrp "
                           "postfix {} && chmod 2750 {}",
                           socket, directory, directory));
  }
  if ((settings.socket_mode & 0002) != 0 && (status->mode & 0001) != 0) {
    add(findings, FindingKind::warning,
        fmt::format("everybody on this machine can open the socket {} and file mail in anybody's "
                    "name; set socket_mode = \"0660\", or chmod o-x {}",
                    socket, directory));
  }
  add(findings, FindingKind::ok, "the socket's directory " + directory + " is there");
}

void check_postoffice(const converter::ServedPostoffice& served, Findings& findings) {
  const std::string name = served.name.str();
  const auto opened = Postoffice::open(served.directory);
  if (!opened) {
    return add(findings, FindingKind::error,
               fmt::format("postoffice {}: {}", name, opened.error().sentence()));
  }
  if (!(opened->settings().name == served.name)) {
    return add(findings, FindingKind::error,
               fmt::format("postoffice {}: {} says it is {}; correct [[postoffice]] or its "
                           "postoffice.toml",
                           name, served.directory, opened->settings().name.str()));
  }
  if (const std::string failed = probe(opened->path("P1"), true); !failed.empty()) {
    return add(findings, FindingKind::error,
               fmt::format("postoffice {}: {}; run the check as the gateway's user, and use a file "
                           "system with hard links",
                           name, failed));
  }
  const auto mailboxes = opened->list_mailboxes();
  if (!mailboxes) {
    return add(findings, FindingKind::error,
               fmt::format("postoffice {}: {}", name, mailboxes.error().sentence()));
  }
  add(findings, FindingKind::ok,
      fmt::format("postoffice {} in {}: {} mailbox{}", name, served.directory, mailboxes->size(),
                  mailboxes->size() == 1 ? "" : "es"));
}

/// Names that two postoffices have at a domain that they share, where no alias says whose it is:
/// the first one has all the mail, also the answers to what the other wrote.
void check_shared_domains(const converter::ConverterSettings& settings, Findings& findings) {
  std::set<std::string> domains;
  for (const auto& entry : settings.map.entries()) {
    if (settings.map.is_shared(entry.domain)) domains.insert(entry.domain);
  }
  for (const std::string& domain : domains) {
    std::map<std::string, std::string> whose;  // mailbox to the first postoffice that has it
    std::vector<std::string> clashes;
    std::set<std::string> decided;
    for (const auto* entry : settings.map.find_all(domain)) {
      for (const converter::ServedPostoffice& served : settings.postoffices) {
        if (!(served.name == entry->postoffice)) continue;
        const auto opened = Postoffice::open(served.directory);
        if (!opened) continue;  // told already
        for (const auto& alias :
             opened->list_aliases().value_or(std::vector<Postoffice::Alias>())) {
          decided.insert(postoffice::fold_mailbox_name(alias.name));
        }
        for (const std::string& name :
             opened->list_mailboxes().value_or(std::vector<std::string>())) {
          if (name == "postmaster") continue;
          const auto [first, is_new] = whose.emplace(name, served.name.str());
          if (!is_new) clashes.push_back(name);
        }
      }
    }
    std::erase_if(clashes, [&](const std::string& name) {
      return decided.contains(postoffice::fold_mailbox_name(name + "@" + domain));
    });
    if (clashes.empty()) continue;
    constexpr std::size_t most_named = 10;
    const std::size_t count = clashes.size();
    clashes.resize(std::min(count, most_named));
    add(findings, FindingKind::warning,
        fmt::format(
            "{}: {} name{} more than one of its postoffices ({}{}); mail goes to the first of "
            "them. Give whom it is for the alias NAME@{}",
            domain, count, count == 1 ? " is in" : "s are in", fmt::join(clashes, ", "),
            count > most_named ? ", ..." : "", domain));
  }
}

void check_peer(const converter::Peer& peer, Findings& findings) {
  const auto key = read_peer_key(FileSystem::posix(), peer.key_file);
  if (!key) {
    return add(findings, FindingKind::error,
               fmt::format("peer {}: {}", peer.name, key.error().sentence()));
  }
  add(findings, FindingKind::ok,
      fmt::format("peer {}: the key in {} can be read", peer.name, peer.key_file));
}

/// Each host by itself: mail goes on while one of them answers, so none is an error.
void check_designated_host(const Configuration& configuration, Findings& findings) {
  if (!configuration.outbound.enabled) return;
  constexpr std::chrono::seconds patience{10};  // a person waits
  for (const std::string& name : configuration.designated_host.hosts) {
    DesignatedHost host = configuration.designated_host;
    host.hosts = {name};
    host.connect_timeout = std::min<std::chrono::milliseconds>(host.connect_timeout, patience);
    host.command_timeout = std::min<std::chrono::milliseconds>(host.command_timeout, patience);
    const Outcome outcome = Submitter(std::move(host)).try_host();
    if (outcome.is_delivered()) {
      add(findings, FindingKind::ok, outcome.sentence());
    } else {
      add(findings, FindingKind::warning,
          outcome.sentence() +
              "; until then outgoing mail waits. A site that sends none sets [outbound] "
              "enabled = false");
    }
  }
}

void check_postfix_side(const CheckOptions& options, const Configuration& configuration,
                        Findings& findings) {
  if (options.skip_postfix) return;
  const bool installed = ::access("/usr/sbin/postconf", X_OK) == 0;
  const bool configured =
      !options.postfix_directory.empty() || ::access("/etc/postfix/main.cf", R_OK) == 0;
  if (!installed || !configured) {
    return add(findings, FindingKind::ok,
               "Postfix was not looked at: it is not installed or has no main.cf; name its "
               "directory with --postfix");
  }
  for (Finding& finding :
       check_postfix(configuration, real_postfix_program(options.postfix_directory))) {
    findings.push_back(std::move(finding));
  }
}

std::string_view word(FindingKind kind) {
  switch (kind) {
    case FindingKind::ok:
      return "ok";
    case FindingKind::warning:
      return "warning";
    case FindingKind::error:
      return "error";
  }
  return "error";
}

void print_json(const Findings& findings, bool good) {
  nlohmann::json result;
  result["ok"] = good;
  result["findings"] = nlohmann::json::array();
  for (const Finding& finding : findings) {
    result["findings"].push_back({{"kind", word(finding.kind)}, {"text", finding.text}});
  }
  std::puts(result.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

}  // namespace

std::vector<Finding> check(const CheckOptions& options) {
  Findings findings;
  const auto configuration = read_configuration(options.configuration_path);
  if (!configuration) {
    for (const std::string& line : configuration.error()) {
      add(findings, FindingKind::error, line);
    }
    return findings;
  }
  add(findings, FindingKind::ok, options.configuration_path + " can be read");
  add(findings, FindingKind::ok,
      fmt::format("the address map has {} domain{}", configuration->converter.map.entries().size(),
                  configuration->converter.map.entries().size() == 1 ? "" : "s"));
  check_user(*configuration, findings);
  check_postfix_side(options, *configuration, findings);
  // What follows is tried as the gateway's user: root can write everywhere, which proves nothing.
  if (options.as_gateway_user) {
    const auto became = become_user(configuration->gateway.user, configuration->gateway.group);
    if (!became) {
      add(findings, FindingKind::error, became.error());
      return findings;
    }
  }
  check_work(*configuration, findings);
  check_socket(*configuration, findings);
  for (const converter::ServedPostoffice& served : configuration->converter.postoffices) {
    check_postoffice(served, findings);
  }
  check_shared_domains(configuration->converter, findings);
  for (const converter::Peer& peer : configuration->converter.peers) check_peer(peer, findings);
  check_designated_host(*configuration, findings);
  return findings;
}

int run_check(const CheckOptions& options, bool json) {
  const Findings findings = check(options);
  const bool good = std::none_of(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.kind == FindingKind::error;
  });
  if (json) {
    print_json(findings, good);
  } else {
    for (const Finding& finding : findings) {
      std::printf("%s: %s\n", std::string(word(finding.kind)).c_str(),
                  printable(finding.text).c_str());
    }
  }
  return good ? EX_OK : EX_CONFIG;
}

}  // namespace smtpgate::milter
