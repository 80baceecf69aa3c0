// CalendarReader: decoder, unfolding, content lines, the properties that are shown.
#include "converter/calendar_reader.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "postoffice/ascii.h"

namespace smtpgate::converter {

namespace {

constexpr std::size_t longest_line = std::size_t{64} << 10;  // octets; what is beyond is left out
constexpr std::size_t longest_value = 1000;                  // of what is shown on one line

/// RFC 5545, 3.3.11, undone.
std::string unescaped(std::string_view value) {
  std::string text;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] != '\\' || i + 1 == value.size()) {
      text += value[i];
      continue;
    }
    ++i;
    text += value[i] == 'n' || value[i] == 'N' ? '\n' : value[i];
  }
  return text;
}

std::string shortened(std::string text) {
  if (text.size() <= longest_value) return text;
  std::size_t end = longest_value;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  text.resize(end);
  return text;
}

std::string_view without_quotes(std::string_view value) {
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
    value = value.substr(1, value.size() - 2);
  }
  return value;
}

std::optional<int> number(std::string_view digits) {
  int value = 0;
  for (const char c : digits) {
    if (!is_ascii_digit(c)) return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

/// "20261123", "20261123T100000", "20261123T100000Z" (RFC 5545, 3.3.4 and 3.3.5).
std::optional<MeetingTime> parse_time(std::string_view value, std::string_view zone) {
  value = trim(value);
  MeetingTime time;
  if (value.size() < 8) return std::nullopt;
  const auto year = number(value.substr(0, 4));
  const auto month = number(value.substr(4, 2));
  const auto day = number(value.substr(6, 2));
  if (!year || !month || !day) return std::nullopt;
  time.year = *year;
  time.month = *month;
  time.day = *day;
  time.has_time = value.size() >= 15 && (value[8] == 'T' || value[8] == 't');
  if (time.has_time) {
    const auto hour = number(value.substr(9, 2));
    const auto minute = number(value.substr(11, 2));
    const auto second = number(value.substr(13, 2));
    if (!hour || !minute || !second) return std::nullopt;
    time.hour = *hour;
    time.minute = *minute;
    time.second = *second;
    time.zone = value.ends_with('Z') || value.ends_with('z') ? "UTC" : shortened(std::string(zone));
  }
  if (!is_valid(time)) return std::nullopt;
  return time;
}

std::string mail_address(std::string_view uri) {
  uri = trim(uri);
  if (starts_with_ignoring_case(uri, "mailto:")) return shortened(std::string(uri.substr(7)));
  return uri.find('@') == std::string_view::npos ? std::string() : shortened(std::string(uri));
}

bool is_shown_component(std::string_view name) {
  return equals_ignoring_case(name, "VEVENT") || equals_ignoring_case(name, "VTODO") ||
         equals_ignoring_case(name, "VJOURNAL");
}

}  // namespace

struct CalendarReader::ContentLine {
  std::string_view name;
  std::vector<std::pair<std::string_view, std::string_view>> parameters;
  std::string_view value;

  std::string_view parameter(std::string_view wanted) const {
    for (const auto& [key, text] : parameters) {
      if (equals_ignoring_case(key, wanted)) return without_quotes(text);
    }
    return {};
  }
};

CalendarReader::CalendarReader(std::string_view label, std::string_view method)
    : decoder_(label), method_(method) {}

void CalendarReader::feed(std::string_view octets) {
  decoded_.clear();
  if (is_complete_) return;
  decoder_.feed(octets, decoded_);
  take_text(decoded_);
}

void CalendarReader::finish() {
  decoded_.clear();
  if (!is_complete_) decoder_.finish(decoded_);
  take_text(decoded_);
  end_line();
  if (meeting_) set_kind(method_);
}

// A line goes on if the next one begins with a blank.
void CalendarReader::take_text(std::string_view text) {
  while (!text.empty() && !is_complete_) {
    if (is_first_) {
      const bool is_folded = is_blank(text.front()) && has_line_;
      if (!is_folded) end_line();
      is_first_ = false;
      if (is_folded) {
        text.remove_prefix(1);
        continue;
      }
    }
    const std::size_t end = text.find('\n');
    std::string_view part = text.substr(0, end);
    if (line_.size() < longest_line) line_ += part.substr(0, longest_line - line_.size());
    has_line_ = true;
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
    if (line_.ends_with('\r')) line_.pop_back();
    is_first_ = true;
  }
}

void CalendarReader::end_line() {
  if (has_line_ && !is_complete_) take_line(line_);
  line_.clear();
  has_line_ = false;
}

void CalendarReader::take_line(std::string_view text) {
  ContentLine line;
  bool in_quotes = false;
  std::size_t begin = 0;
  std::size_t i = 0;
  const auto end_part = [&] {
    const std::string_view part = text.substr(begin, i - begin);
    if (line.name.empty()) {
      line.name = part;
    } else if (line.parameters.size() < 50) {
      const std::size_t equals = part.find('=');
      if (equals != std::string_view::npos) {
        line.parameters.emplace_back(part.substr(0, equals), part.substr(equals + 1));
      }
    }
    begin = i + 1;
  };
  for (; i < text.size(); ++i) {
    if (text[i] == '"') in_quotes = !in_quotes;
    if (in_quotes || (text[i] != ';' && text[i] != ':')) continue;
    end_part();
    if (text[i] == ':') break;
  }
  if (i >= text.size()) return;
  line.value = text.substr(i + 1);

  if (equals_ignoring_case(line.name, "BEGIN")) {
    if (is_in_event_) {
      ++depth_inside_;
    } else if (!meeting_ && is_shown_component(trim(line.value))) {
      is_in_event_ = true;
      meeting_.emplace();
    }
  } else if (equals_ignoring_case(line.name, "END")) {
    if (depth_inside_ > 0) {
      --depth_inside_;
    } else {
      // METHOD stands before the event; nothing behind it is shown.
      is_complete_ = is_in_event_;
    }
  } else if (is_in_event_) {
    if (depth_inside_ == 0) take_property(line);
  } else if (equals_ignoring_case(line.name, "METHOD")) {
    method_ = trim(line.value);
  }
}

void CalendarReader::take_property(const ContentLine& line) {
  Meeting& meeting = *meeting_;
  const std::string name = ascii_upper(line.name);
  const auto text = [&] { return shortened(unescaped(line.value)); };
  if (name == "SUMMARY") {
    meeting.summary = text();
  } else if (name == "LOCATION") {
    meeting.location = text();
  } else if (name == "DTSTART") {
    meeting.start = parse_time(line.value, line.parameter("TZID"));
  } else if (name == "DTEND" || name == "DUE") {
    meeting.end = parse_time(line.value, line.parameter("TZID"));
  } else if (name == "DURATION") {
    meeting.duration = text();
  } else if (name == "RRULE") {
    meeting.recurrence = text();
  } else if (name == "UID") {
    meeting.uid = text();
  } else if (name == "DESCRIPTION") {
    description_ = unescaped(line.value);
  } else if (name == "ORGANIZER") {
    meeting.organizer.address = mail_address(line.value);
    meeting.organizer.name = shortened(std::string(line.parameter("CN")));
  } else if (name == "ATTENDEE") {
    add_attendee(line);
  }
}

void CalendarReader::add_attendee(const ContentLine& line) {
  if (meeting_->attendees.size() >= most_attendees) {
    ++meeting_->attendees_beyond;
    return;
  }
  MeetingPerson person;
  person.address = mail_address(line.value);
  person.name = shortened(std::string(line.parameter("CN")));
  person.status = shortened(ascii_upper(line.parameter("PARTSTAT")));
  const std::string_view role = line.parameter("ROLE");
  const std::string_view type = line.parameter("CUTYPE");
  if (equals_ignoring_case(role, "OPT-PARTICIPANT")) person.role = MeetingPerson::Role::optional;
  if (equals_ignoring_case(type, "RESOURCE") || equals_ignoring_case(type, "ROOM")) {
    person.role = MeetingPerson::Role::resource;
  }
  meeting_->attendees.push_back(std::move(person));
}

void CalendarReader::set_kind(std::string_view method) {
  if (equals_ignoring_case(method, "REQUEST")) meeting_->kind = MeetingKind::request;
  if (equals_ignoring_case(method, "CANCEL")) meeting_->kind = MeetingKind::cancellation;
  if (equals_ignoring_case(method, "COUNTER")) meeting_->kind = MeetingKind::counter;
  if (!equals_ignoring_case(method, "REPLY")) return;
  const std::string status =
      meeting_->attendees.empty() ? std::string() : meeting_->attendees.front().status;
  meeting_->kind = status == "ACCEPTED"   ? MeetingKind::accepted
                   : status == "DECLINED" ? MeetingKind::declined
                                          : MeetingKind::tentative;
}

}  // namespace smtpgate::converter
