// Dates: see the header. A value is cut into words; what each is follows from its shape more than
// from its place, because broken programs move them about. A word that fits nothing is passed over.
#include "converter/mail_date.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <vector>

#include <fmt/compile.h>
#include <fmt/format.h>

#include "converter/header_field.h"
#include "postoffice/ascii.h"

namespace smtpgate::converter {

namespace {

/// No date is longer; more words are not looked at.
constexpr std::size_t longest_value = 1000;
constexpr std::size_t most_words = 32;

constexpr std::array<std::string_view, 12> months = {
    "january", "february", "march",     "april",   "may",      "june",
    "july",    "august",   "september", "october", "november", "december"};
/// As programs write them that ask their system for a month's name: German, French, Dutch, Italian,
/// Portuguese and Spanish, where the first letters are others than in English.
constexpr std::array<std::string_view, 12> months_elsewhere = {
    "janvier enero gennaio",
    "fevrier fevereiro",
    "mrz mrt maart mars marzo",
    "avril aprile abril",
    "mai mei maio maggio mayo",
    "juni juin giugno junho junio",
    "juli juillet luglio julho julio",
    "aout augustus agosto",
    "septembre settembre setembro septiembre",
    "oktober octobre ottobre outubro octubre",
    "novembre novembro noviembre",
    "dezember decembre dicembre dezembro diciembre"};
constexpr std::array<std::string_view, 7> weekdays = {"monday", "tuesday",  "wednesday", "thursday",
                                                      "friday", "saturday", "sunday"};

struct ZoneName {
  std::string_view name;
  int minutes;
};
/// RFC 5322, 4.3, and names in use that mean one zone only. Others, single letters among them, are
/// unknown.
constexpr auto zone_names = std::to_array<ZoneName>({
    {"ut", 0},      {"utc", 0},     {"gmt", 0},    {"z", 0},      {"est", -300}, {"edt", -240},
    {"cst", -360},  {"cdt", -300},  {"mst", -420}, {"mdt", -360}, {"pst", -480}, {"pdt", -420},
    {"akst", -540}, {"akdt", -480}, {"hst", -600}, {"wet", 0},    {"west", 60},  {"cet", 60},
    {"cest", 120},  {"met", 60},    {"mest", 120}, {"mez", 60},   {"mesz", 120}, {"eet", 120},
    {"eest", 180},  {"msk", 180},   {"jst", 540},  {"kst", 540},  {"aest", 600}, {"aedt", 660},
    {"nzst", 720},  {"nzdt", 780},
});

struct Parts {
  int year = -1;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  bool has_time = false;
  bool afternoon = false;  ///< "PM"
  bool morning = false;    ///< "AM"
  std::optional<int> zone;
  bool zone_is_offset = false;  ///< an offset counts more than a name
};

/// Digits at the front of `text`, taken off; -1 if there are none or more than `most`.
int take_number(std::string_view& text, std::size_t most) {
  std::size_t count = 0;
  int number = 0;
  while (count < text.size() && is_ascii_digit(text[count])) {
    if (++count > most) return -1;
    number = number * 10 + (text[count - 1] - '0');
  }
  text.remove_prefix(count);
  return count == 0 ? -1 : number;
}

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_ascii_digit);
}

/// One of `names`, with blanks between, begins with `word`.
bool begins_one_of(std::string_view names, std::string_view word) {
  while (!names.empty()) {
    const std::size_t end = std::min(names.find(' '), names.size());
    if (starts_with_ignoring_case(names.substr(0, end), word)) return true;
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return false;
}

/// 1 for January; 0 if `word` is no month. At least three letters of the name.
int month_of(std::string_view word) {
  if (word.size() < 3 || !is_ascii_alpha(word[0])) return 0;
  for (std::size_t index = 0; index < months.size(); ++index) {
    if (starts_with_ignoring_case(months[index], word)) return static_cast<int>(index) + 1;
  }
  for (std::size_t index = 0; index < months_elsewhere.size(); ++index) {
    if (begins_one_of(months_elsewhere[index], word)) return static_cast<int>(index) + 1;
  }
  return 0;
}

bool is_weekday(std::string_view word) {
  if (word.size() < 3 || !is_ascii_alpha(word[0])) return false;
  for (std::string_view day : weekdays) {
    if (starts_with_ignoring_case(day, word)) return true;
  }
  return false;
}

/// Two digits from 50 on and three digits count from 1900, two below 50 from 2000 (RFC 5322, 4.3).
int full_year(int year, std::size_t digits) {
  if (digits == 2) return year < 50 ? 2000 + year : 1900 + year;
  return digits == 3 ? 1900 + year : year;
}

/// "+0100", "+01:00", "+01", "+1", "-0000" (unknown).
bool read_offset(std::string_view word, Parts& parts) {
  if (word.size() < 2 || (word[0] != '+' && word[0] != '-')) return false;
  const bool west = word[0] == '-';
  std::string_view rest = word.substr(1);
  const std::size_t before = rest.size();
  int hours = take_number(rest, 4);
  const std::size_t digits = before - rest.size();
  int minutes = 0;
  if (hours < 0) return false;
  if (digits > 2) {
    minutes = hours % 100;
    hours /= 100;
  } else if (!rest.empty() && rest[0] == ':') {
    rest.remove_prefix(1);
    minutes = take_number(rest, 2);
  }
  if (!rest.empty() || minutes < 0 || minutes > 59 || hours > 23) return false;
  const int total = hours * 60 + minutes;
  parts.zone_is_offset = true;
  parts.zone.reset();
  if (total != 0 || !west) parts.zone = west ? -total : total;
  return true;
}

bool read_zone_name(std::string_view word, Parts& parts) {
  for (const ZoneName& zone : zone_names) {
    if (!equals_ignoring_case(zone.name, word)) continue;
    if (!parts.zone_is_offset) parts.zone = zone.minutes;
    return true;
  }
  return false;
}

/// A zone in any form: a name, an offset, or both joined ("GMT+0100").
bool read_zone(std::string_view word, Parts& parts) {
  if (word.empty()) return true;
  if (read_offset(word, parts) || read_zone_name(word, parts)) return true;
  const std::size_t sign = word.find_first_of("+-");
  if (sign == std::string_view::npos || sign == 0) return false;
  return read_zone_name(word.substr(0, sign), parts) && read_offset(word.substr(sign), parts);
}

void read_half_day(std::string_view word, Parts& parts) {
  if (equals_ignoring_case(word, "am")) parts.morning = true;
  if (equals_ignoring_case(word, "pm")) parts.afternoon = true;
}

/// "10:00", "10:00:00", "10:00:00.123", with a zone or AM/PM behind it; "10.00.00" with `separator`
/// a dot.
bool read_time(std::string_view word, char separator, Parts& parts) {
  const int hour = take_number(word, 2);
  if (hour < 0 || word.empty() || word[0] != separator) return false;
  word.remove_prefix(1);
  const int minute = take_number(word, 2);
  if (minute < 0) return false;
  int second = 0;
  if (!word.empty() && word[0] == separator) {
    word.remove_prefix(1);
    const bool cut = word.empty() || !is_ascii_digit(word[0]);
    second = cut ? 0 : take_number(word, 2);
    if (second < 0) return false;
  }
  if (word.size() > 1 && (word[0] == '.' || word[0] == ',') && is_ascii_digit(word[1])) {
    word.remove_prefix(1);
    word.remove_prefix(std::min(word.find_first_not_of("0123456789"), word.size()));
  }
  parts.hour = hour;
  parts.minute = minute;
  parts.second = second;
  parts.has_time = true;
  read_half_day(word, parts);
  read_zone(word, parts);
  return true;
}

/// "2026-11-21", "2026/11/21", also with "T10:00..." behind it (ISO 8601).
bool read_iso_date(std::string_view word, Parts& parts) {
  if (word.size() < 8 || !is_number(word.substr(0, 4))) return false;
  const char separator = word[4];
  if (separator != '-' && separator != '/') return false;
  const int year = take_number(word, 4);
  word.remove_prefix(1);
  const int month = take_number(word, 2);
  if (month < 1 || word.empty() || word[0] != separator) return false;
  word.remove_prefix(1);
  const int day = take_number(word, 2);
  if (day < 1) return false;
  if (!word.empty()) {
    if ((word[0] != 'T' && word[0] != 't') || !read_time(word.substr(1), ':', parts)) return false;
  }
  parts.year = year;
  parts.month = month;
  parts.day = day;
  return true;
}

/// "21-Nov-2026", "21/Nov/26".
bool read_dashed_date(std::string_view word, Parts& parts) {
  const int day = take_number(word, 2);
  if (day < 1 || word.empty() || (word[0] != '-' && word[0] != '/')) return false;
  const std::size_t second = word.find(word[0], 1);
  if (second == std::string_view::npos) return false;
  const int month = month_of(word.substr(1, second - 1));
  word.remove_prefix(second + 1);
  const std::size_t digits = word.size();
  const int year = take_number(word, 4);
  if (month == 0 || year < 0 || digits < 2 || !word.empty()) return false;
  parts.day = day;
  parts.month = month;
  parts.year = full_year(year, digits);
  return true;
}

/// "21.11.2026", "21.11.26": who writes dots writes the day first.
bool read_dotted_date(std::string_view word, Parts& parts) {
  const int day = take_number(word, 2);
  if (day < 1 || word.empty() || word[0] != '.') return false;
  word.remove_prefix(1);
  const int month = take_number(word, 2);
  if (month < 1 || word.empty() || word[0] != '.') return false;
  word.remove_prefix(1);
  const std::size_t digits = word.size();
  const int year = take_number(word, 4);
  if (year < 0 || (digits != 2 && digits != 4) || !word.empty()) return false;
  parts.day = day;
  parts.month = month;
  parts.year = full_year(year, digits);
  return true;
}

void read_number(std::string_view word, Parts& parts) {
  const std::size_t digits = word.size();
  const int number = take_number(word, 4);
  if (number < 0) return;
  if (digits <= 2 && parts.day == 0) {
    parts.day = number;
  } else if (digits >= 2 && parts.year < 0) {
    parts.year = full_year(number, digits);
  }
}

void read_word(std::string_view word, Parts& parts) {
  if (is_weekday(word)) return;
  if (const int month = month_of(word); month != 0) {
    parts.month = month;  // the last: "mar., 24 nov." begins with a Tuesday
    return;
  }
  if (is_number(word)) {
    read_number(word, parts);
    return;
  }
  if (read_iso_date(word, parts) || read_dashed_date(word, parts)) return;
  if (!parts.has_time && read_time(word, ':', parts)) return;
  if (parts.year < 0 && read_dotted_date(word, parts)) return;
  if (!parts.has_time && parts.year >= 0 && read_time(word, '.', parts)) return;
  if (parts.has_time) {
    read_half_day(word, parts);
    read_zone(word, parts);
  }
}

/// Without comments, cut at blanks, commas and quotes; a dot behind an abbreviated name goes too.
std::vector<std::string> words_of(std::string_view value) {
  std::vector<std::string> words;
  std::string word;
  std::size_t depth = 0;
  bool joins = false;  // "09 : 55": blanks around a colon mean nothing
  const auto end_word = [&] {
    if (word.size() > 1 && word.back() == '.') word.pop_back();
    if (word.empty()) return;
    if (joins && !words.empty()) {
      words.back() += word;
    } else {
      words.push_back(word);
    }
    joins = word.back() == ':';
    word.clear();
  };
  for (std::size_t at = 0; at < value.size() && words.size() < most_words; ++at) {
    const char c = value[at];
    if (c == '(') {
      end_word();
      ++depth;
    } else if (depth > 0) {
      if (c == ')') --depth;
      if (c == '\\') ++at;
    } else if (is_blank(c) || c == '"' || (c == ',' && word.find(':') == std::string::npos)) {
      end_word();
    } else {
      if (c == ':' && word.empty()) joins = true;
      word += c;
    }
  }
  end_word();
  return words;
}

std::chrono::year_month_day day_of(const Parts& parts) {
  return std::chrono::year(parts.year) / parts.month / parts.day;
}

struct LocalTime {
  int year;
  unsigned month;
  unsigned day;
  unsigned weekday;  ///< 0: Monday
  std::chrono::hh_mm_ss<std::chrono::seconds> time;
};

LocalTime local_time(std::int64_t seconds) {
  const std::chrono::sys_seconds moment{std::chrono::seconds(seconds)};
  const auto midnight = std::chrono::floor<std::chrono::days>(moment);
  const std::chrono::year_month_day date(midnight);
  return {int{date.year()}, unsigned{date.month()}, unsigned{date.day()},
          std::chrono::weekday(midnight).iso_encoding() - 1,
          std::chrono::hh_mm_ss(moment - midnight)};
}

/// Twelve-hour clocks to the other kind; false if the time is none.
bool settle_time(Parts& parts) {
  if (parts.morning || parts.afternoon) {
    // "13:00 PM" is sent too: the hour then says it already.
    if (parts.hour == 12 && parts.morning) parts.hour = 0;
    if (parts.hour < 12 && parts.afternoon) parts.hour += 12;
  }
  const bool midnight = parts.hour == 24 && parts.minute == 0 && parts.second == 0;
  return (parts.hour <= 23 || midnight) && parts.minute <= 59 && parts.second <= 60;
}

std::string offset_of(int minutes, std::string_view separator) {
  const int size = minutes < 0 ? -minutes : minutes;
  return fmt::format(FMT_COMPILE("{}{:02}{}{:02}"), minutes < 0 ? '-' : '+', size / 60, separator,
                     size % 60);
}

}  // namespace

std::optional<MailDate> parse_mail_date(std::string_view value) {
  const std::string unfolded = unfold(value.substr(0, longest_value));
  Parts parts;
  for (const std::string& word : words_of(unfolded)) read_word(word, parts);
  if (parts.year < 1 || !day_of(parts).ok() || !settle_time(parts)) return std::nullopt;
  MailDate date;
  date.zone_unknown = !parts.zone.has_value();
  date.zone_minutes = parts.zone.value_or(0);
  const std::int64_t minutes = std::int64_t{parts.hour} * 60 + parts.minute - date.zone_minutes;
  const std::chrono::sys_seconds midnight = std::chrono::sys_days(day_of(parts));
  date.seconds = midnight.time_since_epoch().count() + minutes * 60 + parts.second;
  return date;
}

std::string MailDate::rfc3339() const {
  const LocalTime local = local_time(seconds + std::int64_t{zone_minutes} * 60);
  return fmt::format(FMT_COMPILE("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}"), local.year, local.month,
                     local.day, local.time.hours().count(), local.time.minutes().count(),
                     local.time.seconds().count(),
                     zone_unknown ? "-00:00" : offset_of(zone_minutes, ":"));
}

std::string MailDate::rfc5322() const {
  const LocalTime local = local_time(seconds + std::int64_t{zone_minutes} * 60);
  const auto short_name = [](std::string_view name) {
    std::string result(name.substr(0, 3));
    result[0] = ascii_upper(result[0]);
    return result;
  };
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} {}", short_name(weekdays[local.weekday]),
                     local.day, short_name(months[local.month - 1]), local.year,
                     local.time.hours().count(), local.time.minutes().count(),
                     local.time.seconds().count(),
                     zone_unknown ? "-0000" : offset_of(zone_minutes, ""));
}

std::string format_mail_date(std::int64_t seconds, int zone_minutes) {
  return MailDate{seconds, zone_minutes, false}.rfc5322();
}

}  // namespace smtpgate::converter
