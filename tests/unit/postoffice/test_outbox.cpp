// Outboxes: what is dropped arrives once, as its mailbox and nobody else; whatever hostile thing
// lies there is set aside and stops nothing; a crash at any step loses and doubles nothing.
#include <algorithm>
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

#include "postoffice/groups.h"
#include "postoffice/outbox.h"
#include "postoffice/outgoing.h"
#include "postoffice/put.h"
#include "unit/catch.h"
#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/mmff_test_support.h"
#include "unit/postoffice/postoffice_fixture.h"

namespace smtpgate::postoffice {
namespace {

using test::PostofficeFixture;
using Lines = std::vector<std::string>;

std::string message(const std::string& tokens, const std::string& text = "text\n",
                    const std::string& from = "CSI:TESTNET/TESTPO/anna") {
  return "VERSION:3.00\n" + tokens + "FROM:" + from + "\nTEXT:" + std::to_string(text.size()) +
         "\n" + text;
}

const std::string to_bernd = "TO:CSI:TESTNET/TESTPO/bernd\n";
const std::string to_jo = "TO:SMTP:jo@example.com\n";

struct OutboxFixture : PostofficeFixture {
  OutboxFixture() {
    for (const char* name : {"anna", "bernd"}) add_mailbox(name);
    test::write_file(*this / "GLB/ALIAS", "ann anna\n");
  }

  std::string outbox() const { return *this / "MBG/anna/outbox"; }
  void drop(const std::string& name, const std::string& contents) const {
    test::write_file(outbox() + "/" + name, contents);
  }

  std::function<void(const OutboxNote&)> teller() {
    return [this](const OutboxNote& note) {
      if (!note.outcome.is_delivered()) notes.push_back(note.outcome.sentence());
    };
  }
  OutboxResult pick_up(FileSystem& files = FileSystem::posix()) {
    notes.clear();
    auto result = pick_up_outbox(open(files), "anna", options, teller());
    return result ? *result : OutboxResult{};
  }
  OutboxResult resume(FileSystem& files = FileSystem::posix()) {
    auto result = resume_taken_files(open(files), options, teller());
    return result ? *result : OutboxResult{};
  }

  Lines in(const std::string& part) const { return test::names_in(*this / part); }
  std::vector<MessageHeader> filed(const std::string& part) const {
    std::vector<MessageHeader> headers;
    for (const std::string& name : in(part)) {
      auto all = mmff_test::read_all(test::read_file(*this / (part + "/" + name)));
      REQUIRE(all);
      REQUIRE(all->size() == 1);
      headers.push_back(all->front().header);
    }
    return headers;
  }
  /// The recipients of all that waits in SMTP, a message each.
  Lines waiting() const {
    Lines all;
    const Postoffice postoffice = open();
    const auto entries = OutgoingMail(postoffice).list();
    REQUIRE(entries);
    for (const OutgoingEntry& entry : *entries) {
      CHECK(entry.state.mailbox == "anna");
      std::string line;
      for (const auto& one : entry.state.recipients) line += one.address.str() + " ";
      all.push_back(line.empty() ? "nobody" : line.substr(0, line.size() - 1));
    }
    std::sort(all.begin(), all.end());
    return all;
  }
  /// Text of the only report in anna's mailbag.
  std::string report() const {
    const Lines names = in("MBG/anna/new");
    REQUIRE(names.size() == 1);
    return test::read_file(*this / ("MBG/anna/new/" + names.front()));
  }
  /// Of work in flight. Empty directories are left alone for a minute.
  bool is_nothing_left() const {
    const Postoffice postoffice = open();
    REQUIRE(clear_abandoned_work(postoffice));
    const std::string host = "P1/" + postoffice.host();
    const Lines names = in(host);
    return std::all_of(names.begin(), names.end(),
                       [&](const std::string& name) { return in(host + "/" + name).empty(); });
  }
  /// What a crash left half written in SMTP/ids is looked at after a minute only.
  void let_a_minute_pass() const {
    for (const std::string& name : in("SMTP/ids")) {
      if (name.front() == '.') test::set_modified(*this / ("SMTP/ids/" + name), 1'000'000'000);
    }
  }

  OutboxOptions options;
  Lines notes;
};

TEST_CASE("a dropped message reaches mailboxes here and waits for Postfix for the others") {
  OutboxFixture fixture;
  fixture.drop("a.API", message(to_bernd + to_jo + "CC:OTHER/PO/zoe\nCC:testnet/testpo/BERND\n"));
  fixture.drop("b.txt", "left alone");
  fixture.drop(".c.API", "left alone");
  const OutboxResult result = fixture.pick_up();
  CHECK(result.taken == 1);
  CHECK(result.handed_over == 1);
  CHECK(result.unfinished == 0);
  CHECK_FALSE(result.look_again);
  CHECK(fixture.notes == Lines{});
  CHECK(fixture.in("MBG/anna/outbox") == Lines{".c.API", "b.txt"});
  CHECK(fixture.filed("MBG/bernd/new").size() == 1);
  CHECK(fixture.waiting() == Lines{"SMTP:jo@example.com CSI:OTHER/PO/zoe"});
  CHECK(fixture.in("MBG/anna/new").empty());
  CHECK(fixture.in("MBG/anna/sent").empty());
  CHECK(fixture.is_nothing_left());
}

TEST_CASE("Bcc recipients get it and are named to nobody; forged fields are left out") {
  OutboxFixture fixture;
  fixture.drop("a.api",
               message(to_jo +
                       "EXT:S:0:BCC\nCSI:TESTNET/TESTPO/bernd\nEXT:S:0:bcc\n"
                       "SMTP:secret@example.com\nEXT:S:0:CONTENT-KEY\n" +
                       std::string(64, 'a') + "\nEXT:S:0:HEADER-FROM\nboss@example.com\n"));
  fixture.pick_up();
  REQUIRE(fixture.filed("MBG/bernd/new").size() == 1);
  CHECK(fixture.in("MBG/bernd/new").front() != std::string(64, 'a'));
  CHECK(fixture.filed("MBG/bernd/new").front().fields.empty());
  CHECK(fixture.waiting() == Lines{"SMTP:jo@example.com SMTP:secret@example.com"});
  const std::string id = OutgoingMail(fixture.open()).waiting().value().front();
  CHECK(test::read_file(fixture / ("SMTP/" + id + "/FROM_NC.API")).find("secret") ==
        std::string::npos);
}

TEST_CASE("only the mailbox itself and its aliases may be in FROM") {
  OutboxFixture fixture;
  fixture.drop("a.API", message(to_bernd, "t", "CSI:TESTNET/TESTPO/ANN"));
  fixture.pick_up();
  CHECK(fixture.filed("MBG/bernd/new").size() == 1);
  for (const char* from : {"CSI:TESTNET/TESTPO/bernd", "CSI:TESTNET/TESTPO/nobody",
                           "CSI:OTHER/PO/anna", "SMTP:anna@example.com", "SMTP:"}) {
    INFO(from);
    OutboxFixture other;
    test::write_file(other / "GLB/postoffice.toml",
                     "name = \"TESTNET/TESTPO\"\nformat = 1\ncatch_all = \"anna\"\n");
    other.drop("a.API", message(to_bernd + to_jo, "t", from));
    other.pick_up();
    CHECK(other.in("MBG/bernd/new").empty());
    CHECK(other.waiting().empty());
    CHECK(other.in("MBG/anna/outbox") == Lines{"a.API.bad"});
    CHECK(other.report().find("142-1-0 Bad address") != std::string::npos);
    CHECK(other.is_nothing_left());
  }
}

TEST_CASE("a recipient that cannot be is reported to the sender, the others are served") {
  OutboxFixture fixture;
  fixture.drop("a.API", message("TO:TESTNET/TESTPO/nobody\nTO:FAX:123\nTO:SMTP:a b@example.com\n" +
                                to_bernd + to_jo));
  const OutboxResult result = fixture.pick_up();
  CHECK(result.unfinished == 0);
  CHECK(fixture.filed("MBG/bernd/new").size() == 1);
  CHECK(fixture.waiting() == Lines{"SMTP:jo@example.com"});
  const std::string report = fixture.report();
  CHECK(report.find("nobody") != std::string::npos);
  CHECK(report.find("151 Unknown service FAX") != std::string::npos);
  CHECK(report.find("142 Bad address") != std::string::npos);
  CHECK(fixture.in("MBG/anna/outbox").empty());
}

TEST_CASE("the report about a message of a file with several shows that one") {
  OutboxFixture fixture;
  const std::string second = message("TO:TESTNET/TESTPO/nobody\nSUBJECT:the second\n", "two\n");
  fixture.drop("a.API", message(to_bernd + "SUBJECT:the first\n", "one\n") + second +
                            message(to_bernd + "SUBJECT:the third\n", "three\n"));
  CHECK(fixture.pick_up().unfinished == 0);
  CHECK(fixture.in("MBG/bernd/new").size() == 2);
  const std::string report = fixture.report();
  CHECK(report.find("SUBJECT:Undeliverable: the second\n") != std::string::npos);
  CHECK(report.find("  two\n") != std::string::npos);
  CHECK(report.find("the first") == std::string::npos);
  CHECK(report.find("the third") == std::string::npos);
  CHECK(report.ends_with("\n" + second));
}

TEST_CASE("who was told once that a recipient failed is not told again when another one fails") {
  OutboxFixture fixture;
  test::write_file(fixture / "GRP/team", "FAX:1\n");
  fixture.drop("a.API", message("TO:TESTNET/TESTPO/nobody\nTO:TESTNET/TESTPO/team\n"));
  CHECK(fixture.pick_up().unfinished == 1);
  CHECK(fixture.report().find("nobody") != std::string::npos);
  test::write_file(fixture / "GRP/team", "gone\n");
  CHECK(fixture.resume().unfinished == 0);
  const Lines reports = fixture.in("MBG/anna/new");
  REQUIRE(reports.size() == 2);
  std::size_t about_nobody = 0;
  for (const std::string& name : reports) {
    const std::string text = test::read_file(fixture / ("MBG/anna/new/" + name));
    if (text.find("\n  CSI:TESTNET/TESTPO/nobody\n") != std::string::npos) ++about_nobody;
  }
  CHECK(about_nobody == 1);
  CHECK(fixture.is_nothing_left());
}

TEST_CASE("groups and forwards are followed, each is served once, what fails in them is told") {
  OutboxFixture fixture;
  test::write_file(fixture / "GRP/all", "anna\nbernd\nJo@example.com\njo@EXAMPLE.com\ngone\nall\n");
  test::write_file(fixture / "GLB/MAILBOX/bernd.toml",
                   "forward = [\"b@away.example\"]\nkeep_copy = false\n");
  fixture.drop("a.API", message("TO:TESTNET/TESTPO/all\n" + to_bernd));
  fixture.pick_up();
  CHECK(fixture.in("MBG/bernd/new").empty());
  CHECK(fixture.in("MBG/anna/new").size() == 2);  // the message and the report
  CHECK(fixture.waiting() == Lines{"SMTP:Jo@example.com SMTP:jo@EXAMPLE.com SMTP:b@away.example"});
}

TEST_CASE("sent mail is kept where the mailbox wants it") {
  OutboxFixture fixture;
  test::write_file(fixture / "GLB/MAILBOX/anna.toml", "keep_sent = true\n");
  fixture.drop("a.API", message(to_jo));
  fixture.drop("b.API", message(to_bernd));
  fixture.pick_up();
  CHECK(fixture.filed("MBG/anna/sent").size() == 2);
  CHECK(fixture.filed("MBG/bernd/new").size() == 1);
  CHECK(fixture.waiting().size() == 1);
  CHECK(fixture.in("MBG/anna/new").empty());
}

TEST_CASE("a file that is no file of the mailbox's people is set aside, and stops nothing") {
  OutboxFixture fixture;
  const std::string secret = fixture.directory() / "secret";
  test::write_file(secret, message(to_jo, "secret"));
  const std::string outbox = fixture.outbox();
  REQUIRE(::symlink(secret.c_str(), (outbox + "/a.API").c_str()) == 0);
  REQUIRE(::mkfifo((outbox + "/b.API").c_str(), 0600) == 0);
  REQUIRE(::mkdir((outbox + "/c.API").c_str(), 0700) == 0);
  REQUIRE(::link(secret.c_str(), (outbox + "/d.API").c_str()) == 0);
  fixture.drop("e.API", message(to_bernd));
  const OutboxResult result = fixture.pick_up();
  CHECK(result.taken == 1);
  CHECK(result.unfinished == 0);
  CHECK(fixture.in("MBG/anna/outbox") == Lines{"a.API.bad", "b.API.bad", "c.API.bad", "d.API.bad"});
  CHECK(fixture.in("MBG/anna/new").size() == 4);
  CHECK(fixture.filed("MBG/bernd/new").size() == 1);
  CHECK(fixture.waiting().empty());
  CHECK(fixture.is_nothing_left());
  CHECK(test::read_file(secret) == message(to_jo, "secret"));
}

TEST_CASE("a file of a user who is not of the mailbox's group is set aside, a member's is sent") {
  if (::geteuid() != 0) return;  // only root can give files away
  OutboxFixture fixture;
  constexpr uid_t nobody = 65534;
  fixture.drop("a.API", message(to_bernd));
  REQUIRE(::chown((fixture.outbox() + "/a.API").c_str(), nobody, nobody) == 0);
  fixture.drop("b.API", message(to_bernd));
  REQUIRE(::chown((fixture.outbox() + "/b.API").c_str(), 54321, 0) == 0);
  fixture.pick_up();
  CHECK(fixture.in("MBG/bernd/new").empty());
  CHECK(fixture.in("MBG/anna/outbox") == Lines{"a.API.bad", "b.API.bad"});
  REQUIRE(::chown(fixture.outbox().c_str(), 0, nobody) == 0);
  fixture.drop("c.API", message(to_bernd));
  REQUIRE(::chown((fixture.outbox() + "/c.API").c_str(), nobody, nobody) == 0);
  fixture.pick_up();
  CHECK(fixture.in("MBG/bernd/new").size() == 1);
}

TEST_CASE("a user database that does not answer makes files wait, and sets none aside") {
  if (::geteuid() != 0) return;  // only root can give files away
  OutboxFixture fixture;
  fixture.drop("a.API", message(to_bernd));
  REQUIRE(::chown((fixture.outbox() + "/a.API").c_str(), 54321, 0) == 0);
  bool answers = false;
  fixture.options.is_member = [&](uid_t user, gid_t group) -> Expected<bool> {
    CHECK(user == 54321);
    CHECK(group == 0);
    if (!answers) return failure(Outcome::temporary("the directory server is away"));
    return true;
  };
  const OutboxResult result = fixture.pick_up();
  CHECK(result.taken == 0);
  CHECK(result.unfinished == 1);
  CHECK(fixture.notes == Lines{"the directory server is away"});
  CHECK(fixture.in("MBG/anna/outbox") == Lines{"a.API"});
  CHECK(fixture.in("MBG/anna/new").empty());
  // The same after it was taken.
  int questions = 0;
  fixture.options.is_member = [&](uid_t, gid_t) -> Expected<bool> {
    if (++questions == 2) return failure(Outcome::temporary("the directory server is away"));
    return true;
  };
  CHECK(fixture.pick_up().unfinished == 1);
  CHECK(questions == 2);
  CHECK(fixture.in("MBG/anna/outbox").empty());
  CHECK(fixture.resume().unfinished == 0);
  CHECK(fixture.in("MBG/bernd/new").size() == 1);
}

TEST_CASE("a growing file is waited for, and set aside when it grows no more") {
  OutboxFixture fixture;
  std::int64_t now = 1'800'000'000;
  fixture.options.now = [&] { return now; };
  const std::string whole = message(to_bernd, std::string(1000, 'x'));
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{5}, std::size_t{40}, whole.size() - 1}) {
    INFO(size);
    fixture.drop("a.API", whole.substr(0, size));
    test::set_modified(fixture.outbox() + "/a.API", now - 10);
    const OutboxResult result = fixture.pick_up();
    CHECK(result.taken == 0);
    REQUIRE(result.look_again);
    CHECK(*result.look_again == now + 20);
    CHECK(fixture.in("MBG/anna/outbox") == Lines{"a.API"});
  }
  fixture.drop("a.API", whole);
  CHECK(fixture.pick_up().taken == 1);
  CHECK(fixture.filed("MBG/bernd/new").size() == 1);
  fixture.drop("b.API", whole.substr(0, 200));
  test::set_modified(fixture.outbox() + "/b.API", now - 30);
  fixture.pick_up();
  CHECK(fixture.in("MBG/anna/outbox") == Lines{"b.API.bad"});
  CHECK(fixture.report().find("140-1-") != std::string::npos);
  fixture.drop("c.API", whole.substr(0, 200));
  test::set_modified(fixture.outbox() + "/c.API", now + 100'000);
  fixture.pick_up();
  CHECK(fixture.in("MBG/anna/outbox") == Lines{"b.API.bad", "c.API.bad"});
}

TEST_CASE("a file that is larger than an outbox takes is set aside without being taken or copied") {
  OutboxFixture fixture;
  fixture.options.size_limit = 1000;
  const std::size_t around = message(to_bernd, std::string(900, 'x')).size() - 900;
  fixture.drop("a.API", message(to_bernd, std::string(1000 - around, 'x')));
  fixture.drop("b.API", message(to_bernd, std::string(1001 - around, 'x')));
  fixture.drop("c.API", message(to_bernd));
  std::filesystem::resize_file(fixture.outbox() + "/c.API", std::uintmax_t{1} << 40);  // sparse
  FaultyFileSystem watched;
  fixture.pick_up(watched);
  CHECK(fixture.in("MBG/bernd/new").size() == 1);
  CHECK(fixture.in("MBG/anna/outbox") == Lines{"b.API.bad", "c.API.bad"});
  CHECK(fixture.in("MBG/anna/new").size() == 2);
  for (const Operation& one : watched.operations()) {
    if (one.name == "rename" && one.to.ends_with("/TAKEN.API")) {
      CHECK(one.path.ends_with("/a.API"));
    }
  }
  CHECK(fixture.notes.at(0).find("larger than the 1000 octets") != std::string::npos);
  CHECK(fixture.is_nothing_left());
}

/// The only TAKEN.API.
std::string taken_path(const OutboxFixture& fixture) {
  const std::string host = "P1/" + fixture.open().host();
  for (const std::string& id : fixture.in(host)) {
    const std::string path = fixture / (host + "/" + id + "/TAKEN.API");
    if (std::filesystem::exists(path)) return path;
  }
  return {};
}

TEST_CASE("a file that grows beyond all bounds once it was taken is set aside") {
  OutboxFixture fixture;
  fixture.options.size_limit = 1'000'000;
  fixture.drop("a.API", message(to_bernd, "one"));
  FaultyFileSystem growing;
  growing.before([&](const Operation& one) {
    if (one.name != "open" || !one.path.ends_with("/TAKEN.API")) return;
    std::filesystem::resize_file(one.path, std::uintmax_t{1} << 40);
  });
  fixture.pick_up(growing);
  CHECK(fixture.in("MBG/bernd/new").empty());
  CHECK(fixture.in("MBG/anna/outbox") == Lines{"a.API.bad"});
  CHECK(fixture.in("MBG/anna/new").size() == 1);
  CHECK(fixture.is_nothing_left());
}

TEST_CASE("a copy that fails is removed, and made again") {
  OutboxFixture fixture;
  fixture.drop("a.API", message(to_bernd));
  FaultyFileSystem full;
  full.fail_if(
      [](const Operation& one) {
        return one.name == "append_from" && one.path.ends_with("/FROM_NC.API");
      },
      ENOSPC);
  CHECK(fixture.pick_up(full).unfinished == 1);
  const std::string taken = taken_path(fixture);
  REQUIRE_FALSE(taken.empty());
  CHECK(test::names_in(std::filesystem::path(taken).parent_path()) == Lines{"ORIGIN", "TAKEN.API"});
  CHECK(fixture.resume().unfinished == 0);
  CHECK(fixture.in("MBG/bernd/new").size() == 1);
}

TEST_CASE("a taken file that is written to for ever is ended, and what came last put back") {
  OutboxFixture fixture;
  std::int64_t now = std::time(nullptr);
  fixture.options.now = [&] { return now; };
  const std::string first = message(to_bernd, "one");
  const std::string more = message(to_bernd, "two");
  fixture.drop("a.API", first);
  FaultyFileSystem growing;
  std::string contents = first;
  int times = 3;  // until then in each walk
  growing.before([&](const Operation& one) {
    if (one.name != "create" || !one.path.ends_with("/TO_NC.API") || times-- <= 0) return;
    contents += more;
    test::write_file(taken_path(fixture), contents);
  });
  CHECK(fixture.pick_up(growing).unfinished == 1);
  now += 1000;
  times = 3;
  const OutboxResult later = fixture.resume(growing);
  CHECK(later.unfinished == 1);
  REQUIRE(later.look_again);
  CHECK(*later.look_again == now + 60);  // with growing pauses
  const std::size_t filed = fixture.in("MBG/bernd/new").size();
  CHECK(filed >= 2);
  now += 2 * 86'400;
  times = 2;
  CHECK(fixture.resume(growing).unfinished == 0);
  CHECK(fixture.is_nothing_left());
  REQUIRE(fixture.in("MBG/anna/outbox") == Lines{"a.API.bad"});
  const std::string rest = test::read_file(fixture.outbox() + "/a.API.bad");
  const std::size_t sent = fixture.in("MBG/bernd/new").size();
  CHECK(first.size() + (sent - 1) * more.size() + rest.size() == contents.size());
  CHECK(fixture.report().find("was written to for more than 48 hours") != std::string::npos);
}

TEST_CASE("a file that is never whole and always being written is set aside in the end") {
  OutboxFixture fixture;
  std::int64_t now = std::time(nullptr);
  GrowingFiles growing;
  fixture.options.now = [&] { return now; };
  fixture.options.growing = &growing;
  const std::string whole = message(to_bernd, std::string(100, 'x'));
  const auto touch = [&] {
    fixture.drop("a.API", whole.substr(0, 80));
    test::set_modified(fixture.outbox() + "/a.API", now);
  };
  touch();
  CHECK(fixture.pick_up().look_again);
  now += 2 * 86'400;
  touch();
  CHECK(fixture.pick_up().look_again);
  CHECK(fixture.in("MBG/anna/outbox") == Lines{"a.API"});
  now += 10;
  touch();
  const OutboxResult ended = fixture.pick_up();
  CHECK_FALSE(ended.look_again);
  CHECK(ended.unfinished == 0);
  CHECK(fixture.in("MBG/anna/outbox") == Lines{"a.API.bad"});
  CHECK(fixture.is_nothing_left());
  // Another one of the same name has its own time.
  touch();
  CHECK(fixture.pick_up().look_again);
  CHECK(fixture.in("MBG/anna/outbox") == Lines{"a.API", "a.API.bad"});
}

TEST_CASE("a turn looks at so many files, and the next one goes on behind them") {
  OutboxFixture fixture;
  for (int i = 10; i < 25; ++i) fixture.drop("m" + std::to_string(i) + ".API", message(to_bernd));
  fixture.drop("m12.API", "VERSION");  // waited for
  fixture.drop("x.txt", "");
  fixture.options.most = 6;
  OutboxResult turn = fixture.pick_up();
  CHECK(turn.taken == 5);
  REQUIRE(turn.behind);
  CHECK(*turn.behind == "m15.API");
  fixture.drop("m11.API", message(to_bernd));  // found the next time
  fixture.options.behind = *turn.behind;
  turn = fixture.pick_up();
  CHECK(turn.taken == 6);
  REQUIRE(turn.behind);
  fixture.options.behind = *turn.behind;
  turn = fixture.pick_up();
  CHECK(turn.taken == 3);
  CHECK_FALSE(turn.behind);
  CHECK(fixture.in("MBG/anna/outbox") == Lines{"m11.API", "m12.API", "x.txt"});
  CHECK(fixture.in("MBG/bernd/new").size() == 14);
}

TEST_CASE("what was taken is gone through in turns too") {
  OutboxFixture fixture;
  FaultyFileSystem full;
  full.fail_if([](const Operation& one) { return one.name == "append_from"; }, ENOSPC);
  for (int i = 0; i < 5; ++i) fixture.drop("m" + std::to_string(i) + ".API", message(to_bernd));
  CHECK(fixture.pick_up(full).unfinished == 5);
  fixture.options.most = 3;
  OutboxResult turn = fixture.resume();
  CHECK(turn.taken == 3);
  REQUIRE(turn.behind);
  fixture.options.behind = *turn.behind;
  turn = fixture.resume();
  CHECK(turn.taken == 2);
  CHECK_FALSE(turn.behind);
  CHECK(fixture.in("MBG/bernd/new").size() == 5);
}

TEST_CASE("a format error is set aside at once, and names of files are escaped in the report") {
  OutboxFixture fixture;
  const std::string name = "x\n\x1b[2J\xff.API";
  fixture.drop(name, "VERSION:3.00\nNONSENSE:x\nTEXT:0\nmore\n");
  fixture.pick_up();
  CHECK(fixture.in("MBG/anna/outbox") == Lines{name + ".bad"});
  const std::string report = fixture.report();
  CHECK(report.find("141-1-2") != std::string::npos);
  CHECK(report.find('\x1b') == std::string::npos);
  CHECK(report.find("x\\x0A\\x1B[2J\\xFF.API") != std::string::npos);
  fixture.drop(name, "VERSION:3.00\nNONSENSE:x\nTEXT:0\nmore\n");
  fixture.pick_up();
  CHECK(fixture.in("MBG/anna/outbox") == Lines{name + ".bad", name + ".bad-2"});
  CHECK(fixture.in("MBG/anna/new").size() == 2);
}

TEST_CASE("a name too long for .bad behind it is cut") {
  OutboxFixture fixture;
  fixture.drop(std::string(251, 'n') + ".API", "VERSION:3.00\nNONSENSE:x\nTEXT:0\nmore\n");
  fixture.pick_up();
  CHECK(fixture.in("MBG/anna/outbox") == Lines{std::string(251, 'n') + ".bad"});
}

TEST_CASE("an external file is error 146, whatever it names") {
  for (const char* token : {"XATTACH:/etc/passwd\n", "XATTACH:secret x\n"}) {
    OutboxFixture fixture;
    fixture.drop("a.API", message(to_jo + token));
    fixture.pick_up();
    CHECK(fixture.waiting().empty());
    CHECK(fixture.in("MBG/anna/outbox") == Lines{"a.API.bad"});
    CHECK(fixture.report().find("146-1-3") != std::string::npos);
  }
}

TEST_CASE("several messages in a file are each judged; what is behind a format error is put back") {
  OutboxFixture fixture;
  const std::string good = message(to_bernd, "one\n");
  const std::string forged = message(to_bernd, "two\n", "CSI:TESTNET/TESTPO/bernd");
  const std::string broken = "VERSION:3.00\nNONSENSE:x\n" + good;
  fixture.drop("a.API", good + forged + message(to_jo, "three\n") + broken);
  const OutboxResult result = fixture.pick_up();
  CHECK(result.handed_over == 1);
  CHECK(fixture.in("MBG/bernd/new").size() == 1);
  CHECK(fixture.waiting() == Lines{"SMTP:jo@example.com"});
  CHECK(fixture.in("MBG/anna/outbox") == Lines{"a.API.bad", "a.API.bad-2"});
  CHECK(test::read_file(fixture.outbox() + "/a.API.bad") == forged);
  CHECK(test::read_file(fixture.outbox() + "/a.API.bad-2") == broken);
  CHECK(fixture.in("MBG/anna/new").size() == 2);
  CHECK(fixture.is_nothing_left());
}

TEST_CASE("of a file exchanged between look and take, the one that was taken counts") {
  OutboxFixture fixture;
  fixture.drop("a.API", message(to_jo, "first"));
  FaultyFileSystem exchanging;
  exchanging.before([&](const Operation& one) {
    if (one.name != "rename" || !one.path.ends_with("/a.API")) return;
    std::filesystem::remove(one.path);
    std::filesystem::create_symlink("/etc/passwd", one.path);
  });
  fixture.pick_up(exchanging);
  CHECK(fixture.waiting().empty());
  CHECK(fixture.in("MBG/anna/outbox") == Lines{"a.API.bad"});
  fixture.drop("b.API", message(to_jo, "first"));
  exchanging.before([&](const Operation& one) {
    if (one.name != "rename" || !one.path.ends_with("/b.API")) return;
    test::write_file(one.path + ".tmp", message(to_bernd, "second"));
    std::filesystem::rename(one.path + ".tmp", one.path);
  });
  fixture.pick_up(exchanging);
  CHECK(fixture.waiting().empty());
  CHECK(fixture.in("MBG/bernd/new").size() == 1);
}

TEST_CASE("what a writer adds to a file that was taken is sent too, and the beginning once") {
  OutboxFixture fixture;
  fixture.drop("a.API", message(to_bernd, "one"));
  FaultyFileSystem growing;
  bool is_grown = false;
  growing.before([&](const Operation& one) {
    if (is_grown || one.name != "create" || !one.path.ends_with("/TO_NC.API")) return;
    is_grown = true;
    const std::string taken = fixture / ("P1/" + fixture.open().host() + "/" + [&] {
                                for (const auto& id : fixture.in("P1/" + fixture.open().host())) {
                                  const std::string path = "P1/" + fixture.open().host() + "/" + id;
                                  if (std::filesystem::exists(fixture / (path + "/TAKEN.API")))
                                    return id;
                                }
                                return std::string();
                              }() + "/TAKEN.API");
    test::write_file(taken, message(to_bernd, "one") + message(to_jo, "two"));
  });
  const OutboxResult result = fixture.pick_up(growing);
  CHECK(result.unfinished == 1);
  CHECK(result.look_again);
  CHECK(fixture.in("MBG/bernd/new").size() == 1);
  CHECK(fixture.waiting().empty());
  CHECK(fixture.resume().unfinished == 0);
  CHECK(fixture.in("MBG/bernd/new").size() == 1);
  CHECK(fixture.waiting().size() == 1);
  CHECK(fixture.is_nothing_left());
}

TEST_CASE(
    "trouble with one recipient holds back what is beyond, not what is here, and not for ever") {
  OutboxFixture fixture;
  std::int64_t now = std::time(nullptr);
  fixture.options.now = [&] { return now; };
  test::write_file(fixture / "GRP/broken", "FAX:1\n");
  fixture.drop("a.API", message("TO:TESTNET/TESTPO/broken\n" + to_bernd + to_jo));
  fixture.drop("b.API", message(to_bernd));
  CHECK(fixture.pick_up().unfinished == 1);
  CHECK(fixture.in("MBG/bernd/new").size() == 2);
  CHECK(fixture.waiting().empty());
  REQUIRE(clear_abandoned_work(fixture.open()));
  CHECK(fixture.resume().unfinished == 1);
  SECTION("it passes") {
    test::write_file(fixture / "GRP/broken", "kim@example.com\n");
    CHECK(fixture.resume().unfinished == 0);
    CHECK(fixture.waiting() == Lines{"SMTP:kim@example.com SMTP:jo@example.com"});
    CHECK(fixture.in("MBG/anna/new").empty());
  }
  SECTION("it lasts") {
    now += 3 * 86'400;
    CHECK(fixture.resume().unfinished == 0);
    CHECK(fixture.waiting() == Lines{"SMTP:jo@example.com"});
    CHECK(fixture.report().find("broken") != std::string::npos);
  }
  CHECK(fixture.in("MBG/bernd/new").size() == 2);
  CHECK(fixture.is_nothing_left());
}

TEST_CASE("a huge list of recipients is served, one beyond all bounds refused") {
  OutboxFixture fixture;
  std::string many;
  for (int i = 0; i < 20'000; ++i) many += "TO:SMTP:u" + std::to_string(i) + "@example.com\n";
  fixture.drop("a.API", message(many));
  fixture.pick_up();
  const auto list = OutgoingMail(fixture.open()).list();
  REQUIRE(list.value().size() == 1);
  CHECK(list->front().state.recipients.size() == 20'000);
  std::string too_many;
  for (int i = 0; i < 100'001; ++i) too_many += "TO:SMTP:u@example.com\n";
  fixture.drop("b.API", message(too_many));
  fixture.pick_up();
  CHECK(fixture.in("MBG/anna/outbox") == Lines{"b.API.bad"});
  CHECK(fixture.report().find("145-1-") != std::string::npos);
}

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

TEST_CASE("a file that the gateway cannot read is waited for, then set aside with what to do") {
  OutboxFixture fixture;
  std::int64_t now = 1'800'000'000;
  fixture.options.now = [&] { return now; };
  fixture.drop("a.API", message(to_bernd));
  test::set_modified(fixture.outbox() + "/a.API", now);
  FaultyFileSystem closed;
  closed.fail_if(
      [](const Operation& one) { return one.name == "open" && one.path.ends_with("/a.API"); },
      EACCES);
  CHECK(fixture.pick_up(closed).look_again == now + 30);
  now += 31;
  fixture.pick_up(closed);
  CHECK(fixture.in("MBG/anna/outbox") == Lines{"a.API.bad"});
  CHECK(fixture.report().find("chmod o+r") != std::string::npos);
}

TEST_CASE("what was taken of a mailbox that is removed goes to the postmaster") {
  OutboxFixture fixture;
  test::write_file(fixture / "GRP/broken", "FAX:1\n");
  fixture.drop("a.API", message("TO:TESTNET/TESTPO/broken\n"));
  CHECK(fixture.pick_up().unfinished == 1);
  REQUIRE(fixture.open().remove_mailbox("anna", true).is_delivered());
  CHECK(fixture.resume().unfinished == 0);
  CHECK(fixture.in("MBG/postmaster/outbox") == Lines{"a.API.bad"});
  CHECK(fixture.in("MBG/postmaster/new").size() == 1);
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
