// The MMFF writer: the order of token lines, sizes that are held to, values that cannot forge.
#include <cerrno>

#include "postoffice/ascii.h"
#include "unit/postoffice/mmff_test_support.h"

using namespace smtpgate;
using namespace smtpgate::postoffice;
using namespace smtpgate::postoffice::mmff_test;
using namespace std::string_literals;

namespace {

MessageHeader full_header() {
  MessageHeader header;
  header.from = TypedAddress::internet("jo@harbour.example", "Jo");
  header.to = {TypedAddress::native(*NativeAddress::parse("NET/PO/a"), "A"),
               TypedAddress::internet("b@c.example")};
  header.cc = {TypedAddress::internet("d@e.example", "D")};
  header.date = "2026-11-21";
  header.time = "20:31";
  header.subject = "Subject";
  header.priority = "5";
  header.attachments.resize(2);
  header.attachments[0].name = "a.txt";
  header.attachments[0].size = 1;
  header.attachments[0].content_type = "text/plain";
  header.attachments[0].disposition = "inline";
  header.attachments[1].name = "b c.bin";
  header.attachments[1].size = 2;
  header.attachments[1].original_name = "../b c.bin";
  header.attachments[1].content_id = "x@y";
  header.attachments[1].odd = {"encoding-errors:3"};
  header.text_size = 3;
  header.header_lines = 2;
  header.add_field(ext::character_set, "UTF-8");
  header.add_field(ext::trace, "");
  return header;
}

/// Everything about two headers that a file can hold.
void check_same(const MessageHeader& a, const MessageHeader& b) {
  const auto same_addresses = [](const std::vector<TypedAddress>& x,
                                 const std::vector<TypedAddress>& y) {
    REQUIRE(x.size() == y.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      CHECK(x[i].type == y[i].type);
      CHECK(x[i].address == y[i].address);
      CHECK(x[i].name == y[i].name);
    }
  };
  CHECK(a.version == b.version);
  same_addresses({a.from}, {b.from});
  same_addresses(a.to, b.to);
  same_addresses(a.cc, b.cc);
  CHECK(a.date == b.date);
  CHECK(a.time == b.time);
  CHECK(a.subject == b.subject);
  CHECK(a.priority == b.priority);
  CHECK(a.text_size == b.text_size);
  CHECK(a.header_lines == b.header_lines);
  REQUIRE(a.attachments.size() == b.attachments.size());
  for (std::size_t i = 0; i < a.attachments.size(); ++i) {
    const Attachment& x = a.attachments[i];
    const Attachment& y = b.attachments[i];
    CHECK(x.name == y.name);
    CHECK(x.size == y.size);
    CHECK(x.content_type == y.content_type);
    CHECK(x.disposition == y.disposition);
    CHECK(x.original_name == y.original_name);
    CHECK(x.content_id == y.content_id);
    CHECK(x.odd == y.odd);
  }
  REQUIRE(a.fields.size() == b.fields.size());
  for (std::size_t i = 0; i < a.fields.size(); ++i) {
    CHECK(a.fields[i].type == b.fields[i].type);
    CHECK(a.fields[i].number == b.fields[i].number);
    CHECK(a.fields[i].name == b.fields[i].name);
    CHECK(a.fields[i].value == b.fields[i].value);
  }
}

/// Each would be a token line, or end one, if it stood there as it is.
std::vector<std::string> nasty_values() {
  std::vector<std::string> values = {"a\r\nTO:NET/PO/evil",
                                     "a\nTO:NET/PO/evil",
                                     "a\rTO:NET/PO/evil",
                                     "\r\n\r\nVERSION:3.00\r\n",
                                     "TEXT:0\nVERSION:3.00",
                                     "a\n\rTEXT:5\n",
                                     "^",
                                     "^^",
                                     "ends in ^",
                                     "^0",
                                     "^0D",
                                     "^0D^0ATO:NET/PO/evil",
                                     "^5E0D",
                                     "^5E5E0D",
                                     "^0d",
                                     "^7F^09^41",
                                     "\xC2\x85TO:NET/PO/evil",
                                     "\xE2\x80\xA8TO:NET/PO/evil",
                                     " leading and trailing ",
                                     "\ttabs\t",
                                     "number 12",
                                     "a:b:c",
                                     ":",
                                     std::string(10'000, '\r'),
                                     std::string(100'000, '^') + "0D"};
  std::string controls;
  for (int octet = 0; octet < 256; ++octet) {
    controls += static_cast<char>(octet);
    values.push_back("x" + std::string(1, static_cast<char>(octet)) + "y");
  }
  values.push_back(controls);
  return values;
}

}  // namespace

TEST_CASE("MMFF writer: token lines in the documented order, fields just before TEXT") {
  CHECK(render_header(full_header(), LineEnd::lf) ==
        "VERSION:3.00\n"
        "TO:CSI:NET/PO/a\n"
        "TO:SMTP:b@c.example\n"
        "CC:SMTP:d@e.example\n"
        "FROM:SMTP:jo@harbour.example\n"
        "DATE:2026-11-21\n"
        "TIME:20:31\n"
        "SUBJECT:Subject\n"
        "PRIORITY:5\n"
        "ATTACHMENT:a.txt 1\n"
        "ATTACHMENT:b c.bin 2\n"
        "EXT:S:0:CHARSET\nUTF-8\n"
        "EXT:S:0:TRACE\n\n"
        "EXT:S:0:FROM-NAME\nJo\n"
        "EXT:S:1:TO-NAME\nA\n"
        "EXT:S:1:CC-NAME\nD\n"
        "EXT:S:1:ATTACHMENT-TYPE\ntext/plain\n"
        "EXT:S:1:ATTACHMENT-DISPOSITION\ninline\n"
        "EXT:S:2:ATTACHMENT-NAME\n../b c.bin\n"
        "EXT:S:2:ATTACHMENT-ID\nx@y\n"
        "EXT:S:2:ATTACHMENT-ODD\nencoding-errors:3\n"
        "EXT:I:3:HEADLEN\n2\n"
        "TEXT:3\n");
}

TEST_CASE("MMFF writer: the basic format has no CC and no EXT") {
  const std::string header = render_header(full_header(), LineEnd::crlf, false);
  CHECK(header.find("\nEXT") == std::string::npos);
  CHECK(header.find("\nCC:") == std::string::npos);
  CHECK(header.find("TO:SMTP:d@e.example\r\n") != std::string::npos);
  CHECK(header.ends_with("\r\nTEXT:3\r\n"));
}

TEST_CASE("MMFF writer: what it wrote is read back the same, in each line end") {
  for (const LineEnd line_end : all_line_ends) {
    const auto file = write_all({{full_header(), {"ttt", "a", "bb"}}}, line_end);
    const auto messages = read_all(file + file);
    REQUIRE(messages);
    REQUIRE(messages->size() == 2);
    check_same(messages->back().header, full_header());
  }
}

TEST_CASE("MMFF writer: no value of any field can forge a token line") {
  using Set = void (*)(MessageHeader&, const std::string&);
  const std::pair<const char*, Set> places[] = {
      {"subject", [](MessageHeader& h, const std::string& v) { h.subject = v; }},
      {"from", [](MessageHeader& h, const std::string& v) { h.from.address = v; }},
      {"from name", [](MessageHeader& h, const std::string& v) { h.from.name = v; }},
      {"to", [](MessageHeader& h, const std::string& v) { h.to[1].address = v; }},
      {"to name", [](MessageHeader& h, const std::string& v) { h.to[0].name = v; }},
      {"cc", [](MessageHeader& h, const std::string& v) { h.cc[0].address = v; }},
      {"cc name", [](MessageHeader& h, const std::string& v) { h.cc[0].name = v; }},
      {"date", [](MessageHeader& h, const std::string& v) { h.date = v; }},
      {"time", [](MessageHeader& h, const std::string& v) { h.time = v; }},
      {"priority", [](MessageHeader& h, const std::string& v) { h.priority = v; }},
      {"field", [](MessageHeader& h, const std::string& v) { h.fields[0].value = v; }},
      {"field name",
       [](MessageHeader& h, const std::string& v) { h.fields[0].name = ascii_upper(v); }},
      {"name", [](MessageHeader& h, const std::string& v) { h.attachments[0].name = v; }},
      {"type", [](MessageHeader& h, const std::string& v) { h.attachments[0].content_type = v; }},
      {"disposition",
       [](MessageHeader& h, const std::string& v) { h.attachments[0].disposition = v; }},
      {"original name",
       [](MessageHeader& h, const std::string& v) { h.attachments[0].original_name = v; }},
      {"id", [](MessageHeader& h, const std::string& v) { h.attachments[1].content_id = v; }},
      {"mark", [](MessageHeader& h, const std::string& v) { h.attachments[1].odd = {v, v}; }},
  };
  for (const auto& [place, set] : places) {
    for (const std::string& value : nasty_values()) {
      MessageHeader header = full_header();
      set(header, value);
      INFO(place << ": " << escape_value(value).substr(0, 80));
      for (const LineEnd line_end : all_line_ends) {
        const auto messages = read_all(write_all({{header, {"ttt", "a", "bb"}}}, line_end));
        REQUIRE(messages);
        REQUIRE(messages->size() == 1);
        check_same(messages->front().header, header);
        REQUIRE(messages->front().sections == std::vector<std::string>{"ttt", "a", "bb"});
      }
    }
  }
}

TEST_CASE("MMFF writer: contents must be as long as the header promised") {
  std::string file;
  StringSink sink(file);
  Writer writer(sink, LineEnd::lf);
  CHECK(writer.end());
  REQUIRE(writer.begin(full_header()));
  CHECK(writer.write("12345"));
  const auto too_long = writer.write("67");
  REQUIRE(!too_long);
  CHECK(too_long.error().code == EINVAL);
  CHECK(writer.end().error().code == EINVAL);
  CHECK(writer.begin(full_header()).error().code == EINVAL);
  CHECK(writer.write("6"));
  CHECK(writer.end());
  CHECK(writer.begin(full_header()));
}

TEST_CASE("MMFF writer: external files are named, their contents not expected") {
  MessageHeader header = full_header();
  header.external_text = "body.txt";
  header.attachments[0].external_path = "dir/a.bin";
  header.attachments[0].name = "logical name";
  std::string file;
  StringSink sink(file);
  Writer writer(sink, LineEnd::lf);
  REQUIRE(writer.begin(header));
  CHECK(file.find("XATTACH:dir/a.bin logical name\n") != std::string::npos);
  CHECK(file.ends_with("\nXTEXT:body.txt\n"));
  CHECK(writer.write("bb"));
  CHECK(writer.end());
}

TEST_CASE(
    "MMFF writer: a field that is there twice keeps its first value when it is written again") {
  const std::string file =
      file_of({"VERSION:3.00", "FROM:CSI:N/P/a", "TO:CSI:N/P/b", "ATTACHMENT:x 0",
               "EXT:S:1:ATTACHMENT-TYPE", "first/one", "EXT:S:1:attachment-type", "second/one",
               "EXT:S:0:OTHER", "o", "EXT:S:7:TO-NAME", "of nobody", "TEXT:0"});
  auto messages = read_all(file);
  REQUIRE(messages);
  const std::string once = write_all(*messages, LineEnd::lf);
  messages = read_all(once);
  REQUIRE(messages);
  CHECK(messages->front().header.attachments[0].content_type == "first/one");
  CHECK(messages->front().header.field("ATTACHMENT-TYPE") == "second/one");
  CHECK(write_all(*messages, LineEnd::lf) == once);
}
