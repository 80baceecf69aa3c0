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

TEST_CASE("a request for a receipt is one plain address a field", "[header]") {
  const auto asked = [](std::vector<HeaderField> list) {
    std::vector<std::string> found;
    for (const auto& field : translate(std::move(list)).message.fields) {
      if (field.name == ext::receipt_to) found.push_back(field.value);
    }
    return found;
  };
  using Lines = std::vector<std::string>;
  CHECK(asked({{"Rr", " r@example.com"},
               {"Return-Receipt-To", " t@example.com"},
               {"Disposition-Notification-To", " \"Doe, Jo\" <Jo@EXAMPLE.com>, b@example.com"}}) ==
        Lines{"Jo@example.com", "b@example.com"});
  CHECK(asked({{"Disposition-Notification-To", " <>"}, {"Rr", " r@example.com"}}) ==
        Lines{"r@example.com"});
  CHECK(asked({{"Return-Receipt-To", " nobody"}}).empty());
  CHECK(asked({{"Disposition-Notification-To", " alice@example.net"}}) ==
        Lines{"CSI:NET/PO/alice"});
  CHECK(asked({{"Disposition-Notification-To", " \"a b\"@example.com"}}) ==
        Lines{"\"a b\"@example.com"});
  std::string many = " a@example.com";
  for (int i = 0; i < 1000; ++i) many += ", a@example.com";
  CHECK(asked({{"Disposition-Notification-To", many}}).size() == 100);
}

TEST_CASE("an address that the postoffice's set cannot write asks for nothing", "[header]") {
  HeaderFields fields;
  fields.add({"Disposition-Notification-To", " j\xc3\xb6rg@example.com"});
  TargetFormat target;
  target.name = {"NET", "PO"};
  target.character_set = "US-ASCII";
  const AddressMap map = *AddressMap::parse("NET/PO example.net\n", "map");
  CHECK_FALSE(translate_header(fields, {}, map, target, {}).message.field(ext::receipt_to));
  target.character_set = "ISO-8859-1";
  CHECK(translate_header(fields, {}, map, target, {}).message.field(ext::receipt_to));
}

TEST_CASE("options of a request and the recipient as first written are kept", "[header]") {
  const auto message =
      translate({{"Disposition-Notification-Options", " signed=required,\r\n pkcs7"},
                 {"Original-Recipient", " rfc822;sales@example.net"}})
          .message;
  CHECK(message.field(ext::receipt_options) == "signed=required, pkcs7");
  CHECK(message.field(ext::original_recipient) == "rfc822;sales@example.net");
}

TEST_CASE("what a program sent is marked as RFC 3834 has it", "[header]") {
  const auto marked = [](std::vector<HeaderField> list) {
    return translate(std::move(list)).message.field(ext::auto_submitted).value_or("(none)");
  };
  CHECK(marked({}) == "(none)");
  CHECK(marked({{"Auto-Submitted", " no"}}) == "(none)");
  CHECK(marked({{"Auto-Submitted", " (a person) No (really); x=y"}}) == "(none)");
  CHECK(marked({{"Auto-Submitted", " Auto-Replied; owner-email=\"a@b\""}}) == "auto-replied");
  CHECK(marked({{"Auto-Submitted", "\r\n (x) auto-generated (y)"}}) == "auto-generated");
  CHECK(marked({{"Auto-Submitted", " no"}, {"auto-submitted", " auto-notified"}}) ==
        "auto-notified");
  CHECK(marked({{"Auto-Submitted", " ??? [x]"}}) == "??? [x]");
  CHECK(marked({{"Auto-Submitted", " "}}) == "(none)");
}

TEST_CASE("mail of lists and in bulk is marked", "[header]") {
  const auto marked = [](std::vector<HeaderField> list) {
    return translate(std::move(list)).message.field(ext::precedence).value_or("(none)");
  };
  CHECK(marked({{"Precedence", " first-class"}}) == "(none)");
  CHECK(marked({{"Precedence", " Bulk"}}) == "bulk");
  CHECK(marked({{"Precedence", " junk (x)"}}) == "junk");
  CHECK(marked({{"Precedence", " junk"}, {"Precedence", " bulk"}}) == "bulk");
  CHECK(marked({{"Precedence", " bulk"}, {"List-Id", " <l.example.com>"}}) == "list");
  for (const char* name : {"List-Id", "List-Post", "List-Help", "List-Subscribe",
                           "list-unsubscribe", "Mailing-List", "X-Mailing-List", "X-BeenThere"}) {
    CHECK(marked({{name, " x"}}) == "list");
  }
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
