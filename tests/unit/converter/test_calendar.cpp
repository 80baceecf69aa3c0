// Meetings: read from iCalendar, shown as lines, written as iCalendar.
#include "converter/calendar_reader.h"
#include "converter/calendar_writer.h"
#include "unit/catch.h"

using namespace smtpgate::converter;

namespace {

struct ReadCalendar {
  std::optional<Meeting> meeting;
  std::string description;
};

ReadCalendar read(std::string_view octets, std::size_t piece = std::string_view::npos,
                  std::string_view method = {}) {
  CalendarReader reader("utf-8", method);
  for (std::size_t at = 0; at < octets.size(); at += std::min(piece, octets.size())) {
    reader.feed(octets.substr(at, piece));
  }
  reader.finish();
  return {reader.meeting(), reader.description()};
}

/// Read in pieces of every size, which must not matter.
std::string lines_of(std::string_view octets) {
  const auto lines = [](const ReadCalendar& calendar) {
    return calendar.meeting ? meeting_lines(*calendar.meeting) + calendar.description
                            : std::string("no meeting");
  };
  std::string whole = lines(read(octets));
  for (std::size_t piece = 1; piece < octets.size(); ++piece) {
    if (lines(read(octets, piece)) != whole) FAIL("pieces of " << piece);
  }
  return whole;
}

const std::string request =
    "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VTIMEZONE\r\nTZID:Berlin\r\nBEGIN:STANDARD\r\n"
    "DTSTART:19701025T030000\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\n"
    "SUMMARY;LANGUAGE=en:Budget\\, second\r\n  round\r\nDTSTART;TZID=\"Berlin\":20261123T100000\r\n"
    "DTEND;TZID=Berlin:20261123T113000\r\nLOCATION:Room 5\\; upstairs\r\nRRULE:FREQ=WEEKLY\r\n"
    "ORGANIZER;CN=\"Smith: Ann\":MAILTO:ann@example.com\r\nATTENDEE;ROLE=OPT-PARTICIPANT;CN=Bob:"
    "mailto:bob@example.com\r\nATTENDEE;CUTYPE=ROOM:mailto:room5@exa\r\n\tmple.com\r\n"
    "DESCRIPTION:Line one\\nline two\r\nUID:123\r\nBEGIN:VALARM\r\nDESCRIPTION:Reminder\r\n"
    "END:VALARM\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nSUMMARY:Other\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

}  // namespace

TEST_CASE("a calendar's first event becomes readable lines", "[calendar]") {
  const std::string expected =
      "What:      Budget, second round (meeting request)\n"
      "When:      2026-11-23 10:00 to 11:30 (Berlin)\nRepeats:   FREQ=WEEKLY\n"
      "Where:     Room 5; upstairs\nOrganizer: Smith: Ann <ann@example.com>\n"
      "Attendees: Bob <bob@example.com> (optional), room5@example.com (resource)\n\n"
      "Line one\nline two";
  CHECK(lines_of(request) == expected);
  std::string with_lf = request;
  std::erase(with_lf, '\r');
  CHECK(lines_of(with_lf) == expected);
}

TEST_CASE("times of a calendar as they were written", "[calendar]") {
  const auto when = [](std::string_view times) {
    const std::string lines = lines_of("BEGIN:VEVENT\n" + std::string(times) + "\nEND:VEVENT\n");
    const std::size_t at = lines.find("When:      ");
    return at == std::string::npos ? "" : lines.substr(at + 11, lines.find('\n', at) - at - 11);
  };
  CHECK(when("DTSTART:20261123T100000Z\nDTEND:20261124T090000Z") ==
        "2026-11-23 10:00 to 2026-11-24 09:00 (UTC)");
  CHECK(when("DTSTART:20261123T100000") == "2026-11-23 10:00");
  CHECK(when("DTSTART:20261123T100000\nDURATION:PT1H") == "2026-11-23 10:00, for PT1H");
  CHECK(when("DTSTART;VALUE=DATE:20261123\nDTEND;VALUE=DATE:20261124") == "2026-11-23");
  CHECK(when("DTSTART;VALUE=DATE:20261130\nDTEND;VALUE=DATE:20261203") ==
        "2026-11-30 to 2026-12-02");
  CHECK(when("DTSTART;TZID=A:20261123T100000\nDTEND;TZID=B:20261123T110000") ==
        "2026-11-23 10:00 (A) to 2026-11-23 11:00 (B)");
  CHECK(when("DTSTART:20261323T100000") == "");
  CHECK(when("DTSTART:2026") == "");
  CHECK(when("DTEND:20261123T100000") == "until 2026-11-23 10:00");
}

TEST_CASE("what a calendar asks is its method, or the part's", "[calendar]") {
  const auto kind = [](std::string_view calendar, std::string_view method) {
    return read(calendar, 100, method).meeting->kind;
  };
  const std::string event =
      "BEGIN:VEVENT\nATTENDEE;PARTSTAT=accepted:mailto:a@b.example\nEND:VEVENT\n";
  CHECK(kind(event, "") == MeetingKind::appointment);
  CHECK(kind(event, "request") == MeetingKind::request);
  CHECK(kind("METHOD:CANCEL\n" + event, "REQUEST") == MeetingKind::cancellation);
  CHECK(kind("METHOD:REPLY\n" + event, "") == MeetingKind::accepted);
  CHECK(kind("METHOD:REPLY\nBEGIN:VEVENT\nATTENDEE;PARTSTAT=DECLINED:mailto:a@b.example\n", "") ==
        MeetingKind::declined);
}

TEST_CASE("calendars without an event, or broken, say what they can", "[calendar]") {
  CHECK(lines_of("") == "no meeting");
  CHECK(lines_of("BEGIN:VCALENDAR\nSUMMARY:No\nEND:VCALENDAR\n") == "no meeting");
  CHECK(lines_of("hello") == "no meeting");
  CHECK(lines_of("BEGIN:VEVENT\nSUMMARY:Cut").starts_with("What:      Cut (appointment)\n"));
  CHECK(lines_of("BEGIN:VEVENT\nSUMMARY;X=\"a:b\nSUMMARY:Good\n:\n;;;:\nEND:VEVENT")
            .starts_with("What:      Good (appointment)\n"));
  // What follows the event's end is not of it, however the octets come.
  CHECK(lines_of("BEGIN:VEVENT\nSUMMARY:a\nEND:V\nDESCRIPTION:b\n") ==
        "What:      a (appointment)\n\n");
  // Nothing can forge a line.
  CHECK(lines_of("BEGIN:VEVENT\nSUMMARY:a\\nWhere:  x\x1b[1m\nEND:VEVENT") ==
        "What:      a Where: x [1m (appointment)\n\n");
}

TEST_CASE("long lines and many attendees are cut at their limits", "[calendar]") {
  const auto summary = [](std::size_t size) {
    return read("BEGIN:VEVENT\nSUMMARY:" + std::string(size, 'a') + "\nEND:VEVENT\n")
        .meeting->summary.size();
  };
  CHECK(summary(1000) == 1000);
  CHECK(summary(1001) == 1000);
  CHECK(summary(10'000'000) == 1000);
  const auto attendees = [](int count) {
    std::string calendar = "BEGIN:VEVENT\n";
    for (int i = 0; i < count; ++i) calendar += "ATTENDEE:mailto:a@b.example\n";
    return *read(calendar).meeting;
  };
  CHECK(attendees(500).attendees_beyond == 0);
  CHECK(attendees(501).attendees.size() == 500);
  CHECK(attendees(501).attendees_beyond == 1);
  CHECK(meeting_lines(attendees(502)).find("and 2 more") != std::string::npos);
}

TEST_CASE("a meeting written as iCalendar says the same when it is read", "[calendar]") {
  Meeting meeting;
  meeting.kind = MeetingKind::request;
  meeting.summary = "Budget; \xC3\xA9tude, \\ part\nBEGIN:VEVENT";
  meeting.location = std::string(100, 'x') + "\xE2\x82\xAC\xE2\x82\xAC";
  meeting.start = meeting_time_from_unix(1795428000);
  meeting.end = meeting_time_from_unix(1795431600);
  meeting.organizer = {"Ann \"A\"; x", "ann@example.com", {}, {}};
  meeting.attendees = {{"Bob", "bob@example.com", MeetingPerson::Role::optional, {}},
                       {"No Address", "", {}, {}},
                       {"Evil", "a@b.example\r\nATTENDEE:x", {}, {}}};
  meeting.uid = "040000";
  const std::string calendar = to_icalendar(meeting);
  for (std::size_t at = 0; at < calendar.size();) {
    const std::size_t end = calendar.find("\r\n", at);
    REQUIRE(end != std::string::npos);
    CHECK(end - at <= 75);
    at = end + 2;
  }
  CHECK(calendar.find("\r\nMETHOD:REQUEST\r\n") != std::string::npos);
  CHECK(calendar.find("\r\nDTSTART:20261123T100000Z\r\n") != std::string::npos);
  CHECK(calendar.find("\r\nDTSTAMP:2") != std::string::npos);
  CHECK(calendar.find("invalid:nomail") != std::string::npos);
  const auto again = read(calendar).meeting;
  REQUIRE(again);
  CHECK(again->summary == meeting.summary);
  CHECK(again->location == meeting.location);
  CHECK(again->start == meeting.start);
  CHECK(again->end == meeting.end);
  CHECK(again->uid == meeting.uid);
  CHECK(again->organizer.name == "Ann 'A'; x");
  REQUIRE(again->attendees.size() == 3);
  CHECK(again->attendees[0].role == MeetingPerson::Role::optional);
  CHECK(again->attendees[2].address.empty());
}

TEST_CASE("iCalendar of replies, cancellations and whole days", "[calendar]") {
  Meeting meeting;
  CHECK(to_icalendar(meeting).empty());
  meeting.start = nearest_day(*meeting_time_from_unix(1795384800));  // 22:00 UTC the day before
  CHECK(to_icalendar(meeting).find("\r\nDTSTART;VALUE=DATE:20261123\r\n") != std::string::npos);
  CHECK(to_icalendar(meeting).find("\r\nUID:") != std::string::npos);
  meeting.attendees = {{"Bob", "bob@example.com", {}, {}}};
  meeting.kind = MeetingKind::declined;
  const std::string reply = to_icalendar(meeting);
  CHECK(reply.find("\r\nMETHOD:REPLY\r\n") != std::string::npos);
  CHECK(reply.find("PARTSTAT=DECLINED:mailto:bob@example.com") != std::string::npos);
  meeting.kind = MeetingKind::cancellation;
  CHECK(to_icalendar(meeting).find("\r\nSTATUS:CANCELLED\r\n") != std::string::npos);
}

TEST_CASE("times outside the calendar are none", "[calendar]") {
  CHECK(meeting_time_from_unix(0)->year == 1970);
  CHECK(meeting_time_from_unix(-1)->second == 59);
  CHECK(meeting_time_from_unix(-62135596800)->year == 1);
  CHECK_FALSE(meeting_time_from_unix(-62135596801));
  CHECK(meeting_time_from_unix(253402300799)->year == 9999);
  CHECK_FALSE(meeting_time_from_unix(253402300800));
}
