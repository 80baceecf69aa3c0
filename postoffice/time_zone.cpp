// TZif reading (RFC 8536) and the footer's POSIX rule; see the header.
#include "postoffice/time_zone.h"

#include <algorithm>
#include <ctime>
#include <fstream>

#include <fmt/format.h>

#include "postoffice/ascii.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::string_view zone_directory = "/usr/share/zoneinfo/";
constexpr std::size_t largest_zone_file = 1 << 20;
constexpr std::int64_t seconds_of_day = 86'400;

std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

bool is_leap(std::int64_t year) {
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/// Big-endian numbers out of a file; past the end it reads zeros and remembers.
class Cursor {
 public:
  explicit Cursor(std::string_view data) : data_(data) {}

  std::uint64_t take(std::size_t octets) {
    std::uint64_t value = 0;
    for (const char c : skip(octets)) value = (value << 8U) | static_cast<unsigned char>(c);
    return value;
  }
  std::string_view skip(std::size_t octets) {
    if (octets > data_.size()) {
      broken_ = true;
      data_ = {};
      return {};
    }
    const std::string_view piece = data_.substr(0, octets);
    data_.remove_prefix(octets);
    return piece;
  }
  std::string_view rest() const { return data_; }
  bool broken() const { return broken_; }

 private:
  std::string_view data_;
  bool broken_ = false;
};

struct Header {
  int version = 1;
  std::uint64_t utc_flags, standard_flags, leaps, times, types, characters;

  std::size_t body_size(std::size_t time_size) const {
    return static_cast<std::size_t>(times * (time_size + 1) + types * 6 + characters +
                                    leaps * (time_size + 4) + standard_flags + utc_flags);
  }
};

std::optional<Header> read_header(Cursor& cursor) {
  if (cursor.skip(4) != "TZif") return std::nullopt;
  Header header;
  const auto version = static_cast<char>(cursor.take(1));
  header.version = version >= '2' ? version - '0' : 1;
  cursor.skip(15);
  header.utc_flags = cursor.take(4);
  header.standard_flags = cursor.take(4);
  header.leaps = cursor.take(4);
  header.times = cursor.take(4);
  header.types = cursor.take(4);
  header.characters = cursor.take(4);
  if (cursor.broken() || header.types == 0) return std::nullopt;
  return header;
}

/// [+-]h[h][:mm[:ss]] of a POSIX TZ string, in seconds.
bool parse_clock(std::string_view& text, int& seconds) {
  int sign = 1;
  if (!text.empty() && (text.front() == '+' || text.front() == '-')) {
    sign = text.front() == '-' ? -1 : 1;
    text.remove_prefix(1);
  }
  int total = 0;
  for (int unit = 3600; unit > 0; unit /= 60) {
    int value = 0;
    std::size_t digits = 0;
    while (digits < 3 && digits < text.size() && is_ascii_digit(text[digits])) {
      value = value * 10 + (text[digits++] - '0');
    }
    if (digits == 0) return false;
    text.remove_prefix(digits);
    total += value * unit;
    if (text.empty() || text.front() != ':' || unit == 1) break;
    text.remove_prefix(1);
  }
  seconds = sign * total;
  return true;
}

/// "CET" or "<+0330>".
bool skip_abbreviation(std::string_view& text) {
  std::size_t end = 0;
  if (!text.empty() && text.front() == '<') {
    end = text.find('>');
    if (end == std::string_view::npos) return false;
    text.remove_prefix(end + 1);
    return true;
  }
  while (end < text.size() && is_ascii_alpha(text[end])) ++end;
  text.remove_prefix(end);
  return end >= 3;
}

bool parse_number(std::string_view& text, int& value) {
  std::size_t digits = 0;
  value = 0;
  while (digits < 3 && digits < text.size() && is_ascii_digit(text[digits])) {
    value = value * 10 + (text[digits++] - '0');
  }
  text.remove_prefix(digits);
  return digits > 0;
}

bool take_character(std::string_view& text, char wanted) {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::int64_t days_from_civil(std::int64_t year, int month, int day) {
  // Years begin in March here, so that the leap day is the last one.
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = floor_divide(year, 400);
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const std::int64_t day_of_era =
      year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

CivilTime to_civil_time(std::int64_t seconds) {
  const std::int64_t days = floor_divide(seconds, seconds_of_day);
  const auto second_of_day = static_cast<int>(seconds - days * seconds_of_day);
  const std::int64_t shifted = days + 719'468;
  const std::int64_t era = floor_divide(shifted, 146'097);
  const std::int64_t day_of_era = shifted - era * 146'097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t shifted_month = (5 * day_of_year + 2) / 153;
  CivilTime civil{};
  civil.day = static_cast<int>(day_of_year - (153 * shifted_month + 2) / 5 + 1);
  civil.month = static_cast<int>(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
  civil.year = year_of_era + era * 400 + (civil.month <= 2 ? 1 : 0);
  civil.hour = second_of_day / 3600;
  civil.minute = second_of_day / 60 % 60;
  civil.second = second_of_day % 60;
  return civil;
}

std::int64_t TimeZone::Change::day_of(std::int64_t year) const {
  const std::int64_t new_year = days_from_civil(year, 1, 1);
  if (kind == 'N') return new_year + day;
  if (kind == 'J') return new_year + day - 1 + (is_leap(year) && day >= 60 ? 1 : 0);
  const std::int64_t first = days_from_civil(year, month, 1);
  const std::int64_t next_first =
      month == 12 ? days_from_civil(year + 1, 1, 1) : days_from_civil(year, month + 1, 1);
  // 1970-01-01 was a Thursday (4).
  const std::int64_t first_weekday = ((first + 4) % 7 + 7) % 7;
  std::int64_t result = first + (day - first_weekday + 7) % 7 + std::int64_t{7} * (week - 1);
  while (result >= next_first) result -= 7;
  return result;
}

int TimeZone::Rule::offset_at(std::int64_t seconds) const {
  if (!has_summer) return standard;
  const std::int64_t year = to_civil_time(seconds + standard).year;
  const std::int64_t begins = start.day_of(year) * seconds_of_day + start.second - standard;
  const std::int64_t ends = end.day_of(year) * seconds_of_day + end.second - summer;
  const bool is_summer = begins < ends ? seconds >= begins && seconds < ends
                                       : !(seconds >= ends && seconds < begins);  // the south
  return is_summer ? summer : standard;
}

bool TimeZone::parse_change(std::string_view& text, Change& change) {
  if (take_character(text, 'M')) {
    if (!parse_number(text, change.month) || !take_character(text, '.') ||
        !parse_number(text, change.week) || !take_character(text, '.') ||
        !parse_number(text, change.day)) {
      return false;
    }
    if (change.month < 1 || change.month > 12 || change.week < 1 || change.week > 5 ||
        change.day > 6) {
      return false;
    }
  } else {
    change.kind = take_character(text, 'J') ? 'J' : 'N';
    if (!parse_number(text, change.day) || change.day > 366) return false;
  }
  return !take_character(text, '/') || parse_clock(text, change.second);
}

std::optional<TimeZone::Rule> TimeZone::parse_rule(std::string_view text) {
  Rule rule;
  if (!skip_abbreviation(text) || !parse_clock(text, rule.standard)) return std::nullopt;
  rule.standard = -rule.standard;  // POSIX counts west of Greenwich
  if (text.empty()) return rule;
  rule.has_summer = true;
  rule.summer = rule.standard + 3600;
  if (!skip_abbreviation(text)) return std::nullopt;
  if (!text.empty() && text.front() != ',') {
    if (!parse_clock(text, rule.summer)) return std::nullopt;
    rule.summer = -rule.summer;
  }
  if (!take_character(text, ',') || !parse_change(text, rule.start) || !take_character(text, ',') ||
      !parse_change(text, rule.end) || !text.empty()) {
    return std::nullopt;
  }
  return rule;
}

tl::expected<TimeZone, std::string> TimeZone::parse(std::string_view data) {
  Cursor cursor(data);
  auto header = read_header(cursor);
  if (!header) return tl::unexpected(std::string("is no time zone file (TZif)"));
  std::size_t time_size = 4;
  if (header->version >= 2) {
    cursor.skip(header->body_size(4));
    header = read_header(cursor);
    if (!header) return tl::unexpected(std::string("is a damaged time zone file"));
    time_size = 8;
  }
  if (header->body_size(time_size) > cursor.rest().size()) {
    return tl::unexpected(std::string("is a time zone file that ends early"));
  }
  TimeZone zone;
  std::vector<std::int64_t> times;
  for (std::uint64_t i = 0; i < header->times; ++i) {
    const std::uint64_t raw = cursor.take(time_size);
    times.push_back(time_size == 8 ? static_cast<std::int64_t>(raw)
                                   : static_cast<std::int32_t>(static_cast<std::uint32_t>(raw)));
  }
  std::vector<std::size_t> indexes;
  indexes.reserve(times.size());
  for (std::uint64_t i = 0; i < header->times; ++i) {
    indexes.push_back(static_cast<std::size_t>(cursor.take(1)));
  }
  std::vector<int> offsets;
  offsets.reserve(static_cast<std::size_t>(header->types));
  for (std::uint64_t i = 0; i < header->types; ++i) {
    const auto offset = static_cast<std::int32_t>(static_cast<std::uint32_t>(cursor.take(4)));
    if (offset < -93'599 || offset > 93'599) {  // RFC 8536, 3.2: within 25 and 26 hours
      return tl::unexpected(std::string("is a time zone file with an impossible offset"));
    }
    offsets.push_back(offset);
    cursor.skip(2);
  }
  zone.first_offset_ = offsets.front();
  for (std::size_t i = 0; i < times.size(); ++i) {
    if (indexes[i] >= offsets.size()) {
      return tl::unexpected(std::string("is a time zone file with a wrong index"));
    }
    zone.transitions_.push_back({times[i], offsets[indexes[i]]});
  }
  cursor.skip(static_cast<std::size_t>(header->characters + header->leaps * (time_size + 4) +
                                       header->standard_flags + header->utc_flags));
  if (time_size == 8) {
    std::string_view footer = cursor.rest();
    if (take_character(footer, '\n')) zone.rule_ = parse_rule(footer.substr(0, footer.find('\n')));
  }
  return zone;
}

tl::expected<TimeZone, std::string> TimeZone::open(std::string_view name) {
  if (name.empty()) {
    ::tzset();  // localtime_r need not do it
    TimeZone zone;
    zone.use_process_zone_ = true;
    return zone;
  }
  const bool is_plain = std::all_of(name.begin(), name.end(), [](char c) {
    return is_ascii_alpha(c) || is_ascii_digit(c) || c == '/' || c == '_' || c == '-' || c == '+';
  });
  if (!is_plain || name.front() == '/' || name.size() > 128) {
    return tl::unexpected(std::string("is no time zone; write a name such as Europe/Berlin"));
  }
  std::ifstream stream(std::string(zone_directory) + std::string(name), std::ios::binary);
  std::string data(largest_zone_file, '\0');
  if (stream) stream.read(data.data(), static_cast<std::streamsize>(data.size()));
  if (!stream.is_open() || stream.gcount() == 0) {
    return tl::unexpected(
        std::string("is not among the machine's time zones (/usr/share/zoneinfo); write a name "
                    "such as Europe/Berlin, or install tzdata"));
  }
  data.resize(static_cast<std::size_t>(stream.gcount()));
  return parse(data);
}

int TimeZone::offset_at(std::int64_t seconds) const {
  if (use_process_zone_) {
    const auto moment = static_cast<std::time_t>(seconds);
    std::tm local{};
    return ::localtime_r(&moment, &local) == nullptr ? 0 : static_cast<int>(local.tm_gmtoff);
  }
  const auto after =
      std::upper_bound(transitions_.begin(), transitions_.end(), seconds,
                       [](std::int64_t moment, const Transition& t) { return moment < t.at; });
  if (after == transitions_.end() && rule_) return rule_->offset_at(seconds);
  if (after == transitions_.begin()) return first_offset_;
  return std::prev(after)->offset;
}

LocalTime local_time(const TimeZone& zone, std::int64_t seconds) {
  const int offset = zone.offset_at(seconds);
  const CivilTime civil = to_civil_time(seconds + offset);
  const int minutes = std::abs(offset) / 60;
  LocalTime local;
  local.date = fmt::format("{:04}-{:02}-{:02}", civil.year, civil.month, civil.day);
  local.time = fmt::format("{:02}:{:02}", civil.hour, civil.minute);
  local.rfc3339 = fmt::format("{}T{}:{:02}{}{:02}:{:02}", local.date, local.time, civil.second,
                              offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
  local.zone_minutes = offset / 60;
  return local;
}

}  // namespace smtpgate::postoffice
