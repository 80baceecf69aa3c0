// "smtpconv out": the messages of an MMFF file as Internet mail, by hand. A thin layer over
// converter/outbound.h; nothing is sent.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "postoffice/mmff.h"

namespace smtpgate::smtpconv {

struct OutOptions {
  std::string file;
  std::string directory;
  std::string configuration;            ///< smtpgate.toml; may be empty
  std::string map;                      ///< an address map alone; may be empty
  std::vector<std::string> recipients;  ///< in place of TO and CC; may be empty
  bool null_sender = false;
  std::optional<postoffice::LineEnd> line_end;
};

/// Gives the exit code; what failed was said on standard error.
int run_out(const OutOptions& options);

/// The machine's own name.
std::string host_name();

}  // namespace smtpgate::smtpconv
