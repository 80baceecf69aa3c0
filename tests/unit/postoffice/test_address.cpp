// Postoffice addresses: what is a mailbox name, what is a native address, what is typed.
#include "postoffice/address.h"
#include "unit/catch.h"

using namespace smtpgate::postoffice;

TEST_CASE("mailbox names: good ones") {
  const std::string longest(64, 'x');
  for (const std::string name : {"a", "jsmith", "O'Brien", "first.last", "a+b", "Müller", "$SYSTEM",
                                 "-x", "CONTROL", "COM", "COM10", "with blank", "name@odd", "~"}) {
    INFO(name);
    CHECK(!why_bad_mailbox_name(name));
  }
  CHECK(!why_bad_mailbox_name(longest));
}

TEST_CASE("mailbox names: bad ones, each with a reason") {
  using namespace std::string_literals;
  for (const std::string& name : {""s,          std::string(65, 'x'),
                                  "."s,         ".."s,
                                  ".a"s,        "a."s,
                                  " a"s,        "a "s,
                                  "a/b"s,       "a\\b"s,
                                  "a:b"s,       "a*"s,
                                  "a?"s,        "a\"b"s,
                                  "<a"s,        "a>"s,
                                  "a|b"s,       "a\0b"s,
                                  "a\nb"s,      "a\x7F"s,
                                  "a\xC2\x85"s, "\xFF"s,
                                  "\xC0\xAF"s,  "\xED\xA0\x80"s,
                                  "con"s,       "NUL.txt"s,
                                  "Lpt1"s,      "aux .x"s,
                                  "COM\u00B9"s}) {
    INFO(name);
    const auto why = why_bad_mailbox_name(name);
    REQUIRE(why);
    CHECK(!why->empty());
  }
}

TEST_CASE("mailbox names: folding is NFC and ASCII lower case") {
  CHECK(fold_mailbox_name("JSmith") == "jsmith");
  CHECK(fold_mailbox_name("Mu\u0308ller") == "m\u00FCller");
  CHECK(fold_mailbox_name("ÄRGER") == "Ärger");
}

TEST_CASE("native addresses: three legal parts, spelt as given") {
  const auto address = NativeAddress::parse("Company/Dept/jsmith");
  REQUIRE(address);
  CHECK(address->postoffice.network == "Company");
  CHECK(address->postoffice.postoffice == "Dept");
  CHECK(address->mailbox == "jsmith");
  CHECK(address->str() == "Company/Dept/jsmith");
  for (const char* bad : {"", "a", "a/b", "a/b/c/d", "/b/c", "a//c", "a/b/", "a/../c", "a/b/..",
                          "a/b/c:d", "a/b/NUL"}) {
    INFO(bad);
    CHECK(!NativeAddress::parse(bad));
  }
}

TEST_CASE("postoffice names: compared without regard to ASCII case") {
  CHECK(*PostofficeName::parse("NET/PO") == *PostofficeName::parse("net/Po"));
  CHECK_FALSE(*PostofficeName::parse("NET/PO") == *PostofficeName::parse("NET/P0"));
  CHECK(!PostofficeName::parse("NET"));
  CHECK(!PostofficeName::parse("NET/PO/BOX"));
}

TEST_CASE("typed addresses: the type stands before the first colon, CSI without one") {
  const auto check = [](const char* text, const char* type, const char* address) {
    const auto parsed = TypedAddress::parse(text);
    INFO(text);
    CHECK(parsed.type == type);
    CHECK(parsed.address == address);
    CHECK(parsed.name.empty());
  };
  check("NET/PO/BOX", "CSI", "NET/PO/BOX");
  check("CSI:NET/PO/BOX", "CSI", "NET/PO/BOX");
  check("smtp:a@b.example", "SMTP", "a@b.example");
  check("SMTP:a:b@c", "SMTP", "a:b@c");
  check("X400:c=de;a=x", "X400", "c=de;a=x");
  check("a@b:c", "CSI", "a@b:c");
  check(":x", "CSI", ":x");
  check("", "CSI", "");
  check("PCM:A/B/C", "PCM", "A/B/C");
  CHECK(TypedAddress::parse("smtp:a@b").str() == "SMTP:a@b");
}
