// What is left of a file put by hand when some of it could not be delivered: which messages, which
// recipients, and that no crash and no error loses one.
#include <cerrno>

#include <sys/stat.h>
#include <unistd.h>

#include "postoffice/hand_put.h"
#include "postoffice/hand_rest.h"
#include "unit/catch.h"
#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/postoffice_fixture.h"
#include "unit/postoffice/program.h"

namespace smtpgate::postoffice {
namespace {

using test::PostofficeFixture;
using test::run_program;
using Names = std::vector<std::string>;

const std::string to_alice = "TO:TESTNET/TESTPO/alice\n";
const std::string to_bob = "TO:TESTNET/TESTPO/bob\n";
const std::string to_nobody = "TO:TESTNET/TESTPO/nobody\n";
const std::string filed_alice = "EXT:S:0:FILED\nTESTNET/TESTPO/alice\n";

std::string message(const std::string& tokens, const std::string& text = "text\n") {
  return "VERSION:3.00\n" + tokens +
         "FROM:SMTP:jo@harbour.example\nTEXT:" + std::to_string(text.size()) + "\n" + text;
}

struct RestFixture : PostofficeFixture {
  RestFixture() {
    add_mailbox("alice");
    add_mailbox("bob");
  }

  std::string input() const { return directory() / "in.api"; }

  /// Puts the file and replaces it, as the program does, through `files`.
  HandPutResult put(const std::string& contents, FileSystem& files = FileSystem::posix(),
                    const HandPutOptions& options = {}) {
    test::write_file(input(), contents);
    auto file = FileSystem::posix().open(input());
    REQUIRE(file.has_value());
    notes.clear();
    HandPutResult result = put_by_hand(open(files), **file, options, [&](const HandPutNote& note) {
      notes.push_back(note.str());
    });
    if (!result.all_delivered && !result.filed.empty()) {
      REQUIRE(result.rest_problem.empty());
      const RestResult replaced =
          replace_by_rest(FileSystem::posix(), input(), **file, result.rest);
      REQUIRE_FALSE(replaced.error.has_value());
    }
    return result;
  }
  /// Bob's mailbag takes nothing.
  static void fail_bob(FaultyFileSystem& faulty) {
    faulty.fail_if(
        [](const Operation& operation) {
          return operation.name == "link" && operation.to.find("/bob/") != std::string::npos;
        },
        EIO);
  }
  std::string rest() const { return test::read_file(input()); }
  Names filed(const std::string& mailbox) const {
    return test::names_in(*this / ("MBG/" + mailbox + "/new"));
  }

  Names notes;
};

TEST_CASE("a file that is delivered in part keeps the other messages, octet by octet") {
  RestFixture fixture;
  const std::string odd =
      "\n \nVersion:3.00\n" + to_nobody + "from:X400:a\nATTACHMENT:a.bin 5\nTEXT:3\n\xff\r\n\nVERS";
  const auto result = fixture.put(message(to_alice) + odd + message(to_bob) + odd + "\n\x1a");
  CHECK_FALSE(result.some_temporary);
  CHECK(fixture.rest() == odd + odd);
  REQUIRE(result.filed.size() == 2);
  CHECK(result.filed[0].message == 1);
  CHECK(result.filed[0].mailboxes.empty());
  CHECK(result.filed[1].message == 3);
  fixture.put(fixture.rest());
  CHECK(fixture.rest() == odd + odd);
  CHECK(fixture.filed("alice").size() == 1);
  CHECK(fixture.filed("bob").size() == 1);
}

TEST_CASE("a message that some of its recipients got goes to the others only, the next time") {
  const std::string end = GENERATE("\n", "\r\n", "\r");
  RestFixture fixture;
  FaultyFileSystem faulty;
  fixture.fail_bob(faulty);
  const std::string head = "VERSION:3.00" + end + "TO:TESTNET/TESTPO/alice" + end +
                           "CC:TESTNET/TESTPO/bob" + end + "FROM:A/B/C" + end;
  const std::string tail = "TEXT:2" + end + "TE";
  const auto result = fixture.put(head + tail, faulty);
  CHECK(result.some_temporary);
  REQUIRE(result.filed.size() == 1);
  CHECK(result.filed[0].mailboxes == Names{"alice"});
  CHECK(fixture.rest() == head + "EXT:S:0:FILED" + end + "TESTNET/TESTPO/alice" + end + tail);
  CHECK(fixture.put(fixture.rest()).all_delivered);
  CHECK(fixture.filed("alice").size() == 1);
  REQUIRE(fixture.filed("bob").size() == 1);
  // Who else got it is for the sender's file, not for the recipients.
  const std::string got = test::read_file(fixture / ("MBG/bob/new/" + fixture.filed("bob")[0]));
  CHECK(got.find("FILED") == std::string::npos);
  CHECK(got.find("TE") != std::string::npos);
}

TEST_CASE("who has it already is left out of -r and -e too; others whom they name get it") {
  RestFixture fixture;
  fixture.add_mailbox("carol");
  HandPutOptions options;
  options.recipients = {*NativeAddress::parse("TESTNET/TESTPO/alice"),
                        *NativeAddress::parse("testnet/testpo/Carol")};
  const std::string rest = message(to_alice + to_bob + filed_alice);
  CHECK(fixture.put(rest, FileSystem::posix(), options).all_delivered);
  options = {};
  options.envelope = *parse_envelope_file("RCPT TO:<Alice@b.example>\r\n", "E");
  CHECK(fixture.put(rest, FileSystem::posix(), options).all_delivered);
  CHECK(fixture.filed("alice").empty());
  CHECK(fixture.filed("bob").empty());
  CHECK(fixture.filed("carol").size() == 1);
}

TEST_CASE("FILED in another postoffice, or that is no address, keeps nobody from getting it") {
  RestFixture fixture;
  CHECK(
      fixture.put(message(to_alice + "EXT:S:0:FILED\nTESTNET/OTHER/alice\nEXT:S:0:FILED\nalice\n"))
          .all_delivered);
  CHECK(fixture.filed("alice").size() == 1);
}

TEST_CASE("a message that all its recipients have is delivered") {
  RestFixture fixture;
  CHECK(fixture.put(message(to_alice + filed_alice)).all_delivered);
  CHECK(fixture.filed("alice").empty());
  CHECK(fixture.notes.empty());
  // But not one with a recipient who cannot be.
  CHECK_FALSE(fixture.put(message(to_alice + to_nobody + filed_alice)).all_delivered);
}

TEST_CASE("a mailbox's name comes back as it was, whatever the file's character set") {
  RestFixture fixture;
  fixture.add_mailbox("\xC3\xB6rt^07");
  FaultyFileSystem faulty;
  fixture.fail_bob(faulty);
  const std::string tokens =
      "TO:TESTNET/TESTPO/\xF6rt^5E07\n" + to_bob + "EXT:S:0:CHARSET\nISO-8859-1\n";
  CHECK(fixture.put(message(tokens), faulty).some_temporary);
  CHECK(fixture.put(fixture.rest()).all_delivered);
  CHECK(fixture.filed("\xC3\xB6rt^07").size() == 1);
  CHECK(fixture.filed("bob").size() == 1);
}

TEST_CASE("all from a broken format on is kept") {
  const std::string broken = GENERATE(
      // A token that is none; a size beyond the file; sizes whose sum is beyond 64 bits.
      "VERSION:3.00\nNONSENSE:x\n" + message(to_bob),
      "VERSION:3.00\n" + to_bob + "FROM:A/B/C\nTEXT:9\nx",
      "VERSION:3.00\n" + to_bob + "FROM:A/B/C\nATTACHMENT:a 99\nTEXT:18446744073709551615\n" +
          message(to_bob),
      "VERSION:3.00\n" + to_nobody + "FROM:A/B/C\nTEXT:9\nx");
  RestFixture fixture;
  const auto result = fixture.put(message(to_alice) + "\n" + broken);
  CHECK_FALSE(result.all_delivered);
  CHECK(fixture.rest() == "\n" + broken);
  CHECK(fixture.filed("alice").size() == 1);
  CHECK(fixture.filed("bob").empty());
}

TEST_CASE("sizes whose sum is beyond 64 bits are not taken for a whole file") {
  RestFixture fixture;
  CHECK_FALSE(fixture.put("VERSION:3.00\n" + to_alice + "FROM:A/B/C\nTEXT:18446744073709551615\n\n")
                  .all_delivered);
  CHECK(fixture.filed("alice").empty());
}

TEST_CASE("a message whose lines have no room for FILED says so") {
  RestFixture fixture;
  FaultyFileSystem faulty;
  fixture.fail_bob(faulty);
  HandPutOptions options;
  options.reader.most_fields = 1;
  test::write_file(fixture.input(), message(to_alice + to_bob + "EXT:S:0:SENT\nx\n"));
  auto file = FileSystem::posix().open(fixture.input());
  const auto result = put_by_hand(fixture.open(faulty), **file, options, [](const HandPutNote&) {});
  CHECK(result.rest_problem == "message 1 has too many lines to add FILED to it");
}

TEST_CASE("whatever fails and wherever it stops, the old file or the new one is there, whole") {
  RestFixture fixture;
  const std::string before = "old " + std::string(100'000, 'x') + " end";
  const std::vector<RestPiece> rest = {{{}, 0, 4}, {"new ", 99'990, RestPiece::end_of_file}};
  const std::string after = before.substr(0, 4) + "new " + before.substr(99'990);
  const auto moment =
      GENERATE(FaultyFileSystem::Moment::instead, FaultyFileSystem::Moment::afterwards);
  const bool stops = GENERATE(true, false);  // nothing works from then on, like after a crash
  for (std::size_t n = 0;; ++n) {
    test::write_file(fixture.input(), before);
    ::chmod(fixture.input().c_str(), 0640);
    auto file = FileSystem::posix().open(fixture.input());
    FaultyFileSystem faulty;
    faulty.fail_at(n, EIO, moment, stops);
    const RestResult result = replace_by_rest(faulty, fixture.input(), **file, rest);
    const std::string found = test::read_file(fixture.input());
    if (faulty.faults() == 0) {
      CHECK(result.is_replaced);
      CHECK_FALSE(result.error.has_value());
      CHECK(found == after);
      CHECK(test::mode_of(fixture.input()) == 0640);
      break;
    }
    INFO(n << " " << faulty.operations().back().str());
    CHECK((found == before || found == after));
    if (result.is_replaced) CHECK(found == after);
    if (!stops && found == before) {
      CHECK(result.error.has_value());
      CHECK(test::names_in(fixture.directory().path()) == Names{"in.api", "po"});
    }
    for (const std::string& name : test::names_in(fixture.directory().path())) {
      if (name.starts_with(".smtpput-")) ::unlink((fixture.directory() / name).c_str());
    }
  }
}

TEST_CASE("the new file is on disk before it takes the old one's name") {
  RestFixture fixture;
  test::write_file(fixture.input(), "abc");
  auto file = FileSystem::posix().open(fixture.input());
  FaultyFileSystem watched;
  REQUIRE(replace_by_rest(watched, fixture.input(), **file, {{"x", 1, 2}}).is_replaced);
  CHECK(fixture.rest() == "xb");
  const auto operations = watched.operations();
  const auto at = [&](const std::string& name) {
    return std::find_if(operations.begin(), operations.end(),
                        [&](const Operation& one) { return one.name == name; });
  };
  REQUIRE(at("sync_directory") != operations.end());
  CHECK(at("append_from") < at("sync"));
  CHECK(at("set_mode") < at("sync"));
  CHECK(at("sync") < at("rename"));
  CHECK(at("rename") < at("sync_directory"));
}

TEST_CASE("the new file stays its owner's; a group that cannot be given gains nothing") {
  if (::geteuid() != 0) return;
  RestFixture fixture;
  const auto replace = [&](FileSystem& files) {
    test::write_file(fixture.input(), "abc");
    REQUIRE(::chown(fixture.input().c_str(), 65534, 65533) == 0);
    REQUIRE(::chmod(fixture.input().c_str(), 0664) == 0);
    auto file = FileSystem::posix().open(fixture.input());
    REQUIRE(replace_by_rest(files, fixture.input(), **file, {{}}).is_replaced);
    return *FileSystem::posix().status(fixture.input());
  };
  const FileStatus kept = replace(FileSystem::posix());
  CHECK(kept.owner == 65534);
  CHECK(kept.group == 65533);
  CHECK(kept.mode == 0664);
  FaultyFileSystem faulty;
  faulty.fail_if([](const Operation& one) { return one.name == "set_owner"; }, EPERM);
  CHECK(replace(faulty).mode == 0644);
}

TEST_CASE("the program leaves in the file what is to be tried again, and files nothing twice") {
  RestFixture fixture;
  const std::string kept = message(to_nobody);
  test::write_file(fixture.input(), message(to_alice) + kept + message(to_bob));
  const Names words = {"-d", fixture.path(), fixture.input()};
  auto done = run_program("smtpput", words);
  CHECK(done.code == 65);
  CHECK(done.out.starts_with("142-2-2 Bad address"));
  CHECK(done.out.find("201-0-0 " + fixture.input() + " now holds only what is not delivered") !=
        std::string::npos);
  CHECK(fixture.rest() == kept);
  done = run_program("smtpput", words);
  CHECK(done.code == 65);
  CHECK(done.out.find("now holds") == std::string::npos);
  fixture.add_mailbox("nobody");
  CHECK(run_program("smtpput", words).code == 0);
  CHECK_FALSE(std::filesystem::exists(fixture.input()));
  CHECK(fixture.filed("alice").size() == 1);
  CHECK(fixture.filed("bob").size() == 1);
  CHECK(fixture.filed("nobody").size() == 1);
}

TEST_CASE("with -k the file stays, and what not to file again is said") {
  RestFixture fixture;
  const std::string contents =
      message(to_alice) + message(to_bob + to_nobody + to_alice) + message(to_bob);
  test::write_file(fixture.input(), contents);
  const auto done = run_program("smtpput", {"-d", fixture.path(), "-k", fixture.input()});
  CHECK(done.code == 65);
  CHECK(done.out.find("201-0-0 filed already: message 1, 2 (in bob, alice), 3; take out") !=
        std::string::npos);
  CHECK(fixture.rest() == contents);
}

TEST_CASE("a link that a person gave is what is replaced, as it is what is removed") {
  RestFixture fixture;
  const std::string contents = message(to_alice) + message(to_nobody);
  test::write_file(fixture.input(), contents);
  const std::string link = fixture.directory() / "link.api";
  REQUIRE(::symlink("in.api", link.c_str()) == 0);
  CHECK(run_program("smtpput", {"-d", fixture.path(), link}).code == 65);
  CHECK(fixture.rest() == contents);
  CHECK_FALSE(std::filesystem::is_symlink(link));
  CHECK(test::read_file(link) == message(to_nobody));
}

}  // namespace
}  // namespace smtpgate::postoffice
