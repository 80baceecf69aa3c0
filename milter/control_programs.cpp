// Reload and levels, the asking side: see the header.
#include "milter/control_programs.h"

#include <iostream>
#include <vector>

#include <fmt/format.h>
#include <sysexits.h>

#include "milter/control_answers.h"
#include "milter/daemon_question.h"
#include "postoffice/printable.h"
#include "postoffice/table.h"

namespace smtpgate::milter {

namespace {

int show(const ReloadAnswer& answer) {
  if (answer.under_way) {
    return tell({EX_TEMPFAIL,
                 answer.configuration +
                     " and what it names are still being read, as if a disk did not answer; the "
                     "last good configuration stays in force meanwhile. What comes of it is told "
                     "in the log and by smtpgate status; there is no need to ask again"});
  }
  if (!answer.taken) {
    std::cerr << "refused; the last good configuration stays in force:\n";
    for (const std::string& line : answer.errors) std::cerr << "  " << printable(line) << '\n';
    return EX_CONFIG;
  }
  std::cout << "accepted: " << printable(answer.configuration) << '\n';
  if (answer.changes.empty()) std::cout << "  nothing is different\n";
  for (const ConfigurationChange& one : answer.changes) {
    std::cout << "  " << printable(describe(one))
              << (needs_restart(one.key) ? "  (at the next start)" : "") << '\n';
  }
  if (!answer.restart.empty()) {
    std::cout << "needs a restart for:";
    for (const std::string& key : answer.restart) std::cout << ' ' << printable(key);
    std::cout << "\n  systemctl restart smtpgate\n";
  }
  return EX_OK;
}

void show(const LevelsAnswer& answer) {
  postoffice::Table table({{"AREA"}, {"LEVEL"}, {"IN THE FILE"}, {"WHAT", false, 10}});
  for (std::size_t i = 0; i < log_area_count; ++i) {
    const bool is_changed = answer.levels[i] != answer.configured[i];
    table.add({std::string(log_areas[i].name), std::string(severity_name(answer.levels[i])),
               std::string(severity_name(answer.configured[i])), std::string(log_areas[i].what)},
              is_changed);
  }
  const auto terminal = postoffice::Terminal::of_standard_output();
  table.print(std::cout, terminal.width, terminal.with_colours);
}

}  // namespace

int run_reload(const ControlOptions& options) {
  const auto daemon = find_daemon(options.configuration_path, options.work);
  if (!daemon) return tell(daemon.error());
  const auto answer = ask_about(*daemon, "reload");
  if (!answer) return tell(answer.error());
  const auto parsed = parse_reload_json(*answer);
  if (!parsed) return tell({EX_TEMPFAIL, "the daemon's answer is none to a reload"});
  if (!options.json) return show(*parsed);
  std::cout << render_reload_json(*parsed, 2) << '\n';
  if (parsed->under_way) return EX_TEMPFAIL;
  return parsed->taken ? EX_OK : EX_CONFIG;
}

int run_log(const ControlOptions& options, const std::string& area, const std::string& level) {
  std::string word = "log";
  if (!area.empty()) {
    if (!parse_log_area(area)) {
      std::vector<std::string_view> names;
      for (const LogAreaDefinition& one : log_areas) names.push_back(one.name);
      return tell({EX_USAGE, fmt::format("{} is no area of the log; take one of {}", area,
                                         fmt::join(names, ", "))});
    }
    if (!parse_severity(level)) {
      return tell({EX_USAGE, "name a level behind the area: debug, info, warning or error"});
    }
    word += " " + area + " " + level;
  }
  const auto daemon = find_daemon(options.configuration_path, options.work);
  if (!daemon) return tell(daemon.error());
  const auto answer = ask_about(*daemon, word);
  if (!answer) return tell(answer.error());
  const auto parsed = parse_levels_json(*answer);
  if (!parsed) return tell({EX_TEMPFAIL, "the daemon's answer has no levels"});
  if (options.json) {
    std::cout << render_levels_json(*parsed, 2) << '\n';
  } else {
    show(*parsed);
  }
  return parsed->problem.empty() ? EX_OK : tell({EX_CANTCREAT, parsed->problem});
}

}  // namespace smtpgate::milter
