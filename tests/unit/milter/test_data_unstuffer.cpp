// The data's framing: dots taken off, the one true end found, in pieces of every size.
#include <string>
#include <utility>

#include "milter/data_unstuffer.h"
#include "unit/catch.h"

using smtpgate::milter::DataUnstuffer;

namespace {

struct Result {
  std::string content;
  std::string rest;  ///< what stood after the end
  bool ended = false;
  friend bool operator==(const Result&, const Result&) = default;
};

Result unstuff(std::string_view data, std::size_t piece) {
  DataUnstuffer unstuffer;
  Result result;
  std::size_t at = 0;
  while (at < data.size() && !unstuffer.at_end()) {
    const std::string_view block = data.substr(at, piece);
    at += unstuffer.feed(block, [&](std::string_view part) { result.content += part; });
  }
  result.ended = unstuffer.at_end();
  result.rest = data.substr(at);
  return result;
}

/// The same whatever the size of the pieces.
Result unstuff_all_ways(std::string_view data) {
  const Result whole = unstuff(data, data.size() + 1);
  for (std::size_t piece = 1; piece <= data.size(); ++piece) {
    INFO("pieces of " << piece);
    CHECK(unstuff(data, piece) == whole);
  }
  return whole;
}

}  // namespace

TEST_CASE("the data ends at CRLF dot CRLF, and what follows is left") {
  CHECK(unstuff_all_ways("one\r\ntwo\r\n.\r\nQUIT\r\n") ==
        Result{"one\r\ntwo\r\n", "QUIT\r\n", true});
}

TEST_CASE("an empty message is a dot alone") {
  CHECK(unstuff_all_ways(".\r\n") == Result{"", "", true});
}

TEST_CASE("a doubled dot at the start of a line becomes one") {
  CHECK(unstuff_all_ways("..\r\n...x\r\na..b\r\n.\r\n") ==
        Result{".\r\n..x\r\na..b\r\n", "", true});
}

TEST_CASE("a dot between bare line feeds ends nothing: SMTP smuggling") {
  for (const char* attack : {"a\n.\nMAIL FROM:<x@y>\r\n", "a\n.\r\nMAIL\r\n", "a\r\n.\nMAIL\r\n",
                             "a\r.\rMAIL\r\n", "a\r\n.\rMAIL\r\n", "a\r.\r\nMAIL\r\n"}) {
    INFO(attack);
    const Result result = unstuff_all_ways(attack);
    CHECK_FALSE(result.ended);
    CHECK(result.content.find("MAIL") != std::string::npos);
  }
}

TEST_CASE(
    "a lone dot before a bare line end loses the dot as any stuffed line, and stays content") {
  CHECK(unstuff_all_ways("a\r\n.\nb\r\n.\r\n") == Result{"a\r\n\nb\r\n", "", true});
  CHECK(unstuff_all_ways("a\r\n.\rb\r\n.\r\n") == Result{"a\r\n\rb\r\n", "", true});
  CHECK(unstuff_all_ways("a\r\n.\r\r\n.\r\n") == Result{"a\r\n\r\r\n", "", true});
}

TEST_CASE("NUL and 8-bit octets pass as they are") {
  const std::string data("\0\xff\x80\r\n.\r\n", 8);
  CHECK(unstuff_all_ways(data) == Result{std::string("\0\xff\x80\r\n", 5), "", true});
}

TEST_CASE("data without an end does not end") {
  CHECK_FALSE(unstuff_all_ways("a\r\n.").ended);
  CHECK_FALSE(unstuff_all_ways("a\r\n.\r").ended);
  CHECK_FALSE(unstuff_all_ways("a\r\n").ended);
}
