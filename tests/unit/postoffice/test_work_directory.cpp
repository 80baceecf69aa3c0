// The directories of work in flight: each delivery has its own, where its file needs a name, and
// what dead processes left is cleared without touching what lives.
#include <atomic>
#include <ctime>
#include <thread>

#include <sys/stat.h>

#include "postoffice/put.h"
#include "unit/catch.h"
#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/put_test_support.h"

namespace smtpgate::postoffice {
namespace {

using namespace put_test;

/// A disk where every message needs its directory.
struct NamedFiles : FaultyFileSystem {
  NamedFiles() { has_no_linkable_files(); }
};

TEST_CASE("work of dead processes is cleared, work in hand is not") {
  PutFixture fixture;
  NamedFiles files;
  const Postoffice postoffice = fixture.open(files);
  CHECK(clear_abandoned_work(postoffice).value() == 0);  // no directory of this host yet
  auto alive = Delivery::begin(postoffice);
  REQUIRE(alive.has_value());
  const std::string host = fixture.host();
  REQUIRE(::mkdir((host + "/dead").c_str(), 0700) == 0);
  test::write_file(host + "/dead/TO_NC.API", "half");
  REQUIRE(::mkdir((host + "/empty-and-old").c_str(), 0700) == 0);
  test::set_modified(host + "/empty-and-old", std::time(nullptr) - 3600);
  REQUIRE(::mkdir((fixture / "P1/otherhost").c_str(), 0700) == 0);
  REQUIRE(::mkdir((fixture / "P1/otherhost/dead").c_str(), 0700) == 0);
  CHECK(clear_abandoned_work(postoffice).value() == 2);
  CHECK(test::names_in(host) == Names{alive->id()});
  CHECK(std::filesystem::exists(fixture / "P1/otherhost/dead"));
  REQUIRE(alive->message_file().write(sample_message()).has_value());
  REQUIRE(alive->seal(0, "").is_delivered());
  CHECK(alive->file_into("alice").is_delivered());
}

TEST_CASE("a directory that is about to be locked is not cleared") {
  PutFixture fixture;
  NamedFiles faulty;
  const Postoffice postoffice = fixture.open(faulty);
  faulty.before([&](const Operation& operation) {
    if (operation.name != "try_lock") return;
    faulty.heal();
    CHECK(clear_abandoned_work(fixture.open()).value() == 0);
  });
  CHECK(deliver(postoffice, {"alice"}).is_delivered());
}

TEST_CASE("a directory cleared or taken before it could be locked is replaced by another") {
  PutFixture fixture;
  const std::string at = GENERATE("open_directory", "try_lock", "status");
  NamedFiles faulty;
  const Postoffice postoffice = fixture.open(faulty);
  faulty.before([&](const Operation& operation) {
    const std::string name = std::filesystem::path(operation.path).filename();
    if (operation.name != at || name.size() != 32) return;
    faulty.heal();
    std::filesystem::remove(operation.path);
  });
  CHECK(deliver(postoffice, {"alice"}).is_delivered());
}

TEST_CASE("clearing beside beginning: no delivery loses its directory") {
  PutFixture fixture;
  NamedFiles files;
  const Postoffice postoffice = fixture.open(files);
  REQUIRE(deliver(postoffice, {"alice"}, "").is_delivered());
  std::atomic<bool> stop = false;
  std::thread cleaner([&] {
    while (!stop) (void)clear_abandoned_work(postoffice);
  });
  std::string problem;
  int delivered = 0;
  for (int n = 0; n < 200; ++n) {
    const Outcome outcome = deliver(postoffice, {"alice"}, "");
    if (outcome.is_delivered()) ++delivered;
    if (!outcome.is_delivered()) problem = outcome.sentence();
  }
  stop = true;
  cleaner.join();
  INFO(problem);
  CHECK(delivered == 200);
  CHECK(fixture.unread().size() == 201);
}

TEST_CASE("a delivery moved elsewhere clears its work once") {
  PutFixture fixture;
  NamedFiles files;
  const Postoffice postoffice = fixture.open(files);
  auto first = Delivery::begin(postoffice);
  auto second = Delivery::begin(postoffice);
  REQUIRE((first && second));
  CHECK(test::names_in(fixture.host()).size() == 2);
  *first = std::move(*second);
  CHECK(test::names_in(fixture.host()).size() == 1);
  CHECK(first->message_file().write("x").has_value());
}

}  // namespace
}  // namespace smtpgate::postoffice
