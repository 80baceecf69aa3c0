// Reload and levels, the daemon's side: see the header.
#include "milter/daemon_settings.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace smtpgate::milter {

namespace {

/// In the log, of one reload: an address map may be another one in all its lines.
constexpr std::size_t most_told_changes = 500;

}  // namespace

std::string start_line(const Configuration& configuration) {
  std::string names;
  for (const converter::ServedPostoffice& served : configuration.converter.postoffices) {
    names += (names.empty() ? "" : ", ") + served.name.str();
  }
  return fmt::format("smtpgate {} {} {} on {}{}", SMTPGATE_VERSION,
                     configuration.shadow.enabled ? "shadows" : "serves", names,
                     configuration.milter.socket,
                     configuration.shadow.enabled ? "; it claims and refuses nothing" : "");
}

ReloadAnswer DaemonSettings::reload() {
  Log& log = with_.logs->daemon;
  if (const auto told = with_.manager->reloading(); !told) log.warning(told.error());
  ReloadAnswer answer = take_configuration();
  const auto told = with_.manager->ready(start_line(*with_.configuration->get()));
  if (!told) log.warning(told.error());
  return answer;
}

ReloadAnswer DaemonSettings::take_configuration() {
  with_.logs->reopen();
  with_.monitoring->reopen_records();
  with_.monitoring->reload_begins();
  const auto begun = std::chrono::steady_clock::now();
  auto reloaded = with_.configuration->reload();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  with_.monitoring->reloaded(took.count(),
                             reloaded ? std::vector<std::string>() : reloaded.error());
  with_.service->look_again();
  ReloadAnswer answer;
  answer.configuration = with_.configuration->get()->path;
  Log& log = with_.logs->configuration;
  if (!reloaded) {
    for (const std::string& line : reloaded.error()) log.error(line);
    log.error("the configuration was not taken; the last good one stays");
    answer.errors = std::move(reloaded.error());
    return answer;
  }
  answer.taken = true;
  with_.discard->forget();  // the proof was of the old one; deleting one by one is always safe
  answer.changes = std::move(reloaded->changes);
  answer.restart = std::move(reloaded->restart);
  const std::size_t told = std::min(answer.changes.size(), most_told_changes);
  for (std::size_t i = 0; i < told; ++i) log.info(describe(answer.changes[i]));
  if (answer.changes.size() > told) {
    log.info(fmt::format("and {} changes more", answer.changes.size() - told));
  }
  for (const std::string& key : answer.restart) {
    log.warning(key + " has changed; restart smtpgate for it to take effect");
  }
  log.info("configuration read again");
  {
    // What was set for the moment ends here.
    const std::lock_guard one_at_a_time(levels_mutex_);
    with_.logs->levels.set_all(with_.configuration->get()->log_levels);
    keep_levels();
  }
  with_.outbound->reload();
  return answer;
}

LevelsAnswer DaemonSettings::levels(std::string_view word) {
  const std::lock_guard one_at_a_time(levels_mutex_);
  LevelsAnswer answer;
  if (word != "log") {
    word.remove_prefix(std::string_view("log ").size());
    const std::size_t blank = word.find(' ');
    const auto area = parse_log_area(word.substr(0, blank));
    const auto level = blank == std::string_view::npos ? std::optional<Severity>()
                                                       : parse_severity(word.substr(blank + 1));
    if (area && level) {
      with_.logs->levels.set(*area, *level);
      with_.logs->configuration.info(fmt::format("log.{}: {} from now on, until the next reload",
                                                 log_area_name(*area), severity_name(*level)));
      if (!keep_levels()) {
        answer.problem = "door 2 and the look-up could not be told; the daemon itself follows";
      }
    } else {
      answer.problem = "there is no such area or level";
    }
  }
  answer.levels = with_.logs->levels.all();
  answer.configured = with_.configuration->get()->log_levels;
  return answer;
}

bool DaemonSettings::keep_levels() {
  const auto configuration = with_.configuration->get();
  const bool kept = write_levels_of_the_moment(configuration->gateway.work,
                                               with_.logs->levels.all(), configuration->log_levels);
  if (!kept) {
    with_.logs->configuration.warning("the levels of the log could not be written to " +
                                      configuration->gateway.work + "/log_levels");
  }
  return kept;
}

}  // namespace smtpgate::milter
