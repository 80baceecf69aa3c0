// The log: exact lines, escaping, files.
#include <cstdio>
#include <regex>
#include <thread>

#include <sys/stat.h>

#include "gateway_fixture.h"
#include "milter/log.h"
#include "unit/catch.h"

using namespace smtpgate;
using namespace smtpgate::milter;

namespace {

/// A destination and the log of one area that writes to it.
struct OpenedLog {
  explicit OpenedLog(std::unique_ptr<LogDestination> to) : destination(std::move(to)) {}
  std::unique_ptr<LogDestination> destination;
  LogLevels levels;
  AreaLog log{LogArea::daemon, *destination, levels};
};

std::unique_ptr<OpenedLog> areas_log(const std::string& path, const std::string& tag) {
  auto opened = open_log(path, tag);
  REQUIRE(opened);
  return std::make_unique<OpenedLog>(std::move(*opened));
}

}  // namespace

TEST_CASE("a delivery line has Postfix's shape") {
  CHECK(delivery_line("4F3A1", "anna@example.com", "postoffice[ACME/MAIN]", {1.04, 0.2},
                      Outcome::delivered("filed as abc")) ==
        "4F3A1: to=<anna@example.com>, relay=postoffice[ACME/MAIN], delay=1.2, delays=1/0/0/0.2, "
        "dsn=2.0.0, status=sent (filed as abc)");
  CHECK(delivery_line("4F3A1", "anna@example.com", "postoffice[ACME/MAIN]", {0, 0.031},
                      Outcome::delivered("duplicate of abc")) ==
        "4F3A1: to=<anna@example.com>, relay=postoffice[ACME/MAIN], delay=0.031, "
        "delays=0/0/0/0.031, dsn=2.0.0, status=sent (duplicate of abc)");
  CHECK(delivery_line("", "nobody@example.com", "", {}, Outcome::permanent("no such", "5.1.1")) ==
        "NOQUEUE: to=<nobody@example.com>, relay=none, delay=0, delays=0/0/0/0, dsn=5.1.1, "
        "status=bounced (no such)");
  CHECK(delivery_line("Q", "a@b", "postoffice[N/P]", {12.4, 100},
                      Outcome::temporary("disk is full", "4.3.1")) ==
        "Q: to=<a@b>, relay=postoffice[N/P], delay=112, delays=12/0/0/100, dsn=4.3.1, "
        "status=deferred (disk is full)");
}

TEST_CASE("what goes out has all four delays, and what is no postoffice for its relay") {
  CHECK(delivery_line("0af3", "bob@example.com", "127.0.0.1[127.0.0.1]:25", {0, 0.2, 3, 0.04},
                      Outcome::delivered("queued as 4F3A1")) ==
        "0af3: to=<bob@example.com>, relay=127.0.0.1[127.0.0.1]:25, delay=3.2, "
        "delays=0/3/0.04/0.2, dsn=2.0.0, status=sent (queued as 4F3A1)");
  CHECK(postoffice_relay("ACME/MAIN") == "postoffice[ACME/MAIN]");
  CHECK(postoffice_relay("").empty());
}

TEST_CASE("an address cannot close its bracket or crowd out the line") {
  const std::string line =
      delivery_line("Q", "a>, status=sent (x)<@b", "postoffice[N/P]", {}, Outcome::temporary("no"));
  CHECK(line.find("to=<a?, status=sent (x)?@b>, relay=") != std::string::npos);
  const std::string longest = delivery_line("Q", std::string(100'000, 'a'), "postoffice[N/P]", {},
                                            Outcome::temporary("no"));
  CHECK(longest.size() < 600);
}

TEST_CASE("delays have two significant digits and no exponent") {
  CHECK(format_delay(0) == "0");
  CHECK(format_delay(-1) == "0");
  CHECK(format_delay(0.0004) == "0");
  CHECK(format_delay(0.004) == "0.004");
  CHECK(format_delay(0.25) == "0.25");
  CHECK(format_delay(1.5) == "1.5");
  CHECK(format_delay(2.0) == "2");
  CHECK(format_delay(99.6) == "100");
  CHECK(format_delay(86400) == "86400");
}

TEST_CASE("a log file gets one escaped line a call, with zone, host and tag") {
  const test::TemporaryDirectory directory;
  const std::string path = directory.path() + "/log";
  auto log = areas_log(path, "postfix/smtpgate");
  log->log.info("hello\nworld \x1b[31m \xe2\x80\xae");
  log->log.warning("careful");
  const std::string content = test::read_whole(path);
  const std::regex shape(
      R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d [^ ]+ postfix/smtpgate\[\d+\]: hello\\x0[aA]world \\x1[bB]\[31m \\x[eE]2\\x80\\x[aA][eE]\n[^\n]*: warning: careful\n)");
  CHECK(std::regex_match(content, shape));
  struct stat status{};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0007) == 0);
}

TEST_CASE("a rotated log file is opened anew") {
  const test::TemporaryDirectory directory;
  const std::string path = directory.path() + "/log";
  auto log = areas_log(path, "t");
  log->log.info("before");
  REQUIRE(std::rename(path.c_str(), (path + ".1").c_str()) == 0);
  log->destination->reopen();
  log->log.info("after");
  CHECK(test::read_whole(path + ".1").find("before") != std::string::npos);
  CHECK(test::read_whole(path).find("after") != std::string::npos);
  CHECK(test::read_whole(path).find("before") == std::string::npos);
}

TEST_CASE("lines of several threads do not mix") {
  const test::TemporaryDirectory directory;
  const std::string path = directory.path() + "/log";
  auto log = areas_log(path, "t");
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        for (int n = 0; n < 200; ++n)
          log->log.info("line " + std::string(100, char('a' + i)) + " end");
      });
    }
  }
  std::istringstream lines(test::read_whole(path));
  std::string line;
  int count = 0;
  while (std::getline(lines, line)) {
    ++count;
    CHECK(line.ends_with(" end"));
  }
  CHECK(count == 800);
}

TEST_CASE("a log that cannot be opened says why and what to do") {
  const auto log = open_log("/nonexistent/smtpgate.log", "t");
  REQUIRE_FALSE(log);
  CHECK(log.error() ==
        "cannot open the log /nonexistent/smtpgate.log: No such file or directory; make its "
        "directory writable, or set log = \"syslog\"");
}
