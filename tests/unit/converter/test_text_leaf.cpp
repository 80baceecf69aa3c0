// Old kinds of multipart inside a text: the Encoding field with X-MS-Attachment, and Sun's
// mailtool.
#include <string>

#include "converter/encoding_field.h"
#include "converter/text_leaf.h"
#include "unit/catch.h"
#include "unit/converter/text_file_fixture.h"

using namespace smtpgate::converter;
using namespace smtpgate::test;

namespace {

struct Message {
  std::string content_type = "text/plain";
  HeaderFields header;

  void add(std::string name, std::string value) { header.add({std::move(name), std::move(value)}); }
};

struct Read {
  std::string text;
  std::vector<FoundFile> files;
  std::vector<std::string> types;
  std::vector<std::string> names;
  bool is_changed = false;

  bool operator==(const Read&) const = default;
};

Read read_in(const Message& message, std::string_view body, std::size_t piece) {
  FileRecorder recorder;
  TextLeaf leaf(parse_content_type(&message.content_type), &message.header, {}, recorder);
  Read result;
  for (std::size_t at = 0; at < body.size(); at += piece) {
    result.text += leaf.feed(body.substr(at, piece));
  }
  result.text += leaf.finish();
  result.files = recorder.files;
  result.types = recorder.content_types;
  result.names = leaf.names();
  result.is_changed = leaf.is_changed();
  CHECK_FALSE(recorder.is_open());
  return result;
}

Read read(const Message& message, const std::string& body) {
  Read whole = read_in(message, body, body.size() + 1);
  for (std::size_t piece = 1; piece < 100; ++piece) {
    INFO("pieces of " << piece);
    const bool same = read_in(message, body, piece) == whole;
    CHECK(same);
    if (!same) break;
  }
  return whole;
}

}  // namespace

TEST_CASE("the Encoding field's grammar", "[encoding-field]") {
  using Parts = std::vector<EncodingPart>;
  CHECK(parse_encoding_field(" 2 TEXT, 1596 UUENCODE") == Parts{{2, "text"}, {1596, "uuencode"}});
  CHECK(parse_encoding_field("2 text (the note),\r\n 29 UUEncode 5") ==
        Parts{{2, "text"}, {29, "uuencode"}});
  CHECK(parse_encoding_field("12 TEXT, HEX") == Parts{{12, "text"}, {std::nullopt, "hex"}});
  CHECK(parse_encoding_field("").empty());
  CHECK(parse_encoding_field("2 TEXT,").empty());
  CHECK(parse_encoding_field("99999999999999999999999 TEXT").empty());
  CHECK(parse_encoding_field("8bit, 7").empty());
  std::string many = "1 TEXT";
  for (int i = 0; i < 1000; ++i) many += ",1 TEXT";
  CHECK(parse_encoding_field(many).empty());
  CHECK(parse_encoding_field(many.substr(0, many.size() - 7)).size() == 1000);
}

TEST_CASE("the name in X-MS-Attachment is what stands left of size, date and time",
          "[encoding-field]") {
  CHECK(name_of_attachment_field(" smtptest.doc 1024 07-13-1993 13:20") == "smtptest.doc");
  CHECK(name_of_attachment_field("a long name.doc 0 00-00-1980 00:00") == "a long name.doc");
  CHECK(name_of_attachment_field("1 2 3 4 0 00-00-1980 00:00") == "1 2 3 4");
  CHECK(name_of_attachment_field("report 1998") == "report 1998");
  CHECK(name_of_attachment_field("x.doc") == "x.doc");
  CHECK(name_of_attachment_field("").empty());
  CHECK(name_of_attachment_field("gr\xFCn.doc 0 00-00-1980 00:00") == "gr\xC3\xBCn.doc");
}

TEST_CASE("X-MS-Attachment names the files, before Encoding or behind it", "[text-leaf]") {
  const std::string body =
      "The note\r\n\r\n" + uuencoded("ATT1", "one") + "\r\n" + uuencoded("ATT2", "two");
  for (const bool is_first : {true, false}) {
    Message message;
    const auto add_names = [&] {
      message.add("X-MS-Attachment", " My plan.doc 3 07-13-1993 13:20");
      message.add("X-MS-Attachment", " b.xls 3 07-13-1993 13:20");
    };
    if (is_first) add_names();
    message.add("Encoding", " 1 TEXT, 4 UUENCODE, 4 UUENCODE");
    if (!is_first) add_names();
    const Read found = read(message, body);
    CHECK(found.text == "The note\r\n");
    CHECK(found.names == std::vector<std::string>{"My plan.doc", "b.xls"});
    REQUIRE(found.files.size() == 2);
    CHECK(found.files[1] == FoundFile{"ATT2", "two", {}});
  }
}

TEST_CASE("names that are not as many as the files name none", "[text-leaf]") {
  Message message;
  message.add("X-MS-Attachment", "a.doc 3 07-13-1993 13:20");
  CHECK(read(message, uuencoded("1", "x") + uuencoded("2", "y")).names.empty());
  CHECK(read(message, "only text\r\n").names.empty());
  CHECK(read(message, uuencoded("1", "x")).names == std::vector<std::string>{"a.doc"});
}

TEST_CASE("a TEXT part that X-MS-Attachment names is a file", "[text-leaf]") {
  Message message;
  message.add("Encoding", "2 TEXT, 3 TEXT, 4 UUENCODE, 1 TEXT");
  message.add("X-MS-Attachment", "read me.txt 20 07-13-1993 13:20");
  message.add("X-MS-Attachment", "b.bin 3 07-13-1993 13:20");
  message.add("X-MS-Attachment", "c.txt 3 07-13-1993 13:20");
  const std::string body =
      "Note\r\nMe\r\n\r\na\r\n\r\nb\r\n\r\n" + uuencoded("x", "two") + "\r\nlast\r\n";
  const Read found = read(message, body);
  CHECK(found.text == "Note\r\nMe\r\n");
  REQUIRE(found.files.size() == 3);
  CHECK(found.files[0] == FoundFile{"read me.txt", "a\n\nb\n", {}});
  CHECK(found.files[1] == FoundFile{"x", "two", {}});
  CHECK(found.files[2] == FoundFile{"c.txt", "last\n", {}});
  CHECK(found.names.size() == 3);
  CHECK(found.types[0] == "text/plain");
}

TEST_CASE("numbers of lines that are wrong leave the text a text", "[text-leaf]") {
  Message message;
  message.add("Encoding", "1 TEXT, 3 TEXT");
  message.add("X-MS-Attachment", "read me.txt 20 07-13-1993 13:20");
  const std::string body = "Note\r\nwrapped by a relay\r\n\r\na\r\nb\r\nc\r\n";
  const Read found = read(message, body);
  CHECK(found.text == body);
  CHECK(found.files.empty());
  CHECK_FALSE(found.is_changed);
}

TEST_CASE("without names a further TEXT part stays in the text", "[text-leaf]") {
  Message message;
  message.add("Encoding", "1 TEXT, 1 TEXT");
  CHECK(read(message, "Note\r\n\r\nfile\r\n").text == "Note\r\n\r\nfile\r\n");
}

TEST_CASE("Sun's mailtool: parts behind lines of ten dashes", "[text-leaf]") {
  Message message;
  message.content_type = "X-sun-attachment";
  const std::string body =
      "----------\r\nX-Sun-Data-Type: text\r\nX-Sun-Charset: us-ascii\r\n"
      "X-Sun-Content-Lines: 2\r\n\r\nHello\r\n----------\r\nstill text\r\n"
      "----------\r\nX-Sun-Data-Type: default\r\nX-Sun-Data-Name: plan.tar\r\n"
      "X-Sun-Encoding-Info: compress,uuencode\r\nX-Sun-Content-Lines: 4\r\n\r\n" +
      uuencoded("/tmp/a123", "\x1F\x9Dzz") +
      "----------\r\nX-Sun-Data-Type: text\r\nX-Sun-Data-Name: notes\r\n\r\n1\r\n\r\n2\r\n"
      "----------\r\nX-Sun-Data-Type: c-file\r\n\r\nint x;\r\n";
  const Read found = read(message, body);
  CHECK(found.text == "Hello\r\n----------\r\nstill text\r\n");
  REQUIRE(found.files.size() == 3);
  CHECK(found.files[0] == FoundFile{"plan.tar.Z", "\x1F\x9Dzz", {}});
  CHECK(found.files[1] == FoundFile{"notes", "1\n\n2\n", {}});
  CHECK(found.files[2] == FoundFile{"", "int x;\n", {}});
  CHECK(found.is_changed);
}

TEST_CASE("a Sun message that is cut, or is none", "[text-leaf]") {
  Message message;
  message.content_type = "X-sun-attachment";
  CHECK(read(message, "no parts\r\n----------\r\n").text == "no parts\r\n----------\r\n");
  const Read header = read(message, "----------\r\nX-Sun-Data-Name: x");
  CHECK(header.files == std::vector<FoundFile>{{"", "X-Sun-Data-Name: x", {}}});
  const std::string long_line =
      "----------\r\nX-Sun-Data-Name: " + std::string(9000, 'x') + "\r\n\r\n";
  const Read found = read(message, long_line);
  REQUIRE(found.files.size() == 1);
  CHECK(found.files[0].name.empty());
  CHECK(found.files[0].octets.size() > 9000);
}

TEST_CASE("a block that does not end goes no further than its part", "[text-leaf]") {
  Message sun;
  sun.content_type = "X-sun-attachment";
  const std::string open = "begin 644 x\r\n\"04(\r\nM" + std::string(60, 'A') + "\r\n";
  const Read found =
      read(sun, "----------\r\nX-Sun-Data-Name: y\r\nX-Sun-Encoding-Info: uuencode\r\n\r\n" + open +
                    "----------\r\nX-Sun-Data-Name: z\r\n\r\ndata\r\n");
  REQUIRE(found.files.size() == 2);
  CHECK(found.files[0].name == "y");
  CHECK(found.files[0].odd == std::vector<std::string>{"not-closed"});
  CHECK(found.files[1] == FoundFile{"z", "data\n", {}});

  // A part without its block gives its name to no other.
  const Read none =
      read(sun,
           "----------\r\nX-Sun-Data-Name: y\r\nX-Sun-Encoding-Info: uuencode\r\n\r\nno block\r\n"
           "----------\r\nX-Sun-Encoding-Info: uuencode\r\n\r\n" +
               uuencoded("own", "o"));
  CHECK(none.text == "no block\r\n");
  CHECK(none.files == std::vector<FoundFile>{{"own", "o", {}}});

  Message counted;
  counted.add("Encoding", "3 TEXT, 1 TEXT");
  counted.add("X-MS-Attachment", "z 4 07-13-1993 13:20");
  const Read cut = read(counted, open + "\r\ndata\r\n");
  REQUIRE(cut.files.size() == 2);
  CHECK(cut.files[0].odd == std::vector<std::string>{"not-closed"});
  CHECK(cut.files[1].octets == "data\n");
}

TEST_CASE("flowed text is told, and joined where that is wanted", "[text-leaf]") {
  FileRecorder recorder;
  const std::string type = "text/plain; format=Flowed; delsp=YES";
  TextLeafRules rules;
  rules.joins_flowed = false;
  TextLeaf kept(parse_content_type(&type), nullptr, rules, recorder);
  CHECK(kept.format() == "flowed; delsp=yes");
  CHECK(std::string(kept.feed("a \r\nb\r\n")) + std::string(kept.finish()) == "a \r\nb\r\n");
  CHECK_FALSE(kept.is_changed());
  rules.joins_flowed = true;
  TextLeaf joined(parse_content_type(&type), nullptr, rules, recorder);
  CHECK(joined.format().empty());
  CHECK(std::string(joined.feed("a \r\nb\r\n")) + std::string(joined.finish()) == "ab\r\n");
  CHECK(joined.is_changed());
}

TEST_CASE("a flowed text is changed if our writer would break it otherwise", "[text-leaf]") {
  const auto is_changed = [](const std::string& text, const std::string& type) {
    FileRecorder recorder;
    TextLeaf whole(parse_content_type(&type), nullptr, {}, recorder);
    whole.feed(text);
    whole.finish();
    TextLeaf pieces(parse_content_type(&type), nullptr, {}, recorder);
    for (std::size_t at = 0; at < text.size(); ++at) pieces.feed(text.substr(at, 1));
    pieces.finish();
    CHECK(pieces.is_changed() == whole.is_changed());
    return whole.is_changed();
  };
  const std::string flowed = "text/plain; format=flowed";
  CHECK_FALSE(is_changed("", flowed));
  CHECK_FALSE(is_changed("one\r\ntwo", flowed));
  CHECK_FALSE(is_changed(" From here\r\n --=_x\r\n>>quoted\r\n", flowed));
  CHECK(is_changed("From here\r\n", flowed));
  const std::string first(60, 'a');
  const std::string second(60, 'b');
  CHECK_FALSE(is_changed(first + " \r\n" + second + "\r\n", flowed));
  CHECK(is_changed(first + " \r\nb\r\n", flowed));
  CHECK(is_changed("> \r\n", flowed));
  CHECK(is_changed(first + " \r\n" + second + "\r\n", flowed + "; delsp=yes"));
  // Longer than any line that our writer breaks; and what is behind the difference does not matter.
  std::string endless;
  while (endless.size() < 100'000) endless += first + " \r\n";
  CHECK(is_changed(endless + "end\r\n", flowed));
  // Quote marks without end, of which little is left.
  std::string marks;
  while (marks.size() < 1'200'000) marks += std::string(990, '>') + "a \r\n";
  CHECK(is_changed(marks, flowed));
}

TEST_CASE("where octets are no ASCII, lines are not joined", "[text-leaf]") {
  FileRecorder recorder;
  const std::string type = "text/plain; charset=utf-16le; format=flowed";
  TextLeaf leaf(parse_content_type(&type), nullptr, {}, recorder);
  const std::string text(" \0a\0 \0\r\0\n\0b\0", 12);
  CHECK(std::string(leaf.feed(text)) + std::string(leaf.finish()) == text);
  CHECK(leaf.format().empty());
  CHECK_FALSE(leaf.is_changed());
}
