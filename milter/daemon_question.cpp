// Asking a daemon: see the header.
#include "milter/daemon_question.h"

#include <chrono>
#include <cstdio>
#include <utility>

#include <fmt/format.h>
#include <sysexits.h>

#include "milter/configuration.h"
#include "milter/control_socket.h"
#include "milter/watchdog.h"
#include "postoffice/printable.h"
#include "postoffice/settings_file.h"

namespace smtpgate::milter {

namespace {

/// Enough for one that lives; nobody at a terminal wants to wait longer to hear that none does.
constexpr std::chrono::milliseconds patience_with_milter{2'000};

/// [gateway] work is read at the start: when the file names another folder since, its control
/// socket is where nobody looks, and "does not run" would be wrong.
bool answers_elsewhere(const DaemonPlace& place) {
  return !place.milter_socket.empty() &&
         ask_milter(place.milter_socket, patience_with_milter).has_value();
}

}  // namespace

tl::expected<DaemonPlace, Trouble> find_daemon(const std::string& configuration_path,
                                               const std::string& work) {
  if (!work.empty()) return DaemonPlace{work, {}, {}};
  auto file = postoffice::SettingsFile::read(configuration_path);
  if (!file) {
    return tl::unexpected(Trouble{EX_CONFIG, file.error() + "; or say where it is: --work DIR"});
  }
  postoffice::SettingsTable root = file->root();
  return DaemonPlace{root.table("gateway").string("work", default_work_directory),
                     configuration_path,
                     root.table("milter").string("socket", default_milter_socket)};
}

tl::expected<std::string, Trouble> ask_about(const DaemonPlace& place, std::string_view word) {
  auto answer = ask_daemon(place.work, word);
  const auto is_absent = [&] {
    return !answer && !answer.error().is_forbidden && !answer.error().is_running;
  };
  if (is_absent() && answers_elsewhere(place)) {
    // One that has just started has its control socket before its door answers.
    answer = ask_daemon(place.work, word);
    if (is_absent()) {
      return tl::unexpected(Trouble{
          EX_UNAVAILABLE,
          fmt::format(
              "a daemon serves {}, but uses another work folder than {}, which {} names now: "
              "[gateway] work is read at the start. Start it anew (systemctl restart smtpgate), or "
              "ask it where it is: --work DIR",
              place.milter_socket, place.work, place.configuration)});
    }
  }
  if (answer) return std::move(*answer);
  const NoDaemon& why = answer.error();
  const int code = why.is_forbidden ? EX_NOPERM : why.is_running ? EX_TEMPFAIL : EX_UNAVAILABLE;
  return tl::unexpected(Trouble{code, why.sentence});
}

int tell(const Trouble& trouble) {
  std::fprintf(stderr, "smtpgate: %s\n", printable(trouble.sentence).c_str());
  return trouble.code;
}

}  // namespace smtpgate::milter
