// Containers in messages: what is attached, in which order, what becomes the text.
#include "converter/apple_file.h"
#include "unit/catch.h"
#include "unit/converter/text_file_fixture.h"
#include "unit/converter/tnef_builder.h"

using namespace smtpgate::test;
namespace tnef = smtpgate::converter::tnef;
using Marks = std::vector<std::string>;

namespace {

std::string base64(std::string_view octets) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t at = 0; at < octets.size(); at += 3) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      group =
          group << 8U | (at + i < octets.size() ? static_cast<unsigned char>(octets[at + i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      out += at + i <= octets.size() ? digits[group >> (18 - 6 * i) & 0x3FU] : '=';
    }
    if (at % 54 == 51) out += "\r\n";
  }
  return out;
}

std::string part(std::string_view type, std::string_view octets) {
  return "--b\r\nContent-Type: " + std::string(type) +
         "\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64(octets) + "\r\n";
}
std::string text_part(std::string_view text) {
  return "--b\r\nContent-Type: text/plain\r\n\r\n" + std::string(text) + "\r\n";
}
std::string mixed(std::string_view parts) {
  return "From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n"
         "\r\n" +
         std::string(parts) + "--b--\r\n";
}

std::string names(const ReadMessage& message) {
  std::string all;
  for (const auto& attachment : message.header.attachments) {
    if (!all.empty()) all += " ";
    all += attachment.name;
  }
  return all;
}

const std::string_view tnef_type = "application/ms-tnef; name=winmail.dat";

std::string apple_file(std::uint32_t magic,
                       const std::vector<std::pair<std::uint32_t, std::string>>& entries) {
  const auto big = [](std::uint64_t value, int octets) {
    std::string out = number(value, octets);
    std::reverse(out.begin(), out.end());
    return out;
  };
  std::string head =
      big(magic, 4) + big(0x00020000, 4) + std::string(16, '\0') + big(entries.size(), 2);
  std::string contents;
  const std::size_t start = head.size() + 12 * entries.size();
  for (const auto& [id, octets] : entries) {
    head += big(id, 4) + big(start + contents.size(), 4) + big(octets.size(), 4);
    contents += octets;
  }
  return head + contents;
}

}  // namespace

TEST_CASE("a TNEF stays as it is, and its files follow", "[container]") {
  const std::string octets = tnef_start() + simple_attachment("a.txt", "first\r\n") +
                             simple_attachment("winmail.dat", "second");
  Converting converting;
  const ReadMessage message =
      converting.read(mixed(text_part("hello") + part(tnef_type, octets) + text_part("footer") +
                            part("image/png; name=a.txt", "png")));
  CHECK(names(message) == "winmail.dat a.txt winmail-2.dat a-2.txt");
  REQUIRE(message.contents.size() == 4);
  CHECK(message.contents[0] == octets);
  CHECK(message.contents[1] == "first\r\n");
  CHECK(message.contents[2] == "second");
  CHECK(message.contents[3] == "png");
  CHECK(message.header.attachments[0].odd == Marks{"expanded"});
  CHECK(message.header.attachments[1].odd == Marks{"from:winmail.dat"});
  CHECK(message.header.attachments[1].content_type == "text/plain");
  CHECK(message.header.attachments[3].odd.empty());
  CHECK(message.text == "hello\nfooter\n");
}

TEST_CASE("pieces of any size give the same attachments", "[container]") {
  const std::string octets =
      tnef_start() + tnef_attribute(1, tnef::attribute::body, "body") +
      message_properties({variable_property(0x0102, 0x1009, compressed_rtf("{\\rtf1 x\\par}"))}) +
      simple_attachment("a.bin", std::string(100, '\xFF')) +
      message_attachment("m", tnef_start() + simple_attachment("b.bin", "b"));
  const std::string raw = mixed(part(tnef_type, octets));
  Converting whole;
  const std::string expected = whole.convert(raw);
  for (std::size_t piece = 1; piece <= 100; ++piece) {
    Converting pieces;
    pieces.piece = piece;
    CHECK(pieces.convert(raw) == expected);
  }
}

TEST_CASE("a TNEF is known by type, by name, or by its first octets", "[container]") {
  const std::string octets = tnef_start() + simple_attachment("a.txt", "a");
  const auto marks = [&](std::string_view type, std::string_view contents) {
    Converting converting;
    return converting.read(mixed(part(type, contents))).header.attachments.at(0).odd;
  };
  CHECK(marks("application/ms-tnef", octets) == Marks{"expanded"});
  CHECK(marks("Application/VND.MS-TNEF", octets) == Marks{"expanded"});
  CHECK(marks("application/octet-stream; name=WinMail.DAT", octets) == Marks{"expanded"});
  CHECK(marks("application/octet-stream", octets) == Marks{"expanded"});
  CHECK(marks("image/png; name=winmail.dat", octets) == Marks{"expanded"});
  CHECK(marks("application/x-something-else", octets) == Marks{"expanded"});
  CHECK(marks("image/png", octets).empty());
  CHECK(marks("application/octet-stream", "x\x9F\x3E").empty());
  CHECK(marks("application/octet-stream", "something else").empty());
  CHECK(marks("application/ms-tnef", "something else") == Marks{"tnef-damaged"});
  CHECK(marks("application/ms-tnef", "") == Marks{"tnef-damaged"});
  CHECK(marks("application/ms-tnef", octets.substr(0, octets.size() - 5)) ==
        Marks{"expanded", "tnef-damaged"});
}

TEST_CASE("a TNEF that stands uuencoded in the text is taken apart", "[container]") {
  const std::string tnef = tnef_start() + simple_attachment("plan.txt", "the plan");
  const std::string text = "See the file.\r\n\r\n" + uuencoded("Winmail.dat", tnef) +
                           uuencoded("two.txt", "two") + "\r\n" + uuencoded("more.bin", tnef);
  const std::string raw = "From: a@b.example\r\n\r\n" + text;
  Converting whole;
  const ReadMessage message = whole.read(raw);
  CHECK(names(message) == "Winmail.dat two.txt more.bin plan.txt plan-2.txt text-as-sent.txt");
  const auto& list = message.header.attachments;
  REQUIRE(list.size() == 6);
  CHECK(message.contents ==
        std::vector<std::string>{tnef, "two", tnef, "the plan", "the plan", text});
  CHECK(list[0].odd == Marks{"expanded"});
  CHECK(list[1].odd.empty());
  CHECK(list[3].odd == Marks{"from:Winmail.dat"});
  CHECK(list[4].odd == Marks{"from:more.bin"});
  CHECK(message.text == "See the file.\n\n\n");
  const std::string expected = whole.convert(raw);
  for (const std::size_t piece : {1, 2, 3, 7, 61, 62, 63, 200}) {
    Converting pieces;
    pieces.piece = piece;
    CHECK(pieces.convert(raw) == expected);
  }
}

TEST_CASE("a TNEF that only its encoding names is taken apart under that name", "[container]") {
  const std::string tnef = tnef_start() + simple_attachment("plan.txt", "the plan");
  for (const std::string type :
       {"application/octet-stream", "text/plain", "application/ms-tnef", "text/calendar"}) {
    INFO(type);
    const std::string raw =
        mixed("--b\r\nContent-Type: " + type + "\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\n" +
              uuencoded("Winmail.dat", tnef) + "\r\n" + text_part("text"));
    Converting whole;
    const ReadMessage message = whole.read(raw);
    CHECK(names(message) == "Winmail.dat plan.txt");
    CHECK(message.contents == std::vector<std::string>{tnef, "the plan"});
    CHECK(message.header.attachments.at(1).odd == Marks{"from:Winmail.dat"});
    const std::string expected = whole.convert(raw);
    for (const std::size_t piece : {1, 2, 3, 61, 200}) {
      Converting pieces;
      pieces.piece = piece;
      CHECK(pieces.convert(raw) == expected);
    }
  }
}

TEST_CASE("an attachment whose first octets are no TNEF's is whole, in pieces of any size",
          "[container]") {
  const std::string octets =
      "x\x9F\x3E and more, so that there are several lines. " + std::string(200, 'z') + "end";
  const std::string raw = mixed(part("application/x-something", octets) +
                                part(tnef_type, tnef_start() + simple_attachment("a.txt", "a")));
  Converting whole;
  const std::string expected = whole.convert(raw);
  CHECK(expected.find(octets) != std::string::npos);
  for (std::size_t piece = 1; piece <= 100; ++piece) {
    Converting pieces;
    pieces.piece = piece;
    CHECK(pieces.convert(raw) == expected);
  }
}

TEST_CASE("a TNEF's body is the text if there is none otherwise", "[container]") {
  const std::string body = tnef_attribute(1, tnef::attribute::body, "body \x80\r\nline\r\n");
  const std::string html =
      message_properties({variable_property(0x0102, 0x1013, "<p>html &amp; <b>more</b></p>"),
                          fixed_property(0x0003, 0x3FDE, 1252, 4)});
  const std::string rtf = message_properties(
      {variable_property(0x0102, 0x1009, compressed_rtf("{\\rtf1 rtf\\par text\\par}"))});
  const auto read = [](const std::string& parts) {
    Converting converting;
    return converting.read(mixed(parts));
  };
  ReadMessage message = read(part(tnef_type, tnef_start() + body + html));
  CHECK(message.text == "body \xE2\x82\xAC\nline\n");
  CHECK(names(message) == "winmail.dat message.html");
  CHECK(message.contents[1] == "<p>html &amp; <b>more</b></p>");
  CHECK(message.header.attachments[1].character_set == "windows-1252");

  message = read(part(tnef_type, tnef_start() + html + rtf));
  CHECK(message.text == "html & more\n");
  CHECK(names(message) == "winmail.dat message.rtf message.html");

  message = read(part(tnef_type, tnef_start() + rtf));
  CHECK(message.text == "rtf\ntext\n");
  CHECK(names(message) == "winmail.dat message.rtf");
  CHECK(message.contents[1] == "{\\rtf1 rtf\\par text\\par}");

  // A blank body says nothing; the next form does.
  message =
      read(part(tnef_type, tnef_start() + tnef_attribute(1, tnef::attribute::body, " \r\n") + rtf));
  CHECK(message.text.find("rtf\ntext\n") != std::string::npos);

  // There is a text, behind it or before it: the body is a file.
  for (const std::string& parts :
       {text_part("hello") + part(tnef_type, tnef_start() + body + rtf),
        part(tnef_type, tnef_start() + body + rtf) + text_part("hello")}) {
    message = read(parts);
    CHECK(message.text == "hello\n");
    CHECK(names(message) == "winmail.dat message.rtf message.txt");
    CHECK(message.contents[2] == "body \xE2\x82\xAC\nline\n");
    CHECK(message.header.attachments[2].odd == Marks{"from:winmail.dat"});
  }
  // A blank one is none.
  CHECK(read(text_part(" ") + part(tnef_type, tnef_start() + body)).text.find("body") !=
        std::string::npos);
  // Of two, the first is the text.
  message = read(part(tnef_type, tnef_start() + body) +
                 part(tnef_type, tnef_start() + tnef_attribute(1, tnef::attribute::body, "two")));
  CHECK(message.text == "body \xE2\x82\xAC\nline\n");
  CHECK(names(message) == "winmail.dat winmail-2.dat message.txt");
  CHECK(message.contents[2] == "two\n");
  CHECK(message.header.attachments[2].odd == Marks{"from:winmail-2.dat"});
}

TEST_CASE("HTML inside RTF is a page, and the text", "[container]") {
  const std::string rtf =
      "{\\rtf1\\ansi\\fromhtml1{\\*\\htmltag <p>}\\htmlrtf no\\htmlrtf0 Hello{\\*\\htmltag </p>}}";
  Converting converting;
  const ReadMessage message = converting.read(
      mixed(part(tnef_type, tnef_start() + message_properties({variable_property(
                                               0x0102, 0x1009, compressed_rtf(rtf))}))));
  CHECK(names(message) == "winmail.dat message.rtf message.html");
  CHECK(message.contents[2] == "<p>Hello</p>\n");
  CHECK(message.text == "Hello\n");
}

TEST_CASE("an embedded message gives its text with its header, and its files", "[container]") {
  const std::string inner =
      tnef_start() + tnef_attribute(1, tnef::attribute::subject, zero_terminated("Sub\njected")) +
      message_properties({variable_property(0x001E, 0x0C1A, zero_terminated("Ann")),
                          variable_property(0x001E, 0x5D01, zero_terminated("ann@example.com")),
                          variable_property(0x001E, 0x0E04, zero_terminated("Bob; Carol")),
                          fixed_property(0x0040, 0x0039, filetime(1795428000), 8),
                          variable_property(0x001E, 0x1000, zero_terminated("inner text"))}) +
      simple_attachment("inner.bin", "inner");
  Converting converting;
  const ReadMessage message = converting.read(mixed(
      text_part("hello") + part(tnef_type, tnef_start() + message_attachment("FW: x", inner))));
  CHECK(names(message) == "winmail.dat inner.bin FW_ x.txt");
  CHECK(message.contents[1] == "inner");
  CHECK(message.contents[2] ==
        "From: Ann <ann@example.com>\nTo: Bob; Carol\nDate: 2026-11-23 10:00 UTC\n"
        "Subject: Sub jected\n\ninner text\n");
  CHECK(message.header.attachments[1].odd == Marks{"from:FW: x", "from:winmail.dat"});
}

TEST_CASE("a meeting in a TNEF stands on top of the text and is attached", "[container]") {
  const std::string octets =
      tnef_start() +
      tnef_attribute(1, tnef::attribute::message_class,
                     zero_terminated("IPM.Microsoft Schedule.MtgReq")) +
      tnef_attribute(1, tnef::attribute::subject, zero_terminated("Plan \xE9")) +
      message_properties({fixed_property(0x0040, 0x0060, filetime(1795428000), 8)});
  Converting converting;
  converting.target.character_set = "ISO-8859-1";
  converting.target.line_end = smtpgate::postoffice::LineEnd::crlf;
  const ReadMessage message = converting.read(mixed(text_part("hello") + part(tnef_type, octets)));
  CHECK(message.text ==
        "What:      Plan \xE9 (meeting request)\r\nWhen:      2026-11-23 10:00 (UTC)\r\n\r\n"
        "hello\r\n");
  CHECK(names(message) == "winmail.dat meeting.ics");
  CHECK(message.header.attachments[1].content_type == "text/calendar");
  CHECK(message.contents[1].find("\r\nMETHOD:REQUEST\r\n") != std::string::npos);
  CHECK(message.contents[1].starts_with("BEGIN:VCALENDAR\r\n"));
}

TEST_CASE("a message that is a calendar alone can be read", "[container]") {
  const std::string calendar =
      "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nSUMMARY:Lunch\r\n"
      "DTSTART:20261123T120000\r\nDESCRIPTION:Bring\\nfood\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
  Converting converting;
  ReadMessage message = converting.read(
      "From: a@b.example\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\n" + calendar);
  CHECK(message.text ==
        "What:      Lunch (meeting request)\nWhen:      2026-11-23 12:00\n\nBring\nfood\n");
  REQUIRE(message.contents.size() == 1);
  CHECK(message.header.attachments[0].name == "ATT1.ics");

  Converting with_text;
  message = with_text.read(
      "From: a@b.example\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n" +
      part("text/calendar", calendar) + text_part("said already") + "--b--\r\n");
  CHECK(message.text == "said already\n");
  CHECK(message.contents.size() == 1);
}

TEST_CASE("AppleSingle gives its forks under its real name", "[container]") {
  const std::string octets =
      apple_file(0x00051600, {{2, "resources"}, {3, "R\x8Esum\x8E"}, {9, "finder"}, {1, "data"}});
  for (std::size_t piece = 1; piece <= 300; piece += 7) {
    Converting converting;
    converting.piece = piece;
    const ReadMessage message = converting.read(mixed(part("application/applefile", octets)));
    CHECK(names(message) == "ATT1.applefile R\xC3\xA9sum\xC3\xA9 R\xC3\xA9sum\xC3\xA9.rsrc");
    CHECK(message.contents.at(0) == octets);
    CHECK(message.contents.at(1) == "data");
    CHECK(message.contents.at(2) == "resources");
    CHECK(message.header.attachments[0].odd == Marks{"expanded"});
    CHECK(message.header.attachments[1].odd == Marks{"from:ATT1.applefile"});
  }
}

TEST_CASE("AppleSingle that is cut or lies gives what is there", "[container]") {
  const std::string octets = apple_file(0x00051600, {{3, "name"}, {1, "data fork"}, {2, "rsrc"}});
  for (std::size_t size = 0; size < octets.size(); ++size) {
    Converting converting;
    const ReadMessage message =
        converting.read(mixed(part("application/applefile", octets.substr(0, size))));
    CHECK(message.contents.at(0) == octets.substr(0, size));
    REQUIRE_FALSE(message.header.attachments[0].odd.empty());
    CHECK(message.header.attachments[0].odd.back() == "apple-file-damaged");
    if (message.contents.size() > 1) {
      CHECK(std::string("data fork").starts_with(message.contents[1]));
    }
  }
  for (std::size_t at = 0; at < octets.size(); ++at) {
    std::string damaged = octets;
    damaged[at] = static_cast<char>(damaged[at] ^ 0xFF);
    Converting converting;
    const ReadMessage message = converting.read(mixed(part("application/applefile", damaged)));
    CHECK(message.contents.at(0) == damaged);
    std::size_t total = 0;
    for (const std::string& one : message.contents) total += one.size();
    CHECK(total <= 3 * octets.size());
  }
}

TEST_CASE("the data part of AppleDouble keeps its name, or gets the real one", "[container]") {
  const std::string header = apple_file(0x00051607, {{3, "Real Name"}, {2, "resources"}});
  const auto read = [&](std::string_view header_type, std::string_view data_type) {
    Converting converting;
    return converting.read(
        "From: a@b.example\r\nContent-Type: multipart/appledouble; boundary=b\r\n\r\n" +
        part(header_type, header) + part(data_type, "data") + "--b--\r\n");
  };
  ReadMessage message = read("application/applefile; name=doc.txt", "text/plain; name=doc.txt");
  CHECK(names(message) == "doc.txt.appledouble Real Name.rsrc doc.txt");
  CHECK(message.contents[0] == header);
  CHECK(message.contents[1] == "resources");
  CHECK(message.contents[2] == "data");
  message = read("application/applefile", "text/plain");
  CHECK(names(message) == "Real Name.appledouble Real Name.rsrc Real Name");
  message = read("application/applefile; name=doc.txt", "image/png");
  CHECK(message.header.attachments.at(2).name == "Real Name");
}

TEST_CASE("a message has so many files inside parts as the limit says", "[container]") {
  std::string octets = tnef_start();
  for (int i = 0; i < 5; ++i) octets += simple_attachment("a.txt", "a");
  const auto read = [&](unsigned limit) {
    Converting converting;
    converting.settings.most_embedded_files = limit;
    return converting.read(mixed(part(tnef_type, octets)));
  };
  CHECK(read(5).contents.size() == 6);
  CHECK(read(5).marks().empty());
  CHECK(read(4).contents.size() == 5);
  CHECK(read(4).marks() == Marks{"limit:embedded-files"});
}

TEST_CASE("a disk that is full while a container is taken apart is a temporary failure",
          "[container]") {
  const std::string octets = tnef_start() + simple_attachment("a.bin", std::string(3'000'000, 'x'));
  Converting converting;
  smtpgate::converter::RawMessage raw(converting.place());
  REQUIRE(raw.feed(mixed(part(tnef_type, octets))));
  auto place = converting.place();
  place.directory = "/nonexistent/work";
  const auto converted = smtpgate::converter::convert_inbound(
      raw, converting.envelope, converting.map, converting.target, converting.settings, place);
  REQUIRE_FALSE(converted);
  CHECK(converted.error().is_temporary());
}
