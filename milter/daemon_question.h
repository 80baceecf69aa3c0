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

/// The daemon's work directory: `work` if it is given, else what the configuration says, also one
/// with faults elsewhere.
tl::expected<std::string, Trouble> find_work(const std::string& configuration_path,
                                             const std::string& work);
tl::expected<std::string, Trouble> ask_about(const std::string& work, std::string_view word);
/// On standard error; its code.
int tell(const Trouble& trouble);

}  // namespace smtpgate::milter
