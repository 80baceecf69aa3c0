// Lines of a meeting: see the header.
#include "converter/meeting.h"

#include <chrono>
#include <cstdio>
#include <string_view>

#include "postoffice/ascii.h"

namespace smtpgate::converter {

namespace {

/// On one line: what could end it or is no character becomes a blank, runs of blanks one.
std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const bool is_control = static_cast<unsigned char>(c) < ' ' || c == '\x7f';
    const char shown = is_control ? ' ' : c;
    if (shown == ' ' && (line.empty() || line.back() == ' ')) continue;
    line += shown;
  }
  if (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

std::string_view name_of(MeetingKind kind) {
  switch (kind) {
    case MeetingKind::appointment:
      return "appointment";
    case MeetingKind::request:
      return "meeting request";
    case MeetingKind::cancellation:
      return "meeting cancelled";
    case MeetingKind::accepted:
      return "meeting accepted";
    case MeetingKind::declined:
      return "meeting declined";
    case MeetingKind::tentative:
      return "meeting tentatively accepted";
    case MeetingKind::counter:
      return "new time proposed for a meeting";
  }
  return "meeting";
}

void add_line(std::string& out, std::string_view label, std::string_view value) {
  const std::string line = one_line(value);
  if (line.empty()) return;
  constexpr std::size_t width = 11;
  out += label;
  out.append(width - label.size(), ' ');
  out += line;
  out += '\n';
}

std::string day_of(const MeetingTime& time) {
  char text[40];
  std::snprintf(text, sizeof text, "%04d-%02d-%02d", time.year, time.month, time.day);
  return text;
}

std::string clock_of(const MeetingTime& time) {
  char text[40];
  std::snprintf(text, sizeof text, "%02d:%02d", time.hour, time.minute);
  return text;
}

std::string written(const MeetingTime& time) {
  return time.has_time ? day_of(time) + " " + clock_of(time) : day_of(time);
}

std::string with_zone(std::string text, const MeetingTime& time) {
  if (time.has_time && !time.zone.empty()) text += " (" + time.zone + ")";
  return text;
}

/// The whole day `days` after it.
MeetingTime days_after(const MeetingTime& time, int days) {
  using namespace std::chrono;
  const sys_days date = year_month_day(year(time.year), month(static_cast<unsigned>(time.month)),
                                       day(static_cast<unsigned>(time.day)));
  const year_month_day moved(date + std::chrono::days(days));
  MeetingTime result;
  result.year = static_cast<int>(moved.year());
  result.month = static_cast<int>(static_cast<unsigned>(moved.month()));
  result.day = static_cast<int>(static_cast<unsigned>(moved.day()));
  result.has_time = false;
  return result;
}

std::string when(const Meeting& meeting) {
  const auto& shown_start = meeting.local_start ? meeting.local_start : meeting.start;
  const auto& shown_end = meeting.local_end ? meeting.local_end : meeting.end;
  if (!shown_start) {
    return shown_end ? "until " + with_zone(written(*shown_end), *shown_end) : std::string();
  }
  const MeetingTime& start = *shown_start;
  if (!shown_end || *shown_end == start) {
    std::string text = with_zone(written(start), start);
    if (!meeting.duration.empty()) text += ", for " + meeting.duration;
    return text;
  }
  MeetingTime end = *shown_end;
  if (!start.has_time && !end.has_time) {
    // The end of whole days is the first day after them (RFC 5545, 3.6.1).
    end = days_after(end, -1);
    return day_of(end) == day_of(start) ? day_of(start) : day_of(start) + " to " + day_of(end);
  }
  const bool is_same_zone = start.zone == end.zone;
  std::string text = is_same_zone ? written(start) : with_zone(written(start), start);
  text += " to ";
  text +=
      is_same_zone && day_of(start) == day_of(end) && end.has_time ? clock_of(end) : written(end);
  return with_zone(text, end);
}

std::string shown(const MeetingPerson& person) {
  if (person.address.empty()) return person.name;
  if (person.name.empty() || equals_ignoring_case(person.name, person.address)) {
    return person.address;
  }
  return person.name + " <" + person.address + ">";
}

std::string shown(const std::vector<MeetingPerson>& people) {
  std::string text;
  for (const MeetingPerson& person : people) {
    if (!text.empty()) text += ", ";
    text += shown(person);
    if (person.role == MeetingPerson::Role::optional) text += " (optional)";
    if (person.role == MeetingPerson::Role::resource) text += " (resource)";
  }
  return text;
}

}  // namespace

std::optional<MeetingTime> meeting_time_from_unix(std::int64_t seconds) {
  using namespace std::chrono;
  constexpr std::int64_t seconds_of_day = 86'400;
  const std::int64_t rest = (seconds % seconds_of_day + seconds_of_day) % seconds_of_day;
  const std::int64_t day_number = (seconds - rest) / seconds_of_day;
  if (day_number < -719'162 || day_number > 2'932'896) return std::nullopt;
  const year_month_day date{sys_days(days(day_number))};
  MeetingTime time;
  time.year = static_cast<int>(date.year());
  time.month = static_cast<int>(static_cast<unsigned>(date.month()));
  time.day = static_cast<int>(static_cast<unsigned>(date.day()));
  time.hour = static_cast<int>(rest / 3600);
  time.minute = static_cast<int>(rest / 60 % 60);
  time.second = static_cast<int>(rest % 60);
  time.zone = "UTC";
  return time;
}

std::int64_t unix_from_meeting_time(const MeetingTime& time) {
  using namespace std::chrono;
  const sys_days date = year_month_day(year(time.year), month(static_cast<unsigned>(time.month)),
                                       day(static_cast<unsigned>(time.day)));
  return sys_seconds(date).time_since_epoch().count() + time.hour * 3600 + time.minute * 60 +
         time.second;
}

MeetingTime nearest_day(const MeetingTime& time) {
  return days_after(time, time.hour >= 12 ? 1 : 0);
}

bool is_valid(const MeetingTime& time) {
  using namespace std::chrono;
  if (time.year < 1 || time.year > 9999 || time.month < 1 || time.day < 1) return false;
  return year_month_day(year(time.year), month(static_cast<unsigned>(time.month)),
                        day(static_cast<unsigned>(time.day)))
             .ok() &&
         time.hour >= 0 && time.hour < 24 && time.minute >= 0 && time.minute < 60 &&
         time.second >= 0 && time.second <= 60;
}

std::string meeting_lines(const Meeting& meeting) {
  std::string out;
  std::string what = one_line(meeting.summary);
  const std::string kind(name_of(meeting.kind));
  what = what.empty() ? kind : what + " (" + kind + ")";
  add_line(out, "What:", what);
  add_line(out, "When:", when(meeting));
  add_line(out, "Repeats:", meeting.recurrence);
  add_line(out, "Where:", meeting.location);
  add_line(out, "Organizer:", shown(meeting.organizer));
  std::string attendees = shown(meeting.attendees);
  if (meeting.attendees_beyond > 0) {
    attendees += ", and " + std::to_string(meeting.attendees_beyond) + " more";
  }
  add_line(out, "Attendees:", attendees);
  out += '\n';
  return out;
}

}  // namespace smtpgate::converter
