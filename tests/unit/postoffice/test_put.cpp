// Filing: once, whole, durable - or temporary and nothing half. Each operation of a delivery is
// made to fail in turn. What others do meanwhile: test_put_beside_others.cpp.
#include <cerrno>
#include <ctime>

#include <sys/stat.h>
#include <unistd.h>

#include "postoffice/put.h"
#include "postoffice/unique_id.h"
#include "unit/catch.h"
#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/put_test_support.h"

namespace smtpgate::postoffice {
namespace {

using namespace put_test;

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
  const std::string young = "." + new_unique_id();
  // One of a clock that was set back since is as old as one of last year.
  for (const std::string& name :
       {key, other_key, std::string(".018bcfe56800") + std::string(20, '0'), std::string("note"),
        std::string(".ffffffffffff") + std::string(20, '0'), young}) {
    test::write_file(ids + name, "");
  }
  test::set_modified(ids + key, now - 6 * 86'400);
  test::set_modified(ids + other_key, now - 4 * 86'400);
  test::set_modified(ids + "note", 0);
  CHECK(expire_markers(postoffice, now).value() == 1);
  CHECK(fixture.markers() == Names{young, other_key, "note"});
}

TEST_CASE("each operation of a delivery failing: temporary, nothing half, filed once afterwards") {
  const int code = GENERATE(ENOSPC, EIO, EROFS);
  const auto moment =
      GENERATE(FaultyFileSystem::Moment::instead, FaultyFileSystem::Moment::afterwards);
  const bool for_good = GENERATE(false, true);
  const bool has_names = GENERATE(false, true);
  PutFixture fixture;
  std::size_t n = 0;
  for (;; ++n) {
    const std::string this_key = key.substr(0, 61) + std::to_string(100 + n);
    FaultyFileSystem faulty;
    if (has_names) faulty.has_no_linkable_files();
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
  const bool has_names = GENERATE(false, true);
  PutFixture fixture;
  FaultyFileSystem faulty;
  if (has_names) faulty.has_no_linkable_files();
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
  const bool has_names = GENERATE(false, true);
  PutFixture fixture;
  std::size_t n = 0;
  for (;; ++n) {
    const std::string this_key = key.substr(0, 61) + std::to_string(100 + n);
    // Two kinds of trouble at once: links are refused, and the n-th operation fails.
    FaultyFileSystem faulty;
    if (has_names) faulty.has_no_linkable_files();
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
