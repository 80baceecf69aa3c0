// TNEF: every attribute and property that is read, cut anywhere, damaged anywhere, up to each
// limit.
#include <random>

#include "unit/catch.h"
#include "unit/converter/tnef_builder.h"

using namespace smtpgate::test;
using smtpgate::converter::ContainerLimits;
using smtpgate::converter::MeetingKind;
namespace tnef = smtpgate::converter::tnef;
using Marks = std::vector<std::string>;

namespace {

/// A container with one of everything.
std::string rich_tnef() {
  const std::string embedded =
      tnef_start() + tnef_attribute(1, tnef::attribute::subject, zero_terminated("Inner")) +
      tnef_attribute(1, tnef::attribute::body, zero_terminated("inner text")) +
      simple_attachment("inner.txt", "inner file");
  return tnef_start() +
         tnef_attribute(1, tnef::attribute::message_class,
                        zero_terminated("IPM.Microsoft Mail.Note")) +
         tnef_attribute(1, tnef::attribute::subject, zero_terminated("caf\xE9")) +
         tnef_attribute(1, tnef::attribute::body, zero_terminated("old body \xE9")) +
         message_properties({
             fixed_property(0x0003, 0x0026, 1, 4),
             fixed_property(0x000B, 0x0029, 1, 2),
             variable_property(0x001F, 0x1000, utf16("new body")),
             variable_property(0x0102, 0x1013, "<p>html</p>"),
             variable_property(0x0102, 0x1009, compressed_rtf("{\\rtf1 rtf}")),
             fixed_property(0x0003, 0x3FDE, 65001, 4),
             named_tag(0x0003, tnef::named::appointment, 0x8205) + number(2, 4),
             // Several values, and a name that is a string.
             number(0x1003, 2) + number(0x6001, 2) + number(3, 4) + number(1, 4) + number(2, 4) +
                 number(3, 4),
             number(0x101F, 2) + number(0x8002, 2) + std::string(16, 'g') + number(1, 4) +
                 number(8, 4) + utf16("key") + number(2, 4) + number(8, 4) + utf16("one") +
                 number(4, 4) + utf16("t"),
         }) +
         simple_attachment("SHORT~1.TXT", "first file") +
         attachment_properties({
             variable_property(0x001E, 0x3707, zero_terminated("a long name.txt")),
             variable_property(0x001E, 0x370E, zero_terminated("text/x-test")),
             variable_property(0x001E, 0x3712, zero_terminated("part1@here")),
         }) +
         message_attachment("the message", embedded) + simple_attachment("last.bin", "");
}

void check_rich(ReadTnef& read) {
  CHECK(read.is_tnef);
  CHECK(read.marks.empty());
  REQUIRE(read.files().size() == 3);
  CHECK(read.files()[0].file.name == "a long name.txt");
  CHECK(read.files()[0].file.content_type == "text/x-test");
  CHECK(read.files()[0].file.content_id == "part1@here");
  CHECK(read.files()[0].octets == "first file");
  CHECK(read.files()[1].file.name == "last.bin");
  CHECK(read.files()[1].octets.empty());
  CHECK(read.files()[2].file.name == "inner.txt");
  CHECK(read.files()[2].octets == "inner file");
  CHECK(read.files()[2].file.odd == Marks{"from:the message"});
  REQUIRE(read.messages.size() == 2);
  CHECK(read.messages[0].subject == "caf\xC3\xA9");
  CHECK(read.messages[0].text == "new body");
  CHECK(read.messages[0].text_charset == "utf-8");
  CHECK(read.messages[0].html == "<p>html</p>");
  CHECK(read.messages[0].html_charset == "utf-8");
  CHECK(read.messages[0].rtf == "{\\rtf1 rtf}");
  CHECK_FALSE(read.messages[0].meeting.has_value());
  CHECK(read.messages[1].depth == 1);
  CHECK(read.messages[1].name == "the message");
  CHECK(read.messages[1].subject == "Inner");
  CHECK(read.messages[1].text == "inner text");
}

}  // namespace

TEST_CASE("a TNEF gives its files, bodies and embedded messages", "[tnef]") {
  ReadTnef read(rich_tnef());
  check_rich(read);
}

TEST_CASE("where a TNEF is cut into pieces does not matter", "[tnef]") {
  const std::string octets = rich_tnef();
  for (std::size_t piece = 1; piece <= 100; ++piece) {
    INFO("pieces of " << piece);
    ReadTnef read(octets, piece);
    check_rich(read);
  }
}

TEST_CASE("a TNEF that ends anywhere gives what came until there", "[tnef]") {
  const std::string octets = rich_tnef();
  ReadTnef whole(octets);
  for (std::size_t size = 0; size < octets.size(); ++size) {
    INFO("cut at " << size);
    ReadTnef read(std::string_view(octets).substr(0, size));
    CHECK(read.is_tnef == (size >= 6));
    for (const ToldFile& file : read.files()) {
      if (file.file.name == "a long name.txt") CHECK(file.octets == "first file");
      CHECK(file.octets.size() <= 1000);
    }
    const ReadTnef again(std::string_view(octets).substr(0, size), 7);
    CHECK(again.remembered.files == read.remembered.files);
    CHECK(again.messages == read.messages);
    CHECK(again.marks == read.marks);
  }
  // Cut inside the first file's octets: what came is kept, and marked.
  const std::size_t inside = octets.find("first file") + 5;
  ReadTnef cut(octets.substr(0, inside));
  REQUIRE(cut.files().size() == 1);
  CHECK(cut.files()[0].octets == "first");
  CHECK(cut.files()[0].odd == Marks{"tnef-damaged"});
  CHECK(cut.marks == Marks{"tnef-damaged"});
}

TEST_CASE("an octet that is wrong, wherever, costs no more than what it touches", "[tnef]") {
  const std::string octets = rich_tnef();
  for (std::size_t at = 0; at < octets.size(); ++at) {
    for (const unsigned flip : {0x01U, 0x80U, 0xFFU}) {
      INFO("octet " << at << " with " << flip);
      std::string damaged = octets;
      damaged[at] = static_cast<char>(static_cast<unsigned char>(damaged[at]) ^ flip);
      ReadTnef whole(damaged);
      std::size_t total = 0;
      for (const ToldFile& file : whole.files()) total += file.octets.size();
      CHECK(total <= 4 * octets.size());
      ReadTnef pieces(damaged, 5);
      CHECK(pieces.files() == whole.files());
      CHECK(pieces.marks == whole.marks);
    }
  }
}

TEST_CASE("a wrong check sum is marked and nothing is lost", "[tnef]") {
  ReadTnef read(tnef_start() + rendering() +
                tnef_attribute(2, tnef::attribute::attach_data, "octets", 1) +
                tnef_attribute(2, tnef::attribute::attach_title, zero_terminated("a.txt")) +
                simple_attachment("b.txt", "good"));
  REQUIRE(read.files().size() == 2);
  CHECK(read.files()[0].octets == "octets");
  CHECK(read.files()[0].odd == Marks{"checksum-wrong"});
  CHECK(read.files()[1].odd.empty());
  CHECK(read.marks == Marks{"checksum-wrong"});
}

TEST_CASE("garbage behind a TNEF is marked, blanks and NULs are not", "[tnef]") {
  const std::string good = tnef_start() + simple_attachment("a.txt", "a");
  CHECK(ReadTnef(good + "\r\n \t" + std::string(10, '\0')).marks.empty());
  ReadTnef read(good + "garbage");
  CHECK(read.marks == Marks{"tnef-damaged"});
  CHECK(read.files().size() == 1);
  CHECK(ReadTnef(good + "\x02garb").marks == Marks{"tnef-damaged"});
}

TEST_CASE("what does not begin like TNEF is none", "[tnef]") {
  for (const std::string_view octets : {"", "x", "\x78\x9F\x3E\x23\x01\x01", "MZ\x90"}) {
    ReadTnef read(octets);
    CHECK_FALSE(read.is_tnef);
    CHECK(read.files().empty());
    CHECK(read.messages.empty());
  }
}

TEST_CASE("an attachment's best name counts, whatever the order", "[tnef]") {
  const std::string title =
      tnef_attribute(2, tnef::attribute::attach_title, zero_terminated("TITLE.TXT"));
  const std::string transport =
      tnef_attribute(2, tnef::attribute::attach_transport_filename, zero_terminated("transport"));
  const auto name = [&](const std::string& attributes) {
    ReadTnef read(tnef_start() + rendering() + attributes);
    REQUIRE(read.files().size() == 1);
    return read.files()[0].file.name;
  };
  const auto string8 = [](std::uint16_t id, std::string_view value) {
    return attachment_properties({variable_property(0x001E, id, zero_terminated(value))});
  };
  CHECK(name(title) == "TITLE.TXT");
  CHECK(name(title + transport) == "TITLE.TXT");
  CHECK(name(transport + title) == "TITLE.TXT");
  CHECK(name(transport) == "transport");
  CHECK(name(string8(0x3707, "long.txt") + title) == "long.txt");
  CHECK(name(title + string8(0x3704, "SHORT.TXT")) == "TITLE.TXT");
  CHECK(name(string8(0x3704, "SHORT.TXT") + transport) == "SHORT.TXT");
  CHECK(name(string8(0x3001, "display")) == "display");
  CHECK(name(string8(0x3707, "")) == "");
  CHECK(name(attachment_properties({variable_property(0x001E, 0x3001, zero_terminated("report")),
                                    variable_property(0x001E, 0x3703, zero_terminated(".doc"))})) ==
        "report.doc");
  CHECK(name(string8(0x3707, "8bit.txt") + attachment_properties({variable_property(
                                               0x001F, 0x3707, utf16("wide.txt"))})) == "wide.txt");
}

TEST_CASE("names beyond the limit are cut, never inside a character", "[tnef]") {
  const auto name_of = [](const std::string& name) {
    ReadTnef read(tnef_start(65001) + simple_attachment(name, "x"));
    return read.files().at(0).file.name;
  };
  CHECK(name_of(std::string(1000, 'a')) == std::string(1000, 'a'));
  CHECK(name_of(std::string(1001, 'a')) == std::string(1000, 'a'));
  CHECK(name_of(std::string(999, 'a') + "\xC3\xA9") == std::string(999, 'a'));
}

TEST_CASE("strings are in the container's code page", "[tnef]") {
  ReadTnef read(tnef_start(932) + simple_attachment("\x93\xFA\x96{.txt", "x"));
  CHECK(read.files().at(0).file.name == "\xE6\x97\xA5\xE6\x9C\xAC.txt");
  ReadTnef cyrillic(tnef_start(1251) + tnef_attribute(1, tnef::attribute::body, "\xE4\xE0"));
  CHECK(cyrillic.messages.at(0).text_charset == "windows-1251");
  CHECK(cyrillic.messages.at(0).text == "\xE4\xE0");
}

TEST_CASE("attachments of writers that leave out the rendering data", "[tnef]") {
  const auto data = [](std::string_view octets) {
    return tnef_attribute(2, tnef::attribute::attach_data, octets);
  };
  const auto title = [](std::string_view name) {
    return tnef_attribute(2, tnef::attribute::attach_title, zero_terminated(name));
  };
  ReadTnef read(tnef_start() + title("a") + data("1") + title("b") + data("2") + data("3") +
                title("c"));
  REQUIRE(read.files().size() == 3);
  CHECK(read.files()[0].octets == "1");
  CHECK(read.files()[1].file.name == "b");
  CHECK(read.files()[1].octets == "2");
  CHECK(read.files()[2].file.name == "c");
  CHECK(read.files()[2].octets == "3");
}

TEST_CASE("octets in a property, and an object of another kind, are files", "[tnef]") {
  ReadTnef read(
      tnef_start() + rendering() +
      attachment_properties({variable_property(0x0102, 0x3701, "binary"),
                             variable_property(0x001E, 0x3707, zero_terminated("b.bin"))}) +
      rendering() +
      attachment_properties(
          {variable_property(0x001E, 0x3001, zero_terminated("Chart")),
           variable_property(0x000D, 0x3701, std::string(16, '\x0B') + "an OLE storage")}));
  REQUIRE(read.files().size() == 2);
  CHECK(read.files()[0].octets == "binary");
  CHECK(read.files()[1].file.name == "Chart");
  CHECK(read.files()[1].octets == "an OLE storage");
}

TEST_CASE("a file that is TNEF itself is kept and read", "[tnef]") {
  const std::string inner = tnef_start() + simple_attachment("inner.txt", "inner");
  ReadTnef read(tnef_start() + simple_attachment("winmail.dat", inner));
  REQUIRE(read.files().size() == 2);
  CHECK(read.files()[0].octets == inner);
  CHECK(read.files()[0].file.odd == Marks{"expanded"});
  CHECK(read.files()[1].file.name == "inner.txt");
  CHECK(read.files()[1].file.odd == Marks{"from:winmail.dat"});
}

TEST_CASE("what says it is a message and is none is a file", "[tnef]") {
  ReadTnef read(tnef_start() + message_attachment("odd", "no message"));
  REQUIRE(read.files().size() == 1);
  CHECK(read.files()[0].octets == "no message");
  CHECK(read.files()[0].odd == Marks{"tnef-damaged"});
}

TEST_CASE("messages in messages are read to the limit, the next is a file", "[tnef]") {
  const auto nested = [](int depth) {
    std::string octets = tnef_start() + simple_attachment("innermost.txt", "found");
    for (int i = 0; i < depth; ++i) octets = tnef_start() + message_attachment("level", octets);
    return octets;
  };
  ContainerLimits limits;
  limits.tnef_depth = 3;
  ReadTnef at_the_edge(nested(3), 100, limits);
  CHECK(at_the_edge.marks.empty());
  REQUIRE(at_the_edge.files().size() == 1);
  CHECK(at_the_edge.files()[0].octets == "found");
  CHECK(at_the_edge.messages.size() == 4);

  ReadTnef beyond(nested(4), 100, limits);
  CHECK(beyond.marks == Marks{"tnef-limit"});
  REQUIRE(beyond.files().size() == 1);
  CHECK(beyond.files()[0].file.name == "level.tnef");
  CHECK(beyond.files()[0].octets == nested(0));
  CHECK(beyond.messages.size() == 4);
}

TEST_CASE("properties are read to the limit", "[tnef]") {
  const auto with_properties = [](std::size_t count) {
    std::vector<std::string> properties(count - 1, fixed_property(0x0003, 0x0026, 1, 4));
    properties.push_back(variable_property(0x001E, 0x1000, zero_terminated("body")));
    return tnef_start() + message_properties(properties) + simple_attachment("a", "a");
  };
  ContainerLimits limits;
  limits.tnef_properties = 50;
  ReadTnef at_the_edge(with_properties(50), 100, limits);
  CHECK(at_the_edge.marks.empty());
  CHECK(at_the_edge.messages.at(0).text == "body");
  ReadTnef beyond(with_properties(51), 100, limits);
  CHECK(beyond.marks == Marks{"tnef-limit"});
  CHECK(beyond.messages.at(0).text.empty());
  CHECK(beyond.files().size() == 1);
}

TEST_CASE("a container gives no more than the limit allows for its size", "[tnef]") {
  ContainerLimits limits;
  limits.expansion = 1;
  limits.expansion_floor = 1000;
  // Files never get larger than their container; a file that is TNEF is told twice.
  const std::string inner = tnef_start() + simple_attachment("inner.bin", std::string(3000, 'x'));
  const std::string octets = tnef_start() + simple_attachment("a.tnef", inner);
  ReadTnef generous(octets, 100);
  CHECK(generous.marks.empty());
  ReadTnef read(octets, 100, limits);
  CHECK(read.marks == Marks{"tnef-limit"});
  REQUIRE(read.files().size() == 2);
  CHECK(read.files()[0].octets == inner);
  CHECK(read.files()[1].odd == Marks{"tnef-limit"});
  CHECK(read.files()[1].octets.size() < 1200);
  CHECK(ReadTnef(octets, 7, limits).files() == read.files());
}

TEST_CASE("counts that promise more than there is cost nothing", "[tnef]") {
  const std::string many = number(0xFFFFFFFF, 4);
  for (const std::string& list :
       {many, number(1, 4) + number(0x1001, 2) + number(0x6000, 2) + many,
        number(1, 4) + number(0x101E, 2) + number(0x6000, 2) + many,
        number(1, 4) + number(0x1003, 2) + number(0x6000, 2) + many,
        number(1, 4) + number(0x0102, 2) + number(0x6000, 2) + number(1, 4) + many + "x",
        number(1, 4) + number(0x7777, 2) + number(0x6000, 2) + "x"}) {
    ReadTnef read(tnef_start() + tnef_attribute(1, tnef::attribute::message_properties, list) +
                  tnef_attribute(1, tnef::attribute::recipient_table, many + list) +
                  simple_attachment("a.txt", "a"));
    CHECK(read.marks == Marks{"tnef-damaged"});
    CHECK(read.files().size() == 1);
  }
}

TEST_CASE("a meeting request of today", "[tnef]") {
  const auto recipient = [](std::string_view name, std::string_view address, std::uint64_t type) {
    return property_list({variable_property(0x001F, 0x3001, utf16(name)),
                          variable_property(0x001F, 0x39FE, utf16(address)),
                          fixed_property(0x0003, 0x0C15, type, 4)});
  };
  const std::string global_id = std::string(16, '\x04') + std::string("\x07\xE8\x01\x02") +
                                std::string(16, '\0') + number(2, 4) + "id";
  ReadTnef read(
      tnef_start() +
      tnef_attribute(1, tnef::attribute::recipient_table,
                     number(2, 4) + recipient("Bob", "bob@example.com", 1) +
                         recipient("Room 5", "room5@example.com", 3)) +
      message_properties({
          variable_property(0x001F, 0x001A, utf16("IPM.Schedule.Meeting.Request")),
          variable_property(0x001F, 0x0037, utf16("Budget")),
          variable_property(0x001F, 0x0042, utf16("Ann")),
          variable_property(0x001F, 0x5D02, utf16("ann@example.com")),
          named_tag(0x0040, tnef::named::appointment, 0x820D) + number(filetime(1795428000), 8),
          named_tag(0x0040, tnef::named::appointment, 0x820E) + number(filetime(1795431600), 8),
          named_tag(0x001F, tnef::named::appointment, 0x8208) + number(1, 4) + number(14, 4) +
              padded(utf16("Room 5")),
          named_tag(0x0102, tnef::named::meeting, 3) + number(1, 4) + number(global_id.size(), 4) +
              padded(global_id),
      }));
  CHECK(read.marks.empty());
  REQUIRE(read.messages.at(0).meeting);
  const auto& meeting = *read.messages[0].meeting;
  CHECK(meeting.kind == MeetingKind::request);
  CHECK(smtpgate::converter::meeting_lines(meeting) ==
        "What:      Budget (meeting request)\n"
        "When:      2026-11-23 10:00 to 11:00 (UTC)\n"
        "Where:     Room 5\n"
        "Organizer: Ann <ann@example.com>\n"
        "Attendees: Bob <bob@example.com>, Room 5 <room5@example.com> (resource)\n\n");
  CHECK(meeting.uid ==
        "0404040404040404040404040404040400000000" + std::string(32, '0') + "020000006964");
}

TEST_CASE("a meeting of Schedule+", "[tnef]") {
  const auto dtr = [](int hour) {
    return number(1996, 2) + number(5, 2) + number(17, 2) +
           number(static_cast<std::uint64_t>(hour), 2) + number(30, 2) + number(0, 2) +
           number(5, 2);
  };
  const std::string from = number(4, 2) + number(8, 2) + number(4, 2) + number(16, 2) +
                           zero_terminated("Ann") +
                           zero_terminated("SMTP:ann@host.ex").substr(0, 16);
  const std::string owner = number(5, 2) + zero_terminated("Boss") + number(14, 2) +
                            zero_terminated("SMTP:boss@h.e").substr(0, 14);
  const auto lines = [&](std::string_view message_class) {
    ReadTnef read(
        tnef_start() +
        tnef_attribute(1, tnef::attribute::message_class, zero_terminated(message_class)) +
        tnef_attribute(1, tnef::attribute::from, from) +
        tnef_attribute(1, tnef::attribute::owner, owner) +
        tnef_attribute(1, tnef::attribute::subject, zero_terminated("Plan")) +
        tnef_attribute(1, tnef::attribute::date_start, dtr(9)) +
        tnef_attribute(1, tnef::attribute::date_end, dtr(11)));
    REQUIRE(read.messages.at(0).meeting);
    return smtpgate::converter::meeting_lines(*read.messages[0].meeting);
  };
  CHECK(lines("IPM.Microsoft Schedule.MtgReq") ==
        "What:      Plan (meeting request)\nWhen:      1996-05-17 09:30 to 11:30\n"
        "Organizer: Ann <ann@host.ex>\n\n");
  CHECK(lines("IPM.Microsoft Schedule.MtgRespN") ==
        "What:      Plan (meeting declined)\nWhen:      1996-05-17 09:30 to 11:30\n"
        "Organizer: Boss <boss@h.e>\nAttendees: Ann <ann@host.ex>\n\n");
  CHECK(lines("IPM.Microsoft Schedule.MtgCncl").starts_with("What:      Plan (meeting cancelled)"));
}

TEST_CASE("a recipient table of any size keeps the attendees of the limit", "[tnef]") {
  const auto with = [](std::size_t count) {
    std::string table = number(count, 4);
    for (std::size_t i = 0; i < count; ++i) {
      table += property_list({variable_property(0x001E, 0x3001, zero_terminated("A"))});
    }
    ReadTnef read(
        tnef_start() +
        tnef_attribute(1, tnef::attribute::message_class, zero_terminated("IPM.Appointment")) +
        tnef_attribute(1, tnef::attribute::recipient_table, table));
    return *read.messages.at(0).meeting;
  };
  CHECK(with(500).attendees.size() == 500);
  CHECK(with(500).attendees_beyond == 0);
  CHECK(with(501).attendees.size() == 500);
  CHECK(with(501).attendees_beyond == 1);
}
