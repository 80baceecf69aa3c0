// Values of TNEF: see the header.
#include "converter/tnef_values.h"

#include <algorithm>

#include "converter/mail_text_decoder.h"
#include "converter/octet_order.h"
#include "converter/tnef_format.h"
#include "postoffice/ascii.h"
#include "postoffice/character_set.h"

namespace smtpgate::converter {

std::string tnef_string(std::string_view octets, std::uint16_t type, std::string_view charset) {
  std::string text = type == tnef::type::unicode
                         ? postoffice::to_utf8(octets.substr(0, octets.size() / 2 * 2), "UTF-16LE")
                         : decode_labelled(octets.substr(0, octets.find('\0')), charset);
  text.resize(std::min(text.find('\0'), text.size()));
  if (text.size() <= longest_tnef_string) return text;
  std::size_t end = longest_tnef_string;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  text.resize(end);
  return text;
}

std::optional<MeetingTime> time_of_filetime(std::uint64_t value) {
  constexpr std::uint64_t units_of_second = 10'000'000;
  constexpr std::int64_t seconds_to_1970 = 11'644'473'600;
  if (value == 0) return std::nullopt;
  return meeting_time_from_unix(static_cast<std::int64_t>(value / units_of_second) -
                                seconds_to_1970);
}

std::optional<MeetingTime> time_of_dtr(std::string_view octets) {
  if (octets.size() < 12) return std::nullopt;
  const auto field = [&](std::size_t index) {
    return static_cast<int>(little_endian(octets.substr(index * 2, 2)));
  };
  MeetingTime time{field(0), field(1), field(2), field(3), field(4), field(5), true, {}};
  if (!is_valid(time)) return std::nullopt;
  return time;
}

std::string mail_address_of(std::string_view written) {
  if (starts_with_ignoring_case(written, "SMTP:")) written.remove_prefix(5);
  written = trim(written);
  return written.find('@') == std::string_view::npos ? std::string() : std::string(written);
}

MeetingPerson person_of_trp(std::string_view octets, std::string_view charset) {
  constexpr std::size_t header_size = 8;
  if (octets.size() < header_size) return {};
  const std::size_t name_size = little_endian(octets.substr(4, 2));
  const std::size_t address_size = little_endian(octets.substr(6, 2));
  octets.remove_prefix(header_size);
  MeetingPerson person;
  person.name = tnef_string(octets.substr(0, name_size), tnef::type::string8, charset);
  octets.remove_prefix(std::min(name_size, octets.size()));
  person.address =
      mail_address_of(tnef_string(octets.substr(0, address_size), tnef::type::string8, charset));
  return person;
}

MeetingPerson person_of_owner(std::string_view octets, std::string_view charset) {
  const auto next = [&] {
    if (octets.size() < 2) return std::string();
    const std::size_t size = little_endian(octets.substr(0, 2));
    octets.remove_prefix(2);
    const std::string_view part = octets.substr(0, size);
    octets.remove_prefix(part.size());
    return tnef_string(part, tnef::type::string8, charset);
  };
  MeetingPerson person;
  person.name = next();
  person.address = mail_address_of(next());
  return person;
}

std::string uid_of_global_object_id(std::string_view octets) {
  constexpr std::size_t data_offset = 40;
  constexpr std::string_view foreign("vCal-Uid\x01\0\0\0", 12);
  if (octets.size() < data_offset) return {};
  const std::string_view data = octets.substr(data_offset);
  if (data.starts_with(foreign)) {
    return tnef_string(data.substr(foreign.size()), tnef::type::string8, "utf-8");
  }
  std::string uid;
  for (std::size_t i = 0; i < std::min<std::size_t>(octets.size(), 256); ++i) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    // The date of one instance of a series is left out: the series has the UID.
    const bool is_date = i >= 16 && i < 20;
    const auto octet = is_date ? 0U : static_cast<unsigned char>(octets[i]);
    uid += digits[octet >> 4U];
    uid += digits[octet & 0xFU];
  }
  return uid;
}

}  // namespace smtpgate::converter
