// The zone in which a meeting's sender saw it: the rules that MAPI's appointment properties carry,
// and a moment told by them. Not for iCalendar's VTIMEZONE, nor for zones known by name.
//
// Sources: MS-OXOCAL 2.2.1.39 (PidLidTimeZoneStruct), 2.2.1.41 and 2.2.1.42 (time zone
// definitions).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "converter/meeting.h"

namespace smtpgate::converter {

/// Bias and two changes a year. All minutes are what must be added to local time to have UTC.
struct TnefZone {
  /// A change, in the local time before it.
  struct Change {
    int year = 0;  ///< 0: each year
    int month = 0;
    int weekday = 0;  ///< 0 is Sunday; where `year` is 0
    int day = 0;      ///< of the month; where `year` is 0 which such weekday, 5 the last
    int hour = 0;
    int minute = 0;
  };
  int bias = 0;
  int standard_bias = 0;
  int daylight_bias = 0;
  std::optional<Change> to_standard;  ///< both or none: a zone without summer time
  std::optional<Change> to_daylight;
};

/// PidLidTimeZoneStruct; nullopt if it is none, or damaged.
std::optional<TnefZone> zone_of_struct(std::string_view octets);
/// PidLidAppointmentTimeZoneDefinition...: of its rules the one in force, else the newest that is
/// not later than `year`. nullopt if there is none, or it is damaged.
std::optional<TnefZone> zone_of_definition(std::string_view octets, int year);

/// `utc` as clocks of the zone show it; its zone is called "UTC+01:00" then, or "UTC". nullopt
/// beyond the years that there are.
std::optional<MeetingTime> local_time(const MeetingTime& utc, const TnefZone& zone);

}  // namespace smtpgate::converter
