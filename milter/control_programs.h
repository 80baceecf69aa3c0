// `smtpgate reload` and `smtpgate log`: telling a running daemon to read its configuration again,
// or to say more or less in one area of its log, and telling the person what came of it.
#pragma once

#include <string>

namespace smtpgate::milter {

struct ControlOptions {
  std::string configuration_path;
  std::string work;  ///< --work; empty: gateway.work of the configuration
  bool json = false;
};

/// EX_OK if it was taken, also where keys wait for a restart; EX_CONFIG if it was refused; else as
/// daemon_question.h has it.
int run_reload(const ControlOptions& options);

/// Shows the levels, or sets one for as long as the daemon runs or until the next reload. EX_USAGE
/// for a word that is no area or level.
int run_log(const ControlOptions& options, const std::string& area, const std::string& level);

}  // namespace smtpgate::milter
