// `smtpgate shadow`: makes the shadows, and tells what shadow mode has found.
#pragma once

#include <string>

namespace smtpgate::milter {

struct ShadowOptions {
  std::string configuration_path;
  std::string work;  ///< --work; empty: gateway.work of the configuration
  bool prepare = false;
  bool json = false;
};

/// EX_OK; EX_CONFIG where the configuration says no to it; EX_CANTCREAT where something of a shadow
/// could not be made. --prepare by root goes on as the gateway's user.
int run_shadow(const ShadowOptions& options);

}  // namespace smtpgate::milter
