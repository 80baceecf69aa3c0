// Local time of a named zone, from the system's zoneinfo files (TZif, RFC 8536), without touching
// the process's own TZ: setenv() is not safe beside threads, and g++ 12 has no chrono zones.
//
// Not for reading dates that others wrote. A TimeZone is an immutable value; safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace smtpgate::postoffice {

class TimeZone {
 public:
  /// `name` as in "Europe/Berlin"; empty: the machine's own zone (/etc/localtime, or TZ). The error
  /// is the end of a sentence that begins with the name.
  static tl::expected<TimeZone, std::string> open(std::string_view name);
  /// From the octets of a TZif file, version 1 to 4.
  static tl::expected<TimeZone, std::string> parse(std::string_view data);

  /// Seconds east of UTC at that moment.
  int offset_at(std::int64_t seconds) const;

 private:
  struct Transition {
    std::int64_t at;
    int offset;
  };
  /// One half of the footer's rule: when the clock is changed each year.
  struct Change {
    char kind = 'M';  ///< 'M' month.week.day, 'J' Julian day 1-365, 'N' day 0-365
    int month = 0, week = 0, day = 0;
    int second = 7200;  ///< of the day, local time; may be negative or beyond a day
    std::int64_t day_of(std::int64_t year) const;
  };
  /// The footer: what holds after the last transition.
  struct Rule {
    int standard = 0;
    bool has_summer = false;
    int summer = 0;
    Change start, end;
    int offset_at(std::int64_t seconds) const;
  };
  static std::optional<Rule> parse_rule(std::string_view text);
  static bool parse_change(std::string_view& text, Change& change);

  std::vector<Transition> transitions_;
  int first_offset_ = 0;
  std::optional<Rule> rule_;
  bool use_process_zone_ = false;
};

/// A date and time in some zone.
struct LocalTime {
  std::string date;      ///< yyyy-mm-dd
  std::string time;      ///< hh:mm
  std::string rfc3339;   ///< yyyy-mm-ddThh:mm:ss+hh:mm
  int zone_minutes = 0;  ///< east of UTC
};

LocalTime local_time(const TimeZone& zone, std::int64_t seconds);  ///< since 1970, UTC

/// Proleptic Gregorian calendar.
struct CivilTime {
  std::int64_t year;
  int month, day, hour, minute, second;
};
CivilTime to_civil_time(std::int64_t seconds);
std::int64_t days_from_civil(std::int64_t year, int month, int day);

}  // namespace smtpgate::postoffice
