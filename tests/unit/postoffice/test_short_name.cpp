// 8.3 names.
#include <set>
#include <string>

#include "postoffice/short_name.h"
#include "unit/catch.h"

using smtpgate::postoffice::ShortNames;

namespace {

std::string short_name(const std::string& name) {
  return ShortNames().take(name);
}

}  // namespace

TEST_CASE("names that are short already keep their letters, in capitals") {
  CHECK(short_name("plan.png") == "PLAN.PNG");
  CHECK(short_name("README") == "README");
  CHECK(short_name("12345678.123") == "12345678.123");
  CHECK(short_name("a-b_c.{}") == "A-B_C.{}");
}

TEST_CASE("what does not fit is cut, marked and told apart") {
  ShortNames names;
  CHECK(names.take("Angebot für Ölheizung.pdf") == "ANGEBO~1.PDF");
  CHECK(names.take("Angebot vom Montag.pdf") == "ANGEBO~2.PDF");
  CHECK(names.take("Angebot vom Montag.doc") == "ANGEBO~1.DOC");
  CHECK(names.take("page.html") == "PAGE~1.HTM");
  CHECK(names.take("page.htm") == "PAGE.HTM");
  CHECK(names.take("PAGE.HTM") == "PAGE~2.HTM");
  CHECK(names.take("archive.tar.gz") == "ARCHIV~1.GZ");
  CHECK(names.take("my file") == "MYFILE~1");
}

TEST_CASE("letters beyond ASCII become their nearest, others a line") {
  CHECK(short_name("Öl.txt") == "OL~1.TXT");
  CHECK(short_name("\xE6\x96\x87.txt").ends_with("~1.TXT"));
  for (const char c : short_name("\xE6\x96\x87\xE6\x9C\xAC+[];=,.a+b")) {
    CHECK(static_cast<unsigned char>(c) < 0x80);
    CHECK(std::string("+[];=, ").find(c) == std::string::npos);
  }
}

TEST_CASE("names that DOS takes for devices, and names that are reserved") {
  CHECK(short_name("_CON.txt") == "_CON.TXT");
  CHECK(short_name("con") == "CON~1");
  ShortNames names;
  names.reserve("message.txt");
  CHECK(names.take("message.txt") == "MESSAG~1.TXT");
}

TEST_CASE("many names alike stay unique and within 8.3") {
  ShortNames names;
  std::set<std::string> seen;
  for (int i = 0; i < 20'000; ++i) {
    const std::string name = names.take("same name.text");
    const std::size_t dot = name.find('.');
    REQUIRE(dot <= 8);
    REQUIRE(name.size() - dot == 4);
    REQUIRE(seen.insert(name).second);
  }
}
