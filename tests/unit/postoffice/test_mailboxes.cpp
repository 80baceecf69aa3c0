// Mailboxes of a postoffice: named, added, removed; and neither two programs at once nor a failing
// disk leaves a half one.
#include <atomic>
#include <cerrno>
#include <thread>

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "postoffice/postoffice.h"
#include "unit/catch.h"
#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/postoffice_fixture.h"

namespace smtpgate::postoffice {
namespace {

using test::PostofficeFixture;

TEST_CASE("mailboxes are named in folded form and listed sorted") {
  PostofficeFixture fixture;
  const Postoffice postoffice = fixture.open();
  const Outcome made = postoffice.add_mailbox("Zoe");
  CHECK(made.is_delivered());
  CHECK(made.sentence() == "mailbox zoe made (names are kept in lower case)");
  CHECK(postoffice.add_mailbox("a\xcc\x88nne").is_delivered());  // a + combining diaeresis
  CHECK(postoffice.add_mailbox("b c").is_delivered());
  ::mkdir((fixture / "MBG/.new-123").c_str(), 0700);
  test::write_file(fixture / "MBG/README", "no mailbox");
  CHECK(postoffice.list_mailboxes().value() ==
        std::vector<std::string>{"b c", "postmaster", "zoe", "\xc3\xa4nne"});
  CHECK(postoffice.add_mailbox("ZOE").is_permanent());
  CHECK(postoffice.add_mailbox("ZOE").sentence() == "mailbox zoe exists already");
}

TEST_CASE("bad mailbox names make nothing") {
  PostofficeFixture fixture;
  const Postoffice postoffice = fixture.open();
  using namespace std::string_view_literals;
  for (const std::string_view name :
       {""sv, "."sv, ".."sv, ".new-1"sv, "a/b"sv, "../x"sv, "a\nb"sv, "con"sv, "x "sv, "a\0b"sv}) {
    INFO(name);
    CHECK(postoffice.add_mailbox(name).is_permanent());
    CHECK(postoffice.remove_mailbox(name, true).is_permanent());
  }
  CHECK(test::names_in(fixture / "MBG") == std::vector<std::string>{"postmaster"});
}

TEST_CASE("of many who add the same mailbox at once, one succeeds") {
  PostofficeFixture fixture;
  const Postoffice postoffice = fixture.open();
  std::vector<std::thread> threads;
  std::atomic<int> made = 0;
  std::atomic<int> refused = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 5; ++n) {
        const Outcome outcome = postoffice.add_mailbox("box" + std::to_string(n));
        if (outcome.is_delivered()) ++made;
        if (outcome.is_permanent()) ++refused;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(made == 5);
  CHECK(refused == 35);
  CHECK(test::names_in(fixture / "MBG").size() == 6);  // nothing temporary stays
}

TEST_CASE("add against add, the rename decides: a mailbox made in between is not replaced") {
  PostofficeFixture fixture;
  FaultyFileSystem faulty;
  faulty.before([&](const Operation& operation) {
    if (operation.name != "rename") return;
    faulty.heal();
    fixture.add_mailbox("alice");
    test::write_file(fixture / "MBG/alice/new/x", "mail");
  });
  const Outcome outcome = fixture.open(faulty).add_mailbox("alice");
  CHECK(outcome.is_permanent());
  CHECK(outcome.sentence() == "mailbox alice exists already");
  CHECK(test::read_file(fixture / "MBG/alice/new/x") == "mail");
  CHECK(test::names_in(fixture / "MBG") == std::vector<std::string>{"alice", "postmaster"});
}

TEST_CASE("each operation of add failing leaves no half mailbox") {
  FaultyFileSystem counting;
  PostofficeFixture first;
  const Postoffice counted = first.open(counting);
  counting.forget_operations();
  REQUIRE(counted.add_mailbox("alice").is_delivered());
  const std::size_t operations = counting.operations().size();
  for (std::size_t n = 0; n < operations; ++n) {
    PostofficeFixture fixture;
    FaultyFileSystem faulty;
    const Postoffice postoffice = fixture.open(faulty);
    faulty.fail_at(n, ENOSPC);
    const Outcome outcome = postoffice.add_mailbox("alice");
    faulty.heal();
    INFO(n << ": " << outcome.sentence());
    CHECK(outcome.is_temporary());
    CHECK(outcome.status() == "4.3.1");
    const auto names = test::names_in(fixture / "MBG");
    if (names.front() == "alice") {
      CHECK(test::names_in(fixture / "MBG/alice").size() == 5);
    } else {
      CHECK(names == std::vector<std::string>{"postmaster"});
      CHECK(postoffice.add_mailbox("alice").is_delivered());
    }
  }
}

TEST_CASE("a mailbox's group may be given, and must exist") {
  PostofficeFixture fixture;
  const Postoffice postoffice = fixture.open();
  CHECK(postoffice.add_mailbox("x", {"no-such-group-here"}).is_permanent());
  const struct group* entry = ::getgrgid(::getegid());
  REQUIRE(entry != nullptr);
  const std::string name = entry->gr_name;
  REQUIRE(postoffice.add_mailbox("alice", {name}).is_delivered());
  struct stat status;
  REQUIRE(::stat((fixture / "MBG/alice/new").c_str(), &status) == 0);
  CHECK(status.st_gid == ::getegid());
  CHECK(test::mode_of(fixture / "MBG/alice/new") == 02770);
  if (::geteuid() != 0) {
    const Outcome refused = postoffice.add_mailbox("bob", {"root"});
    CHECK(refused.is_permanent());
    CHECK(refused.sentence().find("only root or a member of the group can") != std::string::npos);
    return;
  }
  // As root any group will do, and the rest belongs to the owner of the folder.
  REQUIRE(::chown(fixture.path().c_str(), 65534, 65534) == 0);
  REQUIRE(postoffice.add_mailbox("bob", {"mail"}).is_delivered());
  const gid_t mail = ::getgrnam("mail")->gr_gid;
  REQUIRE(::stat((fixture / "MBG/bob/cur").c_str(), &status) == 0);
  CHECK(status.st_uid == 65534);
  CHECK(status.st_gid == mail);
  REQUIRE(::stat((fixture / "MBG/bob").c_str(), &status) == 0);
  CHECK(status.st_gid == mail);
  REQUIRE(::stat((fixture / "MBG/bob/ids").c_str(), &status) == 0);
  CHECK(status.st_gid == 65534);
}

TEST_CASE("only an empty mailbox is removed unless asked; the postmaster stays") {
  PostofficeFixture fixture;
  const Postoffice postoffice = fixture.open();
  fixture.add_mailbox("alice");
  test::write_file(fixture / "MBG/alice/cur/m1", "mail");
  const Outcome refused = postoffice.remove_mailbox("Alice", false);
  CHECK(refused.is_permanent());
  CHECK(refused.sentence() == "mailbox alice holds 1 messages; move them, or say --with-messages");
  CHECK(test::read_file(fixture / "MBG/alice/cur/m1") == "mail");
  CHECK(postoffice.remove_mailbox("alice", true).is_delivered());
  CHECK(postoffice.remove_mailbox("alice", true).is_permanent());
  CHECK(postoffice.remove_mailbox("postmaster", true).is_permanent());
  CHECK(test::names_in(fixture / "MBG") == std::vector<std::string>{"postmaster"});
}

TEST_CASE("a message that comes while its mailbox is removed keeps the mailbox") {
  PostofficeFixture fixture;
  fixture.add_mailbox("alice");
  FaultyFileSystem faulty;
  faulty.before([&](const Operation& operation) {
    if (operation.name != "rename") return;
    faulty.heal();
    test::write_file(fixture / "MBG/alice/new/m1", "mail");
  });
  CHECK(fixture.open(faulty).remove_mailbox("alice", false).is_permanent());
  CHECK(test::read_file(fixture / "MBG/alice/new/m1") == "mail");
}

TEST_CASE("removing a mailbox follows no link that its group has put there") {
  PostofficeFixture fixture;
  fixture.add_mailbox("alice");
  REQUIRE(::mkdir((fixture.directory() / "precious").c_str(), 0700) == 0);
  test::write_file(fixture.directory() / "precious/file", "x");
  REQUIRE(::symlink((fixture.directory() / "precious").c_str(),
                    (fixture / "MBG/alice/new/link").c_str()) == 0);
  REQUIRE(::mkfifo((fixture / "MBG/alice/new/fifo").c_str(), 0600) == 0);
  REQUIRE(::mkdir((fixture / "MBG/alice/new/directory").c_str(), 0700) == 0);
  CHECK(fixture.open().remove_mailbox("alice", true).is_delivered());
  CHECK(test::read_file(fixture.directory() / "precious/file") == "x");
}

}  // namespace
}  // namespace smtpgate::postoffice
