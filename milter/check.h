// `smtpgate check`: does it all hold? The configuration file, the work directory, each postoffice
// (writable, can link), the socket's place, the peers' keys, the designated host (does it answer?),
// and, where Postfix is installed, Postfix's own settings (postfix_check.h). Says what is right as
// well, so that a person sees what was looked at.
//
// Writes nothing but probe files, which it removes.
#pragma once

#include <string>
#include <vector>

#include "milter/configuration.h"

namespace smtpgate::milter {

enum class FindingKind { ok, warning, error };

struct Finding {
  FindingKind kind = FindingKind::ok;
  std::string text;  ///< "what", or "what; what to do"
};

struct CheckOptions {
  std::string configuration_path;
  std::string postfix_directory;  ///< --postfix; empty: Postfix's default, if it is installed
  bool skip_postfix = false;
  /// The program as root: try what the gateway's user can do, for good (the process becomes it).
  bool as_gateway_user = false;
};

std::vector<Finding> check(const CheckOptions& options);

/// The program: prints "ok|warning|error: text" a line, or JSON, to standard output. EX_OK, or
/// EX_CONFIG if there is an error.
int run_check(const CheckOptions& options, bool json);

}  // namespace smtpgate::milter
