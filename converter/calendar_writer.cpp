// to_icalendar(): see the header.
#include "converter/calendar_writer.h"

#include <algorithm>
#include <cstdio>

#include "postoffice/character_set.h"

namespace smtpgate::converter {

namespace {

constexpr std::size_t longest_line = 75;  // octets (RFC 5545, 3.1)

/// A content line, folded before characters, never inside one.
void add_line(std::string& out, std::string_view line) {
  std::size_t room = longest_line;
  while (line.size() > room) {
    std::size_t end = room;
    while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0U) == 0x80U) --end;
    if (end == 0) break;
    out += line.substr(0, end);
    out += "\r\n ";
    line.remove_prefix(end);
    room = longest_line - 1;
  }
  out += line;
  out += "\r\n";
}

/// RFC 5545, 3.3.11.
std::string text_value(std::string_view text) {
  std::string out;
  for (const char c : postoffice::repair_utf8(text)) {
    if (c == '\\' || c == ';' || c == ',') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) >= ' ' && c != '\x7f') {
      out += c;
    } else if (c == '\t') {
      out += ' ';
    }
  }
  return out;
}

void add_text(std::string& out, std::string_view name, std::string_view text) {
  if (!text.empty()) add_line(out, std::string(name) + ":" + text_value(text));
}

/// RFC 5545, 3.2: no quotes or controls, in quotes.
std::string parameter_value(std::string_view text) {
  std::string out = "\"";
  for (const char c : postoffice::repair_utf8(text)) {
    if (c == '"') {
      out += '\'';
    } else if (static_cast<unsigned char>(c) >= ' ' && c != '\x7f') {
      out += c;
    }
  }
  return out + "\"";
}

/// A person without a mail address must have some address (MS-OXCICAL 2.1.3.1.1.20.2).
std::string calendar_address(std::string_view address) {
  const bool is_mail =
      address.find('@') != std::string_view::npos &&
      std::all_of(address.begin(), address.end(), [](char c) {
        return c > ' ' && c < '\x7f' && std::string_view("\"<>%").find(c) == std::string_view::npos;
      });
  return is_mail ? "mailto:" + std::string(address) : "invalid:nomail";
}

void add_person(std::string& out, std::string_view property, const MeetingPerson& person,
                std::string_view parameters) {
  std::string line(property);
  if (!person.name.empty()) line += ";CN=" + parameter_value(person.name);
  line += parameters;
  add_line(out, line + ":" + calendar_address(person.address));
}

void add_time(std::string& out, std::string_view property, const MeetingTime& time) {
  char text[80];
  std::string line(property);
  if (!time.has_time) {
    std::snprintf(text, sizeof text, "%04d%02d%02d", time.year, time.month, time.day);
    add_line(out, line + ";VALUE=DATE:" + text);
    return;
  }
  // Only UTC can be told without a description of the zone; others are the reader's own.
  std::snprintf(text, sizeof text, "%04d%02d%02dT%02d%02d%02d%s", time.year, time.month, time.day,
                time.hour, time.minute, time.second, time.zone == "UTC" ? "Z" : "");
  add_line(out, line + ":" + text);
}

std::string_view status_of_reply(MeetingKind kind) {
  if (kind == MeetingKind::accepted) return "ACCEPTED";
  if (kind == MeetingKind::declined) return "DECLINED";
  return "TENTATIVE";
}

std::string attendee_parameters(const Meeting& meeting, const MeetingPerson& person) {
  std::string parameters;
  if (person.role == MeetingPerson::Role::optional) parameters += ";ROLE=OPT-PARTICIPANT";
  if (person.role == MeetingPerson::Role::resource) {
    parameters += ";CUTYPE=RESOURCE;ROLE=NON-PARTICIPANT";
  }
  if (calendar_method(meeting.kind) == "REPLY") {
    parameters += ";PARTSTAT=";
    parameters += status_of_reply(meeting.kind);
  } else if (meeting.kind == MeetingKind::request) {
    parameters += ";PARTSTAT=NEEDS-ACTION;RSVP=TRUE";
  }
  return parameters;
}

/// The object must have one; the same meeting gets the same one again.
std::string made_up_uid(const Meeting& meeting) {
  std::uint64_t hash = 0xCBF29CE484222325U;  // FNV-1a
  for (const char c : meeting_lines(meeting)) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  }
  char text[40];
  std::snprintf(text, sizeof text, "tnef-%016llx", static_cast<unsigned long long>(hash));
  return text;
}

}  // namespace

std::string_view calendar_method(MeetingKind kind) {
  switch (kind) {
    case MeetingKind::appointment:
      return "PUBLISH";
    case MeetingKind::request:
      return "REQUEST";
    case MeetingKind::cancellation:
      return "CANCEL";
    case MeetingKind::accepted:
    case MeetingKind::declined:
    case MeetingKind::tentative:
      return "REPLY";
    case MeetingKind::counter:
      return "COUNTER";
  }
  return "PUBLISH";
}

std::string to_icalendar(const Meeting& meeting) {
  if (!meeting.start) return {};
  std::string out;
  add_line(out, "BEGIN:VCALENDAR");
  add_line(out, "PRODID:-//smtpgate//TNEF//EN");
  add_line(out, "VERSION:2.0");
  add_line(out, "METHOD:" + std::string(calendar_method(meeting.kind)));
  add_line(out, "BEGIN:VEVENT");
  add_text(out, "UID", meeting.uid.empty() ? made_up_uid(meeting) : meeting.uid);
  MeetingTime stamp = meeting.stamp.value_or(*meeting.start);
  stamp.has_time = true;
  stamp.zone = "UTC";  // the only one allowed here
  add_time(out, "DTSTAMP", stamp);
  add_time(out, "DTSTART", *meeting.start);
  if (meeting.end && meeting.end->has_time == meeting.start->has_time) {
    add_time(out, "DTEND", *meeting.end);
  }
  add_text(out, "SUMMARY", meeting.summary);
  add_text(out, "LOCATION", meeting.location);
  add_line(out,
           "SEQUENCE:" + std::to_string(std::min<std::uint32_t>(meeting.sequence, 0x7FFFFFFF)));
  if (meeting.kind == MeetingKind::cancellation) add_line(out, "STATUS:CANCELLED");
  if (!meeting.organizer.name.empty() || !meeting.organizer.address.empty()) {
    add_person(out, "ORGANIZER", meeting.organizer, "");
  }
  for (const MeetingPerson& person : meeting.attendees) {
    add_person(out, "ATTENDEE", person, attendee_parameters(meeting, person));
  }
  add_line(out, "END:VEVENT");
  add_line(out, "END:VCALENDAR");
  return out;
}

}  // namespace smtpgate::converter
