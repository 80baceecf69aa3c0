// The converter's way out as one call: text, attachments and enclosed messages, octet for octet and
// in the file's own character set, and that nothing in them becomes a part of ours.
// docs/conversion-out.md.
#include <random>
#include <string>

#include "unit/catch.h"
#include "unit/converter/outbound_fixture.h"

using namespace smtpgate;
using namespace std::string_literals;
using Catch::Matchers::Contains;
using postoffice::TypedAddress;
using test::check_lines;
using test::Converting;
using test::received;
using test::received_text;
using test::Sending;
using test::SentMessage;
namespace ext = postoffice::ext;

TEST_CASE("strings and text are read in the file's own character set", "[outbound]") {
  Sending sending;
  sending.header.add_field(ext::character_set, "CP437");
  sending.header.subject = "Gr\x81\xE1\x65";
  sending.header.to[0].name = "J\x94rg";
  sending.text = "sch\x94n\n";
  sending.attach("\x8E.txt", "\x8E");
  const auto read = received(sending.send());
  CHECK(read.header.subject == "Gr\xC3\xBC\xC3\x9F\x65");
  CHECK(read.header.to[0].name == "J\xC3\xB6rg");
  CHECK(read.text == "sch\xC3\xB6n\n");
  CHECK(read.header.attachments[0].name == "\xC3\x84.txt");
  CHECK(read.contents[0] == "\x8E");

  Sending broken;
  broken.text =
      "a\xFF\xFE"
      "b\n";
  broken.header.subject = "\xFF";
  const SentMessage sent = broken.send();
  CHECK(sent.envelope.characters_replaced == 3);
  CHECK(received(sent).text ==
        "a\xEF\xBF\xBD\xEF\xBF\xBD"
        "b\n");
}

TEST_CASE("the rendered header on top of the text is left out", "[outbound]") {
  Sending sending;
  sending.text = "Date: then\n" + std::string(78, '-') + "\nHello.\n";
  sending.header.header_lines = 2;
  CHECK(sending.send().body() == "Hello.\r\n");
  sending.header.header_lines = 99;
  CHECK(sending.send().body().empty());
}

TEST_CASE("texts come back as they were, in the smallest encoding that is safe", "[outbound]") {
  const std::string cyrillic = "\xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82\n";
  const std::string long_line = std::string(60, 'a') + " " + std::string(60, 'b') + "\n";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"plain\n", "7bit"},
      {"Gr\xC3\xBC\xC3\x9F\x65 an alle hier im Haus\n", "quoted-printable"},
      {cyrillic, "base64"},
      {"From the start\n", "quoted-printable"},
      {std::string(999, 'x') + "\n", "quoted-printable"},
      {std::string(998, 'x') + "\n", "7bit"},
      {"bell \a\n", "quoted-printable"},
      {"nul \0 octet\n"s, "quoted-printable"},
      {".\n..\n.x\n", "7bit"},
      {long_line, "7bit"},
      {long_line + "-- \nAnna\n", "7bit"},
      {long_line + "From here\n> quoted\n indented\n", "7bit"},
      {long_line + "blank \n", "7bit"},
      {long_line + "\xC3\xA9\n", "quoted-printable"},
      {cyrillic + long_line, "quoted-printable"},
      {"\n\n\n", "7bit"},
      {"\x1B$BF|K\\\x1B(B\n", "quoted-printable"},
      {"begin 644 a.txt\n#86)C\n`\nend\n", "7bit"},
      {std::string(70, 'a') + " begin 644 a.txt " + std::string(60, 'b') + "\n", "7bit"},
      {std::string(65'536 - 5, 'x') + "\nbegin 644 a.txt\n#86)C\n`\nend\n", "quoted-printable"},
  };
  for (const auto& [text, encoding] : cases) {
    Sending sending;
    sending.text = text;
    const SentMessage sent = sending.send();
    CAPTURE(sent.content);
    check_lines(sent.content);
    CHECK(sent.field("Content-Transfer-Encoding") == encoding);
    CHECK(received_text(sent) == text);
    sending.attach("a.bin", "octets");
    CHECK(received_text(sending.send()) == text);
  }
}

TEST_CASE("a text says that no file stands in it only where one might", "[outbound]") {
  Sending sending;
  sending.text = "Let us begin 644 times, or begin with it.\n";
  CHECK(sending.send().field("X-Smtpgate-Part") == "text");
  sending.text = "Let us begin with it.\n";
  CHECK(sending.send().content.find("X-Smtpgate-Part") == std::string::npos);
}

TEST_CASE("a text whose lines were broken by its writer goes out with them", "[outbound]") {
  const std::string broken =
      "one \ntwo\n " + std::string(60, 'a') + " " + std::string(60, 'b') + "\n";
  Sending sending;
  sending.text = broken;
  sending.header.add_field("TEXT-FORMAT", "Flowed; delsp=yes");
  const SentMessage sent = sending.send();
  CHECK(sent.field("Content-Type") == "text/plain; charset=us-ascii; format=flowed; delsp=yes");
  Converting keeping;
  keeping.settings.joins_flowed = false;
  const auto read = keeping.read(sent.content);
  CHECK(read.text == broken);
  CHECK(read.header.field("TEXT-FORMAT") == "flowed; delsp=yes");

  sending.text = std::string(999, 'x') + " \ny\n";
  CHECK(sending.send().field("Content-Transfer-Encoding") == "quoted-printable");
  sending.settings.uuencode_domains = {"example.com"};
  CHECK(sending.send().content.find("flowed") == std::string::npos);
}

TEST_CASE("long lines flow, and only where nothing changes by it", "[outbound]") {
  Sending sending;
  sending.text = std::string(60, 'a') + " " + std::string(60, 'b') + "\n";
  CHECK_THAT(sending.send().field("Content-Type"), Contains("; format=flowed"));
  sending.text += "ends in a blank \n";
  CHECK_THAT(sending.send().field("Content-Type"), !Contains("flowed"));
}

TEST_CASE("each kind of line end is one, an end that is missing stays missing in a part",
          "[outbound]") {
  Sending sending;
  sending.text = "a\r\nb\nc\rd";
  CHECK(sending.send().body() == "a\r\nb\r\nc\r\nd\r\n");
  sending.attach("x", "y");
  CHECK_THAT(sending.send().body(), Contains("\r\n\r\na\r\nb\r\nc\r\nd\r\n--="));
  sending.line_end = postoffice::LineEnd::crlf;
  CHECK(received(sending.send()).text == "a\nb\nc\nd\n");
  sending.text = "";
  const auto read = received(sending.send());
  CHECK(read.text.empty());
  CHECK(read.contents == std::vector<std::string>{"y"});
}

TEST_CASE("attachments come back octet for octet, with their names and types", "[outbound]") {
  std::mt19937 random(7);
  Sending sending;
  std::string all;
  for (int value = 0; value < 256; ++value) all += static_cast<char>(value);
  const std::vector<std::pair<std::string, std::string>> files = {
      {"empty.txt", ""},
      {"one.bin", "x"},
      {"all.dat", all},
      {"text.txt", "line\nline\r\nline\r"},
      {"Gr\xC3\xBC\xC3\x9F\x65 & \xE2\x82\xAC.pdf", "%PDF"},
      {"a very long name that does not fit into one line of a header field, not at all.docx", "d"},
      {"boundary", "\r\n--=_boundary--\r\n"},
  };
  for (const auto& [name, octets] : files) sending.attach(name, octets);
  std::string large;
  for (int count = 0; count < 700'000; ++count) large += static_cast<char>(random());
  sending.attach("large", large);
  const SentMessage sent = sending.send();
  check_lines(sent.content);
  const auto read = received(sent);
  REQUIRE(read.contents.size() == files.size() + 1);
  for (std::size_t index = 0; index < files.size(); ++index) {
    CHECK(read.header.attachments[index].name == files[index].first);
    CHECK(read.contents[index] == files[index].second);
  }
  CHECK(read.contents.back() == large);
  CHECK(read.header.attachments[0].content_type == "text/plain");
  CHECK(read.header.attachments[2].content_type == "application/octet-stream");
  CHECK(read.header.attachments[4].content_type == "application/pdf");
  CHECK(received_text(sent) == "Hello.\n");
}

TEST_CASE("what the file says of an attachment is kept", "[outbound]") {
  Sending sending;
  sending.attach("logo.png", "\x89PNG");
  sending.attach("invite.ics", "BEGIN:VCALENDAR");
  auto& logo = sending.header.attachments[0];
  logo.disposition = "inline";
  logo.content_id = "logo@1";
  logo.original_name = "C:\\pictures\\Logo.png";
  auto& invite = sending.header.attachments[1];
  invite.content_type = "text/calendar; method=REQUEST; name=other.ics";
  invite.character_set = "utf-8";
  const SentMessage sent = sending.send();
  CHECK_THAT(sent.content, Contains("Content-Disposition: inline; filename=Logo.png\r\n") &&
                               Contains("Content-ID: <logo@1>\r\n") &&
                               Contains("Content-Type: text/calendar; charset=utf-8; "
                                        "method=REQUEST; name=invite.ics\r\n"));
  const auto read = received(sent);
  CHECK(read.header.attachments[0].disposition == "inline");
  CHECK(read.header.attachments[0].content_id == "logo@1");
  CHECK(read.header.attachments[1].character_set == "utf-8");
}

TEST_CASE("an enclosed message goes as it is, or as octets where 7bit cannot take it",
          "[outbound]") {
  const std::string good = "From: a@b.example\r\nSubject: s\r\n\r\ntext";
  for (const auto& [octets, goes_as_message] : std::vector<std::pair<std::string, bool>>{
           {good, true},
           {good + "\r\n", true},
           {good + "\n", false},
           {good + "\r", false},
           {good + "\xC3\xA9\r\n", false},
           {good + "\r\n" + std::string(999, 'x') + "\r\n", false},
           {good + "\r\n" + std::string(998, 'x') + "\r\n", true},
           {good + "\r\n--=_other\r\n", true}}) {
    Sending sending;
    sending.attach("forwarded.eml", octets);
    sending.attach("second.bin", "2");
    const SentMessage sent = sending.send();
    check_lines(sent.content);
    const auto read = received(sent);
    REQUIRE(read.contents.size() == 2);
    CHECK(read.contents[0] == octets);
    CHECK(read.contents[1] == "2");
    CHECK(read.header.attachments[0].name == "forwarded.eml");
    CHECK((sent.content.find("\r\nContent-Type: message/rfc822") != std::string::npos) ==
          goes_as_message);
    // Our own way in knows what it was.
    CHECK(read.header.attachments[0].content_type == "message/rfc822");
  }
}

TEST_CASE("what came out of a container goes out beside it, and is not taken out again",
          "[outbound]") {
  Converting first;
  const std::string message =
      test::read_whole(std::string(SMTPGATE_TEST_DATA) + "/inbound/container-tnef.eml");
  const test::ReadMessage came = first.read(message);
  REQUIRE(came.contents.size() > 2);
  Sending sending;
  sending.text = came.text;
  sending.contents = came.contents;
  sending.header.attachments = came.header.attachments;
  const auto read = received(sending.send());
  CHECK(read.text == came.text);
  CHECK(read.contents == came.contents);
  for (std::size_t index = 0; index < came.contents.size(); ++index) {
    CHECK(read.header.attachments[index].name == came.header.attachments[index].name);
    CHECK(read.header.attachments[index].original_name ==
          came.header.attachments[index].original_name);
    // "expanded", or the container's name.
    REQUIRE_FALSE(read.header.attachments[index].odd.empty());
    CHECK(read.header.attachments[index].odd.back() == came.header.attachments[index].odd.back());
  }
}

TEST_CASE("nothing in text or enclosed message can end our parts", "[outbound][hostile]") {
  Sending sending;
  sending.attach("a.bin", "1");
  const std::string content = sending.send().content;
  const std::size_t at = content.find("boundary=\"") + 10;
  const std::string boundary = content.substr(at, content.find('"', at) - at);
  const std::string trap = "--" + boundary + "\r\n\r\nforged\r\n--" + boundary + "--\r\n";
  Sending trapped;
  trapped.text = "before\n--" + boundary + "\n\nforged\n--" + boundary + "--\nafter\n";
  trapped.attach("a.eml", "Subject: s\r\n\r\n" + trap);
  trapped.attach("b.bin", "2");
  SentMessage sent = trapped.send();
  auto read = received(sent);
  CHECK(read.contents == trapped.contents);
  CHECK(read.text == trapped.text);
  // A text that flows may not break so that a line begins with it either.
  trapped.text = std::string(75, 'x') + " --" + boundary + " " + std::string(40, 'y') + "\n";
  sent = trapped.send();
  CHECK(received(sent).contents == trapped.contents);
  CHECK(received_text(sent) == trapped.text);
}

TEST_CASE("peers without MIME get uuencode, Encoding and X-MS-Attachment", "[outbound]") {
  Sending sending;
  sending.settings.uuencode_domains = {"old.example", ".older.example"};
  sending.request.recipients = {TypedAddress::parse("SMTP:bob@old.example"),
                                TypedAddress::parse("SMTP:eve@a.older.example")};
  sending.header.subject = "Gr\xC3\xBC\xC3\x9F\x65";
  sending.text = "Sch\xC3\xB6n\nzwei";
  sending.attach("smtp test.doc", std::string(1024, 'x'));
  sending.attach("\xC3\xA4.txt", "Cat");
  const SentMessage sent = sending.send();
  check_lines(sent.content);
  CHECK(sent.field("Subject") == "Grusse");
  CHECK(sent.field("Encoding") == "2 TEXT, 26 UUENCODE, 4 UUENCODE");
  CHECK(sent.field("X-MS-Attachment") == "smtp test.doc 1024 00-00-1980 00:00");
  CHECK(sent.count("X-MS-Attachment") == 2);
  CHECK(sent.content.find("Encoding:") < sent.content.find("X-MS-Attachment:"));
  CHECK(sent.count("MIME-Version") == 0);
  CHECK(sent.body().starts_with("Schon\r\nzwei\r\n\r\nbegin 644 smtp test.doc\r\nM"));
  CHECK(sent.body().ends_with("\r\n\r\nbegin 644 a.txt\r\n#0V%T\r\n`\r\nend\r\n"));
  CHECK(sent.envelope.characters_replaced >= 2);
  CHECK(converter::wants_uuencode(sending.request.recipients[0], sending.map, sending.settings));

  sending.request.recipients.push_back(TypedAddress::parse("SMTP:new@example.com"));
  CHECK(sending.send().count("MIME-Version") == 1);
  CHECK_FALSE(
      converter::wants_uuencode(sending.request.recipients[2], sending.map, sending.settings));
}

TEST_CASE("a file that does not say its character set is in the postoffice's", "[outbound]") {
  Sending sending;
  sending.request.character_set = "CP850";
  sending.header.subject = "M\x81ller";
  sending.text =
      "Gr\x81\xE1"
      "e\n";
  const SentMessage sent = sending.send();
  CHECK(sent.envelope.characters_replaced == 0);
  CHECK(sent.field("Subject").find("M=C3=BCller") != std::string::npos);
}
