// `postoffice check`: each row of docs/checking.md is found; what can be mended is, and only when
// it is asked for; nobody is led to another's file.
#include <algorithm>
#include <ctime>
#include <filesystem>
#include <map>

#include <sys/stat.h>
#include <unistd.h>

#include "postoffice/groups.h"
#include "postoffice/locked_directory.h"
#include "postoffice/postoffice_check.h"
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
