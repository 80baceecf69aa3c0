// Making and opening a postoffice folder: what lies where with which modes, what is refused, and
// that a failing disk leaves no half. Its mailboxes and aliases: test_mailboxes.cpp,
// test_aliases.cpp.
#include <cerrno>

#include <sys/stat.h>
#include <unistd.h>

#include "postoffice/postoffice.h"
#include "postoffice/store_probe.h"
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
      {"GLB/MAILBOX", 0755},
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
  settings.short_attachment_names = true;
  PostofficeFixture fixture(settings);
  const PostofficeSettings read = fixture.open().settings();
  CHECK(read.name.str() == "Net/Po");
  CHECK(read.character_set == "CP850");
  CHECK(read.time_zone == "America/New_York");
  CHECK(read.line_end == LineEnd::crlf);
  CHECK(read.recipient_delimiter == "+-\\\"");
  CHECK(read.catch_all == "postmaster");
  CHECK(read.dedupe_days == 9);
  CHECK(read.short_attachment_names);
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

TEST_CASE("init in a directory that is not there says which, and how to make it") {
  TemporaryDirectory directory;
  const auto settings = PostofficeFixture::default_settings();
  const Outcome outcome = Postoffice::init(directory / "srv/po", settings);
  CHECK(outcome.is_permanent());
  CHECK(outcome.sentence() == "there is no directory " + directory.path() + "/srv to make " +
                                  directory.path() + "/srv/po in; make it first (mkdir -p " +
                                  directory.path() + "/srv)");
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
    // A file of the trial that cannot be removed does no harm.
    const bool is_of_trial =
        counting.operations()[n].path.find(store_probe_prefix) != std::string::npos;
    CHECK((outcome.is_temporary() || (is_of_trial && outcome.is_delivered())));
    // Either it is no postoffice, or a whole one whose last sync failed.
    if (auto opened = Postoffice::open(directory / "po")) {
      CHECK(opened->resolve("postmaster").has_value());
    } else {
      CHECK(opened.error().is_temporary());
    }
  }
}

TEST_CASE("init begins anew where an init died, wherever it did") {
  const auto settings = PostofficeFixture::default_settings();
  for (std::size_t n = 0;; ++n) {
    TemporaryDirectory directory;
    FaultyFileSystem faulty;
    faulty.fail_at(n, EIO, FaultyFileSystem::Moment::instead, true);  // as dead as can be
    (void)Postoffice::init(directory / "po", settings, faulty);
    if (faulty.faults() == 0) break;
    if (Postoffice::open(directory / "po")) continue;
    const Outcome outcome = Postoffice::init(directory / "po", settings);
    INFO(n << ": " << outcome.sentence());
    CHECK(outcome.is_delivered());
    CHECK(Postoffice::open(directory / "po"));
    CHECK(test::names_in(directory / "po/MBG") == std::vector<std::string>{"postmaster"});
  }
}

TEST_CASE("init removes nothing that somebody else could have put there") {
  TemporaryDirectory directory;
  const auto settings = PostofficeFixture::default_settings();
  REQUIRE(Postoffice::init(directory / "po", settings).is_delivered());
  std::filesystem::remove(directory / "po/GLB/postoffice.toml");  // by accident
  SECTION("a message") {
    test::write_file(directory / "po/MBG/postmaster/new/a", "x");
  }
  SECTION("a mailbox") {
    std::filesystem::create_directories(directory / "po/MBG/anna/new");
  }
  SECTION("an alias") {
    test::write_file(directory / "po/GLB/ALIAS", "a anna\n");
  }
  SECTION("a group") {
    test::write_file(directory / "po/GRP/all", "anna\n");
  }
  SECTION("outgoing mail") {
    std::filesystem::create_directory(directory / "po/SMTP/1");
  }
  SECTION("a file beside") {
    test::write_file(directory / "po/notes", "x");
  }
  CHECK(Postoffice::init(directory / "po", settings).is_permanent());
  CHECK(std::filesystem::exists(directory / "po/GLB/ALIAS"));
  CHECK(std::filesystem::exists(directory / "po/MBG/postmaster/ids"));
  CHECK_FALSE(Postoffice::open(directory / "po"));
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
       ":3: x: unknown key; known here: attachment_names, catch_all, character_set, dedupe_days, "
       "format, line_end, "
       "name, quota_reply, recipient_delimiter, time_zone (and 1 more errors)"},
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

}  // namespace
}  // namespace smtpgate::postoffice
