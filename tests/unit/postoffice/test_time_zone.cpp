// Named zones against the C library's own answers, in past and future; and damaged zone files.
#include <cstdlib>
#include <ctime>

#include <sys/wait.h>
#include <unistd.h>

#include "postoffice/time_zone.h"
#include "unit/catch.h"

namespace smtpgate::postoffice {
namespace {

/// Number of moments where we differ from localtime_r. In a process of its own, because of TZ.
int count_differences(const std::string& name) {
  const auto zone = TimeZone::open(name);
  if (!zone) return 251;
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv("TZ", name.c_str(), 1);
    ::tzset();
    int differences = 0;
    // From 1900 to 2200, at steps that hit every hour of the day and of the year's changes.
    for (std::int64_t moment = -2'208'988'800; moment < 7'258'118'400;
         moment += 86'400 * 3 + 2'999) {
      const auto time = static_cast<std::time_t>(moment);
      std::tm local{};
      ::localtime_r(&time, &local);
      const CivilTime ours = to_civil_time(moment + zone->offset_at(moment));
      if (ours.year != local.tm_year + 1900 || ours.month != local.tm_mon + 1 ||
          ours.day != local.tm_mday || ours.hour != local.tm_hour || ours.minute != local.tm_min ||
          ours.second != local.tm_sec) {
        ++differences;
      }
    }
    ::_exit(differences > 250 ? 250 : differences);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 252;
}

TEST_CASE("named zones agree with the C library from 1900 to 2200") {
  const std::string name =
      GENERATE("Europe/Berlin", "America/New_York", "Australia/Sydney", "Asia/Kolkata",
               "Asia/Kathmandu", "America/Sao_Paulo", "Africa/Casablanca", "Europe/Dublin",
               "Pacific/Apia", "UTC", "America/St_Johns", "Asia/Gaza", "Antarctica/Troll");
  INFO(name);
  CHECK(count_differences(name) == 0);
}

TEST_CASE("the hour of each change is exact") {
  const auto zone = TimeZone::open("Europe/Berlin");
  REQUIRE(zone.has_value());
  CHECK(zone->offset_at(1'774'745'999) == 3600);  // 2026-03-29 00:59:59 UTC
  CHECK(zone->offset_at(1'774'746'000) == 7200);
  CHECK(zone->offset_at(1'792'889'999) == 7200);  // 2026-10-25 00:59:59 UTC
  CHECK(zone->offset_at(1'792'890'000) == 3600);
}

TEST_CASE("names that are no zone are refused, and none leads out of the zone directory") {
  for (const char* name : {"Europe/Nowhere", "../../etc/passwd", "/etc/passwd", "Europe", "a\nb",
                           "Europe/Berlin\\", "tzdata.zi", " "}) {
    INFO(name);
    CHECK_FALSE(TimeZone::open(name).has_value());
  }
}

TEST_CASE("damaged zone files are errors") {
  CHECK_FALSE(TimeZone::parse("").has_value());
  CHECK_FALSE(TimeZone::parse("TZif").has_value());
  std::string huge = "TZif2" + std::string(15, '\0');
  huge += std::string(24, '\xff');
  CHECK_FALSE(TimeZone::parse(huge).has_value());
  std::string no_types = "TZif" + std::string(40, '\0');
  CHECK_FALSE(TimeZone::parse(no_types).has_value());
}

TEST_CASE("the machine's own zone is the C library's") {
  const auto zone = TimeZone::open("");
  REQUIRE(zone.has_value());
  const std::time_t now = 1'790'000'000;
  std::tm local{};
  ::localtime_r(&now, &local);
  CHECK(zone->offset_at(now) == local.tm_gmtoff);
}

}  // namespace
}  // namespace smtpgate::postoffice
