// The converter's way out as one call: envelope and header of a message, and that nothing a message
// says becomes a header line or a command. What is in it: test_outbound_contents.cpp.
// docs/conversion-out.md.
#include <random>
#include <string>

#include "unit/catch.h"
#include "unit/converter/outbound_fixture.h"

using namespace smtpgate;
using namespace std::string_literals;
using Catch::Matchers::Contains;
using converter::ReceiptRequest;
using postoffice::TypedAddress;
using test::check_lines;
using test::Converting;
using test::received;
using test::received_text;
using test::Sending;
using test::SentMessage;
namespace ext = postoffice::ext;

TEST_CASE("a text becomes a message that says who, what and when", "[outbound]") {
  Sending sending;
  sending.header.from.name = "Anna Berg";
  sending.header.cc = {TypedAddress::parse("CSI:NET/PO/orders")};
  const SentMessage sent = sending.send();
  check_lines(sent.content);
  CHECK(sent.content ==
        "Date: Sat, 21 Nov 2026 20:31:00 +0100\r\n"
        "From: Anna Berg <anna@example.net>\r\n"
        "To: bob@example.com\r\n"
        "Cc: orders@example.net\r\n"
        "Subject: Plan\r\n"
        "Message-ID: <0190a1b2c3d4e5f60718293a4b5c6d7e@example.net>\r\n"
        "X-Mailer: smtpgate\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=us-ascii\r\n"
        "Content-Transfer-Encoding: 7bit\r\n"
        "\r\n"
        "Hello.\r\n");
  CHECK(converter::render_outbound_envelope(sent.envelope) ==
        "MAIL FROM:<anna@example.net> SIZE=" + std::to_string(sent.content.size()) +
            " RET=HDRS ENVID=0190a1b2c3d4e5f60718293a4b5c6d7e\r\n"
            "RCPT TO:<bob@example.com> ORCPT=rfc822;bob@example.com\r\n");
}

TEST_CASE("recipients are the request's; a blind one stands in no header", "[outbound]") {
  Sending sending;
  sending.request.recipients = {
      TypedAddress::parse("SMTP:secret@example.org"), TypedAddress::parse("X400:c=de;s=x"),
      TypedAddress::parse("CSI:NET/OTHER/carl"), TypedAddress::parse("CSI:NET/NOWHERE/dora"),
      TypedAddress::parse("SMTP:nobody")};
  const SentMessage sent = sending.send();
  CHECK(sent.content.find("secret") == std::string::npos);
  REQUIRE(sent.envelope.recipients.size() == 2);
  CHECK(sent.envelope.recipients[0].address == "secret@example.org");
  CHECK(sent.envelope.recipients[0].index == 0);
  CHECK(sent.envelope.recipients[1].address == "carl@other.example.net");
  CHECK(sent.envelope.recipients[1].index == 2);
  REQUIRE(sent.envelope.refused.size() == 3);
  CHECK(sent.envelope.refused[0].index == 1);
  CHECK(sent.envelope.refused[1].index == 3);
  CHECK(sent.envelope.refused[2].index == 4);
  for (const auto& refused : sent.envelope.refused) CHECK(refused.outcome.is_permanent());
}

TEST_CASE("without a sender's domain or any recipient nothing is made", "[outbound]") {
  Sending sending;
  sending.header.from = TypedAddress::parse("CSI:NET/NOWHERE/anna");
  auto sent = sending.try_send();
  REQUIRE_FALSE(sent);
  CHECK(sent.error().is_permanent());
  CHECK(sent.error().status() == "5.1.3");
  CHECK_THAT(sent.error().sentence(), Contains("NET/NOWHERE/anna"));

  Sending to_nobody;
  to_nobody.request.recipients = {TypedAddress::parse("FAX:4711")};
  sent = to_nobody.try_send();
  REQUIRE_FALSE(sent);
  CHECK(sent.error().is_permanent());
  to_nobody.request.recipients.clear();
  CHECK_FALSE(to_nobody.try_send());
}

TEST_CASE("the published address is the first domain of the map that is one", "[outbound]") {
  const Sending sending;
  const auto published = [&](std::string_view text) {
    const auto native = postoffice::NativeAddress::parse(text);
    REQUIRE(native);
    return converter::published_address(*native, sending.map);
  };
  CHECK(published("net/po/Anna") == "Anna@example.net");
  CHECK(published("NET/PO/anna berg") == "\"anna berg\"@example.net");
  CHECK(published("NET/PO/o'neil") == "o'neil@example.net");
  // NFC, whatever the file had.
  CHECK(published("NET/PO/bo\xCC\x88ll") == "b\xC3\xB6ll@example.net");
  CHECK(published("NET/XX/anna").error().status() == "5.1.3");
}

TEST_CASE("recipients that cannot be reached stand in the header without hurting it",
          "[outbound]") {
  Sending sending;
  sending.header.to = {TypedAddress::parse("SMTP:bob@example.com"),
                       TypedAddress::parse("X400:c=de;a= ;p=x;s=\"quoted\""),
                       TypedAddress::parse("CSI:NET/NOWHERE/dora"),
                       TypedAddress::parse("SMTP:j\xC3\xB6rg@b\xC3\xBC"
                                           "cher.example")};
  sending.header.to[2].name = "Dora, D.";
  const SentMessage sent = sending.send();
  check_lines(sent.content);
  CHECK(std::all_of(sent.content.begin(), sent.content.end(), [](char c) { return c > 0; }));
  const auto read = received(sent);
  // The last one is shown to whoever knows RFC 6857, and so to our own way in.
  REQUIRE(read.header.to.size() == 2);
  CHECK(read.header.to[0].str() == "SMTP:bob@example.com");
  CHECK(read.header.to[1].str() == sending.header.to[3].str());
  CHECK_THAT(sent.field("To"), Contains("\"X400:c=de;a= ;p=x;s=\\\"quoted\\\"\":;") &&
                                   Contains("\"Dora, D. (NET/NOWHERE/dora)\":;") &&
                                   Contains("=?UTF-8?"));
  CHECK_FALSE(sent.envelope.needs_smtputf8);
}

TEST_CASE("addresses beyond ASCII ask for SMTPUTF8 only where the envelope has one", "[outbound]") {
  Sending sending;
  const auto utf8 = TypedAddress::parse(
      "SMTP:j\xC3\xB6rg@b\xC3\xBC"
      "cher.example");
  sending.header.to = {utf8};
  sending.request.recipients = {utf8};
  const SentMessage sent = sending.send();
  CHECK(sent.envelope.needs_smtputf8);
  CHECK(sent.envelope.is_8bit);
  CHECK_THAT(sent.envelope.parameters, Contains("BODY=8BITMIME SMTPUTF8 SIZE="));
  CHECK(sent.envelope.recipients[0].address == "j\xC3\xB6rg@xn--bcher-kva.example");
  CHECK(sent.envelope.recipients[0].parameters.empty());
  CHECK(sent.field("To") ==
        "j\xC3\xB6rg@b\xC3\xBC"
        "cher.example");

  Sending domain_only;
  domain_only.request.recipients = {
      TypedAddress::parse("SMTP:bob@b\xC3\xBC"
                          "cher.example")};
  const SentMessage plain = domain_only.send();
  CHECK_FALSE(plain.envelope.needs_smtputf8);
  CHECK(plain.envelope.recipients[0].address == "bob@xn--bcher-kva.example");
}

TEST_CASE("mail that programs made goes out with the null sender and asks for nothing",
          "[outbound]") {
  Sending sending;
  sending.request.null_sender = true;
  sending.request.auto_submitted = "auto-replied";
  sending.header.priority = "R";
  const SentMessage sent = sending.send();
  CHECK(sent.envelope.sender.empty());
  CHECK(sent.field("Auto-Submitted") == "auto-replied");
  CHECK(sent.field("Disposition-Notification-To") == "(none)");
  CHECK(sent.envelope.parameters == "SIZE=" + std::to_string(sent.content.size()));
  CHECK(sent.envelope.recipients[0].parameters.empty());
  CHECK(converter::render_outbound_envelope(sent.envelope).starts_with("MAIL FROM:<> SIZE="));
}

TEST_CASE("a request for a receipt becomes what the settings say", "[outbound]") {
  const auto with = [](ReceiptRequest receipts) {
    Sending sending;
    sending.header.priority = "R";
    sending.settings.receipts = receipts;
    return sending.send();
  };
  const std::string success = "NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;bob@example.com";
  const std::string quiet = "ORCPT=rfc822;bob@example.com";
  SentMessage sent = with(ReceiptRequest::delivery_and_reading);
  CHECK(sent.field("Disposition-Notification-To") == "anna@example.net");
  CHECK(sent.envelope.recipients[0].parameters == success);
  sent = with(ReceiptRequest::delivery);
  CHECK(sent.field("Disposition-Notification-To") == "(none)");
  CHECK(sent.envelope.recipients[0].parameters == success);
  sent = with(ReceiptRequest::reading);
  CHECK(sent.field("Disposition-Notification-To") == "anna@example.net");
  CHECK(sent.envelope.recipients[0].parameters == quiet);
  sent = with(ReceiptRequest::ignore);
  CHECK(sent.field("Disposition-Notification-To") == "(none)");
  CHECK(sent.envelope.recipients[0].parameters == quiet);

  Sending elsewhere;
  elsewhere.header.add_field(ext::receipt_to, "Carl <CSI@example.org>");
  CHECK(elsewhere.send().field("Disposition-Notification-To") == "Carl <CSI@example.org>");
}

TEST_CASE("fields kept in EXT come back as fields", "[outbound]") {
  Sending sending;
  sending.header.add_field(ext::message_id, "<kept@example.org>");
  sending.header.add_field(ext::in_reply_to, "<a@b.example> junk <no-at> <c@d.example>");
  sending.header.add_field(ext::references, "<0@b.example>\r\n <a@b.example>");
  sending.header.add_field(ext::sender, "\"The Secretary\" <sec@example.net>");
  sending.header.add_field(ext::reply_to, "CSI:NET/PO/orders");
  sending.header.add_field(ext::sent, "2026-11-20T09:30:00-05:00");
  sending.header.priority = "5";
  const SentMessage sent = sending.send();
  CHECK(sent.field("Message-ID") == "<kept@example.org>");
  CHECK(sent.field("In-Reply-To") == "<a@b.example> <c@d.example>");
  CHECK(sent.field("References") == "<0@b.example> <a@b.example>");
  CHECK(sent.field("Sender") == "The Secretary <sec@example.net>");
  CHECK(sent.field("Reply-To") == "orders@example.net");
  CHECK(sent.field("Date") == "Fri, 20 Nov 2026 09:30:00 -0500");
  CHECK(sent.field("Importance") == "high");
  CHECK(sent.field("X-Priority") == "1");

  Sending same;
  same.header.add_field(ext::sender, "Anna <ANNA@example.net>");
  same.header.add_field(ext::message_id, "not <an> id");
  same.header.priority = "1";
  const SentMessage plain = same.send();
  CHECK(plain.field("Sender") == "(none)");
  CHECK(plain.field("Message-ID") == "<0190a1b2c3d4e5f60718293a4b5c6d7e@example.net>");
  CHECK(plain.field("Importance") == "low");
}

TEST_CASE("a date that is none, or none at all, is the moment of sending", "[outbound]") {
  Sending sending;
  sending.header.date = "";
  CHECK(sending.send().field("Date") == "Sat, 21 Nov 2026 23:26:40 +0100");
  sending.header.date = "2026-13-41";
  CHECK(sending.send().field("Date") == "Sat, 21 Nov 2026 23:26:40 +0100");
  sending.header.date = "0001-01-01";
  CHECK(sending.send().field("Date") == "Sat, 21 Nov 2026 23:26:40 +0100");
}

TEST_CASE("no value of a message can add a header line", "[outbound][hostile]") {
  const std::string evil = "x\r\nBcc: victim@example.org\r\n\r\nbody\n\0\x7F y"s;
  Sending sending;
  sending.header.subject = evil;
  sending.header.from.name = evil;
  sending.header.to[0].name = evil;
  sending.header.to.push_back(TypedAddress{"SMTP", "a@b.example>\r\nBcc: victim@c.example", ""});
  sending.header.to.push_back(TypedAddress{"X400", evil, evil});
  sending.header.cc = {TypedAddress{"CSI", "NET/NO/x", evil}};
  sending.header.priority = evil;
  sending.header.date = evil;
  for (const auto name :
       {ext::message_id, ext::in_reply_to, ext::references, ext::sender, ext::reply_to,
        ext::receipt_to, ext::sent, ext::envelope_from, ext::header_from, ext::trace}) {
    sending.header.add_field(name, "<a@b.example" + evil + ">");
  }
  sending.attach("n", "octets");
  postoffice::Attachment& attachment = sending.header.attachments[0];
  attachment.original_name = evil;
  attachment.content_type = "text/plain; x=\"" + evil + "\"; " + evil;
  attachment.disposition = evil;
  attachment.content_id = evil;
  attachment.character_set = evil;
  sending.request.auto_submitted = evil;
  const SentMessage sent = sending.send();
  check_lines(sent.content);
  CHECK(sent.content.find("\r\nBcc:") == std::string::npos);
  CHECK(sent.content.find("\nBcc:") == std::string::npos);
  for (const auto* name : {"From", "To", "Cc", "Subject", "Date", "Message-ID"}) {
    CHECK(sent.count(name) == 1);
  }
  const auto read = received(sent);
  CHECK(read.contents == std::vector<std::string>{"octets"});
  CHECK(received_text(sent) == "Hello.\n");
  CHECK_THAT(converter::render_outbound_envelope(sent.envelope), !Contains("victim"));
}

TEST_CASE("header lines stay below 998 octets whatever the values", "[outbound][hostile]") {
  const std::string giant(20'000, 'w');
  const std::string giant_utf8 = [] {
    std::string text;
    for (int count = 0; count < 10'000; ++count) text += "\xE2\x82\xAC";
    return text;
  }();
  Sending sending;
  sending.header.subject = giant;
  sending.header.from.name = giant;
  sending.header.to.push_back(TypedAddress::internet(giant + "@example.com", "long"));
  sending.header.to.push_back(TypedAddress::internet("c@example.com", giant_utf8));
  sending.header.cc = {TypedAddress{"X400", giant_utf8, giant}};
  sending.header.add_field(ext::references, "<" + giant + "@x.example> <ok@x.example>");
  sending.attach(giant + ".txt", "x");
  sending.header.attachments[0].content_type = giant + "/" + giant;
  sending.header.attachments[0].content_id = giant;
  const SentMessage sent = sending.send();
  check_lines(sent.content);
  const auto read = received(sent);
  CHECK(read.header.subject == giant);
  CHECK(read.header.from.name == giant);
  CHECK(sent.field("References") == "<ok@x.example>");
}

TEST_CASE("subjects come back as they were", "[outbound]") {
  for (const std::string& subject :
       {"Plan"s, "two  blanks   here"s, "=?utf-8?q?not_encoded?="s, "Gr\xC3\xBC\xC3\x9F\x65"s,
        "  leading and trailing "s, std::string(2000, 'x'), std::string(77, 'y') + " z",
        "\xF0\x9F\x93\x8E clip"s, "a: b, <c>; \"d\" \\ (e)"s, ""s, "=?"s, "?="s}) {
    Sending sending;
    sending.header.subject = subject;
    const SentMessage sent = sending.send();
    check_lines(sent.content);
    CHECK(received(sent).header.subject == subject);
  }
}

TEST_CASE("names come back as they were", "[outbound]") {
  for (const std::string& name :
       {"Bob"s, "Bob B."s, "B, \"the\" (Bob) \\ <b@c>"s, "J\xC3\xB6rg"s, "=?utf-8?q?x?="s,
        "NET/PO"s, std::string(300, 'n'), "a;b:c@d"s, "O'Neil & Sons"s}) {
    Sending sending;
    sending.header.to[0].name = name;
    sending.header.from.name = name;
    const SentMessage sent = sending.send();
    check_lines(sent.content);
    const auto read = received(sent);
    REQUIRE(read.header.to.size() == 1);
    CHECK(read.header.to[0].name == name);
    CHECK(read.header.to[0].str() == "SMTP:bob@example.com");
    CHECK(read.header.from.name == name);
    CHECK(read.header.from.str() == "SMTP:anna@example.net");
  }
}

TEST_CASE("by hand, mail that has no domain in FROM goes out with a name for it", "[outbound]") {
  Sending sending;
  sending.header.from = TypedAddress::parse("SMTP:somebody");
  sending.header.from.name = "Some Body";
  sending.header.add_field(ext::receipt_to, " ");
  CHECK_FALSE(sending.try_send());
  sending.request.allows_nobody = true;
  const SentMessage sent = sending.send();
  CHECK(sent.envelope.sender.empty());
  CHECK(sent.envelope.parameters.find("RET=") == std::string::npos);
  CHECK(sent.field("From") == "\"Some Body <somebody>\":;");
  CHECK_THAT(sent.field("Message-ID"), Contains("@gateway.example.net>"));
  const auto read = received(sent);
  CHECK(read.header.from.str() == "SMTP:somebody");
  CHECK(read.header.from.name == "Some Body");
  sending.header.from = TypedAddress::parse("SMTP:");
  CHECK(sending.send().field("From") == "unknown:;");
  sending.header.from = TypedAddress::parse("CSI:NET/NOWHERE/dora");
  CHECK_FALSE(sending.try_send());
}

TEST_CASE("a domain in the name of a group is no sender's", "[inbound][hostile]") {
  Converting converting;
  const auto read =
      converting.read("From: =?utf-8?q?J=C3=B6_=3Cj=C3=B6=40example=2Eorg=3E?= :;\r\n\r\ntext\r\n");
  CHECK(read.header.from.str() == "SMTP:sender@example.com");
}

TEST_CASE("From shows the domain as it is written where the message needs SMTPUTF8 anyhow",
          "[outbound]") {
  Sending sending;
  sending.header.from = TypedAddress::parse(
      "SMTP:j\xC3\xB6rg@b\xC3\xBC"
      "cher.example");
  const SentMessage sent = sending.send();
  CHECK(sent.envelope.sender == "j\xC3\xB6rg@xn--bcher-kva.example");
  CHECK(received(sent).header.from.str() == sending.header.from.str());
}

TEST_CASE("what came in with an odd Message-ID keeps it", "[outbound]") {
  for (const auto& [id, is_kept] :
       std::vector<std::pair<std::string, bool>>{{"102.10200000000105", true},
                                                 {"<no-at>", true},
                                                 {"<a b@example.org> (by hand)", true},
                                                 {"<\xC3\xA4@example.org>", false},
                                                 {"=?utf-8?q?x?=", false},
                                                 {std::string(901, 'x'), false}}) {
    CAPTURE(id);
    Sending sending;
    sending.header.add_field(ext::message_id, id);
    CHECK(sending.send().field("Message-ID") == "<0190a1b2c3d4e5f60718293a4b5c6d7e@example.net>");
    sending.header.add_field(ext::received, "2026-11-21T20:31:00+01:00");
    const SentMessage sent = sending.send();
    check_lines(sent.content);
    CHECK((received(sent).header.field(ext::message_id) == id) == is_kept);
  }
}

TEST_CASE("a file that ends early is a fault of the message, a full disk is not", "[outbound]") {
  Sending sending;
  sending.attach("a.bin", std::string(1000, 'x'));
  std::string file = sending.file();
  file.resize(file.size() - 10);
  const auto sent = sending.try_file(file);
  REQUIRE_FALSE(sent);
  CHECK(sent.error().is_permanent());

  Sending without_disk;
  without_disk.text = std::string(100'000, 'x');
  without_disk.memory = 1000;
  std::filesystem::remove_all(without_disk.directory.path());
  const auto failed = without_disk.try_send();
  REQUIRE_FALSE(failed);
  CHECK(failed.error().is_temporary());
}

TEST_CASE("generated messages come back as they were", "[outbound]") {
  std::mt19937 random(11);
  const std::vector<std::string> letters = {"a",
                                            "word",
                                            " ",
                                            " ",
                                            "\xC3\xBC",
                                            "\xE2\x82\xAC",
                                            "\xF0\x9F\x93\x8E",
                                            ",",
                                            "\"",
                                            "\\",
                                            "(",
                                            ")",
                                            "<",
                                            ">",
                                            "@",
                                            ";",
                                            ":",
                                            "=?",
                                            "?=",
                                            ".",
                                            "_",
                                            std::string(50, 'l')};
  const auto line = [&](std::size_t most) {
    std::string text = "x";
    const std::size_t size = random() % most;
    while (text.size() < size) text += letters[random() % letters.size()];
    return text + "y";
  };
  for (int round = 0; round < 150; ++round) {
    Sending sending;
    sending.memory = random() % 2 == 0 ? 100 : 100'000;
    sending.header.subject = line(300);
    sending.header.from.name = line(60);
    sending.header.to[0].name = line(200);
    sending.text.clear();
    for (std::size_t count = random() % 8; count > 0; --count) sending.text += line(400) + "\n";
    for (std::size_t count = random() % 4; count > 0; --count) {
      std::string octets;
      const std::size_t size = random() % 3000;
      while (octets.size() < size) octets += static_cast<char>(random());
      sending.attach("file " + std::to_string(count) + " \xC3\xBC.bin", octets);
    }
    const SentMessage sent = sending.send();
    CAPTURE(sent.content);
    check_lines(sent.content);
    const auto read = received(sent);
    CHECK(read.header.subject == sending.header.subject);
    CHECK(read.header.from.name == sending.header.from.name);
    CHECK(read.header.to[0].name == sending.header.to[0].name);
    CHECK(received_text(sent) == sending.text);
    CHECK(read.contents == sending.contents);
    REQUIRE(read.header.attachments.size() == sending.header.attachments.size());
    for (std::size_t index = 0; index < read.header.attachments.size(); ++index) {
      CHECK(read.header.attachments[index].name == sending.header.attachments[index].name);
    }
  }
}

TEST_CASE("references take each octet once, however they are bracketed", "[outbound]") {
  Sending sending;
  sending.header.add_field("REFERENCES", std::string(200'000, '<') + "a@b> <c@d> e> <" +
                                             std::string(5'000, 'x') + "@y> <f@g>");
  const SentMessage sent = sending.send();
  CHECK(sent.field("References") == "<a@b> <c@d> <f@g>");
}
