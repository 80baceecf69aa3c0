// Unfolding and finding fields.
#include "converter/header_field.h"
#include "unit/catch.h"

using namespace smtpgate::converter;
using namespace std::string_literals;

TEST_CASE("folds are taken out and their blank stays") {
  CHECK(unfold(" a\r\n b") == "a b");
  CHECK(unfold(" a\r\n\tb") == "a\tb");
  CHECK(unfold(" a\n b\r c") == "a b c");
  CHECK(unfold(" a\r\n  b \r\n ") == "a  b");
  CHECK(unfold("\r\n a") == "a");
  CHECK(unfold("a\r\n \r\n \r\n b") == "a   b");
}

TEST_CASE("line ends that are no folds, and NUL, become spaces") {
  CHECK(unfold("a\r\nb") == "a  b");
  CHECK(unfold("a\rb\nc") == "a b c");
  CHECK(unfold("a\0b"s) == "a b");
  CHECK(unfold("a\r\r\n b") == "a  b");
  CHECK(unfold("a\r\n") == "a");
  CHECK(unfold("") == "");
  CHECK(unfold(" \r\n \t ") == "");
}

TEST_CASE("fields are found by name in any case, the first one first") {
  HeaderFields fields;
  fields.add({"Subject", " one"});
  fields.add({"To", " a@b"});
  fields.add({"SUBJECT", " two"});
  REQUIRE(fields.find("subject") != nullptr);
  CHECK(fields.find("subject")->value == " one");
  CHECK(fields.find("Cc") == nullptr);
  REQUIRE(fields.find_all("Subject").size() == 2);
  CHECK(fields.find_all("Subject")[1]->value == " two");
  CHECK(fields.find_all("Cc").empty());
}
