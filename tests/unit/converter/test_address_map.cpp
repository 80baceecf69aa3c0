// ADDR_MAP.CFG: what it says, and each way of getting it wrong with the line it must print.
#include <cstdio>
#include <string>
#include <vector>

#include <unistd.h>

#include "converter/address_map.h"
#include "unit/catch.h"

using namespace smtpgate::converter;

namespace {

AddressMap map_of(std::string_view text) {
  const auto map = AddressMap::parse(text, "ADDR_MAP.CFG");
  if (!map) FAIL(map.error().front());
  return *map;
}

std::string found(const AddressMap& map, std::string_view domain) {
  const AddressMap::Entry* entry = map.find(domain);
  return entry == nullptr ? "none" : entry->postoffice.str();
}

std::vector<std::string> errors_of(std::string_view text) {
  const auto map = AddressMap::parse(text, "ADDR_MAP.CFG");
  return map ? std::vector<std::string>{} : map.error();
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("the original's example maps as documented (Q111840)") {
  const AddressMap map = map_of("MYNET/MYPO   mypo.mynet.mycompany.com\n");
  CHECK(found(map, "mypo.mynet.mycompany.com") == "MYNET/MYPO");
  CHECK(found(map, "MYPO.MyNet.MyCompany.COM.") == "MYNET/MYPO");
  CHECK(found(map, "mynet.mycompany.com") == "none");
  CHECK(found(map, "x.mypo.mynet.mycompany.com") == "none");
  CHECK(found(map, "") == "none");
  CHECK(map.entries().front().line == 1);
}

TEST_CASE("the first match wins, and a company's domain may be shared") {
  const AddressMap map = map_of(
      "NET/ONE company.example\nNET/ONE one.company.example\n"
      "NET/TWO company.example\nNET/TWO two.company.example\n");
  CHECK(found(map, "company.example") == "NET/ONE");
  CHECK(found(map, "one.company.example") == "NET/ONE");
  CHECK(found(map, "two.company.example") == "NET/TWO");
  REQUIRE(map.entries().size() == 4);  // outbound needs the third as well
  CHECK(map.entries()[2].domain == "company.example");
}

TEST_CASE("a leading dot matches every subdomain, in file order with the others") {
  const AddressMap map =
      map_of("NET/A special.example\nNET/B .example\nNET/B late.example\nNET/C example\n");
  CHECK(found(map, "special.example") == "NET/A");
  CHECK(found(map, "late.example") == "NET/B");
  CHECK(found(map, "a.b.example") == "NET/B");
  CHECK(found(map, "example") == "NET/C");
  CHECK(found(map, "notexample") == "none");
}

TEST_CASE("comments, blanks, tabs, CR LF, a byte order mark and a missing last line end") {
  const AddressMap map = map_of(
      "\xEF\xBB\xBF# comment\r\n; another\r\n\r\n  \t\r\n\tNET/PO\t \texample.com  \r\nNET/PO  "
      "b.example");
  CHECK(found(map, "example.com") == "NET/PO");
  CHECK(found(map, "b.example") == "NET/PO");
  CHECK(map.entries().front().line == 5);
}

TEST_CASE("domains in other scripts are compared as A-labels") {
  const AddressMap map = map_of("NET/PO Müller.example\n");
  CHECK(found(map, "xn--mller-kva.example") == "NET/PO");
  CHECK(found(map, "mu\xCC\x88ller.EXAMPLE") == "NET/PO");
  CHECK(map.entries().front().domain == "xn--mller-kva.example");
}

TEST_CASE("each wrong line says what it is and what to do") {
  CHECK(
      errors_of("NET/PO\n") ==
      Lines{"ADDR_MAP.CFG:1: one word where a postoffice and a domain are wanted; write \"NET/PO  "
            "domain\", comments on lines of their own"});
  CHECK(
      errors_of("NET/PO a.example # main\n") ==
      Lines{"ADDR_MAP.CFG:1: more than two words where a postoffice and a domain are wanted; write "
            "\"NET/PO  domain\", comments on lines of their own"});
  CHECK(errors_of("NETPO a.example\n") ==
        Lines{"ADDR_MAP.CFG:1: \"NETPO\" is no postoffice; write its name as NET/PO"});
  CHECK(errors_of("NET/PO user@a.example\n") ==
        Lines{"ADDR_MAP.CFG:1: the domain \"user@a.example\" has an @; write the domain alone"});
  CHECK(
      errors_of("NET/PO .\n") ==
      Lines{"ADDR_MAP.CFG:1: the domain \".\" is empty; write a domain such as mail.example.com"});
  CHECK(errors_of("NET/PO a..example\n") ==
        Lines{"ADDR_MAP.CFG:1: the domain \"a..example\" has two dots with nothing between; remove "
              "one"});
  CHECK(
      errors_of("NET/PO a/b\n") ==
      Lines{"ADDR_MAP.CFG:1: the domain \"a/b\" has a character that no domain has; write a domain "
            "such as mail.example.com"});
  CHECK(errors_of("NET/PO \xFF\n") ==
        Lines{"ADDR_MAP.CFG:1: the domain \"\\xFF\" is not UTF-8; save the file as UTF-8"});
  CHECK(errors_of("NET/PO a.example\n\nnet/po A.EXAMPLE\n") ==
        Lines{"ADDR_MAP.CFG:3: net/po a.example stands on line 1 already; remove one of them"});
  CHECK(errors_of("# nothing\n") ==
        Lines{"ADDR_MAP.CFG: has no entries; write \"NET/PO  domain\", one pair a line"});
  CHECK(errors_of("").size() == 1);
}

TEST_CASE("a postoffice that no address leads to is an error (Q111840)") {
  CHECK(errors_of("NET/A company.example\nNET/B company.example\n") ==
        Lines{"ADDR_MAP.CFG:2: no address leads to NET/B, because other postoffices have all its "
              "domains on earlier lines; give it a domain of its own"});
  CHECK(errors_of("NET/A .example\nNET/B b.example\nNET/B c.b.example\n").size() == 2);
  CHECK(errors_of("NET/A .example\nNET/B .b.example\n").size() == 1);
  CHECK(errors_of("NET/B b.example\nNET/A .example\n").empty());
  CHECK(errors_of("NET/A .b.example\nNET/B .example\n").empty());
}

TEST_CASE("a line that an earlier one of another postoffice hides is an error with its line") {
  CHECK(
      errors_of("NET/A a.example\nNET/B .example\n\nNET/A late.example\n") ==
      Lines{"ADDR_MAP.CFG:4: NET/A late.example can never match, because NET/B .example on line 2 "
            "has it all; move the line above that one"});
  CHECK(errors_of("NET/B .example\nNET/A .sub.example\nNET/A other.test\n").size() == 1);
  // Hidden by oneself is only needless; shared, or the other way round, nothing is hidden.
  CHECK(errors_of("NET/A .example\nNET/A late.example\n").empty());
  CHECK(errors_of("NET/A x.example\nNET/B x.example\nNET/B b.example\n").empty());
}

TEST_CASE("a domain of several postoffices is told with all of them, in order") {
  const AddressMap map = map_of(
      "NET/ONE company.example\nNET/ONE one.example\nNET/TWO .two.example\n"
      "NET/TWO Company.Example\n");
  const auto all = map.find_all("COMPANY.example");
  REQUIRE(all.size() == 2);
  CHECK(all[0]->postoffice.str() == "NET/ONE");
  CHECK(all[1]->postoffice.str() == "NET/TWO");
  CHECK(map.is_shared("company.example"));
  CHECK_FALSE(map.is_shared("one.example"));
  CHECK(map.find_all("x.two.example").size() == 1);
  CHECK(map.find_all("elsewhere.example").empty());
}

TEST_CASE("all errors of a file are told, in its order") {
  const Lines errors = errors_of("X\nNET/A a.example\nNET/B a.example\nY\n");
  REQUIRE(errors.size() == 3);
  CHECK(errors[0].find("ADDR_MAP.CFG:1:") == 0);
  CHECK(errors[1].find("ADDR_MAP.CFG:3:") == 0);
  CHECK(errors[2].find("ADDR_MAP.CFG:4:") == 0);
}

TEST_CASE("hostile domains and long maps are looked up at once") {
  std::string text;
  for (int i = 0; i < 20'000; ++i) {
    text += "NET/P" + std::to_string(i) + " d" + std::to_string(i) + ".example\n";
  }
  const AddressMap map = map_of(text);
  CHECK(found(map, "d19999.example") == "NET/P19999");
  std::string dots;
  while (dots.size() < 1'000'000) dots += "a.";
  CHECK(found(map, dots + "d1.example") == "none");
  CHECK(found(map, "d1.example" + std::string("\0x", 2)) == "none");
}

TEST_CASE("a map is read from a file, and one that cannot be read says so") {
  std::string path = "/tmp/smtpgate-map-XXXXXX";
  const int descriptor = mkstemp(path.data());
  REQUIRE(descriptor >= 0);
  const std::string_view text = "NET/PO example.com\n";
  CHECK(write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  close(descriptor);
  const auto map = AddressMap::read(path);
  std::remove(path.c_str());
  REQUIRE(map);
  CHECK(found(*map, "example.com") == "NET/PO");
  const auto missing = AddressMap::read("/nonexistent/ADDR_MAP.CFG");
  REQUIRE_FALSE(missing);
  CHECK(missing.error() ==
        Lines{"/nonexistent/ADDR_MAP.CFG: cannot be read (No such file or directory); check the "
              "path and its permissions"});
  const auto directory = AddressMap::read("/tmp");
  REQUIRE_FALSE(directory);
  CHECK(directory.error().front().find("/tmp: cannot be read") == 0);
}
