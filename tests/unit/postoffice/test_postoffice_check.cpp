// `postoffice check`: each row of docs/checking.md is found; what can be mended is, and only when
// it is asked for; nobody is led to another's file.
#include <algorithm>
#include <ctime>
#include <filesystem>
#include <map>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

#include "postoffice/groups.h"
#include "postoffice/locked_directory.h"
#include "postoffice/mailbox_changes.h"
#include "postoffice/name_exchange.h"
#include "postoffice/postoffice_check.h"
#include "postoffice/shared_lock.h"
#include "unit/catch.h"
#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/program.h"
#include "unit/postoffice/put_test_support.h"

namespace smtpgate::postoffice {
namespace {

using State = CheckFinding::State;
using put_test::key;

constexpr std::int64_t day = 86'400;

struct CheckFixture : test::PostofficeFixture {
  CheckFixture() {
    for (const char* name : {"anna", "bernd"}) add_mailbox(name);
    REQUIRE(put_test::deliver(open(), {"anna", "bernd"}, key, std::time(nullptr),
                              put_test::sample_message())
                .is_delivered());
  }

  CheckResult check(bool repairs = false, FileSystem& files = FileSystem::posix()) const {
    CheckOptions options;
    options.repairs = repairs;
    options.now = std::time(nullptr);
    return check_postoffice(open(files), options);
  }

  /// Kinds of findings with their states, sorted, as "kind:state".
  std::vector<std::string> kinds(bool repairs = false) const {
    std::vector<std::string> result;
    const CheckResult checked = check(repairs);
    for (const Outcome& trouble : checked.troubles) result.push_back("?" + trouble.sentence());
    for (const CheckFinding& one : checked.findings) {
      constexpr const char* words[] = {"found", "mended", "failed", "note"};
      result.push_back(one.kind + ":" + words[static_cast<int>(one.state)]);
    }
    std::sort(result.begin(), result.end());
    return result;
  }
  std::string at(const std::string& place) const { return *this / place; }
  void make_old(const std::string& place) const {
    test::set_modified(at(place), std::time(nullptr) - 30 * day);
  }
};

using Kinds = std::vector<std::string>;

TEST_CASE("a postoffice in good order is clean, and shared messages are read once") {
  CheckFixture fixture;
  const CheckResult result = fixture.check();
  CHECK(result.is_clean());
  CHECK(result.findings.empty());
  CHECK(result.mailboxes == 3);
  CHECK(result.messages == 2);
  CHECK(result.octets == put_test::sample_message().size());
}

TEST_CASE("what can be mended is mended when it is asked for, and then all is clean") {
  CheckFixture fixture;
  std::string kind;
  SECTION("a part of a mailbag is missing") {
    kind = "mailbag-part";
    std::filesystem::remove(fixture.at("MBG/anna/cur"));
  }
  SECTION("everybody may enter") {
    kind = "mailbag-open";
    std::filesystem::permissions(fixture.at("MBG/anna/ids"), std::filesystem::perms(0755));
  }
  SECTION("a message can be changed") {
    kind = "message-mode";
    std::filesystem::permissions(fixture.at("MBG/anna/new/" + key), std::filesystem::perms(0644));
  }
  SECTION("a message lies there twice") {
    kind = "message-doubled";
    std::filesystem::copy(fixture.at("MBG/bernd/new/" + key), fixture.at("MBG/bernd/cur/" + key));
    fixture.make_old("MBG/bernd/cur/" + key);
  }
  SECTION("nobody tidied") {
    kind = "markers-old";
    fixture.make_old("MBG/anna/ids/" + key);
  }
  SECTION("a process died") {
    kind = "work-left";
    const std::string work = "P1/" + fixture.open().host() + "/0123456789abcdef";
    std::filesystem::create_directories(fixture.at(work));
    fixture.make_old(work);
  }
  CHECK(fixture.kinds() == Kinds{kind + ":found"});
  CHECK(fixture.kinds() == Kinds{kind + ":found"});  // the first one changed nothing
  CHECK(fixture.kinds(true) == Kinds{kind + ":mended"});
  CHECK(fixture.kinds().empty());
  CHECK(test::mode_of(fixture.at("MBG/anna/new/" + key)) == 0444);
  CHECK(test::mode_of(fixture.at("MBG/anna/cur")) == 02770);
  CHECK(test::mode_of(fixture.at("MBG/anna/ids")) == 0700);
}

TEST_CASE("a mailbag where the gateway cannot write is found, and opened again") {
  CheckFixture fixture;
  const auto mode_of = [&](const char* place) {
    return FileSystem::posix().status(fixture.at(place))->mode;
  };
  REQUIRE(::chmod(fixture.at("MBG/anna/new").c_str(), 02500) == 0);
  REQUIRE(::chmod(fixture.at("MBG/bernd").c_str(), 0550) == 0);
  CHECK(fixture.kinds() == Kinds{"mailbag-closed:found", "mailbag-closed:found"});
  const CheckResult found = fixture.check();
  CHECK(std::any_of(found.findings.begin(), found.findings.end(), [&](const CheckFinding& one) {
    return one.remedy.starts_with("chmod u+rwx " + fixture.at("MBG/anna/new"));
  }));
  CHECK(fixture.kinds(true) == Kinds{"mailbag-closed:mended", "mailbag-closed:mended"});
  CHECK(mode_of("MBG/anna/new") == 02700);
  CHECK(mode_of("MBG/bernd") == 0750);
  CHECK(fixture.check().is_clean());
}

TEST_CASE("a mailbag that is another user's is found, and given back by root") {
  if (::geteuid() != 0) return;  // nobody else can give it away
  CheckFixture fixture;
  constexpr uid_t stranger = 65534;
  REQUIRE(::chmod(fixture.at("MBG/anna/new").c_str(), 02750) == 0);
  REQUIRE(::chown(fixture.at("MBG/anna/new").c_str(), stranger, static_cast<gid_t>(-1)) == 0);
  CHECK(fixture.kinds() == Kinds{"mailbag-closed:found"});
  CHECK(fixture.check().findings.at(0).remedy.find("chown " + std::to_string(::geteuid())) !=
        std::string::npos);
  CHECK(fixture.kinds(true) == Kinds{"mailbag-closed:mended"});
  CHECK(FileSystem::posix().status(fixture.at("MBG/anna/new"))->owner == ::geteuid());
  CHECK(FileSystem::posix().status(fixture.at("MBG/anna/new"))->mode == 02750);
  CHECK(fixture.check().is_clean());
}

TEST_CASE("a move that died is found with the command that goes on with it, one that runs is not") {
  CheckFixture fixture;
  test::write_file(fixture.at("GLB/.moving-anna"), "TESTNET/TWO\n");
  {
    const auto lock = take_shared_lock(fixture.open(), "GLB/.moving-anna", {});
    REQUIRE((lock && *lock));
    CHECK(fixture.kinds().empty());
  }
  CHECK(fixture.kinds(true) == Kinds{"move-unfinished:found"});
  const CheckFinding found = fixture.check().findings.at(0);
  CHECK(found.what.find("to TESTNET/TWO") != std::string::npos);
  CHECK(found.remedy.ends_with("mailbox move anna --to DIR"));
}

TEST_CASE("what a person must decide is told, and stays") {
  CheckFixture fixture;
  Kinds wanted;
  SECTION("messages") {
    wanted = {"message-odd:found", "message-unreadable:found", "message-unreadable:found"};
    test::write_file(fixture.at("MBG/anna/new/short"), "VERSION:3.00\nFROM:CSI:A/B/c\nTEXT:99\nx");
    test::write_file(fixture.at("MBG/anna/cur/empty"), "");
    for (const char* name : {"new/short", "cur/empty"}) {
      std::filesystem::permissions(fixture.at("MBG/anna/" + std::string(name)),
                                   std::filesystem::perms(0444));
    }
    std::filesystem::create_symlink("/etc/passwd", fixture.at("MBG/anna/new/link"));
  }
  SECTION("settings") {
    wanted = {"alias-nowhere:found", "group-member:found",     "group-owner:found",
              "mailbox-name:found",  "mailbox-settings:found", "settings-nowhere:found"};
    REQUIRE(fixture.open().add_alias("chief", "bernd").is_delivered());
    REQUIRE(write_group(fixture.open(), {"all", "bernd", {"anna", "bernd", "jo@example.com"}})
                .is_delivered());
    std::filesystem::remove_all(fixture.at("MBG/bernd"));
    std::filesystem::create_directories(fixture.at("GLB/MAILBOX"));
    test::write_file(fixture.at("GLB/MAILBOX/nobody.toml"), "");
    test::write_file(fixture.at("GLB/MAILBOX/anna.toml"), "keep_sent = 7\n");
    std::filesystem::create_directory(fixture.at("MBG/Upper."));
  }
  SECTION("files that cannot be read") {
    wanted = {"alias-file:found", "group-file:found"};
    test::write_file(fixture.at("GLB/ALIAS"), "one\n");
    test::write_file(fixture.at("GRP/broken"), "OWNER: bernd\nOWNER: bernd\n");
  }
  SECTION("another host's work") {
    wanted = {"work-elsewhere:found"};
    std::filesystem::create_directories(fixture.at("P1/other/0123"));
    fixture.make_old("P1/other/0123");
  }
  CHECK(fixture.kinds() == wanted);
  CHECK(fixture.kinds(true) == wanted);
}

/// A copy of its own in the place of a link, as a restore without hard links leaves it.
void separate(const std::string& path) {
  struct stat before;
  REQUIRE(::lstat(path.c_str(), &before) == 0);
  std::filesystem::copy_file(path, path + "~");
  REQUIRE(::chmod((path + "~").c_str(), 0444) == 0);
  test::set_modified(path + "~", before.st_mtime);
  std::filesystem::rename(path + "~", path);
}

std::uint64_t inode_of(const std::string& path) {
  struct stat status;
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_ino;
}

TEST_CASE("copies of one message become one file again, and are no fault before") {
  CheckFixture fixture;
  for (const char* name : {"carl", "dora"}) fixture.add_mailbox(name);
  REQUIRE(put_test::deliver(fixture.open(), {"carl", "dora"}, key, std::time(nullptr),
                            put_test::sample_message())
              .is_delivered());
  const std::vector<std::string> places = {"MBG/anna/new/" + key, "MBG/bernd/cur/" + key,
                                           "MBG/carl/sent/" + key, "MBG/dora/new/" + key + "-2"};
  std::filesystem::rename(fixture.at("MBG/bernd/new/" + key), fixture.at(places[1]));
  std::filesystem::rename(fixture.at("MBG/carl/new/" + key), fixture.at(places[2]));
  std::filesystem::rename(fixture.at("MBG/dora/new/" + key), fixture.at(places[3]));
  const std::int64_t arrival = std::time(nullptr) - 3 * day;
  for (const std::string& place : places) {
    separate(fixture.at(place));
    test::set_modified(fixture.at(place), arrival);
  }
  CHECK(fixture.kinds() == Kinds{"message-unshared:note"});
  CHECK(fixture.check().is_clean());
  CHECK(fixture.check().findings.front().what.starts_with("3 files hold the same message"));
  CHECK(inode_of(fixture.at(places[0])) != inode_of(fixture.at(places[1])));
  CHECK(fixture.kinds(true) == Kinds{"message-unshared:mended"});
  for (const std::string& place : places) {
    CHECK(inode_of(fixture.at(place)) == inode_of(fixture.at(places[0])));
  }
  struct stat status;
  REQUIRE(::lstat(fixture.at(places[3]).c_str(), &status) == 0);
  CHECK(status.st_nlink == 4);
  CHECK(status.st_mtime == arrival);
  CHECK((status.st_mode & 07777) == 0444);
  CHECK(test::names_in(fixture.at("MBG/dora/ids")) == std::vector<std::string>{key});
  CHECK(fixture.kinds().empty());
}

TEST_CASE("files that differ in anything stay files of their own") {
  CheckFixture fixture;
  const std::string copy = fixture.at("MBG/bernd/new/" + key);
  separate(copy);
  SECTION("in one octet") {
    std::string contents = put_test::sample_message();
    contents.back() = 'y';
    const std::int64_t arrival = FileSystem::posix().status(copy)->modified;
    std::filesystem::remove(copy);
    test::write_file(copy, contents);
    REQUIRE(::chmod(copy.c_str(), 0444) == 0);
    test::set_modified(copy, arrival);
  }
  SECTION("in the time of arrival") {
    test::set_modified(copy, std::time(nullptr) - day);
  }
  SECTION("in the key") {
    std::filesystem::rename(copy, fixture.at("MBG/bernd/new/" + put_test::other_key));
  }
  SECTION("in the mode") {
    REQUIRE(::chmod(copy.c_str(), 0440) == 0);
  }
  SECTION("in the group") {
    if (::geteuid() != 0) return;
    REQUIRE(::chown(copy.c_str(), ::geteuid(), 12345) == 0);
  }
  SECTION("in the owner") {
    if (::geteuid() != 0) return;
    REQUIRE(::chown(copy.c_str(), 12345, ::getegid()) == 0);
    CHECK(fixture.kinds(true) == Kinds{"message-owner:found"});
    CHECK(inode_of(copy) != inode_of(fixture.at("MBG/anna/new/" + key)));
    return;
  }
  CHECK(fixture.kinds(true).empty());
}

TEST_CASE("a message is read for its copies only if there may be some") {
  CheckFixture fixture;
  FaultyFileSystem files;
  const auto opened = [&] {
    files.forget_operations();
    (void)fixture.check(false, files);
    const auto done = files.operations();
    return std::count_if(done.begin(), done.end(), [](const Operation& one) {
      return one.name == "open" && one.path.ends_with(key);
    });
  };
  CHECK(opened() == 1);
  separate(fixture.at("MBG/bernd/new/" + key));
  CHECK(opened() == 4);
}

/// With the one operation that FaultyFileSystem does not have.
class ExchangingFaults : public FaultyFileSystem, public NameExchange {
 public:
  FileResult<void> exchange(const std::string& one, const std::string& other) override {
    if (before_exchange) before_exchange(other);
    const int failure = faults() != 0 ? EIO : code;  // the disk is gone for good, or as it is told
    if (failure == 0) return exchange_names(FileSystem::posix(), one, other);
    return tl::unexpected(FileError{failure, "exchange " + one + " with", other});
  }
  std::function<void(const std::string& path)> before_exchange;
  int code = 0;
};

TEST_CASE("what readers do with copies meanwhile stands") {
  CheckFixture fixture;
  separate(fixture.at("MBG/bernd/new/" + key));
  ExchangingFaults files;
  bool is_done = false;
  std::function<void()> meanwhile;
  std::string gone;
  files.before_exchange = [&](const std::string& path) {
    if (std::exchange(is_done, true)) return;
    gone = path;
    meanwhile();
  };
  SECTION("it is read") {
    meanwhile = [&] {
      std::string target = gone;
      std::filesystem::rename(gone, target.replace(target.find("/new/"), 5, "/cur/"));
    };
    CHECK(fixture.check(true, files).is_clean());
    REQUIRE(is_done);
    CHECK_FALSE(std::filesystem::exists(gone));
    CHECK(fixture.kinds() == Kinds{"message-unshared:note"});
  }
  SECTION("it is deleted") {
    meanwhile = [&] { std::filesystem::remove(gone); };
    CHECK(fixture.check(true, files).is_clean());
    REQUIRE(is_done);
    CHECK_FALSE(std::filesystem::exists(gone));
    CHECK(fixture.kinds().empty());
  }
  SECTION("something else is laid there") {
    meanwhile = [&] {
      std::filesystem::remove(gone);
      test::write_file(gone, "theirs");
    };
    CHECK(fixture.check(true, files).is_clean());
    REQUIRE(is_done);
    CHECK(test::read_file(gone) == "theirs");
  }
  for (const char* mailbox : {"anna", "bernd"}) {
    CHECK(test::names_in(fixture.at("MBG/" + std::string(mailbox) + "/ids")) ==
          std::vector<std::string>{key});
  }
}

TEST_CASE("wherever the sharing of copies fails, each mailbox has its message") {
  for (std::uint64_t step = 0;; ++step) {
    CheckFixture fixture;
    separate(fixture.at("MBG/bernd/new/" + key));
    ExchangingFaults files;
    const Postoffice postoffice = fixture.open(files);
    files.forget_operations();
    files.fail_at(step, EIO, FaultyFileSystem::Moment::instead, true);
    CheckOptions options;
    options.repairs = true;
    options.now = std::time(nullptr);
    const CheckResult result = check_postoffice(postoffice, options);
    const bool was_stopped = files.faults() != 0;
    INFO("step " << step);
    CHECK(result.is_clean() != was_stopped);
    for (const char* mailbox : {"anna", "bernd"}) {
      const std::string path = fixture.at("MBG/" + std::string(mailbox) + "/new/" + key);
      CHECK(test::read_file(path) == put_test::sample_message());
    }
    files.heal();
    CHECK(fixture.check(true).is_clean());
    CHECK(fixture.kinds().empty());
    if (!was_stopped) break;
  }
}

TEST_CASE("an exchange that fails is told, and nothing is changed") {
  CheckFixture fixture;
  separate(fixture.at("MBG/bernd/new/" + key));
  ExchangingFaults files;
  files.code = EIO;
  CHECK_FALSE(fixture.check(true, files).is_clean());
  CHECK(test::names_in(fixture.at("MBG/bernd/ids")) == std::vector<std::string>{key});
  CHECK(fixture.kinds() == Kinds{"message-unshared:note"});
}

TEST_CASE("where two names cannot be exchanged, copies are left and the note says why") {
  CheckFixture fixture;
  separate(fixture.at("MBG/bernd/new/" + key));
  FaultyFileSystem files;  // which cannot
  const CheckResult result = fixture.check(true, files);
  CHECK(result.is_clean());
  REQUIRE(result.findings.size() == 1);
  CHECK(result.findings.front().state == State::note);
  CHECK(result.findings.front().remedy.find("cannot exchange") != std::string::npos);
  CHECK(test::names_in(fixture.at("MBG/bernd/ids")) == std::vector<std::string>{key});
}

TEST_CASE("what commands that died left is found when it is old, and cleared") {
  CheckFixture fixture;
  for (const char* name : {"GLB/.new-1", "GLB/MAILBOX/.new-2", "GRP/.new-3"}) {
    test::write_file(fixture.at(name), "half");
  }
  std::filesystem::create_directories(fixture.at("MBG/.new-4/new"));
  CHECK(fixture.kinds().empty());  // somebody may be at it
  for (const char* name : {"GLB/.new-1", "GLB/MAILBOX/.new-2", "GRP/.new-3", "MBG/.new-4"}) {
    fixture.make_old(name);
  }
  std::filesystem::create_directories(fixture.at("MBG/.gone-5/new"));
  test::write_file(fixture.at("MBG/.gone-5/new/m"), "x");
  const auto all = [](const std::string& state) {
    return Kinds{"half-written:" + state, "half-written:" + state, "half-written:" + state,
                 "mailbag-left:" + state, "mailbag-left:" + state};
  };
  {
    const auto removing = MailboxChanges::begin(fixture.open());  // somebody is at it
    REQUIRE(removing);
    CHECK(fixture.kinds().size() == 4);
  }
  CHECK(fixture.kinds() == all("found"));
  CHECK(fixture.kinds(true) == all("mended"));
  CHECK(fixture.kinds().empty());
  CHECK(test::names_in(fixture.at("MBG")) ==
        std::vector<std::string>{"anna", "bernd", "postmaster"});
}

TEST_CASE("a mailbox that was on its way out comes back with its mail") {
  CheckFixture fixture;
  std::filesystem::rename(fixture.at("MBG/anna"), fixture.at("MBG/.leaving-anna"));
  CHECK(fixture.kinds() == Kinds{"mailbag-left:found"});
  CHECK(fixture.kinds(true) == Kinds{"mailbag-left:mended"});
  CHECK(std::filesystem::exists(fixture.at("MBG/anna/new/" + key)));
}

TEST_CASE("work that somebody has, or has just begun, is left alone") {
  CheckFixture fixture;
  const std::string host = "P1/" + fixture.open().host();
  std::filesystem::create_directories(fixture.at(host + "/young"));
  std::filesystem::create_directories(fixture.at(host + "/held"));
  fixture.make_old(host + "/held");
  auto lock = lock_directory(FileSystem::posix(), fixture.at(host + "/held"));
  REQUIRE(lock);
  REQUIRE(*lock);
  CHECK(fixture.kinds(true).empty());
  CHECK(std::filesystem::exists(fixture.at(host + "/held")));
  CHECK(std::filesystem::exists(fixture.at(host + "/young")));
}

TEST_CASE("mending is not led to another's file") {
  if (::geteuid() != 0) return;  // a file of another user is needed
  CheckFixture fixture;
  const std::string theirs = fixture.at("MBG/anna/new/theirs");
  test::write_file(theirs, put_test::sample_message());
  REQUIRE(::chown(theirs.c_str(), 12345, 12345) == 0);
  REQUIRE(::chmod(theirs.c_str(), 0666) == 0);
  CHECK(fixture.kinds(true) == Kinds{"message-owner:found"});
  CHECK(test::mode_of(theirs) == 0666);
}

TEST_CASE("what goes away meanwhile is no finding, and what cannot be looked at is told") {
  CheckFixture fixture;
  FaultyFileSystem files;
  SECTION("a message is deleted between two looks") {
    files.before([&](const Operation& operation) {
      if (operation.name == "open" && operation.path.ends_with("anna/new/" + key)) {
        std::filesystem::remove(operation.path);
      }
    });
    CHECK(fixture.check(true, files).is_clean());
  }
  SECTION("a directory cannot be read") {
    files.fail_if(
        [&](const Operation& operation) { return operation.path.ends_with("MBG/anna/new"); }, EIO);
    const CheckResult result = fixture.check(true, files);
    CHECK_FALSE(result.is_clean());
    CHECK_FALSE(result.troubles.empty());
  }
}

TEST_CASE("check for people and for programs") {
  CheckFixture fixture;
  const auto run = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"-d", fixture.path(), "check"});
    return test::run_program("postoffice", words);
  };
  CHECK(run({}).out == "3 mailboxes, 2 messages, 9.9K read: clean\n");
  test::write_file(fixture.at("MBG/anna/new/bad\x1b[2J"), "x");
  const auto found = run({});
  CHECK(found.code == 65);
  CHECK(found.out.find('\x1b') == std::string::npos);
  CHECK(found.out.find("message-unreadable") != std::string::npos);
  const auto json = run({"--json", "--repair"});
  CHECK(json.code == 65);
  CHECK(json.out.find("\"state\": \"mended\"") != std::string::npos);
  CHECK(json.out.find('\x1b') == std::string::npos);
}

}  // namespace
}  // namespace smtpgate::postoffice
