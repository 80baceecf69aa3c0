// The file that a message is written to: without a name until it is filed where the disk can do
// that, in a work directory where it cannot, and a copy where the kernel gives it no further name.
// A temporary directory on a file system that cannot do it makes the first kind of test say nothing
// beyond the second.
#include <cerrno>
#include <filesystem>
#include <optional>

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "postoffice/put.h"
#include "unit/catch.h"
#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/put_test_support.h"

namespace smtpgate::postoffice {
namespace {

using namespace put_test;

/// Whether temporary files here can do without a name until they are linked.
bool can_be_linked_later(const std::string& directory) {
  const auto file = FileSystem::posix().create_linkable(directory);
  if (!file) CHECK(file.error().code == EOPNOTSUPP);
  return file.has_value();
}

std::size_t count(const FaultyFileSystem& files, const std::string& name) {
  std::size_t found = 0;
  for (const Operation& one : files.operations()) found += one.name == name ? 1 : 0;
  return found;
}

std::optional<Delivery> sealed(const Postoffice& postoffice) {
  auto delivery = Delivery::begin(postoffice);
  if (!delivery || !delivery->message_file().write(sample_message()) ||
      !delivery->seal(1'790'000'000, key).is_delivered()) {
    return std::nullopt;
  }
  return std::move(*delivery);
}

/// What a message in a mailbag must be, whatever way it came there.
void check_filed(const std::string& path, std::uint64_t links) {
  CAPTURE(path);
  const auto status = FileSystem::posix().status(path);
  REQUIRE(status);
  CHECK(status->mode == 0444);
  CHECK(status->modified == 1'790'000'000);
  CHECK(status->links == links);
  CHECK(test::read_file(path) == sample_message());
}

TEST_CASE("a message has no name until it is filed, and needs no directory") {
  PutFixture fixture;
  if (!can_be_linked_later(fixture / "P1")) return;
  fixture.add_mailbox("bob");
  FaultyFileSystem recording;
  const Postoffice postoffice = fixture.open(recording);
  {
    auto delivery = sealed(postoffice);
    REQUIRE(delivery);
    CHECK(test::names_in(fixture.host()).empty());
    CHECK(delivery->file_into("alice").is_delivered());
    CHECK(delivery->file_into("bob").is_delivered());
    CHECK(test::names_in(fixture.host()).empty());
  }
  check_filed(fixture / ("MBG/alice/new/" + key), 2);
  check_filed(fixture / ("MBG/bob/new/" + key), 2);
  CHECK(count(recording, "make_directory") == 1);  // P1/<host>, for the first message
  CHECK(count(recording, "try_lock") == 0);
  CHECK(count(recording, "remove") + count(recording, "remove_directory") == 0);
  CHECK(count(recording, "sync") == 1);
}

TEST_CASE("what is not filed leaves nothing, sealed or not") {
  PutFixture fixture;
  const Postoffice postoffice = fixture.open();
  {
    auto begun = Delivery::begin(postoffice);
  }
  CHECK(sealed(postoffice));
  CHECK(test::names_in(fixture.host()).empty());
  CHECK(fixture.unread().empty());
}

TEST_CASE("where files cannot be named later a message is written in a work directory") {
  PutFixture fixture;
  FaultyFileSystem named;
  named.has_no_linkable_files();
  const Postoffice postoffice = fixture.open(named);
  {
    auto delivery = sealed(postoffice);
    REQUIRE(delivery);
    const Names work = test::names_in(fixture.host());
    REQUIRE(work.size() == 1);
    CHECK(test::names_in(fixture.host() + "/" + work.front()) == Names{"TO_NC.API"});
    CHECK(delivery->file_into("alice").is_delivered());
  }
  check_filed(fixture / ("MBG/alice/new/" + key), 1);
  CHECK(test::names_in(fixture.host()).empty());
}

TEST_CASE("only what says that it cannot be done leads to a work directory") {
  PutFixture fixture;
  for (const int code : {ENOSPC, EACCES, EIO, EROFS, EMFILE}) {
    FaultyFileSystem faulty;
    faulty.fail_if([](const Operation& one) { return one.name == "create_linkable"; }, code);
    const auto delivery = Delivery::begin(fixture.open(faulty));
    REQUIRE_FALSE(delivery);
    CHECK(delivery.error().status() == (code == ENOSPC ? "4.3.1" : "4.3.0"));
    CHECK(count(faulty, "make_directory") == 0);
  }
}

TEST_CASE("a reader who deletes the only copy keeps nobody else from theirs") {
  const bool has_names = GENERATE(false, true);
  PutFixture fixture;
  fixture.add_mailbox("bob");
  fixture.add_mailbox("carl");
  FaultyFileSystem files;
  if (has_names) files.has_no_linkable_files();
  auto delivery = sealed(fixture.open(files));
  REQUIRE(delivery);
  REQUIRE(delivery->file_into("alice").is_delivered());
  std::filesystem::remove(fixture / ("MBG/alice/new/" + key));
  CHECK(delivery->file_into("bob").is_delivered());
  CHECK(delivery->file_into("carl").is_delivered());
  CHECK(delivery->file_into("alice").sentence().starts_with("duplicate of "));
  delivery.reset();
  const std::string bob = fixture / ("MBG/bob/new/" + key);
  check_filed(bob, FileSystem::posix().status(bob)->links);
  const std::string carl = fixture / ("MBG/carl/new/" + key);
  check_filed(carl, FileSystem::posix().status(carl)->links);
  for (const std::string name : {"bob", "carl"}) {
    CHECK(test::names_in(fixture / ("MBG/" + name + "/ids")) == Names{key});
  }
  CHECK(fixture.unread().empty());
  CHECK(test::names_in(fixture.host()).empty());
}

TEST_CASE("a mailbag without new is named as such, and nothing is left in it") {
  PutFixture fixture;
  fixture.add_mailbox("bob");
  auto delivery = sealed(fixture.open());
  REQUIRE(delivery);
  std::filesystem::remove(fixture / "MBG/alice/new");
  const Outcome outcome = delivery->file_into("alice");
  CHECK(outcome.status() == "4.3.5");
  CHECK(outcome.sentence().find("is the mailbag") != std::string::npos);
  CHECK(fixture.markers().empty());
  CHECK(delivery->file_into("bob").is_delivered());
  std::filesystem::create_directory(fixture / "MBG/alice/new");
  CHECK(delivery->file_into("alice").is_delivered());
  check_filed(fixture / ("MBG/alice/new/" + key), 2);
}

/// Files with /proc hidden from the start and from between two steps; a bit for each that went
/// wrong, 128 if nothing can be mounted here. In a process of its own.
int deliver_without_proc(const PutFixture& fixture) {
  const Postoffice postoffice = fixture.open();
  auto begun = sealed(postoffice);
  if (!begun) return 1;
  if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) ||
      ::mount("none", "/proc", "tmpfs", 0, nullptr) != 0) {
    return 128;
  }
  int wrong = begun->file_into("alice").is_delivered() ? 0 : 2;
  FaultyFileSystem recording;
  if (!deliver(fixture.open(recording), {"bob"}, other_key).is_delivered()) wrong |= 4;
  return count(recording, "try_lock") == 1 ? wrong : wrong | 8;
}

TEST_CASE("without /proc a message is filed all the same, from a work directory") {
  PutFixture fixture;
  fixture.add_mailbox("bob");
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) ::_exit(deliver_without_proc(fixture));
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 128) return;  // no right to mount
  CHECK(WEXITSTATUS(status) == 0);
  check_filed(fixture / ("MBG/alice/new/" + key), 1);
  CHECK(is_whole(fixture / ("MBG/bob/new/" + other_key)));
  CHECK(test::names_in(fixture.host()).empty());
}

}  // namespace
}  // namespace smtpgate::postoffice
