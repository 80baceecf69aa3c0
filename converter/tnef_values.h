// Values of TNEF's attributes and MAPI properties: strings, times, addresses. Not for their layout
// in the stream (tnef_attributes.h, mapi_properties.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "converter/meeting.h"

namespace smtpgate::converter {

/// Octets of a string that are looked at, and octets of UTF-8 that are kept of it.
inline constexpr std::size_t longest_tnef_value = 4000;
inline constexpr std::size_t longest_tnef_string = 1000;

/// Up to its NUL, in UTF-8, cut at `longest_tnef_string`. `type` is tnef::type::unicode, or the
/// octets are of `charset`.
std::string tnef_string(std::string_view octets, std::uint16_t type, std::string_view charset);

/// A FILETIME: 100 ns since 1601, UTC.
std::optional<MeetingTime> time_of_filetime(std::uint64_t value);
/// A DTR structure (MS-OXTNEF 2.1.3.3.4); its zone is nobody's.
std::optional<MeetingTime> time_of_dtr(std::string_view octets);

/// attFrom: a display name and "SMTP:address" in a TRP structure (MS-OXTNEF 2.1.3.3.3).
MeetingPerson person_of_trp(std::string_view octets, std::string_view charset);
/// attOwner, attSentFor: two counted strings (MS-OXTNEF 2.1.3.3.9).
MeetingPerson person_of_owner(std::string_view octets, std::string_view charset);

/// "SMTP:a@b" and "a@b" to "a@b"; anything that is no mail address to nothing.
std::string mail_address_of(std::string_view written);

/// The UID of a meeting's global object id (MS-OXCICAL 2.1.3.1.1.20.26); empty if it is none.
std::string uid_of_global_object_id(std::string_view octets);

}  // namespace smtpgate::converter
