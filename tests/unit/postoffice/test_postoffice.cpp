// Making and opening a postoffice folder, its mailboxes and aliases: what lies where with which
// modes, what is refused, and that neither two programs at once nor a failing disk leaves a half.
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
using test::TemporaryDirectory;

TEST_CASE("init makes the folder as documented, whatever the umask") {
  const mode_t umask_before = ::umask(0077);
  PostofficeFixture fixture;
  ::umask(umask_before);
  const std::vector<std::pair<const char*, mode_t>> expected = {
      {".", 0755},
      {"GLB", 0755},
      {"GLB/postoffice.toml", 0644},
      {"GLB/ALIAS", 0644},
      {"GRP", 0755},
      {"MBG", 0711},
      {"P1", 0700},
      {"SMTP", 0700},
      {"SMTP/BAD", 0700},
      {"LOG", 0750},
      {"MBG/postmaster", 0750},
      {"MBG/postmaster/new", 02770},
      {"MBG/postmaster/cur", 02770},
      {"MBG/postmaster/outbox", 02770},
      {"MBG/postmaster/sent", 02770},
      {"MBG/postmaster/ids", 0700},
  };
  for (const auto& [name, mode] : expected) {
    INFO(name);
    CHECK(test::mode_of(fixture / name) == mode);
  }
  CHECK(test::names_in(fixture.path()) ==
        std::vector<std::string>{"GLB", "GRP", "LOG", "MBG", "P1", "SMTP"});
  CHECK(test::names_in(fixture / "MBG") == std::vector<std::string>{"postmaster"});
}

TEST_CASE("what init wrote is what open reads") {
  PostofficeSettings settings;
  settings.name = {"Net", "Po"};
  settings.character_set = "CP850";
  settings.time_zone = "America/New_York";
  settings.line_end = LineEnd::crlf;
  settings.recipient_delimiter = "+-\\\"";
  settings.catch_all = "postmaster";
  settings.dedupe_days = 9;
  PostofficeFixture fixture(settings);
  const PostofficeSettings read = fixture.open().settings();
  CHECK(read.name.str() == "Net/Po");
  CHECK(read.character_set == "CP850");
  CHECK(read.time_zone == "America/New_York");
  CHECK(read.line_end == LineEnd::crlf);
  CHECK(read.recipient_delimiter == "+-\\\"");
  CHECK(read.catch_all == "postmaster");
  CHECK(read.dedupe_days == 9);
  CHECK(read.format == 1);
}

TEST_CASE("init refuses a directory that holds something, but not a new disk's lost+found") {
  TemporaryDirectory directory;
  test::write_file(directory / "file", "x");
  const auto settings = PostofficeFixture::default_settings();
  CHECK(Postoffice::init(directory.path(), settings).is_permanent());
  CHECK(test::read_file(directory / "file") == "x");
  CHECK(test::names_in(directory.path()).size() == 1);

  TemporaryDirectory disk;
  REQUIRE(::mkdir((disk / "lost+found").c_str(), 0700) == 0);
  CHECK(Postoffice::init(disk.path() + "//", settings).is_delivered());
  CHECK(Postoffice::open(disk.path()).has_value());
}

TEST_CASE("init refuses settings that open would refuse, before it makes anything") {
  TemporaryDirectory directory;
  auto settings = PostofficeFixture::default_settings();
  settings.time_zone = "Nowhere/Land";
  const Outcome outcome = Postoffice::init(directory / "po", settings);
  CHECK(outcome.is_permanent());
  CHECK(outcome.sentence().find("Nowhere/Land") != std::string::npos);
  CHECK(test::names_in(directory.path()).empty());
}

TEST_CASE("a half-made postoffice does not open: each operation of init failing") {
  FaultyFileSystem counting;
  const auto settings = PostofficeFixture::default_settings();
  {
    TemporaryDirectory directory;
    REQUIRE(Postoffice::init(directory / "po", settings, counting).is_delivered());
  }
  const std::size_t operations = counting.operations().size();
  for (std::size_t n = 0; n < operations; ++n) {
    TemporaryDirectory directory;
    FaultyFileSystem faulty;
    faulty.fail_at(n, EIO);
    const Outcome outcome = Postoffice::init(directory / "po", settings, faulty);
    INFO(n << ": " << faulty.operations().back().str() << ": " << outcome.sentence());
    CHECK(outcome.is_temporary());
    // Either it is no postoffice, or a whole one whose last sync failed.
    if (auto opened = Postoffice::open(directory / "po")) {
      CHECK(opened->resolve("postmaster").has_value());
    } else {
      CHECK(opened.error().is_temporary());
    }
  }
}

TEST_CASE("a folder that is missing or no postoffice is temporary") {
  TemporaryDirectory directory;
  for (const std::string& path : {directory / "none", directory.path()}) {
    const auto opened = Postoffice::open(path);
    REQUIRE_FALSE(opened.has_value());
    CHECK(opened.error().is_temporary());
    CHECK(opened.error().status() == "4.3.5");
  }
}

TEST_CASE("a broken settings file is one line: file, line, what, what to do") {
  PostofficeFixture fixture;
  const std::string path = fixture / "GLB/postoffice.toml";
  const std::string good = "name = \"N/P\"\nformat = 1\n";
  const auto [text, expected] = GENERATE_COPY(table<std::string, std::string>({
      {"format = 1\n",
       ":1: name: is missing; write name = \"NET/PO\", the name of this postoffice"},
      {"name = \"N/P\"\n", ":1: format: is missing; write format = 1"},
      {"name = \"N/P\"\nformat = 2\n",
       ":2: format: 2 is newer than this program, which knows 1; use a newer smtpgate"},
      {"name = \"NP\"\nformat = 1\n", ":1: name: \"NP\" is no postoffice name; write it as NET/PO"},
      {good + "time_zone = \"Mars\"\n",
       ":3: time_zone: \"Mars\" is not among the machine's time zones (/usr/share/zoneinfo); write "
       "a name such as Europe/Berlin, or install tzdata"},
      {good + "time_zone = \"../x\"\n",
       ":3: time_zone: \"../x\" is no time zone; write a name such as Europe/Berlin"},
      {good + "line_end = \"dos\"\n",
       ":3: line_end: \"dos\" is not possible; write one of \"lf\", \"crlf\", \"cr\""},
      {good + "character_set = \"klingon\"\n",
       ":3: character_set: \"klingon\" is not known here, or cannot hold ASCII octet for octet; "
       "take one such as UTF-8, windows-1252 or CP437"},
      {good + "character_set = \"UTF-16\"\n",
       ":3: character_set: \"UTF-16\" is not known here, or cannot hold ASCII octet for octet; "
       "take one such as UTF-8, windows-1252 or CP437"},
      {good + "dedupe_days = 0\n",
       ":3: dedupe_days: 0 is out of range; write an integer from 1 to 3650"},
      {good + "recipient_delimiter = \"x\"\n",
       ":3: recipient_delimiter: only ASCII punctuation other than @ can divide a name from its "
       "extension; write \"+\", \"+-\", or \"\" for none"},
      {good + "catch_al = \"x\"\n", ":3: catch_al: unknown key; did you mean catch_all?"},
      {good + "x = 1\ny = 2\n",
       ":3: x: unknown key; known here: catch_all, character_set, dedupe_days, format, line_end, "
       "name, recipient_delimiter, time_zone (and 1 more errors)"},
  }));
  test::write_file(path, text);
  const auto opened = Postoffice::open(fixture.path());
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().status() == "4.3.5");
  CHECK(opened.error().sentence() == path + expected);
}

TEST_CASE("local time is the postoffice's zone") {
  PostofficeFixture fixture;
  const LocalTime summer = fixture.open().local_time(1'783'166'400);  // 2026-07-04 12:00 UTC
  CHECK(summer.date == "2026-07-04");
  CHECK(summer.time == "14:00");
  CHECK(summer.rfc3339 == "2026-07-04T14:00:00+02:00");
  auto settings = PostofficeFixture::default_settings();
  settings.time_zone = "America/St_Johns";
  PostofficeFixture west(settings);
  CHECK(west.open().local_time(1'767'225'600).rfc3339 == "2025-12-31T20:30:00-03:30");
}

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

TEST_CASE("root may give a new postoffice to the gateway's user") {
  if (::geteuid() != 0) return;
  TemporaryDirectory directory;
  const auto outcome = Postoffice::init(directory / "po", PostofficeFixture::default_settings(),
                                        FileSystem::posix(), FolderOwner{65534, 65534});
  REQUIRE(outcome.is_delivered());
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory / "po")) {
    INFO(entry.path());
    struct stat status;
    REQUIRE(::lstat(entry.path().c_str(), &status) == 0);
    CHECK(status.st_uid == 65534);
    CHECK(status.st_gid == 65534);
  }
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

TEST_CASE("aliases are added, listed, removed; comments and order stay") {
  PostofficeFixture fixture;
  const Postoffice postoffice = fixture.open();
  fixture.add_mailbox("alice");
  test::write_file(fixture / "GLB/ALIAS", "# ours\n\n info   alice \r\nno-end alice");
  CHECK(postoffice.add_alias("Sales@Example.COM", "Alice").is_delivered());
  CHECK(test::read_file(fixture / "GLB/ALIAS") ==
        "# ours\n\n info   alice \r\nno-end alice\nSales@Example.COM  alice\n");
  CHECK(test::mode_of(fixture / "GLB/ALIAS") == 0644);
  CHECK(postoffice.list_aliases()->size() == 3);
  CHECK(postoffice.list_aliases()->at(2).name == "Sales@Example.COM");
  CHECK(postoffice.add_alias("INFO", "alice").is_permanent());
  CHECK(postoffice.add_alias("sales@example.com.", "alice").is_permanent());
  CHECK(postoffice.remove_alias("INFO").is_delivered());
  CHECK(postoffice.remove_alias("info").is_permanent());
  CHECK(test::read_file(fixture / "GLB/ALIAS") ==
        "# ours\n\nno-end alice\nSales@Example.COM  alice\n");
  CHECK(test::names_in(fixture / "GLB").size() == 2);
}

TEST_CASE("an alias that could not be used is not made") {
  PostofficeFixture fixture;
  const Postoffice postoffice = fixture.open();
  fixture.add_mailbox("alice");
  const std::string before = test::read_file(fixture / "GLB/ALIAS");
  CHECK(postoffice.add_alias("x", "nobody").is_permanent());
  CHECK(postoffice.add_alias("ALICE", "postmaster").is_permanent());
  CHECK(postoffice.add_alias("postmaster", "alice").is_permanent());
  for (const char* name :
       {"", "a b", "a\tb", "#x", "x@", "@x", "a\nb  alice", "x@m\xc3\xbcller.de", "\xff"}) {
    INFO(name);
    CHECK(postoffice.add_alias(name, "alice").is_permanent());
  }
  CHECK(postoffice.add_alias("x", "a\nb").is_permanent());
  CHECK(test::read_file(fixture / "GLB/ALIAS") == before);
}

TEST_CASE("an ALIAS with an error names file and line, and is not edited") {
  PostofficeFixture fixture;
  const Postoffice postoffice = fixture.open();
  const std::string path = fixture / "GLB/ALIAS";
  const auto [text, expected] = GENERATE(table<std::string, std::string>({
      {"a postmaster\nb\n", ":2: alias b names no mailbox; write: name  mailbox"},
      {"a postmaster\nA postmaster\n",
       ":2: alias A stands in line 1 already; take one of them out"},
      {"x@ postmaster\n", ":1: alias x@ is no whole address; write local@domain"},
  }));
  test::write_file(path, text);
  const Outcome outcome = postoffice.add_alias("new", "postmaster");
  CHECK(outcome.is_temporary());
  CHECK(outcome.status() == "4.3.5");
  CHECK(outcome.sentence() == path + expected);
  CHECK(postoffice.remove_alias("a").is_temporary());
  CHECK_FALSE(postoffice.list_aliases().has_value());
  CHECK(test::read_file(path) == text);
}

TEST_CASE("each operation of an alias edit failing leaves the old file or the new one") {
  FaultyFileSystem counting;
  PostofficeFixture fixture;
  const Postoffice counted = fixture.open(counting);
  counting.forget_operations();
  REQUIRE(counted.add_alias("a", "postmaster").is_delivered());
  const std::size_t operations = counting.operations().size();
  const std::string before = test::read_file(fixture / "GLB/ALIAS");
  for (std::size_t n = 0; n < operations; ++n) {
    test::write_file(fixture / "GLB/ALIAS", before);
    FaultyFileSystem faulty;
    const Postoffice postoffice = fixture.open(faulty);
    faulty.fail_at(n, EIO);
    const Outcome outcome = postoffice.add_alias("b", "postmaster");
    INFO(n << ": " << outcome.sentence());
    const std::string after = test::read_file(fixture / "GLB/ALIAS");
    CHECK((after == before || after == before + "b  postmaster\n"));
    CHECK(test::names_in(fixture / "GLB").size() == 2);
    // The look for a mailbox of the alias's own name is only advice; all else is told.
    if (outcome.is_delivered()) CHECK(faulty.operations()[n + 3].name == "status");
  }
}

TEST_CASE("two who edit aliases at once do not lose one") {
  PostofficeFixture fixture;
  const Postoffice postoffice = fixture.open();
  std::vector<std::thread> threads;
  std::atomic<int> made = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int n = 0; n < 10; ++n) {
        const std::string name = "a" + std::to_string(i) + "-" + std::to_string(n);
        if (postoffice.add_alias(name, "postmaster").is_delivered()) ++made;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(made > 0);
  CHECK(static_cast<int>(postoffice.list_aliases()->size()) == made);
}

}  // namespace
}  // namespace smtpgate::postoffice
