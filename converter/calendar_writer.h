// A meeting as an iCalendar object, for calendars that cannot read TNEF. Not for readable lines
// (meeting.h).
//
// Sources: RFC 5545 (iCalendar), RFC 5546 (methods), MS-OXCICAL 2.1.3 (what becomes of MAPI's
// fields).
#pragma once

#include <string>
#include <string_view>

#include "converter/meeting.h"

namespace smtpgate::converter {

/// "REQUEST", "CANCEL", "REPLY", "COUNTER", "PUBLISH".
std::string_view calendar_method(MeetingKind kind);

/// CR LF, lines folded at 75 octets, UTF-8. Empty if the meeting has no start: then there is no
/// valid object.
std::string to_icalendar(const Meeting& meeting);

}  // namespace smtpgate::converter
