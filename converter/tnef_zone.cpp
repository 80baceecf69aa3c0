// Zones of meetings: see the header.
#include "converter/tnef_zone.h"

#include <chrono>
#include <cstdlib>

#include <fmt/format.h>

#include "converter/octet_order.h"

namespace smtpgate::converter {

namespace {

constexpr int minute_seconds = 60;
constexpr int day_minutes = 24 * 60;

/// Takes little-endian numbers off the front of octets that are long enough.
class Numbers {
 public:
  explicit Numbers(std::string_view octets) : octets_(octets) {}
  int word() { return static_cast<int>(take(2)); }
  int signed_long() { return static_cast<std::int32_t>(take(4)); }
  void skip(std::size_t count) { octets_.remove_prefix(count); }

 private:
  std::uint32_t take(std::size_t count) {
    const auto value = static_cast<std::uint32_t>(little_endian(octets_.substr(0, count)));
    octets_.remove_prefix(count);
    return value;
  }
  std::string_view octets_;
};

/// SYSTEMTIME. nullopt: no change (month 0), or no time that there is.
std::optional<TnefZone::Change> take_change(Numbers& numbers) {
  TnefZone::Change change;
  change.year = numbers.word();
  change.month = numbers.word();
  change.weekday = numbers.word();
  change.day = numbers.word();
  change.hour = numbers.word();
  change.minute = numbers.word();
  numbers.skip(4);  // seconds and milliseconds, which no zone has
  const int last_day = change.year == 0 ? 5 : 31;
  const bool is_possible = change.month >= 1 && change.month <= 12 && change.weekday <= 6 &&
                           change.day >= 1 && change.day <= last_day && change.hour <= 23 &&
                           change.minute <= 59;
  if (!is_possible) return std::nullopt;
  return change;
}

bool has_possible_biases(const TnefZone& zone) {
  for (const int extra : {zone.standard_bias, zone.daylight_bias}) {
    if (std::abs(static_cast<std::int64_t>(zone.bias) + extra) > day_minutes) return false;
  }
  return true;
}

std::optional<TnefZone> finished(TnefZone zone) {
  if (!has_possible_biases(zone)) return std::nullopt;
  if (!zone.to_standard || !zone.to_daylight) {
    zone.to_standard.reset();
    zone.to_daylight.reset();
  }
  return zone;
}

/// In seconds since 1970 if local time were UTC; nullopt: not in this year.
std::optional<std::int64_t> moment_of(const TnefZone::Change& change, int year_number) {
  using namespace std::chrono;
  if (change.year != 0 && change.year != year_number) return std::nullopt;
  const year_month month_then = year(year_number) / static_cast<int>(change.month);
  sys_days date;
  if (change.year != 0) {
    const year_month_day exact = month_then / change.day;
    if (!exact.ok()) return std::nullopt;
    date = exact;
  } else {
    const weekday which(static_cast<unsigned>(change.weekday));
    const year_month_weekday counted = month_then / which[static_cast<unsigned>(change.day)];
    date = counted.ok() ? sys_days(counted) : sys_days(month_then / which[last]);
  }
  return sys_seconds(date).time_since_epoch().count() +
         (change.hour * std::int64_t{60} + change.minute) * minute_seconds;
}

/// Whether summer time is on at `utc` (seconds since 1970).
bool is_daylight(const TnefZone& zone, std::int64_t utc) {
  if (!zone.to_standard || !zone.to_daylight) return false;
  const std::int64_t standard = (zone.bias + zone.standard_bias) * std::int64_t{minute_seconds};
  const std::int64_t daylight = (zone.bias + zone.daylight_bias) * std::int64_t{minute_seconds};
  const auto local = meeting_time_from_unix(utc - standard);
  if (!local) return false;
  auto begins = moment_of(*zone.to_daylight, local->year);
  auto ends = moment_of(*zone.to_standard, local->year);
  if (!begins || !ends) return false;
  *begins += standard;
  *ends += daylight;
  // South of the equator the year begins in summer.
  return *begins < *ends ? utc >= *begins && utc < *ends : utc >= *begins || utc < *ends;
}

}  // namespace

std::optional<TnefZone> zone_of_struct(std::string_view octets) {
  constexpr std::size_t size = 48;
  if (octets.size() < size) return std::nullopt;
  Numbers numbers(octets);
  TnefZone zone;
  zone.bias = numbers.signed_long();
  zone.standard_bias = numbers.signed_long();
  zone.daylight_bias = numbers.signed_long();
  numbers.skip(2);  // a year, which the change has itself
  zone.to_standard = take_change(numbers);
  numbers.skip(2);
  zone.to_daylight = take_change(numbers);
  return finished(zone);
}

std::optional<TnefZone> zone_of_definition(std::string_view octets, int year) {
  constexpr std::size_t header_start = 4;  // behind versions and the header's own size
  constexpr std::size_t rule_size = 66;
  constexpr int is_in_force = 2;
  if (octets.size() < header_start) return std::nullopt;
  Numbers start(octets);
  start.skip(2);
  const auto header_size = static_cast<std::size_t>(start.word());
  // Its last two octets are the number of rules.
  if (header_size < 2 || octets.size() < header_start + header_size) return std::nullopt;
  Numbers end_of_header(octets.substr(header_start + header_size - 2));
  int rules = end_of_header.word();
  std::optional<TnefZone> chosen;
  int chosen_year = 0;
  for (octets.remove_prefix(header_start + header_size); rules > 0 && octets.size() >= rule_size;
       --rules, octets.remove_prefix(rule_size)) {
    Numbers numbers(octets);
    numbers.skip(4);
    const int flags = numbers.word();
    const int rule_year = numbers.word();
    numbers.skip(14);
    TnefZone zone;
    zone.bias = numbers.signed_long();
    zone.standard_bias = numbers.signed_long();
    zone.daylight_bias = numbers.signed_long();
    zone.to_standard = take_change(numbers);
    zone.to_daylight = take_change(numbers);
    auto rule = finished(zone);
    if (!rule) continue;
    if ((flags & is_in_force) != 0) return rule;
    const bool is_nearer = rule_year <= year && (rule_year > chosen_year || chosen_year > year);
    if (!chosen || is_nearer) {
      chosen = rule;
      chosen_year = rule_year;
    }
  }
  return chosen;
}

std::optional<MeetingTime> local_time(const MeetingTime& utc, const TnefZone& zone) {
  const std::int64_t seconds = unix_from_meeting_time(utc);
  const int bias =
      zone.bias + (is_daylight(zone, seconds) ? zone.daylight_bias : zone.standard_bias);
  auto local = meeting_time_from_unix(seconds - bias * std::int64_t{minute_seconds});
  if (!local) return std::nullopt;
  const int apart = std::abs(bias);
  if (apart > 0) {
    local->zone = fmt::format("UTC{}{:02}:{:02}", bias > 0 ? '-' : '+', apart / 60, apart % 60);
  }
  return local;
}

}  // namespace smtpgate::converter
