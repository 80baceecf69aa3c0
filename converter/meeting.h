// A meeting as mail tells of it, by TNEF or by iCalendar: what, when, where, who; and as readable
// lines. Reading: tnef_message_reader.h, calendar_reader.h; as iCalendar: calendar_writer.h. Not
// for keeping a calendar: no recurrence is computed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace smtpgate::converter {

struct MeetingPerson {
  enum class Role { required, optional, resource };
  std::string name;
  std::string address;  ///< mail address; may be empty
  Role role = Role::required;
  std::string status;  ///< iCalendar's PARTSTAT, upper case; empty: not told
};

/// A point in time as its sender wrote it.
struct MeetingTime {
  int year = 0;
  int month = 1;
  int day = 1;
  int hour = 0;
  int minute = 0;
  int second = 0;
  bool has_time = true;  ///< false: a whole day
  std::string zone;      ///< "UTC", the sender's name of a zone; empty: the reader's own

  bool operator==(const MeetingTime&) const = default;
};

enum class MeetingKind {
  appointment,  ///< nobody is asked anything
  request,
  cancellation,
  accepted,
  declined,
  tentative,
  counter,  ///< another time is proposed
};

/// All strings UTF-8, as the sender wrote them: hostile.
struct Meeting {
  MeetingKind kind = MeetingKind::appointment;
  std::string summary;
  std::string location;
  std::optional<MeetingTime> start;
  std::optional<MeetingTime> end;
  /// The same as the sender's clock shows it, where that is known and `start` is in UTC: for
  /// people.
  std::optional<MeetingTime> local_start;
  std::optional<MeetingTime> local_end;
  std::string duration;    ///< iCalendar's DURATION, if there is no end
  std::string recurrence;  ///< a sentence, or iCalendar's rule
  MeetingPerson organizer;
  std::vector<MeetingPerson> attendees;
  std::uint64_t attendees_beyond = 0;  ///< more than the limit
  std::string uid;
  std::uint32_t sequence = 0;
  std::optional<MeetingTime> stamp;  ///< when it was written
};

/// Most attendees that are kept of one meeting.
inline constexpr std::size_t most_attendees = 500;

/// Seconds since 1970 in UTC; nullopt outside the years 1 to 9999.
std::optional<MeetingTime> meeting_time_from_unix(std::int64_t seconds);
/// The same the other way; `time` is taken for UTC and must be a day that there is.
std::int64_t unix_from_meeting_time(const MeetingTime& time);
/// The whole day whose beginning is nearest.
MeetingTime nearest_day(const MeetingTime& time);
/// Whether its fields are a day and a time of day.
bool is_valid(const MeetingTime& time);

/// "What: ...", "When: ..." and so on, one line each with LF, only what is known; a blank line at
/// the end. UTF-8; nothing in it can end a line.
std::string meeting_lines(const Meeting& meeting);

}  // namespace smtpgate::converter
