// How header fields are shared out between tokens, EXT fields, the text and TRACE.
#include "converter/header_translation.h"
#include "unit/catch.h"

using namespace smtpgate::converter;
namespace ext = smtpgate::postoffice::ext;
using Catch::Matchers::VectorContains;

namespace {

TranslatedHeader translate(std::vector<HeaderField> list, const InboundSettings& settings = {}) {
  HeaderFields fields;
  for (HeaderField& field : list) fields.add(std::move(field));
  Envelope envelope;
  envelope.sender = "envelope@example.com";
  TargetFormat target;
  target.name = {"NET", "PO"};
  const AddressMap map = *AddressMap::parse("NET/PO example.net\n", "map");
  return translate_header(fields, envelope, map, target, settings);
}

}  // namespace

TEST_CASE("field patterns: whole names and beginnings, in any case", "[header]") {
  const std::vector<std::string> patterns = {"ARC-*", "Received-SPF"};
  CHECK(matches_field_pattern("arc-seal", patterns));
  CHECK(matches_field_pattern("RECEIVED-spf", patterns));
  CHECK_FALSE(matches_field_pattern("Received-SPF-Extra", patterns));
  CHECK_FALSE(matches_field_pattern("ARC", patterns));
}

TEST_CASE("a second subject and a second From stand on top of the text", "[header]") {
  const TranslatedHeader result = translate({{"From", " a@example.com"},
                                             {"From", " b@example.com"},
                                             {"Subject", " one"},
                                             {"Subject", " two"}});
  CHECK(result.message.subject == "one");
  CHECK(result.text_lines == std::vector<std::string>{"From: b@example.com", "Subject: two"});
}

TEST_CASE("several authors: the first is FROM, all of them stand on top", "[header]") {
  const TranslatedHeader result = translate({{"From", " a@example.com, b@example.com"}});
  CHECK(result.message.from.address == "a@example.com");
  CHECK(result.text_lines == std::vector<std::string>{"From: a@example.com, b@example.com"});
}

TEST_CASE("two To fields are one list", "[header]") {
  const TranslatedHeader result =
      translate({{"To", " a@example.net"}, {"to", " Bob <b@example.com>"}});
  REQUIRE(result.message.to.size() == 2);
  CHECK(result.message.to[0].str() == "CSI:NET/PO/a");
  CHECK(result.message.to[1].str() == "SMTP:b@example.com");
  CHECK(result.message.to[1].name == "Bob");
}

TEST_CASE("a local part that is no mailbox name stays an Internet address", "[header]") {
  const TranslatedHeader result = translate({{"To", " \"a/b\"@example.net"}});
  CHECK(result.message.to.at(0).type == "SMTP");
}

TEST_CASE("too many addresses are left to the line on top", "[header]") {
  InboundSettings settings;
  settings.most_addresses = 2;
  const TranslatedHeader result =
      translate({{"To", " a@x.example, b@x.example, c@x.example"}}, settings);
  CHECK_THAT(result.text_lines,
             VectorContains(std::string("To: a@x.example, b@x.example, c@x.example")));
  CHECK_FALSE(result.message.to.empty());
}

TEST_CASE("an empty receipt request asks nobody", "[header]") {
  CHECK_FALSE(translate({{"Return-Receipt-To", ""}}).message.field(ext::receipt_to));
  CHECK(translate({{"Return-Receipt-To", " a@example.com"}}).message.field(ext::receipt_to) ==
        "a@example.com");
}

TEST_CASE("importance becomes the native priority", "[header]") {
  CHECK(translate({{"Importance", " High"}}).message.priority == "5");
  CHECK(translate({{"X-Priority", " 1 (Highest)"}}).message.priority == "5");
  CHECK(translate({{"X-Priority", " 3"}}).message.priority.empty());
  CHECK(translate({{"Priority", " non-urgent"}}).message.priority == "1");
}

TEST_CASE("hidden fields are kept as TRACE", "[header]") {
  const TranslatedHeader result = translate(
      {{"Received", " from a\r\n by b; date"}, {"X-Spam-Score", " 5"}, {"X-Mine", " kept"}});
  CHECK(result.text_lines == std::vector<std::string>{"X-Mine: kept"});
  std::vector<std::string> trace;
  for (const auto& field : result.message.fields) {
    if (field.name == ext::trace) trace.push_back(field.value);
  }
  CHECK(trace == std::vector<std::string>{"Received: from a by b; date", "X-Spam-Score: 5"});
}

TEST_CASE("a date that is none is kept as written", "[header]") {
  const TranslatedHeader result = translate({{"Date", " tomorrow"}});
  CHECK(result.message.field(ext::sent_as_written) == "tomorrow");
  CHECK_FALSE(result.message.field(ext::sent));
}

TEST_CASE("what the tokens cannot say stands on top", "[header]") {
  CHECK_THAT(translate({{"Cc", " Bob <b@c.example> (order 7)"}}).text_lines,
             VectorContains(std::string("Cc: Bob <b@c.example> (order 7)")));
  CHECK_THAT(translate({{"To", " Sales Team: a@b.example;"}}).text_lines,
             VectorContains(std::string("To: Sales Team: a@b.example;")));
  CHECK(translate({{"From", " a@b.example (A)"}}).text_lines.empty());
}

TEST_CASE("what delivery agents add for one recipient appears nowhere", "[header]") {
  const TranslatedHeader result = translate({{"Delivered-To", " secret@example.net"}});
  CHECK(result.text_lines.empty());
  CHECK_FALSE(result.message.field(ext::trace));
}
