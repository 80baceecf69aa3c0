// The areas of the log: every line belongs to one, and each has a level below which its lines are
// not written (docs/changing.md, "Levels of the log"). One table, which the configuration, the
// programs and the documents follow.
//
// Not for writing lines: log.h.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace smtpgate::milter {

/// In order: a level shows its own lines and those of all that follow.
enum class Severity { debug, info, warning, error };
std::string_view severity_name(Severity severity);
std::optional<Severity> parse_severity(std::string_view name);

enum class LogArea { daemon, configuration, door_1, door_2, lookup, outbound, status };

struct LogAreaDefinition {
  LogArea area;
  std::string_view name;  ///< the key in [log], and the word of `smtpgate log`
  std::string_view what;
};
inline constexpr std::size_t log_area_count = 7;
inline constexpr std::array<LogAreaDefinition, log_area_count> log_areas = {{
    {LogArea::daemon, "daemon", "start, stop, the watchdog, house-keeping in postoffices"},
    {LogArea::configuration, "configuration",
     "what was read again, what changed, what was refused"},
    {LogArea::door_1, "door1", "the milter: each recipient that is claimed, refused or left"},
    {LogArea::door_2, "door2", "the LMTP server: each recipient with its reply"},
    {LogArea::lookup, "lookup", "the recipient look-up: what could not be answered"},
    {LogArea::outbound, "outbound", "outboxes, mail that waits, submission to the host"},
    {LogArea::status, "status", "the status page, metrics, and who asks the daemon"},
}};
std::optional<LogArea> parse_log_area(std::string_view name);
std::string_view log_area_name(LogArea area);

/// A level for each area, in the order of the table.
using AreaLevels = std::array<Severity, log_area_count>;
AreaLevels usual_levels();  ///< info everywhere

/// The levels in force. Safe from any thread.
class LogLevels {
 public:
  explicit LogLevels(const AreaLevels& levels = usual_levels()) { set_all(levels); }
  Severity of(LogArea area) const {
    return levels_[static_cast<std::size_t>(area)].load(std::memory_order_relaxed);
  }
  void set(LogArea area, Severity level) {
    levels_[static_cast<std::size_t>(area)].store(level, std::memory_order_relaxed);
  }
  void set_all(const AreaLevels& levels) {
    for (std::size_t i = 0; i < log_area_count; ++i) levels_[i] = levels[i];
  }
  AreaLevels all() const;

 private:
  std::array<std::atomic<Severity>, log_area_count> levels_;
};

/// Levels that were changed at run time, as <work>/log_levels tells them to door 2's and the
/// look-up's processes. What cannot be read there, or is no such line, changes nothing.
AreaLevels with_levels_of_the_moment(const std::string& work, AreaLevels levels);
/// Those of `levels` that differ from `configured`; none: the file goes. False if it cannot be
/// written.
bool write_levels_of_the_moment(const std::string& work, const AreaLevels& levels,
                                const AreaLevels& configured);

}  // namespace smtpgate::milter
