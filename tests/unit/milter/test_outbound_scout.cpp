// The scout: what is dropped is found, and no outbox waits for another.
#include <algorithm>
#include <filesystem>
#include <thread>

#include "milter/outbound_scout.h"
#include "unit/milter/outbound_fixture.h"

using namespace smtpgate;
using namespace smtpgate::milter;
using smtpgate::test::OutboundGateway;
using smtpgate::test::wait_until;
namespace fs = std::filesystem;

namespace {

/// A scout at work, whose senders are not.
struct RunningScout {
  explicit RunningScout(OutboundGateway& gateway)
      : senders(gateway.surroundings()), scout(gateway.surroundings(), senders) {
    thread = std::thread([this] { scout.run(); });
  }
  ~RunningScout() {
    scout.ask_stop();
    thread.join();
  }

  OutboundSenders senders;
  OutboundScout scout;
  std::thread thread;
};

}  // namespace

TEST_CASE("thousands of files in one outbox do not hold up the other outboxes") {
  OutboundGateway gateway;
  constexpr int files = 300;
  for (int i = 0; i < files; ++i) {
    test::write_whole(gateway.outbox("anna") + "/m" + std::to_string(i) + ".API",
                      OutboundGateway::mmff("CSI:ACME/MAIN/ben"));
  }
  test::write_whole(gateway.outbox("ben") + "/late.API",
                    OutboundGateway::mmff("CSI:ACME/MAIN/anna", "ben"));
  const RunningScout running(gateway);
  CHECK(wait_until([&] { return gateway.filed("ben").size() == files; }));
  const auto lines = gateway.log.lines();
  const auto late = std::find_if(lines.begin(), lines.end(), [](const std::string& line) {
    return line.find("to=<CSI:ACME/MAIN/anna>") != std::string::npos;
  });
  REQUIRE(late != lines.end());
  CHECK(late - lines.begin() < 50);
}

TEST_CASE("what appears while a full outbox is being emptied is found before that is done") {
  OutboundGateway gateway;
  constexpr int files = 300;
  for (int i = 0; i < files; ++i) {
    test::write_whole(gateway.outbox("anna") + "/m" + std::to_string(i) + ".API",
                      OutboundGateway::mmff("CSI:ACME/MAIN/ben"));
  }
  const RunningScout running(gateway);
  CHECK(wait_until([&] { return gateway.log.count("to=<") > 0; }));
  test::write_whole(gateway.outbox("ben") + "/new",
                    OutboundGateway::mmff("CSI:ACME/MAIN/anna", "ben"));
  fs::rename(gateway.outbox("ben") + "/new", gateway.outbox("ben") + "/new.API");
  CHECK(wait_until([&] { return gateway.filed("anna").size() == 1; }));
  CHECK(wait_until([&] { return gateway.filed("ben").size() == files; }));
}

TEST_CASE("a file larger than [outbound] outbox_size_limit is set aside") {
  OutboundGateway gateway("", "[outbound]\noutbox_size_limit = 100\n");
  const std::string path = gateway.outbox("anna") + "/a.API";
  test::write_whole(path, OutboundGateway::mmff("CSI:ACME/MAIN/ben") + std::string(100, ' '));
  const RunningScout running(gateway);
  CHECK(wait_until([&] { return fs::exists(path + ".bad"); }));
  CHECK(wait_until([&] { return gateway.filed("anna").size() == 1; }));
}
