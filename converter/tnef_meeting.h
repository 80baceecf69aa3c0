// Gathers what a message in TNEF says of a meeting, from Schedule+'s attributes and from MAPI's
// properties, whatever comes first. Not for showing it (meeting.h, calendar_writer.h).
//
// Sources: MS-OXOCAL 2.2, MS-OXTNEF 2.1.3.3 (message classes, attDateStart, attOwner), MS-OXPROPS.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "converter/mapi_properties.h"
#include "converter/meeting.h"

namespace smtpgate::converter {

/// One value of a message's property list.
struct TnefValue {
  const MapiProperty& property;
  std::string_view octets;
  const std::string& text;  ///< if it is a string
  std::uint64_t number = 0;
};

class TnefMeeting {
 public:
  void set_message_class(std::string_view name);
  void set_property(const TnefValue& value);
  void set_owner(MeetingPerson owner) { owner_ = std::move(owner); }
  void set_start(std::optional<MeetingTime> time) { old_start_ = std::move(time); }
  void set_end(std::optional<MeetingTime> time) { old_end_ = std::move(time); }
  /// `type`: 1 to, 2 copy, 3 blind copy: at a meeting required, optional, resource.
  void add_recipient(MeetingPerson person, std::uint64_t type);

  /// nullopt if the message is no meeting. `sender` is who sent it.
  std::optional<Meeting> finish(const std::string& subject, const MeetingPerson& sender,
                                const std::optional<MeetingTime>& sent);

 private:
  void set_appointment_property(const TnefValue& value);
  void tell_in_zone();

  std::optional<MeetingKind> kind_;
  Meeting meeting_;
  MeetingPerson owner_;
  std::string where_;
  std::optional<MeetingTime> property_start_;  ///< PR_START_DATE
  std::optional<MeetingTime> property_end_;
  std::optional<MeetingTime> old_start_;  ///< attDateStart
  std::optional<MeetingTime> old_end_;
  bool is_all_day_ = false;
  std::string zone_struct_;  ///< as they came; read when the year is known
  std::string start_zone_;
  std::string end_zone_;
  std::string recurrence_zone_;
};

}  // namespace smtpgate::converter
