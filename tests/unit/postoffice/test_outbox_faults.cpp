// Outboxes and a crash at any step, one that fails, and several at once: nothing is lost or
// doubled.
#include <cerrno>
#include <thread>

#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/outbox_fixture.h"

namespace smtpgate::postoffice {
namespace {

using Lines = std::vector<std::string>;

TEST_CASE("an outbox on another file system is emptied too") {
  OutboxFixture fixture;
  fixture.drop("a.API", message(to_bernd + to_jo));
  fixture.drop("b.API", "VERSION:3.00\nNONSENSE:x\nTEXT:0\nmore\n");
  FaultyFileSystem apart;
  apart.fail_if(
      [](const Operation& one) {
        return one.name == "rename" && one.path.find("/outbox/") != std::string::npos &&
               one.to.ends_with("/TAKEN.API");
      },
      EXDEV);
  CHECK(fixture.pick_up(apart).unfinished == 0);
  CHECK(fixture.in("MBG/bernd/new").size() == 1);
  CHECK(fixture.waiting().size() == 1);
  CHECK(fixture.in("MBG/anna/outbox") == Lines{"b.API.bad"});
  for (const std::string& name : fixture.in("MBG/anna/ids")) CHECK(name.front() != '.');
  CHECK(fixture.is_nothing_left());
}

/// An outbox that is not on the file system of P1.
bool is_apart(const Operation& one) {
  return one.name == "rename" && one.path.find("/outbox/") != std::string::npos &&
         one.to.ends_with("/TAKEN.API");
}

/// Stops at each operation in turn, as a crash would, and goes on with a new process.
void stop_everywhere(bool with_outbox_apart) {
  const std::string contents = message(to_bernd + to_jo + "TO:TESTNET/TESTPO/nobody\n", "one\n") +
                               message(to_bernd, "two\n") + message(to_jo, "three\n");
  // What differs with the outbox apart are the first steps and the last; each run costs the disk.
  constexpr std::uint64_t first_steps = 30;
  bool is_stopped = true;
  for (std::uint64_t n = 0; is_stopped; n += with_outbox_apart && n > first_steps ? 5 : 1) {
    OutboxFixture fixture;
    test::write_file(fixture / "GLB/MAILBOX/anna.toml", "keep_sent = true\n");
    fixture.drop("a.API", contents);
    FaultyFileSystem inner;
    if (with_outbox_apart) inner.fail_if(is_apart, EXDEV);
    FileSystem& below = inner;
    FaultyFileSystem faulty(below);
    const Postoffice postoffice = fixture.open(faulty);
    faulty.fail_at(n, EIO, FaultyFileSystem::Moment::instead, true);
    (void)pick_up_outbox(postoffice, "anna", {}, fixture.teller());
    is_stopped = faulty.faults() > 0;
    REQUIRE(clear_abandoned_work(fixture.open()));
    fixture.let_a_minute_pass();
    (void)fixture.resume();
    (void)fixture.pick_up();
    INFO("stopped at " << n);
    CHECK(fixture.in("MBG/anna/outbox").empty());
    CHECK(fixture.in("MBG/bernd/new").size() == 2);
    CHECK(fixture.in("MBG/anna/sent").size() == 3);
    CHECK(fixture.in("MBG/anna/new").size() == 1);
    CHECK(fixture.waiting() == Lines{"SMTP:jo@example.com", "SMTP:jo@example.com"});
    CHECK(fixture.is_nothing_left());
    for (const std::string& name : fixture.in("MBG/anna/ids")) CHECK(name.front() != '.');
  }
}

TEST_CASE("stopped at any operation, each message arrives once") {
  stop_everywhere(false);
}

TEST_CASE("stopped at any operation with the outbox apart, each message arrives once") {
  stop_everywhere(true);
}

TEST_CASE("a copy that may not be made now is no fault of the file, which is not set aside") {
  OutboxFixture fixture;
  fixture.drop("a.API", message(to_bernd));
  FaultyFileSystem faulty;
  faulty.fail_if(
      [](const Operation& one) {
        return one.name == "create" && one.path.ends_with("/FROM_NC.API");
      },
      EACCES);
  CHECK(fixture.pick_up(faulty).unfinished == 1);
  CHECK(fixture.in("MBG/anna/outbox").empty());
  CHECK(fixture.in("MBG/anna/new").empty());
  (void)fixture.resume();
  CHECK(fixture.in("MBG/bernd/new").size() == 1);
}

TEST_CASE("a file whose place to go to has gone is not said to be gone itself") {
  OutboxFixture fixture;
  fixture.drop("a.API.bad", message(to_bernd));
  FaultyFileSystem faulty;
  faulty.fail_if(is_apart, ENOENT);
  OutboxOptions options;
  const auto again = [&](FileSystem& files) {
    return pick_up_again(fixture.open(files), "anna", "a.API.bad", "a.API", options,
                         [](const OutboxNote&) {});
  };
  const auto refused = again(faulty);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().is_temporary());
  CHECK(fixture.in("MBG/anna/outbox") == Lines{"a.API.bad"});
  CHECK(again(FileSystem::posix()));
  CHECK(fixture.in("MBG/bernd/new").size() == 1);
}

TEST_CASE("what is taken up again is synced out of the outbox before anybody is served") {
  OutboxFixture fixture;
  fixture.drop("a.API", message(to_bernd));
  FaultyFileSystem dying;
  bool is_taken = false;
  dying.fail_if(
      [&](const Operation& one) {
        const bool was_taken = is_taken;
        is_taken = is_taken || one.to.ends_with("/TAKEN.API");
        return was_taken;
      },
      EIO);
  (void)fixture.pick_up(dying);
  REQUIRE(fixture.in("MBG/bernd/new").empty());
  FaultyFileSystem watched;
  (void)fixture.resume(watched);
  bool is_synced = false;
  bool is_filed = false;
  for (const Operation& one : watched.operations()) {
    if (one.name == "sync_directory" && one.path.find("/P1/") != std::string::npos) {
      is_synced = true;
    }
    if (one.name == "link") {
      CHECK(is_synced);
      is_filed = true;
    }
  }
  CHECK(is_filed);
}

void fail_once_everywhere(FaultyFileSystem::Moment moment) {
  for (std::uint64_t n = 0;; ++n) {
    OutboxFixture fixture;
    fixture.drop("a.API", message(to_bernd + to_jo));
    FaultyFileSystem faulty;
    const Postoffice postoffice = fixture.open(faulty);
    const std::size_t before = faulty.operations().size();
    faulty.fail_at(n, EIO, moment);
    auto result = pick_up_outbox(postoffice, "anna", {}, fixture.teller());
    if (faulty.faults() == 0) break;
    INFO("failed " << faulty.operations()[before + n].str());
    const bool is_done = fixture.in("MBG/anna/outbox").empty() && fixture.waiting().size() == 1 &&
                         fixture.in("MBG/bernd/new").size() == 1;
    if (!is_done) CHECK((!result || result->unfinished > 0));
    fixture.let_a_minute_pass();
    (void)fixture.resume();
    (void)fixture.pick_up();
    CHECK(fixture.in("MBG/bernd/new").size() == 1);
    CHECK(fixture.waiting().size() == 1);
    CHECK(fixture.in("MBG/anna/outbox").empty());
    CHECK(fixture.is_nothing_left());
  }
}

TEST_CASE("one failing operation is told, and what it stopped is done later, once") {
  fail_once_everywhere(FaultyFileSystem::Moment::instead);
}

TEST_CASE("one operation that is done but called failed doubles nothing") {
  fail_once_everywhere(FaultyFileSystem::Moment::afterwards);
}

TEST_CASE("of several that pick up one outbox at once, exactly one takes each file") {
  OutboxFixture fixture;
  constexpr int files = 40;
  for (int i = 0; i < files; ++i) fixture.drop("m" + std::to_string(i) + ".API", message(to_bernd));
  std::vector<std::thread> gateways;
  for (const char* host : {"one", "two", "three"}) {
    gateways.emplace_back([postoffice = fixture.open().on_host(host)] {
      (void)pick_up_outbox(postoffice, "anna", {}, [](const OutboxNote&) {});
    });
  }
  for (std::thread& gateway : gateways) gateway.join();
  CHECK(fixture.in("MBG/bernd/new").size() == files);
  CHECK(fixture.in("MBG/anna/outbox").empty());
  CHECK(fixture.in("MBG/anna/new").empty());
}

}  // namespace
}  // namespace smtpgate::postoffice
