// Dates as RFC 5322 has them and as programs send them.
#include <string>

#include "converter/mail_date.h"
#include "unit/catch.h"

using namespace smtpgate::converter;

namespace {

std::string read(std::string_view value) {
  const std::optional<MailDate> date = parse_mail_date(value);
  return date ? date->rfc3339() : "none";
}

}  // namespace

TEST_CASE("dates of RFC 5322, section 3.3 and appendix A") {
  CHECK(read("Fri, 21 Nov 1997 09:55:06 -0600") == "1997-11-21T09:55:06-06:00");
  CHECK(read(" Tue, 1 Jul 2003 10:52:37 +0200") == "2003-07-01T10:52:37+02:00");
  CHECK(read("Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n"
             "               -0330 (Newfoundland Time)") == "1969-02-13T23:32:00-03:30");
  CHECK(read("21 Nov 97 09:55:06 GMT") == "1997-11-21T09:55:06+00:00");
  // Blanks around the colons: RFC 5322, appendix A.5's obsolete form.
  CHECK(read("Fri, 21 Nov 1997 09(comment):   55  :  06 -0600") == "1997-11-21T09:55:06-06:00");
  const auto date = parse_mail_date("Fri, 21 Nov 1997 09:55:06 -0600");
  REQUIRE(date);
  CHECK(date->seconds == 880127706);
  CHECK(date->zone_minutes == -360);
  CHECK_FALSE(date->zone_unknown);
}

TEST_CASE("years of two and three digits (RFC 5322, 4.3)") {
  CHECK(read("1 Jan 00 00:00:00 +0000") == "2000-01-01T00:00:00+00:00");
  CHECK(read("1 Jan 49 00:00:00 +0000") == "2049-01-01T00:00:00+00:00");
  CHECK(read("1 Jan 50 00:00:00 +0000") == "1950-01-01T00:00:00+00:00");
  CHECK(read("1 Jan 126 00:00:00 +0000") == "2026-01-01T00:00:00+00:00");
  CHECK(read("1 Jan 9999 00:00:00 +0000") == "9999-01-01T00:00:00+00:00");
  CHECK(read("1 Jan 0000 00:00:00 +0000") == "none");
  CHECK(read("1 Jan 12345 00:00:00 +0000") == "none");
}

TEST_CASE("zones: offsets, names, unknown ones") {
  const std::string time = "1 Jan 2026 12:00:00 ";
  CHECK(read(time + "+0100 (CET)") == "2026-01-01T12:00:00+01:00");
  CHECK(read(time + "+01:00") == "2026-01-01T12:00:00+01:00");
  CHECK(read(time + "+01") == "2026-01-01T12:00:00+01:00");
  CHECK(read(time + "GMT+0100") == "2026-01-01T12:00:00+01:00");
  CHECK(read(time + "GMT +0100") == "2026-01-01T12:00:00+01:00");
  CHECK(read(time + "+0100 GMT") == "2026-01-01T12:00:00+01:00");
  CHECK(read(time + "EST") == "2026-01-01T12:00:00-05:00");
  CHECK(read(time + "pdt") == "2026-01-01T12:00:00-07:00");
  CHECK(read(time + "Z") == "2026-01-01T12:00:00+00:00");
  CHECK(read(time + "UT") == "2026-01-01T12:00:00+00:00");
  CHECK(read(time + "\"GMT\"") == "2026-01-01T12:00:00+00:00");
  CHECK(read(time + "-0000") == "2026-01-01T12:00:00-00:00");
  CHECK(read(time + "+0000") == "2026-01-01T12:00:00+00:00");
  CHECK(read(time + "A") == "2026-01-01T12:00:00-00:00");  // military letters mean nothing
  CHECK(read(time + "XYZ") == "2026-01-01T12:00:00-00:00");
  CHECK(read(time) == "2026-01-01T12:00:00-00:00");
  CHECK(read(time + "+9999") == "2026-01-01T12:00:00-00:00");
  CHECK(read(time + "+0530") == "2026-01-01T12:00:00+05:30");
  CHECK(read("1 Jan 2026 12:00:00+0100") == "2026-01-01T12:00:00+01:00");
}

TEST_CASE("other shapes that arrive") {
  CHECK(read("Thu Jan  1 10:00:00 1970") == "1970-01-01T10:00:00-00:00");
  CHECK(read("Thu Jan  1 10:00:00 EST 1970") == "1970-01-01T10:00:00-05:00");
  CHECK(read("Thu Jan  1 10:00:00 1970 +0100") == "1970-01-01T10:00:00+01:00");
  CHECK(read("Thu Jan  1 10:00:00 +0100 1970") == "1970-01-01T10:00:00+01:00");
  CHECK(read("2026-11-21T10:00:00+01:00") == "2026-11-21T10:00:00+01:00");
  CHECK(read("2026-11-21T10:00:00Z") == "2026-11-21T10:00:00+00:00");
  CHECK(read("2026-11-21T10:00:00.123456Z") == "2026-11-21T10:00:00+00:00");
  CHECK(read("2026-11-21 10:00:00 +0100") == "2026-11-21T10:00:00+01:00");
  CHECK(read("2026-11-21 10:00") == "2026-11-21T10:00:00-00:00");
  CHECK(read("2026/11/21 10:00") == "2026-11-21T10:00:00-00:00");
  CHECK(read("SATURDAY, 21 NOVEMBER 2026 10:00:00 +0100") == "2026-11-21T10:00:00+01:00");
  CHECK(read("Sat, 21 Sept 2026 10:00 +0100") == "2026-09-21T10:00:00+01:00");
  CHECK(read("Sat, 21-Nov-2026 10:00:00 GMT") == "2026-11-21T10:00:00+00:00");
  CHECK(read("Saturday, 21-Nov-26 10:00:00 GMT") == "2026-11-21T10:00:00+00:00");
  CHECK(read("November 21, 2026 10:00:00 AM +0100") == "2026-11-21T10:00:00+01:00");
  CHECK(read("21 Nov 2026 10:00:00 PM") == "2026-11-21T22:00:00-00:00");
  CHECK(read("21 Nov 2026 12:30:00 AM") == "2026-11-21T00:30:00-00:00");
  CHECK(read("21 Nov 2026 12:30pm") == "2026-11-21T12:30:00-00:00");
  CHECK(read("Sat,21 Nov 2026 10:00:00 +0100") == "2026-11-21T10:00:00+01:00");
  CHECK(read("21 Nov 2026 1:02:03 +0100") == "2026-11-21T01:02:03+01:00");
  CHECK(read("21 Nov 2026 10:00:x") == "2026-11-21T10:00:00-00:00");
  CHECK(read("21 Nov 2026") == "2026-11-21T00:00:00-00:00");
  CHECK(read("Sat, 21 Nov 2026 10.00.30 +0100") == "2026-11-21T10:00:30+01:00");
  CHECK(read("Sat, 21 Nov 2026 10.00") == "2026-11-21T10:00:00-00:00");
  CHECK(read("21.11.2026 10:00:00 +0100") == "2026-11-21T10:00:00+01:00");
  CHECK(read("21.11.26 10.00") == "2026-11-21T10:00:00-00:00");
  CHECK(read("10.13.2026 10:00") == "none");
}

TEST_CASE("months in other languages, as programs write them that ask their system") {
  CHECK(read("Mi, 21. Okt 2026 10:00:00 +0200") == "2026-10-21T10:00:00+02:00");
  CHECK(read("Mittwoch, 21. Oktober 2026 10:00") == "2026-10-21T10:00:00-00:00");
  CHECK(read("mar., 24 nov. 2026 10:00:00 +0100") == "2026-11-24T10:00:00+01:00");
  CHECK(read("jeu. 21 juil. 2026 10:00") == "2026-07-21T10:00:00-00:00");
  CHECK(read("gio, 21 mag 2026 10.00.00 +0200") == "2026-05-21T10:00:00+02:00");
  CHECK(read("lun, 5 ene 2026 10:00:00 -0600") == "2026-01-05T10:00:00-06:00");
  CHECK(read("qua, 21 out 2026 10:00:00 -0300") == "2026-10-21T10:00:00-03:00");
  CHECK(read("wo, 21 mrt 2026 10:00") == "2026-03-21T10:00:00-00:00");
}

TEST_CASE("edges of the calendar and of the clock") {
  CHECK(read("29 Feb 2024 00:00:00 +0000") == "2024-02-29T00:00:00+00:00");
  CHECK(read("29 Feb 2023 00:00:00 +0000") == "none");
  CHECK(read("29 Feb 1900 00:00:00 +0000") == "none");
  CHECK(read("29 Feb 2000 00:00:00 +0000") == "2000-02-29T00:00:00+00:00");
  CHECK(read("31 Apr 2026 00:00:00 +0000") == "none");
  CHECK(read("0 Jan 2026 00:00:00 +0000") == "none");
  CHECK(read("32 Jan 2026 00:00:00 +0000") == "none");
  CHECK(read("31 Dec 2016 23:59:60 +0000") == "2017-01-01T00:00:00+00:00");
  CHECK(read("31 Dec 2016 23:59:61 +0000") == "none");
  CHECK(read("31 Dec 2026 24:00:00 +0000") == "2027-01-01T00:00:00+00:00");
  CHECK(read("31 Dec 2026 24:00:01 +0000") == "none");
  CHECK(read("31 Dec 2026 25:00:00 +0000") == "none");
  CHECK(read("31 Dec 2026 10:60:00 +0000") == "none");
  CHECK(parse_mail_date("1 Jan 1970 00:00:00 +0000")->seconds == 0);
  CHECK(parse_mail_date("31 Dec 1969 23:59:59 +0000")->seconds == -1);
  CHECK(parse_mail_date("19 Jan 2038 03:14:08 +0000")->seconds == 2147483648);
  CHECK(parse_mail_date("1 Jan 1601 00:00:00 +0000")->seconds == -11644473600);
}

TEST_CASE("what is no date gives none") {
  for (std::string_view bad :
       {"", " ", "now", "Sat", "Nov 2026", "21 Nov", "10:00:00", "21 Foo 2026 10:00:00",
        "9999999999999999999999 Nov 2026", "-1 Nov 2026", "((((((", ",,,,,", "::::", "2026-13-01",
        "2026-00-01", "2026-11-"}) {
    INFO(bad);
    CHECK(read(bad) == "none");
  }
  CHECK(read(std::string(1'000'000, '(')) == "none");
  CHECK(read("21 Nov 2026 10:00:00 +0100 " + std::string(1'000'000, 'x')) ==
        "2026-11-21T10:00:00+01:00");
}

TEST_CASE("dates are written as RFC 5322 wants them, and read back") {
  CHECK(format_mail_date(0, 0) == "Thu, 01 Jan 1970 00:00:00 +0000");
  CHECK(format_mail_date(-1, 0) == "Wed, 31 Dec 1969 23:59:59 +0000");
  CHECK(format_mail_date(1795251600, 60) == "Sat, 21 Nov 2026 10:00:00 +0100");
  CHECK(parse_mail_date("2026-11-21T10:00:00-00:00")->rfc5322() ==
        "Sat, 21 Nov 2026 10:00:00 -0000");
  CHECK(parse_mail_date("2026-11-21T10:00:00+00:00")->rfc5322() ==
        "Sat, 21 Nov 2026 10:00:00 +0000");
  CHECK(format_mail_date(0, -210) == "Wed, 31 Dec 1969 20:30:00 -0330");
  for (std::int64_t seconds = -62'000'000'000; seconds < 250'000'000'000;
       seconds += 8'640'123'457) {
    for (int zone : {0, 60, -330, 840}) {
      const auto date = parse_mail_date(format_mail_date(seconds, zone));
      REQUIRE(date);
      CHECK(date->seconds == seconds);
      CHECK(date->zone_minutes == zone);
      const auto again = parse_mail_date(date->rfc3339());
      REQUIRE(again);
      CHECK(again->seconds == seconds);
    }
  }
}
