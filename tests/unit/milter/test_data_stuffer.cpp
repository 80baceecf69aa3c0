// The content on its way into DATA, in pieces of every size, and back again.
#include "milter/data_stuffer.h"
#include "milter/data_unstuffer.h"
#include "unit/catch.h"

using namespace smtpgate::milter;

namespace {

std::string stuffed(std::string_view content, std::size_t piece) {
  DataStuffer stuffer;
  std::string result;
  for (std::size_t at = 0; at < content.size(); at += piece) {
    stuffer.feed(content.substr(at, piece), result);
  }
  stuffer.finish(result);
  return result;
}

}  // namespace

TEST_CASE("dots are doubled and line ends are CRLF, wherever a piece ends") {
  struct Case {
    std::string content;
    std::string wire;
  };
  for (const Case& one : {
           Case{"", ".\r\n"},
           Case{"a", "a\r\n.\r\n"},
           Case{"a\r\n", "a\r\n.\r\n"},
           Case{".", "..\r\n.\r\n"},
           Case{".\r\n", "..\r\n.\r\n"},
           Case{"..a\r\n.b\r\nc.d\r\n", "...a\r\n..b\r\nc.d\r\n.\r\n"},
           Case{"\r\n\r\n.\r\n", "\r\n\r\n..\r\n.\r\n"},
           Case{"a\n.\nb", "a\r\n..\r\nb\r\n.\r\n"},
           Case{"a\r.\rb\r", "a\r\n..\r\nb\r\n.\r\n"},
           Case{"a\n.\r\nb", "a\r\n..\r\nb\r\n.\r\n"},
           Case{"a\r\r\n.\n\r.", "a\r\n\r\n..\r\n\r\n..\r\n.\r\n"},
           Case{std::string("a\0.\0", 4), std::string("a\0.\0\r\n.\r\n", 9)},
       }) {
    for (std::size_t piece = 1; piece <= one.content.size() + 1; ++piece) {
      INFO(one.content << " by " << piece);
      CHECK(stuffed(one.content, piece) == one.wire);
    }
  }
}

TEST_CASE("what is stuffed is one content again, and nothing is behind it") {
  // All contents of up to seven of these octets.
  constexpr std::string_view octets = ".\r\nx";
  for (std::size_t length = 0; length <= 7; ++length) {
    std::size_t count = 1;
    for (std::size_t i = 0; i < length; ++i) count *= octets.size();
    for (std::size_t number = 0; number < count; ++number) {
      std::string content;
      for (std::size_t i = 0, rest = number; i < length; ++i, rest /= octets.size()) {
        content += octets[rest % octets.size()];
      }
      std::string expected;  // every line end is CRLF
      for (std::size_t i = 0; i < content.size(); ++i) {
        if (content[i] == '\r' && i + 1 < content.size() && content[i + 1] == '\n') ++i;
        if (content[i] == '\r' || content[i] == '\n') {
          expected += "\r\n";
        } else {
          expected += content[i];
        }
      }
      if (!expected.empty() && !expected.ends_with('\n')) expected += "\r\n";
      const std::string wire = stuffed(content, 3);
      DataUnstuffer unstuffer;
      std::string back;
      const std::size_t used = unstuffer.feed(wire, [&](std::string_view part) { back += part; });
      if (!unstuffer.at_end() || used != wire.size() || back != expected) {
        FAIL(number << " of length " << length);
      }
    }
  }
}
