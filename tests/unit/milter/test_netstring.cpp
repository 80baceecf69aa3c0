// Netstrings and the peer stream under them: bounds, cuts, malformed frames.
#include <array>
#include <thread>

#include <sys/socket.h>
#include <unistd.h>

#include "milter/netstring.h"
#include "unit/catch.h"

using namespace smtpgate::milter;

namespace {

/// Two ends of a socket; ours is read through a PeerStream.
struct Pair {
  Pair() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0); }
  ~Pair() {
    hang_up();
    ::close(ends[0]);
  }
  void say(std::string_view text) {
    REQUIRE(::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  void hang_up() {
    if (ends[1] >= 0) ::close(ends[1]);
    ends[1] = -1;
  }
  std::array<int, 2> ends{};
};

}  // namespace

TEST_CASE("netstrings are read one after the other") {
  Pair pair;
  pair.say("5:hello,0:,3:a,b,");
  pair.hang_up();
  PeerStream stream(pair.ends[0], pair.ends[0], std::chrono::seconds(5));
  std::string content;
  REQUIRE(read_netstring(stream, content) == NetstringStatus::ok);
  CHECK(content == "hello");
  REQUIRE(read_netstring(stream, content) == NetstringStatus::ok);
  CHECK(content.empty());
  REQUIRE(read_netstring(stream, content) == NetstringStatus::ok);
  CHECK(content == "a,b");
  CHECK(read_netstring(stream, content) == NetstringStatus::ended);
}

TEST_CASE("what is no netstring is malformed") {
  for (const char* wrong : {"hello", ":,", "-1:a,", "05:hello,", "5:hello;",
                            "999999:", "100001:", "99999999999999999999999:x,", "1 :a,", "\r\n"}) {
    INFO(wrong);
    Pair pair;
    pair.say(wrong);
    pair.hang_up();
    PeerStream stream(pair.ends[0], pair.ends[0], std::chrono::seconds(5));
    std::string content;
    CHECK(read_netstring(stream, content) == NetstringStatus::malformed);
  }
}

TEST_CASE("a netstring that breaks off is the end") {
  for (const char* cut : {"", "5", "5:", "5:hel", "5:hello"}) {
    INFO(cut);
    Pair pair;
    pair.say(cut);
    pair.hang_up();
    PeerStream stream(pair.ends[0], pair.ends[0], std::chrono::seconds(5));
    std::string content;
    CHECK(read_netstring(stream, content) == NetstringStatus::ended);
  }
}

TEST_CASE("the longest netstring is taken") {
  Pair pair;
  const std::string longest(longest_netstring, 'x');
  std::jthread writer([&] { pair.say(make_netstring(longest)); });
  PeerStream stream(pair.ends[0], pair.ends[0], std::chrono::seconds(5));
  std::string content;
  REQUIRE(read_netstring(stream, content) == NetstringStatus::ok);
  CHECK(content == longest);
}

TEST_CASE("a line is bounded, and the next one is read whole") {
  Pair pair;
  pair.say(std::string(9000, 'a') + "\r\n" + std::string(8192, 'b') + "\r\nshort\nNOOP");
  pair.hang_up();
  PeerStream stream(pair.ends[0], pair.ends[0], std::chrono::seconds(5));
  std::string line;
  CHECK(stream.read_line(line, 8192) == ReadStatus::too_long);
  CHECK(stream.read_line(line, 8192) == ReadStatus::ok);
  CHECK(line == std::string(8192, 'b'));
  CHECK(stream.read_line(line, 8192) == ReadStatus::ok);
  CHECK(line == "short");
  CHECK(stream.read_line(line, 8192) == ReadStatus::end);
}

TEST_CASE("an endless line does not fill the memory") {
  Pair pair;
  std::jthread writer([&] {
    const std::string block(64 * 1024, 'x');
    for (int i = 0; i < 160; ++i) pair.say(block);
    pair.say("\r\nNOOP\r\n");
  });
  PeerStream stream(pair.ends[0], pair.ends[0], std::chrono::seconds(5));
  std::string line;
  CHECK(stream.read_line(line, 8192) == ReadStatus::too_long);
  CHECK(line.size() <= 8192);
  CHECK(stream.read_line(line, 8192) == ReadStatus::ok);
  CHECK(line == "NOOP");
}

TEST_CASE("a silent peer is timed out") {
  Pair pair;
  PeerStream stream(pair.ends[0], pair.ends[0], std::chrono::milliseconds(10));
  std::string line;
  CHECK(stream.read_line(line, 100) == ReadStatus::timed_out);
}

TEST_CASE("output is sent when input is waited for, and a peer that left is an error") {
  Pair pair;
  PeerStream stream(pair.ends[0], pair.ends[0], std::chrono::seconds(5));
  pair.say("one\r\ntwo\r\n");
  std::string line;
  REQUIRE(stream.read_line(line, 100) == ReadStatus::ok);
  stream.write("reply 1\r\n");
  REQUIRE(stream.read_line(line, 100) == ReadStatus::ok);
  std::array<char, 64> buffer{};
  CHECK(::recv(pair.ends[1], buffer.data(), buffer.size(), MSG_DONTWAIT) < 0);
  stream.write("reply 2\r\n");
  REQUIRE(stream.flush());
  const ssize_t count = ::recv(pair.ends[1], buffer.data(), buffer.size(), MSG_DONTWAIT);
  REQUIRE(count > 0);
  CHECK(std::string_view(buffer.data(), static_cast<std::size_t>(count)) ==
        "reply 1\r\nreply 2\r\n");
  pair.hang_up();
  stream.write("reply 3\r\n");
  CHECK_FALSE(stream.flush());
}
