// Filing: once, whole, durable - or temporary and nothing half. Each operation of a delivery is
// made to fail in turn, and each hostile thing is laid in its way.
#include <atomic>
#include <cerrno>
#include <ctime>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "postoffice/mmff_reader.h"
#include "postoffice/mmff_writer.h"
#include "postoffice/put.h"
#include "unit/catch.h"
#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/postoffice_fixture.h"

namespace smtpgate::postoffice {
namespace {

using test::PostofficeFixture;

const std::string key(64, 'a');
const std::string other_key = std::string(63, 'a') + "b";

std::string sample_message(std::string_view subject = "test") {
  MessageHeader header;
  header.from = TypedAddress::parse("SMTP:sender@example.test");
  header.to = {TypedAddress::parse("CSI:TESTNET/TESTPO/ALICE")};
  header.subject = subject;
  header.text_size = 10'000;
  return render_header(header, LineEnd::lf) + std::string(10'000, 'x');
}

/// Whole: reads to its end without an error.
bool is_whole(const std::string& path) {
  const std::string contents = test::read_file(path);
  MemorySource source(contents);
  Reader reader(source);
  auto header = reader.next();
  if (!header || !*header) return false;
  std::string buffer(4096, '\0');
  for (;;) {
    auto count = reader.read(buffer);
    if (!count) return false;
    if (*count == 0) return true;
  }
}

Outcome deliver(const Postoffice& postoffice, const std::vector<std::string>& mailboxes,
                std::string_view content_key = key, std::int64_t arrival = std::time(nullptr),
                const std::string& contents = sample_message()) {
  auto delivery = Delivery::begin(postoffice);
  if (!delivery) return delivery.error();
  if (auto done = delivery->message_file().write(contents); !done) return done.error().outcome();
  if (Outcome sealed = delivery->seal(arrival, content_key); !sealed.is_delivered()) return sealed;
  Outcome result = Outcome::delivered("nowhere");
  for (const std::string& mailbox : mailboxes) {
    Outcome filed = delivery->file_into(mailbox);
    if (!filed.is_delivered()) return filed;
    result = filed;
  }
  return result;
}

struct PutFixture : PostofficeFixture {
  PutFixture() { add_mailbox("alice"); }

  std::vector<std::string> unread() const { return test::names_in(*this / "MBG/alice/new"); }
  std::vector<std::string> read() const { return test::names_in(*this / "MBG/alice/cur"); }
  std::vector<std::string> markers() const { return test::names_in(*this / "MBG/alice/ids"); }
  std::string host() const { return *this / ("P1/" + test::names_in(*this / "P1").front()); }
};

using Names = std::vector<std::string>;

TEST_CASE("a message is filed under its key, read-only, with its arrival as its time") {
  PutFixture fixture;
  const Outcome outcome = deliver(fixture.open(), {"alice"}, key, 1'700'000'000);
  INFO(outcome.sentence());
  CHECK(outcome.is_delivered());
  CHECK(outcome.sentence() == "filed as " + key + " in mailbox alice");
  CHECK(fixture.unread() == Names{key});
  CHECK(fixture.markers() == Names{key});
  const auto status = FileSystem::posix().status(fixture / ("MBG/alice/new/" + key));
  CHECK(status->mode == 0444);
  CHECK(status->modified == 1'700'000'000);
  CHECK(test::read_file(fixture / ("MBG/alice/new/" + key)) == sample_message());
  CHECK(test::names_in(fixture.host()).empty());  // the work directory is gone
}

TEST_CASE("a message for several mailboxes is one file") {
  PutFixture fixture;
  fixture.add_mailbox("bob");
  REQUIRE(deliver(fixture.open(), {"alice", "bob", "postmaster"}).is_delivered());
  const auto status = FileSystem::posix().status(fixture / ("MBG/bob/new/" + key));
  CHECK(status->links == 3);
}

TEST_CASE("the order is: sync the file, link it, sync the directory, mark it") {
  PutFixture fixture;
  FaultyFileSystem recording;
  REQUIRE(deliver(fixture.open(recording), {"alice"}).is_delivered());
  Names order;
  for (const Operation& operation : recording.operations()) {
    const bool is_marker = operation.path.find("/ids/") != std::string::npos;
    if (operation.name == "sync" || operation.name == "link" ||
        operation.name == "sync_directory" || operation.name == "set_modified" ||
        (operation.name == "create" && is_marker)) {
      order.push_back(operation.name);
    }
  }
  CHECK(order == Names{"set_modified", "sync", "link", "sync_directory", "create"});
}

TEST_CASE("the same message again is a duplicate, wherever it lies") {
  PutFixture fixture;
  const Postoffice postoffice = fixture.open();
  REQUIRE(deliver(postoffice, {"alice"}).is_delivered());
  const std::string duplicate = "duplicate of " + key + " in mailbox alice";

  SECTION("marked") {
    CHECK(deliver(postoffice, {"alice"}).sentence() == duplicate);
    CHECK(fixture.unread() == Names{key});
  }
  SECTION("marked, and deleted by its reader") {
    std::filesystem::remove(fixture / ("MBG/alice/new/" + key));
    CHECK(deliver(postoffice, {"alice"}).sentence() == duplicate);
    CHECK(fixture.unread().empty());
  }
  SECTION("in new/ without a marker: the first one died before it") {
    std::filesystem::remove(fixture / ("MBG/alice/ids/" + key));
    FaultyFileSystem recording;
    CHECK(deliver(fixture.open(recording), {"alice"}).sentence() == duplicate);
    // That file is synced, and its directory, before it is called delivered.
    Names synced;
    for (const Operation& operation : recording.operations()) {
      if (operation.name == "sync" || operation.name == "sync_directory") {
        synced.push_back(operation.path);
      }
    }
    REQUIRE(synced.size() == 3);
    CHECK(synced[1] == fixture / ("MBG/alice/new/" + key));
    CHECK(synced[2] == fixture / "MBG/alice/new");
    CHECK(fixture.markers() == Names{key});
    CHECK(fixture.unread() == Names{key});
  }
  SECTION("in cur/ without a marker") {
    std::filesystem::remove(fixture / ("MBG/alice/ids/" + key));
    std::filesystem::rename(fixture / ("MBG/alice/new/" + key), fixture / ("MBG/alice/cur/" + key));
    CHECK(deliver(postoffice, {"alice"}).sentence() == duplicate);
    CHECK(fixture.unread().empty());
    CHECK(fixture.read() == Names{key});
    CHECK(fixture.markers() == Names{key});
  }
}

TEST_CASE("another mailbox, or other content, is no duplicate") {
  PutFixture fixture;
  fixture.add_mailbox("bob");
  const Postoffice postoffice = fixture.open();
  REQUIRE(deliver(postoffice, {"alice"}).is_delivered());
  CHECK(deliver(postoffice, {"bob"}).sentence() == "filed as " + key + " in mailbox bob");
  CHECK(deliver(postoffice, {"alice"}, other_key).is_delivered());
  CHECK(fixture.unread() == Names{key, other_key});
}

TEST_CASE("messages without a key are never duplicates") {
  PutFixture fixture;
  const Postoffice postoffice = fixture.open();
  CHECK(deliver(postoffice, {"alice"}, "").is_delivered());
  CHECK(deliver(postoffice, {"alice"}, "").is_delivered());
  CHECK(fixture.unread().size() == 2);
  CHECK(fixture.markers().empty());
}

TEST_CASE("after dedupe_days the same content is filed again, beside the old one if it is there") {
  PutFixture fixture;
  const Postoffice postoffice = fixture.open();
  const std::int64_t now = std::time(nullptr);
  const std::int64_t six_days_ago = now - 6 * 86'400;
  REQUIRE(deliver(postoffice, {"alice"}, key, six_days_ago).is_delivered());
  test::set_modified(fixture / ("MBG/alice/ids/" + key), six_days_ago);

  SECTION("the old one was deleted") {
    std::filesystem::remove(fixture / ("MBG/alice/new/" + key));
    CHECK(deliver(postoffice, {"alice"}).sentence() == "filed as " + key + " in mailbox alice");
    CHECK(fixture.unread() == Names{key});
  }
  SECTION("the old one was never read") {
    CHECK(deliver(postoffice, {"alice"}).sentence() == "filed as " + key + "-2 in mailbox alice");
    CHECK(fixture.unread() == Names{key, key + "-2"});
    CHECK(deliver(postoffice, {"alice"}).sentence() == "duplicate of " + key + " in mailbox alice");
    // Without the marker as well: what was filed as the second is found.
    std::filesystem::remove(fixture / ("MBG/alice/ids/" + key));
    CHECK(deliver(postoffice, {"alice"}).sentence() ==
          "duplicate of " + key + "-2 in mailbox alice");
    CHECK(fixture.unread().size() == 2);
  }
  SECTION("the old one was read, and its marker has expired") {
    std::filesystem::rename(fixture / ("MBG/alice/new/" + key), fixture / ("MBG/alice/cur/" + key));
    CHECK(expire_markers(postoffice, now).value() == 1);
    CHECK(deliver(postoffice, {"alice"}).sentence() == "filed as " + key + "-2 in mailbox alice");
  }
}

TEST_CASE("a retry of a message that arrived long ago finds what the first try filed") {
  PutFixture fixture;
  REQUIRE(deliver(fixture.open(), {"alice"}, key, 1'000'000'000).is_delivered());
  std::filesystem::remove(fixture / ("MBG/alice/ids/" + key));
  CHECK(deliver(fixture.open(), {"alice"}, key, 1'000'000'000).is_delivered());
  CHECK(fixture.unread() == Names{key});
}

TEST_CASE("expiry takes old markers and copies left half, and nothing else") {
  PutFixture fixture;
  const Postoffice postoffice = fixture.open();
  const std::int64_t now = std::time(nullptr);
  const std::string ids = fixture / "MBG/alice/ids/";
  for (const std::string& name :
       {key, other_key, std::string(".018bcfe56800") + std::string(20, '0'), std::string("note"),
        std::string(".ffffffffffff") + std::string(20, '0')}) {
    test::write_file(ids + name, "");
  }
  test::set_modified(ids + key, now - 6 * 86'400);
  test::set_modified(ids + other_key, now - 4 * 86'400);
  test::set_modified(ids + "note", 0);
  CHECK(expire_markers(postoffice, now).value() == 1);
  CHECK(fixture.markers() == Names{".ffffffffffff" + std::string(20, '0'), other_key, "note"});
}

TEST_CASE("each operation of a delivery failing: temporary, nothing half, filed once afterwards") {
  const int code = GENERATE(ENOSPC, EIO, EROFS);
  const auto moment =
      GENERATE(FaultyFileSystem::Moment::instead, FaultyFileSystem::Moment::afterwards);
  const bool for_good = GENERATE(false, true);
  PutFixture fixture;
  std::size_t n = 0;
  for (;; ++n) {
    const std::string this_key = key.substr(0, 61) + std::to_string(100 + n);
    FaultyFileSystem faulty;
    const Postoffice postoffice = fixture.open(faulty);
    faulty.forget_operations();
    faulty.fail_at(n, code, moment, for_good);
    const Outcome outcome = deliver(postoffice, {"alice"}, this_key);
    if (faulty.faults() == 0) break;
    const Operation failed = faulty.operations().at(n);
    INFO(n << " " << code << ": " << failed.str() << ": " << outcome.sentence());
    // Clearing the work directory comes after the answer.
    const bool is_clearing = failed.path.find("/P1/") != std::string::npos &&
                             (failed.name == "list" || failed.name.starts_with("remove"));
    if (!is_clearing || !outcome.is_delivered()) {
      CHECK(outcome.is_temporary());
      CHECK(outcome.status() == (code == ENOSPC ? "4.3.1" : "4.3.0"));
    }
    for (const std::string& name : fixture.unread()) {
      CHECK(is_whole(fixture / ("MBG/alice/new/" + name)));
    }
    CHECK(deliver(fixture.open(), {"alice"}, this_key).is_delivered());
    CHECK(std::filesystem::exists(fixture / ("MBG/alice/new/" + this_key)));
    CHECK(fixture.unread().size() == n + 1);
  }
  CHECK(n > 15);
  for (const std::string& name : test::names_in(fixture.host())) {
    test::set_modified(fixture.host() + "/" + name, 0);  // not starting just now
  }
  CHECK(clear_abandoned_work(fixture.open()).has_value());
  CHECK(test::names_in(fixture.host()).empty());
}

TEST_CASE("each operation failing where the message lies in cur/ or new/ unmarked") {
  const bool is_read = GENERATE(false, true);
  PutFixture fixture;
  REQUIRE(deliver(fixture.open(), {"alice"}).is_delivered());
  if (is_read) {
    std::filesystem::rename(fixture / ("MBG/alice/new/" + key), fixture / ("MBG/alice/cur/" + key));
  }
  std::size_t delivered = 0;
  for (std::size_t n = 0; delivered == 0 || n < 40; ++n) {
    std::filesystem::remove(fixture / ("MBG/alice/ids/" + key));
    FaultyFileSystem faulty;
    const Postoffice postoffice = fixture.open(faulty);
    faulty.forget_operations();
    faulty.fail_at(n, EIO);
    const Outcome outcome = deliver(postoffice, {"alice"});
    if (outcome.is_delivered()) ++delivered;
    CHECK((outcome.is_delivered() || outcome.is_temporary()));
    CHECK(fixture.unread().size() + fixture.read().size() == 1);
  }
}

TEST_CASE(
    "after a failed sync of the message the delivery is dead, though the next would succeed") {
  PutFixture fixture;
  FaultyFileSystem faulty;
  auto delivery = Delivery::begin(fixture.open(faulty));
  REQUIRE(delivery.has_value());
  REQUIRE(delivery->message_file().write(sample_message()).has_value());
  faulty.fail_if([](const Operation& operation) { return operation.name == "sync"; }, EIO);
  CHECK(delivery->seal(0, key).is_temporary());
  faulty.heal();
  CHECK(delivery->file_into("alice").is_temporary());
  CHECK(delivery->seal(0, key).is_temporary());
  CHECK(delivery->file_into("alice").is_temporary());
  CHECK(fixture.unread().empty());
}

TEST_CASE("what is not sealed, or wrongly named, is not filed") {
  PutFixture fixture;
  auto delivery = Delivery::begin(fixture.open());
  REQUIRE(delivery.has_value());
  CHECK(delivery->file_into("alice").is_temporary());
  REQUIRE(delivery->seal(0, "").is_delivered());
  for (const char* name : {"", "..", "../alice", "alice/new", "a\nb"}) {
    CHECK(delivery->file_into(name).is_temporary());
  }
  CHECK(delivery->file_into("alice").is_delivered());
  auto bad = Delivery::begin(fixture.open());
  CHECK(bad->seal(0, "../../../etc/passwd").is_temporary());
  CHECK(bad->file_into("alice").is_temporary());
}

TEST_CASE("where links end a copy is filed") {
  const int code = GENERATE(EMLINK, EXDEV, EPERM, ENOTSUP);
  const bool has_no_links_at_all = GENERATE(false, true);
  PutFixture fixture;
  FaultyFileSystem faulty;
  const Postoffice postoffice = fixture.open(faulty);
  faulty.fail_if(
      [&](const Operation& operation) {
        return operation.name == "link" &&
               (has_no_links_at_all || operation.path.find("/P1/") != std::string::npos);
      },
      code);
  const Outcome outcome = deliver(postoffice, {"alice"}, key, 1'790'000'000);
  INFO(outcome.sentence());
  CHECK(outcome.is_delivered());
  CHECK(fixture.unread() == Names{key});
  CHECK(fixture.markers() == Names{key});
  CHECK(test::read_file(fixture / ("MBG/alice/new/" + key)) == sample_message());
  const auto status = FileSystem::posix().status(fixture / ("MBG/alice/new/" + key));
  CHECK(status->mode == 0444);
  CHECK(status->modified == 1'790'000'000);
  CHECK(status->links == 1);
  // And it never takes another's place.
  std::filesystem::remove(fixture / ("MBG/alice/ids/" + key));
  CHECK(deliver(postoffice, {"alice"}, key, 1'790'000'000).sentence() ==
        "duplicate of " + key + " in mailbox alice");
  CHECK(fixture.unread() == Names{key});
  CHECK(fixture.markers() == Names{key});
}

TEST_CASE("each operation failing on the way of the copy") {
  const bool has_no_links_at_all = GENERATE(false, true);
  PutFixture fixture;
  std::size_t n = 0;
  for (;; ++n) {
    const std::string this_key = key.substr(0, 61) + std::to_string(100 + n);
    // Two kinds of trouble at once: links are refused, and the n-th operation fails.
    FaultyFileSystem faulty;
    FaultyFileSystem no_links(static_cast<FileSystem&>(faulty));
    no_links.fail_if(
        [&](const Operation& operation) {
          return operation.name == "link" &&
                 (has_no_links_at_all || operation.path.find("/P1/") != std::string::npos);
        },
        EXDEV);
    const Postoffice crippled = fixture.open(no_links);
    faulty.forget_operations();
    faulty.fail_at(n, ENOSPC);
    const Outcome outcome = deliver(crippled, {"alice"}, this_key);
    INFO(n << ": " << outcome.sentence());
    CHECK((outcome.is_delivered() || outcome.is_temporary()));
    for (const std::string& name : fixture.unread()) {
      CHECK(is_whole(fixture / ("MBG/alice/new/" + name)));
    }
    const bool was_reached = faulty.faults() > 0;
    faulty.heal();
    CHECK(deliver(crippled, {"alice"}, this_key).is_delivered());
    CHECK(fixture.unread().size() == n + 1);
    if (!was_reached) break;
  }
  CHECK(n > 15);
}

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
    if (operation.name != "list" || operation.path.find("/.gone-") == std::string::npos) return;
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

TEST_CASE("work of dead processes is cleared, work in hand is not") {
  PutFixture fixture;
  const Postoffice postoffice = fixture.open();
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
  FaultyFileSystem faulty;
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
  FaultyFileSystem faulty;
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
  const Postoffice postoffice = fixture.open();
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
  const Postoffice postoffice = fixture.open();
  auto first = Delivery::begin(postoffice);
  auto second = Delivery::begin(postoffice);
  REQUIRE((first && second));
  CHECK(test::names_in(fixture.host()).size() == 2);
  *first = std::move(*second);
  CHECK(test::names_in(fixture.host()).size() == 1);
  CHECK(first->message_file().write("x").has_value());
}

TEST_CASE("what root files belongs to the folder's owner") {
  if (::geteuid() != 0) return;
  PutFixture fixture;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(fixture.path())) {
    REQUIRE(::chown(entry.path().c_str(), 65534, 65534) == 0);
  }
  REQUIRE(::chown(fixture.path().c_str(), 65534, 65534) == 0);
  REQUIRE(deliver(fixture.open(), {"alice"}).is_delivered());
  for (const std::string& path : {"MBG/alice/new/" + key, "MBG/alice/ids/" + key}) {
    CHECK(FileSystem::posix().status(fixture / path)->owner == 65534);
  }
  CHECK(FileSystem::posix().status(fixture.host())->owner == 65534);
}

}  // namespace
}  // namespace smtpgate::postoffice
