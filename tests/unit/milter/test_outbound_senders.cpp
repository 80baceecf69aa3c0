// The senders: which messages they try, and what they say of those they cannot.
#include <atomic>
#include <thread>

#include "milter/outbound_senders.h"
#include "unit/milter/outbound_fixture.h"
#include "unit/milter/scripted_server.h"
#include "unit/postoffice/faulty_file_system.h"

using namespace smtpgate;
using namespace smtpgate::milter;
using smtpgate::postoffice::FaultyFileSystem;
using smtpgate::postoffice::Operation;
using smtpgate::test::OutboundGateway;
using smtpgate::test::wait_until;

namespace {

struct RunningSender {
  RunningSender(OutboundGateway& gateway, postoffice::FileSystem& files)
      : RunningSender(gateway, gateway.surroundings(files)) {}
  RunningSender(OutboundGateway& gateway, OutboundSurroundings surroundings)
      : senders(std::move(surroundings)) {
    senders.use(gateway.configuration->designated_host);
    thread = std::thread([this] { senders.run(); });
  }
  ~RunningSender() {
    senders.ask_stop();
    thread.join();
  }

  OutboundSenders senders;
  std::thread thread;
};

}  // namespace

TEST_CASE("a STATE.json that cannot be read is told of once, and again when it changes") {
  OutboundGateway gateway;
  const std::string id = gateway.hand_over_one();
  const std::string state = gateway.folder() + "/SMTP/" + id + "/STATE.json";
  test::write_whole(state, "{\"version\": 99}");
  FaultyFileSystem files;
  std::atomic<int> looks = 0;
  files.before([&](const Operation& one) {
    if (one.name == "open" && one.path.ends_with("/STATE.json")) ++looks;
  });
  RunningSender running(gateway, files);
  const auto tried = [&](int times) {
    return wait_until([&] { return looks == times && running.senders.wait_until_idle({}); });
  };
  const auto warnings = [&] { return gateway.log.count("warning: " + id); };
  running.senders.add(gateway.folder(), id);
  CHECK(tried(1));
  CHECK(warnings() == 1);
  for (int i = 2; i < 5; ++i) {
    running.senders.look_again(gateway.folder(), id);
    CHECK(tried(i));
  }
  CHECK(warnings() == 1);
  test::write_whole(state, "nonsense");
  running.senders.look_again(gateway.folder(), id);
  CHECK(tried(5));
  CHECK(warnings() == 2);
}

TEST_CASE("a sign of life is given before the first message, not before each") {
  OutboundGateway gateway;
  constexpr int messages = 5;
  std::vector<std::string> ids;
  for (int i = 0; i < messages; ++i) ids.push_back(gateway.hand_over_one());
  gateway.configuration = [&] {
    auto changed = std::make_shared<Configuration>(*gateway.configuration);
    changed->designated_host.hosts = {"127.0.0.1:1"};
    return changed;
  }();
  FaultyFileSystem files;
  std::atomic<int> signs = 0;
  std::atomic<int> taken = 0;
  files.before([&](const Operation& one) {
    if (one.name == "touch" && one.path.find("/.alive-") != std::string::npos) ++signs;
    if (one.name == "open" && one.path.ends_with("/STATE.json")) ++taken;
  });
  RunningSender running(gateway, files);
  // Each is tried by name: a host that does not answer pauses what is only due.
  for (const std::string& id : ids) {
    const int before = taken;
    running.senders.use(gateway.configuration->designated_host);
    running.senders.add(gateway.folder(), id);
    REQUIRE(wait_until([&] { return taken > before && running.senders.wait_until_idle({}); }));
  }
  CHECK(taken >= messages);
  CHECK(signs == 1);
}

TEST_CASE("a clock that is set back by a year makes no message wait for a year") {
  std::atomic<int> offers = 0;
  const test::ScriptedServer host([&](const test::Step& step) -> std::optional<test::Reaction> {
    if (step.stage != "RCPT") return std::nullopt;
    ++offers;
    return test::Reaction{"451 4.3.0 later\r\n"};
  });
  OutboundGateway gateway("", "[designated_host]\nhosts = [\"" + host.host() +
                                  "\"]\n[outbound]\nretry_min = 1\nretry_max = 1\n");
  std::atomic<std::int64_t> clock = OutboundSurroundings::wall_clock();
  OutboundSurroundings surroundings = gateway.surroundings();
  surroundings.now = [&] { return clock.load(); };
  RunningSender running(gateway, std::move(surroundings));
  running.senders.add(gateway.folder(), gateway.hand_over_one());
  REQUIRE(wait_until([&] { return offers == 1 && running.senders.wait_until_idle({}); }));
  clock -= 365 * 86'400;
  CHECK(wait_until([&] { return offers >= 2; }));
}
