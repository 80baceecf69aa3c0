// `smtpgate status` and `smtpgate top`: what a running daemon is doing, asked over its control
// socket, as text, as JSON, or live on a terminal.
#pragma once

#include <string>

namespace smtpgate::milter {

struct StatusOptions {
  std::string configuration_path;
  std::string work;  ///< --work; empty: gateway.work of the configuration
  bool json = false;
};

/// EX_OK; EX_UNAVAILABLE if no daemon runs, EX_TEMPFAIL if one runs but does not answer,
/// EX_NOPERM if we may not ask it, EX_CONFIG if the configuration does not say where it is.
int run_status(const StatusOptions& options);

/// Until q, SIGINT or SIGTERM; the terminal is left as it was. EX_USAGE without a terminal.
int run_top(const StatusOptions& options);

}  // namespace smtpgate::milter
