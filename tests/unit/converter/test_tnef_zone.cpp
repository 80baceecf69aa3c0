// Zones that meetings in TNEF carry, and what clocks there show. The expected times are the IANA
// database's for the cities named.
#include <limits>

#include "converter/tnef_zone.h"
#include "unit/catch.h"
#include "unit/converter/tnef_builder.h"

namespace smtpgate::converter {
namespace {

using test::named_tag;
using test::number;
using test::padded;
using test::utf16;
using test::variable_property;
using test::zero_terminated;

std::string biases(int bias, int standard, int daylight) {
  std::string out;
  for (const int one : {bias, standard, daylight}) {
    out += number(static_cast<std::uint32_t>(one), 4);
  }
  return out;
}

/// SYSTEMTIME: the `which`-th `weekday` of `month`, at `hour`:00.
std::string change(int month, int weekday, int which, int hour, int year = 0) {
  std::string out;
  for (const int one : {year, month, weekday, which, hour, 0, 0, 0}) {
    out += number(static_cast<std::uint16_t>(one), 2);
  }
  return out;
}

std::string zone_struct(const std::string& all_biases, const std::string& to_standard,
                        const std::string& to_daylight) {
  return all_biases + number(0, 2) + to_standard + number(0, 2) + to_daylight;
}

std::string rule(int flags, int year, const std::string& all_biases, const std::string& to_standard,
                 const std::string& to_daylight) {
  return number(0x0102, 2) + number(0x3E, 2) + number(static_cast<std::uint16_t>(flags), 2) +
         number(static_cast<std::uint16_t>(year), 2) + std::string(14, '\0') + all_biases +
         to_standard + to_daylight;
}

std::string definition(const std::vector<std::string>& rules) {
  const std::string name = utf16("W. Europe Standard Time");
  const std::string header =
      number(2, 2) + number(name.size() / 2 - 1, 2) + name.substr(0, name.size() - 2);
  std::string out = number(0x0102, 2) + number(header.size() + 2, 2) + header;
  out += number(rules.size(), 2);
  for (const std::string& one : rules) out += one;
  return out;
}

const std::string none = change(0, 0, 0, 0);
const std::string berlin_standard = change(10, 0, 5, 3);
const std::string berlin_daylight = change(3, 0, 5, 2);
const std::string berlin = zone_struct(biases(-60, 0, -60), berlin_standard, berlin_daylight);

std::string clock(const TnefZone& zone, std::int64_t utc) {
  const auto local = local_time(meeting_time_from_unix(utc).value(), zone);
  REQUIRE(local.has_value());
  Meeting meeting;
  meeting.local_start = local;
  const std::string lines = meeting_lines(meeting);
  const std::string_view label = "When:      ";
  const std::size_t start = lines.find(label) + label.size();
  return lines.substr(start, lines.find('\n', start) - start);
}

TEST_CASE("a moment is told as the clocks of the sender's zone show it", "[tnef]") {
  SECTION("Berlin: the last Sundays of March and October") {
    const TnefZone zone = zone_of_struct(berlin).value();
    CHECK(clock(zone, 1774745999) == "2026-03-29 01:59 (UTC+01:00)");
    CHECK(clock(zone, 1774746000) == "2026-03-29 03:00 (UTC+02:00)");
    CHECK(clock(zone, 1792889999) == "2026-10-25 02:59 (UTC+02:00)");
    CHECK(clock(zone, 1792890000) == "2026-10-25 02:00 (UTC+01:00)");
  }
  SECTION("Sydney: summer at the turn of the year") {
    const TnefZone zone =
        zone_of_struct(zone_struct(biases(-600, 0, -60), change(4, 0, 1, 3), change(10, 0, 1, 2)))
            .value();
    CHECK(clock(zone, 1775318399) == "2026-04-05 02:59 (UTC+11:00)");
    CHECK(clock(zone, 1775318400) == "2026-04-05 02:00 (UTC+10:00)");
    CHECK(clock(zone, 1791043199) == "2026-10-04 01:59 (UTC+10:00)");
    CHECK(clock(zone, 1791043200) == "2026-10-04 03:00 (UTC+11:00)");
    CHECK(clock(zone, 1795428000) == "2026-11-23 21:00 (UTC+11:00)");
  }
  SECTION("Kolkata: half an hour, no summer time") {
    const TnefZone zone = zone_of_struct(zone_struct(biases(-330, 0, 0), none, none)).value();
    CHECK(clock(zone, 1795428000) == "2026-11-23 15:30 (UTC+05:30)");
  }
  SECTION("New York: behind UTC, on the day before") {
    const TnefZone zone =
        zone_of_struct(zone_struct(biases(300, 0, -60), change(11, 0, 1, 2), change(3, 0, 2, 2)))
            .value();
    CHECK(clock(zone, 1774746000) == "2026-03-28 21:00 (UTC-04:00)");
    CHECK(clock(zone, 1795428000) == "2026-11-23 05:00 (UTC-05:00)");
  }
  SECTION("Greenwich is UTC") {
    const TnefZone zone = zone_of_struct(zone_struct(biases(0, 0, 0), none, none)).value();
    CHECK(clock(zone, 1795428000) == "2026-11-23 10:00 (UTC)");
  }
  SECTION("changes of one year alone") {
    const TnefZone zone =
        zone_of_struct(
            zone_struct(biases(-60, 0, -60), change(10, 0, 25, 3, 2026), change(3, 0, 29, 2, 2026)))
            .value();
    CHECK(clock(zone, 1792889999) == "2026-10-25 02:59 (UTC+02:00)");
    CHECK(clock(zone, 1792890000) == "2026-10-25 02:00 (UTC+01:00)");
    CHECK(clock(zone, 1784000000) == "2026-07-14 05:33 (UTC+02:00)");
    CHECK(clock(zone, 1815536000).ends_with("(UTC+01:00)"));  // the summer after
  }
}

TEST_CASE("of a definition's rules the one in force counts, else the newest before the meeting",
          "[tnef]") {
  const std::string now = rule(2, 2024, biases(-60, 0, -60), berlin_standard, berlin_daylight);
  const std::string old = rule(0, 1601, biases(-120, 0, 0), none, none);
  const std::string older = rule(0, 2007, biases(-180, 0, 0), none, none);
  const std::string later = rule(0, 2030, biases(-240, 0, 0), none, none);
  CHECK(zone_of_definition(definition({old, now, older}), 2026)->bias == -60);
  CHECK(zone_of_definition(definition({old, older, later}), 2026)->bias == -180);
  CHECK(zone_of_definition(definition({later, older, old}), 2026)->bias == -180);
  CHECK(zone_of_definition(definition({old, older, later}), 2031)->bias == -240);
  CHECK(zone_of_definition(definition({later}), 2026)->bias == -240);
}

TEST_CASE("what is no zone gives none, wherever it ends", "[tnef]") {
  CHECK_FALSE(zone_of_struct(berlin.substr(0, berlin.size() - 1)));
  CHECK_FALSE(zone_of_struct(zone_struct(biases(100'000, 0, 0), none, none)));
  constexpr int most = std::numeric_limits<std::int32_t>::max();
  CHECK_FALSE(zone_of_struct(zone_struct(biases(most, most, most), none, none)));
  CHECK_FALSE(zone_of_definition(definition({}), 2026));
  const std::string whole =
      definition({rule(0, 2024, biases(-60, 0, -60), berlin_standard, berlin_daylight)});
  CHECK(zone_of_definition(whole, 2026));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CHECK_FALSE(zone_of_definition(whole.substr(0, size), 2026));
  }
  // A change that cannot be is none.
  CHECK_FALSE(zone_of_struct(zone_struct(biases(-60, 0, -60), change(13, 0, 5, 3), berlin_daylight))
                  ->to_daylight);
}

std::string when(const std::vector<std::string>& zone_properties, std::int64_t start,
                 std::int64_t end, bool all_day = false) {
  using test::filetime;
  std::vector<std::string> properties = {
      variable_property(0x001F, 0x001A, utf16("IPM.Appointment")),
      named_tag(0x0040, tnef::named::appointment, 0x820D) + number(filetime(start), 8),
      named_tag(0x0040, tnef::named::appointment, 0x820E) + number(filetime(end), 8),
      named_tag(0x000B, tnef::named::appointment, 0x8215) + number(all_day ? 1 : 0, 4)};
  properties.insert(properties.end(), zone_properties.begin(), zone_properties.end());
  const test::ReadTnef read(test::tnef_start() + test::message_properties(properties));
  CHECK(read.marks.empty());
  REQUIRE(read.messages.at(0).meeting);
  CHECK(read.messages[0].meeting->start->zone == (all_day ? "" : "UTC"));
  const std::string lines = meeting_lines(*read.messages[0].meeting);
  const std::size_t at = lines.find("When:      ") + 11;
  return lines.substr(at, lines.find('\n', at) - at);
}

std::string property(std::uint32_t id, const std::string& octets) {
  return named_tag(0x0102, tnef::named::appointment, id) + number(1, 4) + number(octets.size(), 4) +
         padded(octets);
}

TEST_CASE("a meeting is told in its sender's zone, wherever that is said", "[tnef]") {
  const std::string in_berlin =
      definition({rule(2, 2024, biases(-60, 0, -60), berlin_standard, berlin_daylight)});
  const std::string in_kolkata = definition({rule(2, 2024, biases(-330, 0, 0), none, none)});
  constexpr std::int64_t ten = 1795428000;
  constexpr std::int64_t eleven = ten + 3600;
  CHECK(when({}, ten, eleven) == "2026-11-23 10:00 to 11:00 (UTC)");
  CHECK(when({property(0x8233, berlin)}, ten, eleven) == "2026-11-23 11:00 to 12:00 (UTC+01:00)");
  CHECK(when({property(0x825E, in_berlin)}, ten, eleven) ==
        "2026-11-23 11:00 to 12:00 (UTC+01:00)");
  CHECK(when({property(0x8260, in_berlin)}, ten, eleven) ==
        "2026-11-23 11:00 to 12:00 (UTC+01:00)");
  CHECK(when({property(0x8233, in_kolkata), property(0x825E, in_berlin)}, ten, eleven) ==
        "2026-11-23 11:00 to 12:00 (UTC+01:00)");
  CHECK(when({property(0x825E, in_berlin), property(0x825F, in_kolkata)}, ten, eleven) ==
        "2026-11-23 11:00 (UTC+01:00) to 2026-11-23 16:30 (UTC+05:30)");
  CHECK(when({property(0x825E, in_berlin.substr(0, 20))}, ten, eleven) ==
        "2026-11-23 10:00 to 11:00 (UTC)");
}

TEST_CASE("a whole day is the day of its sender's zone", "[tnef]") {
  // Midnight in Auckland, thirteen hours ahead: nearest is the wrong day without the zone.
  const std::string auckland =
      zone_struct(biases(-720, 0, -60), change(4, 0, 1, 3), change(9, 0, 5, 2));
  constexpr std::int64_t midnight = 1795345200;  // 2026-11-22 11:00 UTC
  constexpr std::int64_t day = 86'400;
  CHECK(when({property(0x8233, auckland)}, midnight, midnight + day, true) == "2026-11-23");
  CHECK(when({}, midnight, midnight + day, true) == "2026-11-22");
  CHECK(when({property(0x8233, berlin)}, 1795388400, 1795388400 + 2 * day, true) ==
        "2026-11-23 to 2026-11-24");
}

}  // namespace
}  // namespace smtpgate::converter
