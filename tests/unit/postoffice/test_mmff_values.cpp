// MMFF's small parts: value escaping, line ends, errors, fields.
#include <array>

#include "postoffice/mmff.h"
#include "unit/catch.h"

using namespace smtpgate;
using namespace smtpgate::postoffice;
using namespace std::string_literals;

TEST_CASE("MMFF values: control octets become ^XX, as published for CR") {
  CHECK(escape_value("a\rb") == "a^0Db");
  CHECK(escape_value("\n\0\x7F\x1A"s) == "^0A^00^7F^1A");
  CHECK(escape_value("tab\tstays ^ and ^^ and ^41 and ^09 and ^0d too") ==
        "tab\tstays ^ and ^^ and ^41 and ^09 and ^0d too");
  CHECK(escape_value("^0D") == "^5E0D");
  CHECK(escape_value("^5E") == "^5E5E");
  CHECK(escape_value("\x80\x9F\xFF") == "\x80\x9F\xFF");
  CHECK(unescape_value("^0D^0A^5E0D^") == "\r\n^0D^");
  CHECK(unescape_value("^0") == "^0");
  CHECK(unescape_value("^") == "^");
}

TEST_CASE("MMFF values: unescaping an escaped value gives it back, for every short value") {
  // All words of up to six of the octets that matter to the escape.
  constexpr std::array<char, 8> alphabet = {'^', '0', '5', 'D', 'E', '\r', '\n', '\x7F'};
  std::size_t words = 1;
  for (int length = 0; length <= 6; ++length, words *= alphabet.size()) {
    for (std::size_t word = 0; word < words; ++word) {
      std::string value;
      for (std::size_t rest = word, i = 0; i < static_cast<std::size_t>(length); ++i) {
        value += alphabet[rest % alphabet.size()];
        rest /= alphabet.size();
      }
      const std::string escaped = escape_value(value);
      if (unescape_value(escaped) != value) FAIL("not given back: " << escaped);
      if (escaped.find_first_of("\r\n\x7F") != std::string::npos)
        FAIL("control octet: " << escaped);
    }
  }
  for (int octet = 0; octet < 256; ++octet) {
    for (int next = 0; next < 256; ++next) {
      const std::string value = {static_cast<char>(octet), static_cast<char>(next)};
      if (unescape_value(escape_value(value)) != value) FAIL(octet << " " << next);
    }
  }
}

TEST_CASE("MMFF line ends: names and octets") {
  CHECK(parse_line_end("cr") == LineEnd::cr);
  CHECK(parse_line_end("LF") == LineEnd::lf);
  CHECK(parse_line_end("crlf") == LineEnd::crlf);
  CHECK(!parse_line_end("lfcr"));
  CHECK(line_end_octets(LineEnd::crlf) == "\r\n");
  CHECK(line_end_name(LineEnd::cr) == "cr");
}

TEST_CASE("MMFF errors: number, message, line, printable text; permanent unless the disk failed") {
  FormatError error{141, 1, 2, "Cannot match token \x1B[2J", false};
  CHECK(error.str() == "141-1-2 Cannot match token \\x1B[2J");
  CHECK(error.outcome().is_permanent());
  CHECK(error.outcome().status() == "5.6.0");
  error.is_file_error = true;
  CHECK(error.outcome().is_temporary());
}

TEST_CASE("MMFF fields: looked up in any case, the first value wins") {
  MessageHeader header;
  header.add_field(ext::trace, "one");
  header.add_field(ext::trace, "two");
  CHECK(header.field("trace") == "one");
  CHECK(!header.field("SENT"));
}
