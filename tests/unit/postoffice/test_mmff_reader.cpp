// The MMFF reader: what it takes, what it refuses and where it says so.
#include "unit/postoffice/mmff_test_support.h"

using namespace smtpgate;
using namespace smtpgate::postoffice;
using namespace smtpgate::postoffice::mmff_test;

namespace {

const std::vector<std::string> smallest = {"VERSION:3.00", "TO:NET/PO/BOX", "FROM:NET/PO/ME"};

std::vector<std::string> with(std::vector<std::string> lines,
                              const std::vector<std::string>& more) {
  lines.insert(lines.end(), more.begin(), more.end());
  return lines;
}

bool begins(const std::string& text, std::string_view start) {
  return text.starts_with(start);
}

}  // namespace

TEST_CASE("MMFF reader: the published basic sample, in each line end") {
  for (const LineEnd line_end : all_line_ends) {
    const std::string text(152, 't');
    const std::string attachment(291, 'a');
    const auto file =
        file_of({"VERSION:3.00", "TO:CSI:COMPANY/DEPT/jsmith", "FROM:CSI:COMPANY/DEPT/sjones",
                 "DATE:1992-11-29", "TIME:23:44", "SUBJECT:Automatic File Transfer (1 files)",
                 "PRIORITY:F", "ATTACHMENT:config.sys 291", "TEXT:152"},
                text + attachment, line_end);
    const auto messages = read_all(file);
    REQUIRE(messages);
    REQUIRE(messages->size() == 1);
    const auto& [header, sections] = messages->front();
    CHECK(header.version == "3.00");
    REQUIRE(header.to.size() == 1);
    CHECK(header.to[0].str() == "CSI:COMPANY/DEPT/jsmith");
    CHECK(header.from.str() == "CSI:COMPANY/DEPT/sjones");
    CHECK(header.date == "1992-11-29");
    CHECK(header.time == "23:44");
    CHECK(header.subject == "Automatic File Transfer (1 files)");
    CHECK(header.priority == "F");
    REQUIRE(header.attachments.size() == 1);
    CHECK(header.attachments[0].name == "config.sys");
    CHECK(header.attachments[0].size == 291);
    CHECK(sections == std::vector<std::string>{text, attachment});
  }
}

TEST_CASE("MMFF reader: the published HEADLEN field is understood") {
  const auto messages = read_all(file_of(with(smallest, {"EXT:I:3:HEADLEN", "9", "TEXT:0"})));
  REQUIRE(messages);
  CHECK(messages->front().header.header_lines == 9);
  CHECK(messages->front().header.fields.empty());
  REQUIRE(messages->front().header.all_fields().size() == 1);
  CHECK(messages->front().header.all_fields()[0].value == "9");
}

TEST_CASE("MMFF reader: wrong line ends are reported as the original did") {
  const auto error_with = [](LineEnd actual, LineEnd forced) {
    ReaderOptions options;
    options.line_end = forced;
    return error_of(file_of(with(smallest, {"TEXT:0"}), {}, actual), options).substr(0, 8);
  };
  CHECK(error_with(LineEnd::crlf, LineEnd::cr) == "141-1-2 ");
  CHECK(error_with(LineEnd::crlf, LineEnd::lf) == "144-1-1 ");
  CHECK(error_with(LineEnd::lf, LineEnd::cr) == "144-1-1 ");
  CHECK(error_with(LineEnd::lf, LineEnd::crlf) == "144-1-1 ");
  CHECK(error_with(LineEnd::cr, LineEnd::lf) == "144-1-1 ");
  CHECK(error_with(LineEnd::cr, LineEnd::crlf) == "144-1-1 ");
  for (const LineEnd line_end : all_line_ends) CHECK(error_with(line_end, line_end) == "none");
}

TEST_CASE("MMFF reader: a file with mixed line ends is refused at the first line that differs") {
  CHECK(begins(error_of("VERSION:3.00\nTO:NET/PO/BOX\r\nFROM:NET/PO/ME\nTEXT:0\n"), "144-1-2 "));
}

TEST_CASE("MMFF reader: each broken file ends in the original's number, at its message and line") {
  struct Broken {
    std::string file;
    std::string place;
    std::string says;
  };
  const auto line = [](std::string token) { return file_of(with(smallest, {std::move(token)})); };
  const std::string good = file_of(with(smallest, {"TEXT:2"}), "ab");
  const Broken table[] = {
      {"FOO:bar\n", "141-1-1", "Cannot match token FOO (has tail bar)"},
      {"no colon here\n", "144-1-1", "Unable to partition line no colon here"},
      {"TO:NET/PO/BOX\n", "140-1-1", "begins with VERSION"},
      {"VERSION:three\n", "140-1-1", "token VERSION with tail three"},
      {"VERSION:3\n", "140-1-1", "3.00"},
      {"VERSION:3.00\n", "140-1-1", "the file ends before it"},
      {line("VERSION:3.00"), "140-1-4", "twice"},
      {line("FROM:NET/PO/BOX"), "140-1-4", "twice"},
      {line("SUBJECT:a\nSUBJECT:b"), "140-1-5", "token SUBJECT with tail b"},
      {line("DATE:a\nDATE:b"), "140-1-5", "twice"},
      {line("SUBJEKT:a"), "141-1-4", "SUBJEKT"},
      {line(" SUBJECT:a"), "141-1-4", "Cannot match"},
      {line(""), "144-1-4", "Unable to partition"},
      {line("TEXT:"), "140-1-4", "whole number"},
      {line("TEXT:-1"), "140-1-4", "whole number"},
      {line("TEXT:1 2"), "140-1-4", "whole number"},
      {line("TEXT:0x10"), "140-1-4", "whole number"},
      {line("TEXT:18446744073709551616"), "140-1-4", "whole number"},
      {line("TEXT:18446744073709551615"), "140-1-4", "octets early"},
      {line("ATTACHMENT:name"), "140-1-4", "size in octets"},
      {line("ATTACHMENT:12"), "140-1-4", "size in octets"},
      {line("ATTACHMENT:name 1k"), "140-1-4", "size in octets"},
      {line("ATTACHMENT:name 12 "), "140-1-4", "size in octets"},
      {line("TO:BOX"), "142-1-4", "Bad address BOX in TO"},
      {line("CC:NET/PO/../BOX"), "142-1-4", "in CC"},
      {line("TO:CSI:NET/PO/"), "142-1-4", "NET/PO/MAILBOX"},
      {"VERSION:3.00\nFROM:\n", "142-1-2", "in FROM"},
      {"VERSION:3.00\nTO:A/B/C\nTEXT:0\n", "140-1-3", "no FROM"},
      {"VERSION:3.00\nFROM:A/B/C\nTEXT:0\n", "140-1-3", "no TO"},
      {line("EXT:I:3:HEADLEN\nmany\nTEXT:0"), "140-1-5", "HEADLEN"},
      {line("EXT:I:3:HEADLEN\n1\nEXT:I:3:HEADLEN\n2"), "140-1-7", "twice"},
      {line("EXT:I:3:HEADLEN\n0\nEXT:I:3:HEADLEN\n1"), "140-1-7", "twice"},
      {line("EXT:I:3:HEADLEN\n0\nEXT:I:3:HEADLEN\n0"), "140-1-7", "twice"},
      {line("EXT:I:3:HEADLEN"), "140-1-4", "the file ends before it"},
      {line("EXT:I"), "140-1-4", "EXT:type:number:NAME"},
      {line("EXT:I:3"), "140-1-4", "EXT:type:number:NAME"},
      {line("EXT:I:3:"), "140-1-4", "EXT:type:number:NAME"},
      {line("EXT::3:X"), "140-1-4", "EXT:type:number:NAME"},
      {line("EXT:I:x:X"), "140-1-4", "EXT:type:number:NAME"},
      {line("XTEXT:body.txt"), "146-1-4", "--external"},
      {line("XATTACH:a.txt"), "146-1-4", "--external"},
      {file_of(with(smallest, {"TEXT:3"}), "ab"), "140-1-4", "1 octets early"},
      {file_of(with(smallest, {"ATTACHMENT:a 2", "TEXT:1"}), "a"), "140-1-5", "ATTACHMENT"},
      {good + good + "VERSION:3.00\nX:1\n", "141-3-2", "Cannot match token X"},
      {good + "x" + good, "141-2-1", "Cannot match token xVERSION"},
  };
  for (const Broken& broken : table) {
    INFO(broken.file);
    const std::string error = error_of(broken.file);
    CHECK(begins(error, broken.place + " "));
    CHECK(error.find(broken.says) != std::string::npos);
  }
}

TEST_CASE("MMFF reader: error lines are printable whatever the file holds") {
  const std::string error = error_of("VERSION:3.00\n\x1B[2J\xFF" + std::string(5000, 'x') + ":\n");
  CHECK(begins(error, "141-1-2 "));
  CHECK(error.size() < 1100);
  for (const char c : error) CHECK(static_cast<unsigned char>(c) >= 0x20);
}

TEST_CASE("MMFF reader: an error stays, however often one asks") {
  MemorySource source("VERSION:3.00\nFOO:x\nTO:A/B/C\nFROM:A/B/C\nTEXT:0\n");
  Reader reader(source);
  char buffer[8];
  for (int i = 0; i < 3; ++i) {
    const auto result = reader.next();
    REQUIRE(!result);
    CHECK(result.error().number == 141);
    CHECK(!reader.read(buffer));
    CHECK(!reader.next_section());
  }
}

TEST_CASE("MMFF reader: tokens in any order, in any case, between VERSION and TEXT") {
  const auto messages = read_all(
      file_of({"version:3.00", "ext:i:0:headlen", "1", "Priority:R", "Attachments:b 1", "TIME:1:02",
               "subject: two  blanks ", "From: CSI:A/B/C ", "cc:SMTP:x", "to:\tA/B/C", "Text: 2 "},
              "ttb"));
  REQUIRE(messages);
  const auto& header = messages->front().header;
  CHECK(header.header_lines == 1);
  CHECK(header.priority == "R");
  CHECK(header.time == "1:02");
  CHECK(header.subject == " two  blanks ");
  CHECK(header.from.address == "A/B/C");
  CHECK(header.to.front().address == "A/B/C");
  CHECK(header.cc.front().str() == "SMTP:x");
  CHECK(messages->front().sections == std::vector<std::string>{"tt", "b"});
}

TEST_CASE("MMFF reader: names with blanks, the size is the last word") {
  const auto messages =
      read_all(file_of(with(smallest, {"ATTACHMENT:my file 2 of 3.txt 1", "ATTACHMENT: 0",
                                       "ATTACHMENT: lead  2", "ATTACHMENT:tab\t0", "TEXT:0"}),
                       "abc"));
  REQUIRE(messages);
  const auto& attachments = messages->front().header.attachments;
  REQUIRE(attachments.size() == 4);
  CHECK(attachments[0].name == "my file 2 of 3.txt");
  CHECK(attachments[1].name.empty());
  CHECK(attachments[2].name == " lead ");
  CHECK(attachments[3].name == "tab");
  CHECK(messages->front().sections == std::vector<std::string>{"", "a", "", "bc", ""});
}

TEST_CASE("MMFF reader: an unknown address type is kept, put decides about it") {
  const auto messages = read_all(file_of({"VERSION:3.00", "TO:PCM:A/B/C", "FROM:SMTP:", "TEXT:0"}));
  REQUIRE(messages);
  CHECK(messages->front().header.to.front().type == "PCM");
  CHECK(messages->front().header.from.address.empty());
}

TEST_CASE("MMFF reader: native addresses may be in any 8-bit set") {
  CHECK(error_of(file_of({"VERSION:3.00", "TO:NET/PO/M\x81LLER", "FROM:A/B/C", "TEXT:0"})) ==
        "none");
  CHECK(begins(error_of("VERSION:3.00\nTO:NET/PO/M\x81:LLER\n"), "142-1-2 "));
}

TEST_CASE("MMFF reader: fields find their attachment, TO and CC; what fits nowhere stays a field") {
  const auto messages = read_all(file_of({"VERSION:3.00",
                                          "EXT:S:2:ATTACHMENT-TYPE",
                                          "image/png",
                                          "TO:A/B/C",
                                          "FROM:A/B/C",
                                          "EXT:S:2:ATTACHMENT-TYPE",
                                          "image/gif",
                                          "EXT:S:3:ATTACHMENT-TYPE",
                                          "text/html",
                                          "EXT:S:0:ATTACHMENT-ODD",
                                          "x",
                                          "EXT:S:1:ATTACHMENT-ODD",
                                          "one",
                                          "EXT:S:1:ATTACHMENT-ODD",
                                          "two",
                                          "EXT:S:1:TO-NAME",
                                          "",
                                          "EXT:S:1:CC-NAME",
                                          "nobody",
                                          "EXT:S:9:FROM-NAME",
                                          "Me",
                                          "EXT:S:18446744073709551615:TO-NAME",
                                          "z",
                                          "ATTACHMENT:a 0",
                                          "ATTACHMENT:b 0",
                                          "TEXT:0"}));
  REQUIRE(messages);
  const auto& header = messages->front().header;
  CHECK(header.attachments[1].content_type == "image/png");
  CHECK(header.attachments[0].odd == std::vector<std::string>{"one", "two"});
  CHECK(header.from.name == "Me");
  CHECK(header.to[0].name.empty());
  CHECK(header.fields.size() == 6);
  CHECK(header.field("cc-name") == "nobody");
  CHECK(header.all_fields().size() == 10);
}

TEST_CASE("MMFF reader: contents may be any octets, token lines included") {
  std::string octets;
  for (int i = 0; i < 256; ++i) octets += static_cast<char>(i);
  for (const LineEnd line_end : all_line_ends) {
    const auto messages = read_all(file_of(with(smallest, {"ATTACHMENT:a 256", "TEXT:269"}),
                                           octets + "VERSION:3.00\n" + octets, line_end));
    REQUIRE(messages);
    CHECK(messages->front().sections ==
          std::vector<std::string>{octets + "VERSION:3.00\n", octets});
  }
}

TEST_CASE("MMFF reader: a byte order mark before VERSION is passed over") {
  const std::string mark = "\xEF\xBB\xBF";
  for (const LineEnd line_end : all_line_ends) {
    const std::string one = file_of(with(smallest, {"TEXT:3"}), "abc", line_end);
    const std::string end(line_end_octets(line_end));
    for (const std::string& file : {mark + one, mark + end + one, end + mark + " " + end + one,
                                    one + end + mark + one, mark + one + mark + "\x1A"}) {
      const auto messages = read_all(file);
      REQUIRE(messages);
      CHECK(messages->front().header.version == "3.00");
      CHECK(messages->back().sections == std::vector<std::string>{"abc"});
    }
  }
  CHECK(read_all(mark)->empty());
  // Within a message it is what it is; half of one is none.
  const auto inside = read_all(file_of(with(smallest, {"SUBJECT:" + mark, "TEXT:3"}), mark));
  REQUIRE(inside);
  CHECK(inside->front().header.subject == mark);
  CHECK(inside->front().sections.front() == mark);
  CHECK(begins(error_of("\xEF\xBB" + file_of(with(smallest, {"TEXT:0"}))), "141-1-1 "));
  CHECK(begins(error_of(mark + mark + file_of(with(smallest, {"TEXT:0"}))), "141-1-1 "));
}

TEST_CASE("MMFF reader: several messages, blank lines and a Ctrl-Z between and behind them") {
  for (const LineEnd line_end : all_line_ends) {
    const std::string one = file_of(with(smallest, {"TEXT:1"}), "x", line_end);
    const std::string blank(line_end_octets(line_end));
    for (const std::string& file : {one + one + one, one + blank + one + blank + " " + blank + one,
                                    blank + one + one + one + blank + "\x1A"}) {
      const auto messages = read_all(file);
      REQUIRE(messages);
      CHECK(messages->size() == 3);
    }
    CHECK(read_all(blank + blank)->empty());
  }
  CHECK(read_all("")->empty());
  CHECK(read_all(" \x1A").has_value() == false);
  CHECK(read_all("\x1A")->empty());
}

TEST_CASE("MMFF reader: contents that nobody reads are passed over") {
  const std::string one = file_of(with(smallest, {"ATTACHMENT:a 3", "TEXT:5"}), "texttaaa");
  const std::string file = one + one;
  MemorySource source(file);
  Reader reader(source);
  char octet[1];
  REQUIRE(reader.next());
  CHECK(reader.contents_offset() == one.size() - 8);
  REQUIRE(reader.read(octet));
  REQUIRE(*reader.next());
  CHECK(reader.contents_offset() == 2 * one.size() - 8);
  CHECK(*reader.next_section());
  CHECK(*reader.read(octet) == 1);
  CHECK(octet[0] == 'a');
  CHECK(!*reader.next_section());
  CHECK(*reader.read(octet) == 0);
  CHECK(!*reader.next_section());
  CHECK(!*reader.next());
  CHECK(reader.line_end() == LineEnd::lf);
}

TEST_CASE("MMFF reader: limits hold at their edges") {
  ReaderOptions options;
  options.longest_line = 20;
  const auto with_subject = [](std::size_t length) {
    return file_of(with(smallest, {std::string("SUBJECT:") + std::string(length, 's'), "TEXT:0"}));
  };
  CHECK(error_of(with_subject(12), options) == "none");
  CHECK(begins(error_of(with_subject(13), options), "145-1-4 "));
  CHECK(begins(error_of(std::string(100'000, 'x'), options), "145-1-1 "));

  options = {};
  const std::string file = file_of(with(smallest, {"TEXT:2"}), "ab");
  options.largest_header = file.size() - 2;
  CHECK(error_of(file + file, options) == "none");
  options.largest_header = file.size() - 4;
  CHECK(begins(error_of(file, options), "145-1-4 "));

  options = {};
  options.most_attachments = 2;
  CHECK(error_of(file_of(with(smallest, {"ATTACHMENT:a 0", "ATTACHMENT:a 0", "TEXT:0"})),
                 options) == "none");
  CHECK(begins(error_of(file_of(with(smallest, {"ATTACHMENT:a 0", "ATTACHMENT:a 0",
                                                "ATTACHMENT:a 0", "TEXT:0"})),
                        options),
               "145-1-6 "));
  options.most_recipients = 2;
  CHECK(error_of(file_of(with(smallest, {"CC:SMTP:x", "TEXT:0"})), options) == "none");
  CHECK(begins(error_of(file_of(with(smallest, {"CC:SMTP:x", "TO:SMTP:x"})), options), "145-1-5 "));
  options.most_fields = 1;
  CHECK(begins(error_of(file_of(with(smallest, {"EXT:S:0:A", "", "EXT:S:0:B", ""})), options),
               "145-1-6 "));
}

TEST_CASE("MMFF reader: a disk that fails is temporary and no fault of the file") {
  struct FailingSource : ByteSource {
    MemorySource beginning{"VERSION:3.00\nTO:A/B/C\n"};
    FileResult<std::size_t> read(std::span<char> buffer) override {
      const auto count = beginning.read(buffer);
      if (*count == 0) return tl::unexpected(FileError{5, "read", "/po/x"});
      return count;
    }
  } source;
  Reader reader(source);
  const auto result = reader.next();
  REQUIRE(!result);
  CHECK(result.error().is_file_error);
  CHECK(result.error().line == 3);
  CHECK(result.error().outcome().is_temporary());
  CHECK(result.error().outcome().sentence().find("/po/x") != std::string::npos);
}

TEST_CASE("MMFF reader: a source that gives one octet at a time changes nothing") {
  struct SlowSource : ByteSource {
    explicit SlowSource(std::string_view file) : whole(file) {}
    FileResult<std::size_t> read(std::span<char> buffer) override {
      return whole.read(buffer.first(std::min<std::size_t>(buffer.size(), 1)));
    }
    MemorySource whole;
  };
  for (const LineEnd line_end : all_line_ends) {
    const std::string file =
        file_of(with(smallest, {"ATTACHMENT:a 2", "TEXT:4"}), "\r\n\r\r\n\n", line_end);
    SlowSource source(file);
    Reader reader(source);
    const auto header = reader.next();
    REQUIRE(header);
    CHECK(reader.line_end() == line_end);
    char buffer[64];
    CHECK(*reader.read(buffer) == 1);
    CHECK(buffer[0] == '\r');
    REQUIRE(*reader.next_section());
    CHECK(*reader.read(buffer) == 1);
    CHECK(buffer[0] == '\n');
    CHECK(!*reader.next());
  }
}
