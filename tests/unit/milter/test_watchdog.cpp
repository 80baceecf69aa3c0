// Signs of life: given only while everything goes on.
#include <atomic>
#include <filesystem>
#include <string>

#include <sys/socket.h>
#include <unistd.h>

#include "milter/outbound_service.h"
#include "milter/watchdog.h"
#include "unit/milter/answering_milter.h"
#include "unit/milter/outbound_fixture.h"

using namespace smtpgate;
using namespace smtpgate::milter;
using namespace std::chrono_literals;
using smtpgate::test::listen_on;
using smtpgate::test::Milter;
using smtpgate::test::negotiated;
using smtpgate::test::OutboundGateway;
using smtpgate::test::wait_until;
namespace fs = std::filesystem;

namespace {

/// A manager's socket, a door and a pulse around look_for_life().
struct Place {
  test::Gateway gateway;
  std::string notify = gateway.folder() + "/notify";
  std::string door = gateway.folder() + "/door";
  int manager_end = listen_on(notify, SOCK_DGRAM);
  ServiceManager manager{notify, 600ms};
  Pulse pulse;
  std::atomic<bool> stopping = false;
  std::string told;
  WatchdogSurroundings surroundings{&manager, &pulse, &gateway.log, door, &stopping};

  ~Place() { ::close(manager_end); }
  /// Whether one look gave a sign.
  bool look() {
    look_for_life(surroundings, told);
    std::string octets(100, '\0');
    return ::recv(manager_end, octets.data(), octets.size(), MSG_DONTWAIT) > 0;
  }
};

}  // namespace

TEST_CASE("who goes round in time is not late") {
  Pulse pulse;
  const Pulse::Clock::time_point start{};
  CHECK(pulse.late(start).empty());
  pulse.beat("scout", 10s, start);
  pulse.beat("senders", 60s, start);
  CHECK(pulse.late(start + 10s).empty());
  CHECK(pulse.late(start + 11s) == std::vector<std::string>{"scout"});
  pulse.beat("scout", 10s, start + 11s);
  CHECK(pulse.late(start + 21s).empty());
  CHECK(pulse.late(start + 61s) == std::vector<std::string>{"scout", "senders"});
}

TEST_CASE("of several threads under one name one that goes on is enough") {
  Pulse pulse;
  const Pulse::Clock::time_point start{};
  pulse.beat("senders", 60s, start);
  pulse.beat("senders", 60s, start + 50s);
  pulse.beat("senders", 1s, start + 51s);
  CHECK(pulse.late(start + 100s).empty());
}

TEST_CASE("a sign of life is given while the door answers and every thread goes round") {
  Place place;
  const Milter milter(place.door, negotiated);
  CHECK(place.look());
  CHECK(milter.asked().size() == 17);
  CHECK(milter.asked()[4] == 'O');
  place.pulse.beat("scout", 1h);
  CHECK(place.look());
  place.pulse.beat("sending", -1s);
  CHECK_FALSE(place.look());
  CHECK(place.told.find("sending: stands still") != std::string::npos);
  CHECK(place.gateway.log.count("sending: stands still") == 1);
  place.pulse.beat("sending", 1h);
  CHECK(place.look());
}

TEST_CASE("no sign of life is given while the door does not answer as a milter does") {
  SECTION("nobody listens") {
    Place place;
    CHECK_FALSE(place.look());
    CHECK(place.told.find(place.door) != std::string::npos);
  }
  SECTION("somebody listens and says nothing") {
    Place place;
    const int silent = listen_on(place.door, SOCK_STREAM);
    CHECK_FALSE(place.look());
    CHECK(place.told.find("does not answer") != std::string::npos);
    ::close(silent);
  }
  SECTION("the connection ends") {
    Place place;
    const Milter milter(place.door, "");
    CHECK_FALSE(place.look());
  }
  SECTION("another word") {
    Place place;
    const Milter milter(place.door, std::string("\0\0\0\x01r", 5));
    CHECK_FALSE(place.look());
  }
}

TEST_CASE("a daemon that stops gives signs of life without a door") {
  Place place;
  place.stopping = true;
  CHECK(place.look());
  CHECK(place.told.empty());
}

TEST_CASE("a trouble is logged once, not at every look") {
  Place place;
  CHECK_FALSE(place.look());
  CHECK_FALSE(place.look());
  CHECK(place.gateway.log.lines().size() == 1);
}

TEST_CASE("every thread of the way out says that it goes round") {
  OutboundGateway gateway("", "[outbound]\npoll = 1\n");
  fs::create_directories(gateway.outbox("anna"));
  Pulse pulse;
  auto surroundings = gateway.surroundings();
  surroundings.pulse = &pulse;
  {
    OutboundService service(surroundings);
    service.start();
    // Nobody has come round again in a day's time, and all have a name by then.
    REQUIRE(wait_until([&] { return pulse.late(Pulse::Clock::now() + 24h).size() == 3; }));
    CHECK(pulse.late(Pulse::Clock::now() + 24h) ==
          std::vector<std::string>{"look for outgoing mail", "sending", "sign of life"});
    CHECK(pulse.late().empty());
  }
}
