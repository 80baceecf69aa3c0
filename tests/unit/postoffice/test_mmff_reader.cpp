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
