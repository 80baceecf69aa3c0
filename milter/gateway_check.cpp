// The gateway's own side of `smtpgate check`: see the header.
#include "milter/gateway_check.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "milter/folder_check.h"
#include "milter/http_listener.h"
#include "milter/local_socket.h"
#include "milter/secret_file.h"
#include "milter/shadow.h"
#include "milter/smtp_connection.h"
#include "milter/submission.h"
#include "postoffice/file_system.h"
#include "postoffice/folder.h"
#include "postoffice/table.h"

namespace smtpgate::milter {

using postoffice::FileKind;
using postoffice::FileSystem;

namespace {

/// Whether somebody takes connections there.
bool answers(const std::string& socket) {
  constexpr std::chrono::seconds patience{2};
  return LocalSocket::connect(LocalSocket::Kind::stream, socket, patience).has_value();
}

void check_socket(const Configuration& configuration, Findings& findings) {
  const std::string& socket = configuration.milter.socket;
  const std::string directory = postoffice::parent_directory(socket);
  const std::string quoted = shell_word(directory);
  const std::string place = place_of(configuration, "milter", "socket");
  const auto status = FileSystem::posix().status(directory);
  if (!status || status->kind != FileKind::directory) {
    const std::string& user = configuration.gateway.user;
    return findings.add("socket-directory", "the socket's directory " + directory + " is not there",
                        place,
                        fmt::format("install -d -m 2750 {}-g postfix {}",
                                    user.empty() ? "" : "-o " + shell_word(user) + " ", quoted));
  }
  const MilterSettings& settings = configuration.milter;
  if (settings.socket_group.empty() && (settings.socket_mode & 0006) != 0006 &&
      (status->mode & S_ISGID) == 0) {
    findings.add("socket-closed",
                 fmt::format("Postfix's user cannot open the socket {}: it will belong to the "
                             "gateway's user and group alone",
                             socket),
                 place, fmt::format("chgrp postfix {} && chmod 2750 {}", quoted, quoted));
    return;
  }
  if ((settings.socket_mode & 0002) != 0 && (status->mode & 0001) != 0) {
    findings.add("socket-open",
                 fmt::format("everybody on this machine can open the socket {}", socket),
                 place_of(configuration, "milter", "socket_mode"), "chmod o-x " + quoted);
  }
  findings.ok("the socket's directory " + directory + " is there");
  if (answers(socket)) {
    findings.ok("the daemon answers at " + socket);
  } else {
    findings.add("daemon-away", "no daemon answers at " + socket, socket,
                 "systemctl start smtpgate, or smtpgate serve");
  }
}

void check_shadow(const Configuration& configuration, Findings& findings) {
  if (!configuration.shadow.enabled) return;
  findings.add("shadow-mode", "shadow mode is on: mail is converted and filed to try it, no more",
               place_of(configuration, "shadow", "enabled"),
               "once it does as it should: [shadow] enabled = false, and smtpgate-setup apply");
  for (const std::string& one : shadows_that_are_real(configuration)) {
    findings.add("shadow-is-real", one, configuration.path,
                 "name a folder of its own in [[postoffice]] shadow");
  }
}

/// Whether nobody listens there. Whoever may not connect to a socket cannot tell.
bool is_deserted(const StatusSettings& settings) {
  if (settings.kind == StatusSettings::Kind::unix_socket) {
    return !answers(settings.path) && (errno == ENOENT || errno == ECONNREFUSED);
  }
  constexpr std::chrono::seconds patience{2};
  const auto addresses = resolve_host({settings.host, settings.port});
  return addresses && !addresses->empty() &&
         !SmtpConnection::open(addresses->front(), patience, {}).has_value();
}

/// Whether there is one at all, or could be.
void check_status_page(const Configuration& configuration, Findings& findings) {
  const StatusSettings& settings = configuration.status;
  const auto add = [&](const std::string& why, const std::string& where, std::string remedy) {
    findings.add("status-page", "there is no status page: " + why, where, std::move(remedy));
  };
  const std::string line = place_of(configuration, "status", "listen");
  if (const std::string missing = HttpListener::what_is_missing(); !missing.empty()) {
    return add(missing, line, "apt-get install libmicrohttpd12");
  }
  const bool is_socket = settings.kind == StatusSettings::Kind::unix_socket;
  const std::string directory = postoffice::parent_directory(settings.path);
  const auto folder = FileSystem::posix().status(directory);
  if (is_socket && (!folder || folder->kind != FileKind::directory)) {
    const std::string& user = configuration.gateway.user;
    return add("the directory " + directory + " is not there", line,
               fmt::format("install -d {}{}", user.empty() ? "" : "-o " + shell_word(user) + " ",
                           shell_word(directory)));
  }
  if (answers(configuration.milter.socket) && is_deserted(settings)) {
    add("the daemon that runs listens at no " + settings.listen, is_socket ? settings.path : line,
        "systemctl restart smtpgate; if it is so again, its log says why");
  }
}

/// Who may see the status page: a token, or the rights of a socket.
void check_status(const Configuration& configuration, Findings& findings) {
  const StatusSettings& settings = configuration.status;
  if (settings.kind == StatusSettings::Kind::off) return;
  check_status_page(configuration, findings);
  if (!settings.token_file.empty()) {
    const auto token = read_password(FileSystem::posix(), settings.token_file);
    if (token) return findings.ok("the status page asks for the token in " + settings.token_file);
    return findings.add(
        "status-token", token.error().sentence(), settings.token_file,
        fmt::format(
            "umask 077; openssl rand -hex 32 > {}; chown {} {}", shell_word(settings.token_file),
            configuration.gateway.user.empty() ? "USER" : shell_word(configuration.gateway.user),
            shell_word(settings.token_file)));
  }
  // connect(2) asks for the right to write the socket, and to search the folders above it.
  const auto folder = FileSystem::posix().status(postoffice::parent_directory(settings.path));
  const bool is_closed = folder && (folder->mode & 0001) == 0;
  if ((settings.socket_mode & 0002) != 0 && !is_closed) {
    return findings.add(
        "status-open",
        fmt::format("{} asks for no token, and everybody may connect to it", settings.path),
        place_of(configuration, "status", "socket_mode"),
        "write token_file, or socket_mode = \"0660\" and socket_group");
  }
  findings.ok("the status page is for those who may write " + settings.path);
}

void check_peer(const Configuration& configuration, const converter::Peer& peer,
                Findings& findings) {
  const auto key = read_peer_key(FileSystem::posix(), peer.key_file);
  if (!key) {
    return findings.add(
        "peer-key", fmt::format("peer {}: {}", peer.name, key.error().sentence()), peer.key_file,
        fmt::format(
            "write the key that both sites share there; chown {0} {1}; chmod 0600 {1}",
            configuration.gateway.user.empty() ? "USER" : shell_word(configuration.gateway.user),
            shell_word(peer.key_file)));
  }
  findings.ok(fmt::format("peer {}: the key in {} can be read", peer.name, peer.key_file));
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
      findings.ok(outcome.sentence());
    } else {
      findings.add("host-away", outcome.sentence(),
                   place_of(configuration, "designated_host", "hosts"),
                   "start it, or correct [designated_host] hosts; a site that sends no mail sets "
                   "[outbound] enabled = false");
    }
  }
}

}  // namespace

bool check_user(const Configuration& configuration, Findings& findings) {
  const std::string& user = configuration.gateway.user;
  if (user.empty()) return true;
  if (::getpwnam(user.c_str()) == nullptr) {
    findings.add("user-missing", "there is no user " + user,
                 place_of(configuration, "gateway", "user"),
                 "adduser --system --group " + shell_word(user));
    return false;
  }
  const std::string& group = configuration.gateway.group;
  if (!group.empty() && ::getgrnam(group.c_str()) == nullptr) {
    findings.add("group-missing", "there is no group " + group,
                 place_of(configuration, "gateway", "group"),
                 "addgroup --system " + shell_word(group));
    return true;
  }
  const std::string& socket_group = configuration.milter.socket_group;
  if (!socket_group.empty() && ::getgrnam(socket_group.c_str()) == nullptr) {
    findings.add("group-missing", "there is no group " + socket_group,
                 place_of(configuration, "milter", "socket_group"),
                 "addgroup --system " + shell_word(socket_group));
    return true;
  }
  findings.ok("the user " + user + " is there");
  return true;
}

void check_gateway(const Configuration& configuration, Findings& findings) {
  check_clock(configuration, findings);
  check_shadow(configuration, findings);
  check_work(configuration, findings);
  check_socket(configuration, findings);
  check_postoffices(configuration, findings);
  check_shared_domains(configuration.converter, findings);
  check_records(configuration, findings);
  check_status(configuration, findings);
  for (const converter::Peer& peer : configuration.converter.peers) {
    check_peer(configuration, peer, findings);
  }
  check_designated_host(configuration, findings);
}

}  // namespace smtpgate::milter
