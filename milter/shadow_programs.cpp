// Shadow mode from the command line: see the header.
#include "milter/shadow_programs.h"

#include <cerrno>
#include <cstring>
#include <iostream>

#include <sysexits.h>
#include <unistd.h>

#include "milter/configuration.h"
#include "milter/daemon_question.h"
#include "milter/privileges.h"
#include "milter/shadow.h"
#include "milter/shadow_report.h"
#include "postoffice/file_system.h"
#include "postoffice/folder.h"
#include "postoffice/printable.h"

namespace smtpgate::milter {

namespace {

/// The folders themselves, which root alone can make where shadows usually are (/srv). What lies in
/// them the gateway's user makes. Returns why it could not be done; empty if it is.
std::string make_folders(const Configuration& configuration) {
  const GatewaySettings& gateway = configuration.gateway;
  if (gateway.user.empty() || ::geteuid() != 0) return {};
  const auto account = find_account(gateway.user, gateway.group);
  if (!account) return account.error();
  postoffice::FileSystem& files = postoffice::FileSystem::posix();
  const postoffice::FolderOwner owner{account->user, account->group};
  for (const converter::ServedPostoffice& served : configuration.converter.postoffices) {
    if (files.status(served.directory)) continue;
    const auto made = postoffice::make_owned_directory(files, served.directory, 0755, owner);
    if (!made) return made.error().outcome().sentence();
  }
  return {};
}

int prepare(const ShadowOptions& options) {
  const auto configuration = read_configuration(options.configuration_path);
  if (!configuration) {
    for (const std::string& line : configuration.error()) tell({EX_CONFIG, line});
    return EX_CONFIG;
  }
  if (!configuration->shadow.enabled) {
    return tell({EX_CONFIG, options.configuration_path + ": [shadow] is not enabled"});
  }
  // What is one folder with a real postoffice, or lies in one, is refused below, and not made here.
  if (shadows_that_are_real(*configuration).empty()) {
    if (const std::string why = make_folders(*configuration); !why.empty()) {
      return tell({EX_CANTCREAT, why});
    }
  }
  const auto became = become_user(configuration->gateway.user, configuration->gateway.group);
  if (!became) return tell({EX_NOUSER, became.error()});
  const Prepared prepared = prepare_shadows(*configuration);
  for (const std::string& line : prepared.done) std::cout << printable(line) << '\n';
  for (const std::string& line : prepared.failed) tell({EX_CANTCREAT, line});
  return prepared.failed.empty() ? EX_OK : EX_CANTCREAT;
}

}  // namespace

int run_shadow(const ShadowOptions& options) {
  if (options.prepare) return prepare(options);
  const auto daemon = find_daemon(options.configuration_path, options.work);
  if (!daemon) return tell(daemon.error());
  if (::access(daemon->work.c_str(), R_OK | X_OK) != 0) {
    const int code = errno == EACCES ? EX_NOPERM : EX_UNAVAILABLE;
    return tell({code, daemon->work + ": " + std::strerror(errno) +
                           "; ask as root or as the gateway's user, or say where it is: --work"});
  }
  const ShadowReport report = read_shadow_report(daemon->work);
  std::cout << (options.json ? render_shadow_json(report) + "\n" : render_shadow_text(report));
  return EX_OK;
}

}  // namespace smtpgate::milter
