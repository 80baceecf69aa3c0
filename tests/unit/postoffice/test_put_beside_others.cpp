// Filing while others are at work: hostile things that the mailbox's group lays in the way, readers
// who move messages, mailboxes that go away, the same message many times at once.
#include <atomic>
#include <cerrno>
#include <ctime>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "postoffice/put.h"
#include "unit/catch.h"
#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/put_test_support.h"

namespace smtpgate::postoffice {
namespace {

using namespace put_test;

TEST_CASE("nothing that the mailbox's group lays in the way is followed, trusted or waited for") {
  PutFixture fixture;
  const Postoffice postoffice = fixture.open();
  const std::string part = GENERATE("new", "cur");
  const std::string path = fixture / ("MBG/alice/" + part + "/" + key);
  const std::string target = fixture.directory() / "target";
  test::write_file(target, "precious");
  SECTION("a symbolic link") {
    REQUIRE(::symlink(target.c_str(), path.c_str()) == 0);
  }
  SECTION("a dangling link") {
    REQUIRE(::symlink("/nowhere/x", path.c_str()) == 0);
  }
  SECTION("a FIFO") {
    REQUIRE(::mkfifo(path.c_str(), 0666) == 0);
  }
  SECTION("a directory") {
    REQUIRE(::mkdir(path.c_str(), 0777) == 0);
  }
  SECTION("a file of somebody else's") {
    if (::geteuid() != 0) return;
    test::write_file(path, "forged");
    REQUIRE(::chown(path.c_str(), 65534, 65534) == 0);
  }
  const Outcome outcome = deliver(postoffice, {"alice"});
  INFO(outcome.sentence());
  CHECK(outcome.is_delivered());
  const std::string name = part == "new" ? key + "-2" : key;
  CHECK(outcome.sentence() == "filed as " + name + " in mailbox alice");
  CHECK(test::read_file(fixture / ("MBG/alice/new/" + name)) == sample_message());
  CHECK(test::read_file(target) == "precious");
  CHECK(deliver(postoffice, {"alice"}).sentence() == "duplicate of " + key + " in mailbox alice");
}

TEST_CASE("a reader who moves the message between our looks makes no second one") {
  PutFixture fixture;
  REQUIRE(deliver(fixture.open(), {"alice"}).is_delivered());
  std::filesystem::remove(fixture / ("MBG/alice/ids/" + key));
  const std::string before = GENERATE("link", "status");
  FaultyFileSystem faulty;
  const Postoffice postoffice = fixture.open(faulty);
  faulty.before([&](const Operation& operation) {
    // Before the link: cur/ was seen empty. Before the look at new/: the link has failed.
    const bool now = before == "link" ? operation.name == "link"
                                      : operation.name == "status" &&
                                            operation.path == fixture / ("MBG/alice/new/" + key);
    if (!now) return;
    faulty.heal();
    std::filesystem::rename(fixture / ("MBG/alice/new/" + key), fixture / ("MBG/alice/cur/" + key));
  });
  const Outcome outcome = deliver(postoffice, {"alice"});
  INFO(outcome.sentence());
  CHECK(outcome.sentence() == "duplicate of " + key + " in mailbox alice");
  CHECK(fixture.unread().empty());
  CHECK(fixture.read() == Names{key});
}

TEST_CASE(
    "a reader who deletes the message between our looks gets no second one under another name") {
  PutFixture fixture;
  REQUIRE(deliver(fixture.open(), {"alice"}).is_delivered());
  std::filesystem::remove(fixture / ("MBG/alice/ids/" + key));
  FaultyFileSystem faulty;
  const Postoffice postoffice = fixture.open(faulty);
  faulty.before([&](const Operation& operation) {
    if (operation.name != "status" || operation.path != fixture / ("MBG/alice/new/" + key)) return;
    faulty.heal();
    std::filesystem::remove(fixture / ("MBG/alice/new/" + key));
  });
  CHECK(deliver(postoffice, {"alice"}).is_temporary());
  CHECK(fixture.unread().empty());
  CHECK(deliver(postoffice, {"alice"}).sentence() == "filed as " + key + " in mailbox alice");
  CHECK(fixture.unread() == Names{key});
}

TEST_CASE("a reader who is faster than our last look does not undo the filing") {
  PutFixture fixture;
  FaultyFileSystem faulty;
  const Postoffice postoffice = fixture.open(faulty);
  int looks = 0;
  faulty.before([&](const Operation& operation) {
    if (operation.name != "status" || operation.path != fixture / ("MBG/alice/cur/" + key)) return;
    if (++looks < 2) return;
    faulty.heal();
    std::filesystem::rename(fixture / ("MBG/alice/new/" + key), fixture / ("MBG/alice/cur/" + key));
  });
  CHECK(deliver(postoffice, {"alice"}).sentence() == "filed as " + key + " in mailbox alice");
  CHECK(fixture.read() == Names{key});
}

TEST_CASE("a mailbox or a postoffice that went away after the look-up is temporary") {
  PutFixture fixture;
  const Postoffice postoffice = fixture.open();
  auto delivery = Delivery::begin(postoffice);
  REQUIRE(delivery.has_value());
  REQUIRE(delivery->seal(0, key).is_delivered());
  std::filesystem::remove_all(fixture / "MBG/alice");
  const Outcome gone = delivery->file_into("alice");
  CHECK(gone.is_temporary());
  CHECK(gone.status() == "4.2.1");
  // Gone for good: that is a fact, and the next look-up says it.
  CHECK(postoffice.resolve("alice").error().status() == "5.1.1");
  std::filesystem::remove_all(fixture / "MBG/postmaster/new");
  CHECK(delivery->file_into("postmaster").status() == "4.3.5");
  std::filesystem::rename(fixture / "MBG", fixture / "MBG.away");
  CHECK(delivery->file_into("alice").is_temporary());
  std::filesystem::rename(fixture.path(), fixture.path() + ".away");
  CHECK(delivery->file_into("alice").is_temporary());
  const auto none = Delivery::begin(postoffice);
  REQUIRE_FALSE(none.has_value());
  CHECK(none.error().is_temporary());
}

TEST_CASE("a message that comes while a removal is under way, then refused, gets in by its retry") {
  PutFixture fixture;
  REQUIRE(deliver(fixture.open(), {"alice"}, "").is_delivered());
  FaultyFileSystem faulty;
  const Postoffice postoffice = fixture.open(faulty);
  std::optional<Outcome> meanwhile;
  faulty.before([&](const Operation& operation) {
    // The mailbag was moved aside, and what is in it is looked at for the second time.
    if (operation.name != "list" || operation.path.find("/.leaving-") == std::string::npos) return;
    faulty.heal();
    meanwhile = deliver(fixture.open(), {"alice"});
    const std::string doomed = operation.path.substr(0, operation.path.rfind('/'));
    test::write_file(doomed + "/new/late", "came a moment ago");
  });
  std::filesystem::remove_all(fixture / "MBG/alice/new");
  REQUIRE(::mkdir((fixture / "MBG/alice/new").c_str(), 0770) == 0);
  CHECK(postoffice.remove_mailbox("alice", false).is_permanent());
  REQUIRE(meanwhile.has_value());
  CHECK(meanwhile->is_temporary());
  CHECK(deliver(postoffice, {"alice"}).is_delivered());
}

TEST_CASE("many deliveries of the same message at once leave one") {
  PutFixture fixture;
  const Postoffice postoffice = fixture.open();
  std::vector<std::thread> threads;
  std::atomic<int> filed = 0;
  std::atomic<int> duplicates = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      const Outcome outcome = deliver(postoffice, {"alice"});
      if (outcome.sentence().starts_with("filed")) ++filed;
      if (outcome.sentence().starts_with("duplicate")) ++duplicates;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(filed == 1);
  CHECK(duplicates == 7);
  CHECK(fixture.unread() == Names{key});
}

}  // namespace
}  // namespace smtpgate::postoffice
