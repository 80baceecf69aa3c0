// TnefMeeting: see the header.
#include "converter/tnef_meeting.h"

#include <array>
#include <utility>

#include "converter/tnef_format.h"
#include "converter/tnef_values.h"
#include "converter/tnef_zone.h"
#include "postoffice/ascii.h"

namespace smtpgate::converter {

namespace {

std::optional<MeetingKind> kind_of_class(std::string_view name) {
  constexpr auto known = std::to_array<std::pair<std::string_view, MeetingKind>>({
      {"IPM.Schedule.Meeting.Request", MeetingKind::request},
      {"IPM.Schedule.Meeting.Canceled", MeetingKind::cancellation},
      {"IPM.Schedule.Meeting.Resp.Pos", MeetingKind::accepted},
      {"IPM.Schedule.Meeting.Resp.Neg", MeetingKind::declined},
      {"IPM.Schedule.Meeting.Resp.Tent", MeetingKind::tentative},
      {"IPM.Schedule.Meeting", MeetingKind::appointment},
      {"IPM.Microsoft Schedule.MtgReq", MeetingKind::request},
      {"IPM.Microsoft Schedule.MtgCncl", MeetingKind::cancellation},
      {"IPM.Microsoft Schedule.MtgRespP", MeetingKind::accepted},
      {"IPM.Microsoft Schedule.MtgRespN", MeetingKind::declined},
      {"IPM.Microsoft Schedule.MtgRespA", MeetingKind::tentative},
      {"IPM.Appointment", MeetingKind::appointment},
  });
  for (const auto& [start, kind] : known) {
    if (starts_with_ignoring_case(name, start)) return kind;
  }
  return std::nullopt;
}

}  // namespace

void TnefMeeting::set_message_class(std::string_view name) {
  if (const auto kind = kind_of_class(name)) kind_ = kind;
}

void TnefMeeting::set_property(const TnefValue& value) {
  const MapiProperty& property = value.property;
  if (property.value_index > 0) return;
  if (property.is_named()) {
    if (property.set_octets() == tnef::named::appointment) return set_appointment_property(value);
    if (property.set_octets() != tnef::named::meeting) return;
    if (property.named_id == tnef::named::where) where_ = value.text;
    if (property.named_id == tnef::named::clean_global_object_id ||
        (property.named_id == tnef::named::global_object_id && meeting_.uid.empty())) {
      meeting_.uid = uid_of_global_object_id(value.octets);
    }
    return;
  }
  if (property.type != tnef::type::time) return;
  if (property.id == tnef::property::start_date) property_start_ = time_of_filetime(value.number);
  if (property.id == tnef::property::end_date) property_end_ = time_of_filetime(value.number);
}

void TnefMeeting::set_appointment_property(const TnefValue& value) {
  switch (value.property.named_id) {
    case tnef::named::location:
      meeting_.location = value.text;
      break;
    case tnef::named::start_whole:
      meeting_.start = time_of_filetime(value.number);
      break;
    case tnef::named::end_whole:
      meeting_.end = time_of_filetime(value.number);
      break;
    case tnef::named::all_day:
      is_all_day_ = value.number != 0;
      break;
    case tnef::named::recurrence_text:
      meeting_.recurrence = value.text;
      break;
    case tnef::named::sequence:
      meeting_.sequence = static_cast<std::uint32_t>(value.number);
      break;
    case tnef::named::zone_struct:
      zone_struct_ = value.octets;
      break;
    case tnef::named::start_zone:
      start_zone_ = value.octets;
      break;
    case tnef::named::end_zone:
      end_zone_ = value.octets;
      break;
    case tnef::named::recurrence_zone:
      recurrence_zone_ = value.octets;
      break;
    default:
      break;
  }
}

/// What stands in UTC, as the sender sees it on the clock. An end without a zone of its own has
/// the start's.
void TnefMeeting::tell_in_zone() {
  const int year = meeting_.start ? meeting_.start->year : 0;
  auto zone = zone_of_definition(start_zone_, year);
  if (!zone) zone = zone_of_definition(recurrence_zone_, year);
  if (!zone) zone = zone_of_struct(zone_struct_);
  auto end_zone = zone_of_definition(end_zone_, year);
  if (!end_zone) end_zone = zone;
  if (zone && meeting_.start && meeting_.start->zone == "UTC") {
    meeting_.local_start = local_time(*meeting_.start, *zone);
  }
  if (end_zone && meeting_.end && meeting_.end->zone == "UTC") {
    meeting_.local_end = local_time(*meeting_.end, *end_zone);
  }
}

void TnefMeeting::add_recipient(MeetingPerson person, std::uint64_t type) {
  if (type == 0 || (person.name.empty() && person.address.empty())) return;
  if (meeting_.attendees.size() >= most_attendees) {
    ++meeting_.attendees_beyond;
    return;
  }
  if (type == 2) person.role = MeetingPerson::Role::optional;
  if (type == 3) person.role = MeetingPerson::Role::resource;
  meeting_.attendees.push_back(std::move(person));
}

std::optional<Meeting> TnefMeeting::finish(const std::string& subject, const MeetingPerson& sender,
                                           const std::optional<MeetingTime>& sent) {
  if (!kind_) return std::nullopt;
  meeting_.kind = *kind_;
  meeting_.summary = subject;
  meeting_.stamp = sent;
  if (!meeting_.start) meeting_.start = property_start_ ? property_start_ : old_start_;
  if (!meeting_.end) meeting_.end = property_end_ ? property_end_ : old_end_;
  if (meeting_.location.empty()) meeting_.location = where_;
  const bool is_reply = meeting_.kind == MeetingKind::accepted ||
                        meeting_.kind == MeetingKind::declined ||
                        meeting_.kind == MeetingKind::tentative;
  if (is_reply) {
    // Who answers is the attendee; the answer goes to the organizer.
    meeting_.attendees = {sender};
    meeting_.organizer = owner_;
  } else {
    meeting_.organizer = sender.name.empty() && sender.address.empty() ? owner_ : sender;
  }
  tell_in_zone();
  // Midnights of the sender's zone, told in UTC. Without the zone the nearest midnight is the day
  // that was meant, wherever the sender is (RFC 5545 knows days without a zone).
  if (is_all_day_ && meeting_.start && meeting_.end && meeting_.start->zone == "UTC" &&
      meeting_.end->zone == "UTC") {
    meeting_.start = nearest_day(meeting_.local_start.value_or(*meeting_.start));
    meeting_.end = nearest_day(meeting_.local_end.value_or(*meeting_.end));
    meeting_.local_start.reset();
    meeting_.local_end.reset();
  }
  return meeting_;
}

}  // namespace smtpgate::converter
