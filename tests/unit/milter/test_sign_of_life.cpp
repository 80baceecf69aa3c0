// Signs of life: given whatever the rest of the way out does, and what dead hosts had taken over.
#include <atomic>
#include <ctime>
#include <filesystem>
#include <future>
#include <thread>

#include "milter/outbound_service.h"
#include "milter/sign_of_life.h"
#include "unit/milter/outbound_fixture.h"
#include "unit/postoffice/faulty_file_system.h"

using namespace smtpgate;
using namespace smtpgate::milter;
using smtpgate::postoffice::FaultyFileSystem;
using smtpgate::postoffice::Operation;
using smtpgate::test::OutboundGateway;
using smtpgate::test::wait_until;
namespace fs = std::filesystem;

TEST_CASE("a sign is given several times in a lease, and no more often than every second") {
  OutboundGatewaySettings settings;
  CHECK(sign_pause(settings) == std::chrono::seconds(30));
  settings.poll = std::chrono::seconds(3600);
  CHECK(sign_pause(settings) == std::chrono::seconds(225));
  settings.lease = std::chrono::seconds(60);
  CHECK(sign_pause(settings) == std::chrono::seconds(15));
  settings.poll = std::chrono::seconds(1);
  CHECK(sign_pause(settings) == std::chrono::seconds(1));
}

TEST_CASE("a host whose look at outboxes hangs is alive all the same") {
  OutboundGateway gateway("", "[outbound]\npoll = 1\n");
  fs::create_directories(gateway.outbox("anna"));
  const std::string sign = gateway.folder() + "/SMTP/.alive-" + gateway.open().host();
  FaultyFileSystem files;
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  std::atomic<bool> hangs = false;
  files.before([&](const Operation& one) {
    if (one.name != "list" || !one.path.ends_with("/anna/outbox")) return;
    hangs = true;
    released.wait();
  });
  {
    OutboundService service(gateway.surroundings(files));
    service.start();
    CHECK(wait_until([&] { return hangs && fs::exists(sign); }));
    fs::remove(sign);
    CHECK(wait_until([&] { return fs::exists(sign); }));
    release.set_value();
  }
}

TEST_CASE("what a dead host had is taken over, and somebody is told to look at it") {
  OutboundGateway gateway;
  const std::string id = gateway.hand_over_one();
  const fs::path smtp = gateway.folder() + "/SMTP";
  fs::rename(smtp / id, smtp / (id + ".dead"));
  std::ofstream(smtp / ".alive-dead") << "";
  fs::last_write_time(smtp / ".alive-dead",
                      fs::file_time_type::clock::now() - std::chrono::hours(1));
  std::atomic<int> told = 0;
  SignOfLife sign(gateway.surroundings(), [&] { ++told; });
  std::thread thread([&] { sign.run(); });
  CHECK(wait_until([&] { return told == 1; }));
  sign.stop();
  thread.join();
  CHECK(fs::exists(smtp / id));
  CHECK(gateway.log.count("taken over from a host that is not alive: 1") == 1);
}
