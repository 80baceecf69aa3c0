// Showing: JSON that always parses, text that cannot play tricks on a terminal.
#include <algorithm>
#include <sstream>

#include <nlohmann/json.hpp>

#include "postoffice/character_set.h"
#include "postoffice/mmff_show.h"
#include "postoffice/mmff_text.h"
#include "unit/postoffice/mmff_test_support.h"

using namespace smtpgate::postoffice;
using namespace smtpgate::postoffice::mmff_test;
using namespace std::string_literals;

namespace {

std::string shown_as_text(const std::string& file) {
  MemorySource source(file);
  std::ostringstream out;
  REQUIRE(show_text(source, out));
  return out.str();
}

}  // namespace

TEST_CASE("MMFF show: hostile octets still make valid JSON and UTF-8") {
  std::string octets;
  for (int i = 1; i < 256; ++i) octets += static_cast<char>(i);
  ReadMessage message;
  message.header.from = TypedAddress::internet(octets, octets);
  message.header.to = {TypedAddress::internet(octets, octets)};
  message.header.subject = octets;
  message.header.attachments.resize(1);
  message.header.attachments[0].name = octets;
  message.header.attachments[0].content_type = octets;
  message.header.add_field(octets, octets);
  message.header.add_field("HUGE", std::string(100'000, '\xFF'));
  message.sections = {"", ""};
  const auto file = write_all({message, message}, LineEnd::lf);
  MemorySource source(file);
  std::ostringstream out;
  CHECK(show_json(source, out) == 2U);
  CHECK(is_utf8(out.str()));
  const auto json = nlohmann::json::parse(out.str());
  CHECK(json["messages"].size() == 2);
  CHECK(json["messages"][0]["subject"] == repair_utf8(octets));
}

TEST_CASE("MMFF show: after an error there is JSON of the messages before it") {
  const std::string file =
      file_of({"VERSION:3.00", "TO:A/B/C", "FROM:A/B/C", "TEXT:0"}) + "FOO:1\n";
  MemorySource source(file);
  std::ostringstream out;
  const auto result = show_json(source, out);
  REQUIRE(!result);
  CHECK(result.error().str().starts_with("141-2-1 "));
  CHECK(nlohmann::json::parse(out.str())["messages"].size() == 1);
}

TEST_CASE("MMFF show: members stand in the documented order") {
  const std::string file = file_of({"VERSION:3.00", "TO:A/B/C", "FROM:A/B/C", "TEXT:0"});
  MemorySource source(file);
  std::ostringstream out;
  REQUIRE(show_json(source, out));
  const auto json = nlohmann::ordered_json::parse(out.str());
  std::vector<std::string> names;
  for (const auto& [name, value] : json["messages"][0].items()) names.push_back(name);
  CHECK(names == std::vector<std::string>{"version", "from", "to", "cc", "date", "time", "subject",
                                          "priority", "header_lines", "text", "attachments",
                                          "ext"});
}

TEST_CASE("MMFF show: text for people has aligned lines, a table and the text after its header") {
  ReadMessage message;
  message.header.from = TypedAddress::internet("jo@harbour.example", "Jo");
  message.header.to = {TypedAddress::parse("NET/PO/a")};
  message.header.date = "2026-11-21";
  message.header.time = "20:31";
  message.header.subject = "Plan";
  message.header.header_lines = 1;
  message.header.add_field(ext::message_id, "<1@x>");
  message.header.attachments.resize(2);
  message.header.attachments[0] = {"ümlaut.txt", 1,  "text/plain", "inline", "",
                                   "",           "", {"odd"},      ""};
  message.header.attachments[1].name = "b";
  message.header.attachments[1].size = 1234567;
  message.sections = {"hidden\r\nline one\r\nline two", "1", std::string(1234567, 'b')};
  message.header.text_size = message.sections[0].size();
  CHECK(shown_as_text(write_all({message}, LineEnd::crlf)) ==
        "Message 1\n"
        "  From:      Jo <SMTP:jo@harbour.example>\n"
        "  To:        CSI:NET/PO/a\n"
        "  Date:      2026-11-21 20:31\n"
        "  Subject:   Plan\n"
        "  Text:      26 octets, UTF-8, 1 header line on top not shown\n"
        "  Fields:\n"
        "    MESSAGE-ID  <1@x>\n"
        "  Attachments:\n"
        "    No.   Octets  Name        Type\n"
        "      1        1  ümlaut.txt  text/plain, inline [odd]\n"
        "      2  1234567  b\n"
        "\n"
        "line one\n"
        "line two\n");
}

TEST_CASE("MMFF show: nothing in a message reaches the terminal as a control") {
  std::string octets = "\u202E\u009B\u200B";
  for (int i = 0; i < 256; ++i) octets += static_cast<char>(i);
  ReadMessage message;
  message.header.from = TypedAddress::internet(octets, octets);
  message.header.to = {message.header.from};
  message.header.cc = {message.header.from};
  message.header.date = message.header.time = message.header.priority = octets;
  message.header.subject = octets;
  message.header.attachments.resize(1);
  message.header.attachments[0] = {octets, 0, octets, octets, octets, octets, "", {octets}, ""};
  message.header.add_field(octets, octets);
  message.header.text_size = octets.size();
  message.sections = {octets, ""};
  for (const LineEnd line_end : all_line_ends) {
    const std::string text = shown_as_text(write_all({message}, line_end));
    CHECK(is_utf8(text));
    CHECK(text.find("\u202E") == std::string::npos);
    CHECK(text.find("\u009B") == std::string::npos);
    CHECK(text.find("\u200B") == std::string::npos);
    for (const char c : text) {
      const auto octet = static_cast<unsigned char>(c);
      if ((octet < 0x20 && c != '\n' && c != '\t') || octet == 0x7F) FAIL("octet " << int{octet});
    }
  }
}

TEST_CASE("MMFF text: splitting and line ends do not depend on where pieces end") {
  const std::string text = "a\r\n\r\n\rb\n\r\nc\r\r\nd\ne\r";
  for (const LineEnd line_end : all_line_ends) {
    for (std::uint64_t lines = 0; lines < 9; ++lines) {
      std::string whole_header;
      std::string whole_text;
      std::string whole_lines;
      for (std::size_t step = text.size(); step >= 1; --step) {
        RenderedHeaderSplitter splitter(lines, line_end);
        LineFeedConverter converter(line_end);
        std::string header;
        std::string rest;
        std::string converted;
        for (std::size_t at = 0; at < text.size(); at += step) {
          const auto pieces = splitter.split(std::string_view(text).substr(at, step));
          header += pieces.header;
          rest += pieces.text;
          converted += converter.convert(std::string_view(text).substr(at, step));
        }
        converted += converter.finish();
        CHECK(header + rest == text);
        if (step == text.size()) {
          whole_header = header;
          whole_lines = converted;
        }
        CHECK(header == whole_header);
        CHECK(converted == whole_lines);
      }
    }
  }
  RenderedHeaderSplitter splitter(2, LineEnd::crlf);
  CHECK(splitter.split(text).header == "a\r\n\r\n");
  LineFeedConverter converter(LineEnd::crlf);
  const std::string converted = converter.convert(text);
  CHECK(converted + converter.finish() == "a\n\n\rb\n\nc\r\nd\ne\r");
}
