// Reading ahead for libmilter: the same octets in the same order, whatever it asks for and however
// they come; and what stands ahead of a connection never outlives it.
#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "milter/read_ahead.h"
#include "unit/catch.h"
#include "unit/milter/gateway_fixture.h"

namespace smtpgate::milter {
namespace {

/// Two ends of a connection; ours was accepted as libmilter accepts it, or as others do.
class Connection {
 public:
  explicit Connection(bool is_for_milter = true) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = directory_.path() + "/socket";
    REQUIRE(path.size() < sizeof address.sun_path);
    path.copy(address.sun_path, path.size());
    const auto* name = reinterpret_cast<const sockaddr*>(&address);
    const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
    REQUIRE(::bind(listener, name, sizeof address) == 0);
    REQUIRE(::listen(listener, 1) == 0);
    theirs_ = ::socket(AF_UNIX, SOCK_STREAM, 0);
    REQUIRE(::connect(theirs_, name, sizeof address) == 0);
    std::optional<AcceptingForMilter> here;
    if (is_for_milter) here.emplace();
    // By the name that libmilter calls.
    ours_ = ::accept(listener, nullptr, nullptr);
    REQUIRE(ours_ >= 0);
    ::close(listener);
  }
  ~Connection() {
    hang_up();
    close();
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int ours() const { return ours_; }
  void say(std::string_view octets) const {
    REQUIRE(::send(theirs_, octets.data(), octets.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(octets.size()));
  }
  void hang_up() {
    if (theirs_ >= 0) ::close(theirs_);
    theirs_ = -1;
  }
  void close() {
    if (ours_ >= 0) REQUIRE(smtpgate_close(ours_) == 0);
    ours_ = -1;
  }
  /// At most `size` octets, by one call.
  std::string read(std::size_t size) const {
    std::string octets(size, '\0');
    const ssize_t came = smtpgate_read(ours_, octets.data(), size);
    REQUIRE(came >= 0);
    octets.resize(static_cast<std::size_t>(came));
    return octets;
  }
  /// The events that one connection has at once.
  std::optional<short> ready_for(short events) const {
    pollfd one{ours_, events, 0};
    if (smtpgate_poll(&one, 1, 0) == 0) return std::nullopt;
    return one.revents;
  }
  /// Octets that the kernel still has for us.
  int left_in_kernel() const {
    int left = -1;
    REQUIRE(::ioctl(ours_, FIONREAD, &left) == 0);
    return left;
  }

 private:
  test::TemporaryDirectory directory_;
  int ours_ = -1;
  int theirs_ = -1;
};

std::string some_octets(std::size_t size) {
  std::string octets;
  for (std::size_t i = 0; i < size; ++i) octets += static_cast<char>((i * 7 + i / 251) % 256);
  return octets;
}

TEST_CASE("what came together is read by one call, and asked for in pieces") {
  const Connection connection;
  CHECK_FALSE(connection.ready_for(POLLIN));
  connection.say("12345abcdefgh");
  CHECK(connection.ready_for(POLLIN) == POLLIN);
  CHECK(connection.read(5) == "12345");
  CHECK(connection.left_in_kernel() == 0);
  CHECK(connection.ready_for(POLLIN) == POLLIN);
  CHECK(connection.read(3) == "abc");
  connection.say("more");
  CHECK(connection.read(100) == "defgh");  // no more than there is ahead, as a socket would
  CHECK(connection.ready_for(POLLIN) == POLLIN);
  CHECK(connection.read(100) == "more");
  CHECK_FALSE(connection.ready_for(POLLIN));
}

TEST_CASE("whatever sizes are sent and asked for, the octets are the same") {
  const std::string all = some_octets(100'000);
  for (const std::size_t sent : {std::size_t{1'000}, read_ahead_octets - 1, read_ahead_octets,
                                 read_ahead_octets + 1, std::size_t{100'000}}) {
    for (const std::size_t asked :
         {std::size_t{5}, std::size_t{999}, read_ahead_octets - 1, read_ahead_octets,
          read_ahead_octets + 1, std::size_t{65'535}}) {
      INFO(sent << " sent at a time, " << asked << " asked for");
      const Connection connection;
      std::string came;
      for (std::size_t at = 0; at < all.size(); at += sent) {
        const std::string_view piece = std::string_view(all).substr(at, sent);
        connection.say(piece);
        while (came.size() < at + piece.size()) came += connection.read(asked);
      }
      CHECK(came == all);
    }
  }
}

TEST_CASE("the end of a connection and errors come after what stands ahead") {
  Connection connection;
  connection.say("last words");
  connection.hang_up();
  CHECK(connection.read(4) == "last");
  CHECK(connection.ready_for(POLLIN) == POLLIN);
  CHECK(connection.read(100) == " words");
  CHECK(connection.read(100).empty());
  CHECK(connection.ready_for(POLLIN).value_or(0) != 0);
  const int number = connection.ours();
  connection.close();
  char octet = 0;
  CHECK(smtpgate_read(number, &octet, 1) == -1);
  CHECK(errno == EBADF);
}

TEST_CASE("what stood ahead of a connection is nobody's when its number is another file's") {
  Connection connection;
  connection.say("not for you");
  CHECK(connection.read(3) == "not");
  const int number = connection.ours();
  connection.close();
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const int writing = ::fcntl(ends[1], F_DUPFD, number + 10);
  const int reading = ::fcntl(ends[0], F_DUPFD, number + 10);
  ::close(ends[0]);
  ::close(ends[1]);
  REQUIRE(::dup2(reading, number) == number);
  ::close(reading);
  pollfd one{number, POLLIN, 0};
  CHECK(smtpgate_poll(&one, 1, 0) == 0);
  REQUIRE(::write(writing, "a pipe's own", 12) == 12);
  std::array<char, 4> octets{};
  CHECK(smtpgate_read(number, octets.data(), 4) == 4);
  CHECK(std::string_view(octets.data(), 4) == "a pi");
  int left = 0;
  REQUIRE(::ioctl(number, FIONREAD, &left) == 0);
  CHECK(left == 8);  // what was not accepted is not read ahead
  CHECK(smtpgate_close(number) == 0);
  ::close(writing);
}

TEST_CASE("of several connections those with something ahead are ready at once") {
  const Connection quiet;
  const Connection ahead;
  const Connection fresh;
  ahead.say("one two");
  CHECK(ahead.read(3) == "one");
  fresh.say("news");
  std::array<pollfd, 4> all{{{quiet.ours(), POLLIN, 0},
                             {ahead.ours(), POLLIN | POLLPRI, 0},
                             {-1, POLLIN, 0},
                             {fresh.ours(), POLLIN, 0}}};
  // Would wait for ever if only the kernel were asked of the second.
  CHECK(smtpgate_poll(all.data(), all.size(), -1) == 2);
  CHECK(all[0].revents == 0);
  CHECK(all[1].revents == POLLIN);
  CHECK(all[2].revents == 0);
  CHECK(all[3].revents == POLLIN);
  CHECK(fresh.read(10) == "news");
  CHECK(smtpgate_poll(all.data(), all.size(), -1) == 1);
  CHECK(ahead.read(10) == " two");
  CHECK(smtpgate_poll(all.data(), all.size(), 0) == 0);
}

TEST_CASE("what others accept is not read ahead") {
  const Connection connection(false);
  connection.say("12345");
  CHECK(connection.read(2) == "12");
  CHECK(connection.left_in_kernel() == 3);
}

TEST_CASE("who wants to write is told of the kernel's readiness, not of octets ahead") {
  const Connection connection;
  connection.say("ab");
  CHECK(connection.read(1) == "a");
  CHECK(connection.ready_for(POLLOUT) == POLLOUT);
  CHECK(connection.read(1) == "b");
}

}  // namespace
}  // namespace smtpgate::milter
