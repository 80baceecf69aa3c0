// `smtpgate check`: does it all hold? The configuration file, then the gateway's own side
// (gateway_check.h), then, where Postfix is installed, Postfix's settings (postfix_check.h). Says
// what is right as well, so that a person sees what was looked at. Every finding: docs/checks.md.
//
// Writes nothing but probe files, which it removes.
#pragma once

#include <string>
#include <vector>

#include "milter/configuration.h"
#include "milter/finding.h"

namespace smtpgate::milter {

struct CheckOptions {
  std::string configuration_path;
  std::string postfix_directory;  ///< --postfix; empty: Postfix's default, if it is installed
  bool skip_postfix = false;
  /// The program as root: try what the gateway's user can do, for good (the process becomes it).
  bool as_gateway_user = false;
};

enum class CheckOutput {
  all,       ///< a line for what is well, a block for each finding, a line that counts
  problems,  ///< nothing for what is well: what cron mails
  json
};

std::vector<Finding> check(const CheckOptions& options);

/// The program: prints to standard output. EX_OK, or EX_CONFIG if there is an error.
int run_check(const CheckOptions& options, CheckOutput output);

}  // namespace smtpgate::milter
