// What programs that ask a running daemon share (`smtpgate status`, `top`, `reload`, `log`): where
// it is, the question over its control socket, and why there is no answer.
#pragma once

#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace smtpgate::milter {

/// Why there is no answer, and the exit code that says so: EX_UNAVAILABLE if no daemon runs,
/// EX_TEMPFAIL if one runs but does not answer, EX_NOPERM if we may not ask it, EX_CONFIG if the
/// configuration does not say where it is.
struct Trouble {
  int code;
  std::string sentence;
};

/// Where a daemon is to be found.
struct DaemonPlace {
  std::string work;           ///< its work directory
  std::string configuration;  ///< that says so; empty: the command line did
  std::string milter_socket;  ///< as the configuration says; empty: not known
};
/// `work` if it is given, else what the configuration says, also one with faults elsewhere.
tl::expected<DaemonPlace, Trouble> find_daemon(const std::string& configuration_path,
                                               const std::string& work);
tl::expected<std::string, Trouble> ask_about(const DaemonPlace& place, std::string_view word);
/// On standard error; its code.
int tell(const Trouble& trouble);

}  // namespace smtpgate::milter
