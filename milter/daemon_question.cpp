// Asking a daemon: see the header.
#include "milter/daemon_question.h"

#include <cstdio>
#include <utility>

#include <sysexits.h>

#include "milter/configuration.h"
#include "milter/control_socket.h"
#include "postoffice/printable.h"
#include "postoffice/settings_file.h"

namespace smtpgate::milter {

tl::expected<std::string, Trouble> find_work(const std::string& configuration_path,
                                             const std::string& work) {
  if (!work.empty()) return work;
  auto file = postoffice::SettingsFile::read(configuration_path);
  if (!file) {
    return tl::unexpected(Trouble{EX_CONFIG, file.error() + "; or say where it is: --work DIR"});
  }
  return file->root().table("gateway").string("work", default_work_directory);
}

tl::expected<std::string, Trouble> ask_about(const std::string& work, std::string_view word) {
  auto answer = ask_daemon(work, word);
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
