// What a running daemon answers to "reload" and "log", as both ends of its control socket read it:
// the daemon writes these values as JSON, the programs show them (docs/changing.md).
//
// Not for the socket (control_socket.h), nor for doing what is asked (daemon.cpp).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "milter/configuration_changes.h"
#include "milter/log_area.h"

namespace smtpgate::milter {

struct ReloadAnswer {
  bool taken = false;
  bool under_way = false;     ///< still being read; what came of it is told in the log
  std::string configuration;  ///< path
  std::vector<std::string> errors;
  std::vector<ConfigurationChange> changes;
  std::vector<std::string> restart;  ///< keys that wait for one
};
/// One JSON object; `indent` as nlohmann::json has it.
std::string render_reload_json(const ReloadAnswer& answer, int indent = -1);
std::optional<ReloadAnswer> parse_reload_json(std::string_view text);

struct LevelsAnswer {
  std::string problem;  ///< empty: done as asked
  AreaLevels levels = usual_levels();
  AreaLevels configured = usual_levels();
};
std::string render_levels_json(const LevelsAnswer& answer, int indent = -1);
std::optional<LevelsAnswer> parse_levels_json(std::string_view text);

}  // namespace smtpgate::milter
