// The commands of folder mailboxes: when they are run, with what, how often, and what becomes of
// the message; claims between processes and hosts; limits; the program that does it.
#include <csignal>

#include <sys/stat.h>
#include <unistd.h>

#include "postoffice/groups.h"
#include "postoffice/hook_runner.h"
#include "postoffice/mailbag.h"
#include "unit/catch.h"
#include "unit/postoffice/postoffice_fixture.h"
#include "unit/postoffice/program.h"

namespace smtpgate::postoffice {
namespace {

using Names = std::vector<std::string>;
constexpr std::int64_t now = 1'800'000'000;

struct HookFixture : test::PostofficeFixture {
  HookFixture() {
    add_mailbox("orders");
    settings.delivery = "folder";
    settings.hook = {script("exit 0")};
  }

  /// A command that does this; its path.
  std::string script(const std::string& text) const {
    const std::string path = directory() / "command";
    test::write_file(path, "#!/bin/sh\n" + text + "\n");
    REQUIRE(::chmod(path.c_str(), 0755) == 0);
    return path;
  }
  std::string at(const std::string& place) const { return *this / ("MBG/orders/" + place); }
  Names names(const std::string& place) const { return test::names_in(at(place)); }
  void put(const std::string& id, std::int64_t arrival = 100,
           const std::string& from = "SMTP:jo@harbour.example") const {
    REQUIRE(::mkdir(at("new/" + id).c_str(), 0770) == 0);
    test::write_file(
        at("new/" + id + "/message.api"),
        "VERSION:3.00\nTO:CSI:TESTNET/TESTPO/orders\nFROM:" + from + "\nSUBJECT:s\nTEXT:1\nx");
    test::set_modified(at("new/" + id + "/message.api"), arrival);
  }
  /// Runs what is due at `moment`, to its end.
  std::uint64_t run(std::int64_t moment = now) {
    const Postoffice postoffice = open();
    HookRunner runner(postoffice, *Mailbag::open(postoffice, "orders"),
                      [this](const std::string& line) { log += line + "\n"; });
    do {
      REQUIRE(runner.start_due(settings, moment).is_delivered());
      runner.poll(moment);
      ::usleep(2000);  // between looks, as the program does; what is waited for is the command
    } while (!runner.is_idle());
    return runner.failures();
  }
  std::string written(const std::string& name) const { return test::read_file(directory() / name); }

  MailboxSettings settings;
  std::string log;
};

/// Gone, or a zombie that nobody has asked about yet; within two seconds.
bool dies(const std::string& pid) {
  for (int tries = 0; tries < 2000; ++tries) {
    std::ifstream stream("/proc/" + std::to_string(std::stoi(pid)) + "/stat");
    std::string text;
    std::getline(stream, text);
    const std::size_t end = text.rfind(')');
    if (end == std::string::npos || text.substr(end + 2, 1) == "Z") return true;
    ::usleep(1000);
  }
  return false;
}

TEST_CASE("a command that says yes has its message moved to cur, oldest first") {
  HookFixture fixture;
  const std::string list = fixture.directory() / "list";
  fixture.settings.hook = {fixture.script("echo \"$MESSAGE_ID $HOOK_ATTEMPT $#:$1:$2\" >> " + list +
                                          "; pwd >> " + list + "; cat message.api > /dev/null"),
                           "--dir"};
  fixture.put("b", 200);
  fixture.put("a", 300);
  fixture.put("c", 100);
  CHECK(fixture.run() == 0);
  std::string expected;
  for (const std::string id : {"c", "b", "a"}) {
    expected +=
        id + " 1 2:--dir:" + fixture.at("new/" + id) + "\n" + fixture.at("new/" + id) + "\n";
  }
  CHECK(fixture.written("list") == expected);
  CHECK(fixture.names("new").empty());
  CHECK(fixture.names("cur") == Names{"a", "b", "c"});
  CHECK(fixture.names("cur/a") == Names{"message.api"});
  CHECK(fixture.log.find("message a: exit code 0 after ") != std::string::npos);
}

TEST_CASE("what is done may be removed instead, and a command may take its message away itself") {
  HookFixture fixture;
  fixture.settings.hook_settings.removes = true;
  fixture.put("a");
  CHECK(fixture.run() == 0);
  CHECK(fixture.names("new").empty());
  CHECK(fixture.names("cur").empty());
  fixture.settings.hook_settings.removes = false;
  fixture.settings.hook = {fixture.script("mv \"$1\" " + (fixture.directory() / "taken"))};
  fixture.put("b");
  CHECK(fixture.run() == 0);
  CHECK(fixture.names("new").empty());
  CHECK(fixture.names("cur").empty());
}

TEST_CASE("the environment holds fixed names only, and standard input nothing") {
  HookFixture fixture;
  ::setenv("SECRET", "x", 1);
  const std::string out = fixture.directory() / "environment";
  fixture.settings.hook = {
      fixture.script("env | sed 's/=.*//' | sort > " + out + "; wc -c >> " + out)};
  fixture.put("a");
  CHECK(fixture.run() == 0);
  ::unsetenv("SECRET");
  const std::string text = fixture.written("environment");
  CHECK(text.find("SECRET") == std::string::npos);
  for (const std::string name : {"MAILBOX", "MESSAGE_DIR", "MESSAGE_ID", "PATH", "POSTOFFICE"}) {
    CHECK(text.find(name + "\n") != std::string::npos);
  }
  CHECK(text.ends_with("0\n"));
}

TEST_CASE("a failing command is tried again with growing pauses, then set aside and reported") {
  HookFixture fixture;
  fixture.settings.hook = {fixture.script("echo 'out of \033[2Jorder' >&2; exit 3")};
  fixture.settings.hook_settings.attempts = 3;
  fixture.put("a");
  CHECK(fixture.run(now) == 1);
  CHECK(fixture.names("new") == Names{"a"});
  CHECK(fixture.run(now + 59) == 0);  // not yet
  CHECK(fixture.run(now + 60) == 1);
  CHECK(fixture.run(now + 60 + 119) == 0);
  CHECK(fixture.names("outbox").empty());
  CHECK(fixture.run(now + 60 + 120) == 1);
  CHECK(fixture.run(now + 1'000'000) == 0);  // set aside
  CHECK(fixture.names("new") == Names{"a"});
  CHECK(fixture.log.find("exit code 3") != std::string::npos);
  CHECK(fixture.log.find("out of \\x1B[2Jorder") != std::string::npos);
  CHECK(fixture.log.find('\033') == std::string::npos);
  const Names reports = fixture.names("outbox");
  REQUIRE(reports.size() == 1);
  const std::string report = test::read_file(fixture.at("outbox/" + reports[0]));
  CHECK(report.find("TO:CSI:TESTNET/TESTPO/postmaster") != std::string::npos);
  CHECK(report.find("is set aside") != std::string::npos);
  CHECK(report.find('\033') == std::string::npos);
  const HookState state = HookState::read(FileSystem::posix(), fixture.at("new/a"));
  CHECK(state.failures == 3);
  CHECK(state.is_set_aside);
  CHECK(state.is_reported);
}

TEST_CASE("what is set aside and not told of yet is told of without being run again") {
  HookFixture fixture;
  const std::string list = fixture.directory() / "list";
  fixture.settings.hook = {fixture.script("echo run >> " + list + "; exit 3")};
  fixture.settings.hook_settings.attempts = 1;
  fixture.put("a");
  const auto without_outbox = fixture.at("not-there");
  REQUIRE(::rename(fixture.at("outbox").c_str(), without_outbox.c_str()) == 0);
  CHECK(fixture.run(now) == 1);
  CHECK(fixture.log.find("no report: ") != std::string::npos);
  CHECK(HookState::read(FileSystem::posix(), fixture.at("new/a")).is_set_aside);
  CHECK(fixture.run(now + 60) == 1);  // still nobody to be told
  CHECK(fixture.run(now + 119) == 0);
  REQUIRE(::rename(without_outbox.c_str(), fixture.at("outbox").c_str()) == 0);
  CHECK(fixture.run(now + 120) == 0);
  CHECK(fixture.run(now + 10'000) == 0);
  CHECK(fixture.written("list") == "run\n");
  const Names reports = fixture.names("outbox");
  REQUIRE(reports.size() == 1);
  const std::string report = test::read_file(fixture.at("outbox/" + reports[0]));
  CHECK(report.find("Last end  exit code 3") != std::string::npos);
  CHECK(HookState::read(FileSystem::posix(), fixture.at("new/a")).is_reported);
}

TEST_CASE("nobody is told after each try where the tries cannot be counted") {
  HookFixture fixture;
  fixture.settings.hook = {fixture.script("exit 3")};
  fixture.settings.hook_settings.attempts = 1;
  fixture.put("a");
  // A name that no file can be renamed to.
  REQUIRE(::mkdir(fixture.at("new/a/.hook-state").c_str(), 0770) == 0);
  test::write_file(fixture.at("new/a/.hook-state/x"), "x");
  for (int i = 0; i < 3; ++i) CHECK(fixture.run(now + std::int64_t{3600} * i) == 1);
  CHECK(fixture.names("outbox").empty());
  CHECK(fixture.log.find("its command will be run again") != std::string::npos);
  std::filesystem::remove_all(fixture.at("new/a/.hook-state"));
  CHECK(fixture.run(now + 20'000) == 1);
  CHECK(fixture.names("outbox").size() == 1);
}

TEST_CASE("try again later is never set aside, and is reported once") {
  HookFixture fixture;
  fixture.settings.hook = {fixture.script("exit 75")};
  fixture.settings.hook_settings.attempts = 2;
  fixture.put("a");
  std::int64_t moment = now;
  for (int i = 0; i < 10; ++i) {
    CHECK(fixture.run(moment) == 1);
    moment += 3600;  // never longer
  }
  CHECK(fixture.names("outbox").size() == 1);
  fixture.settings.hook = {fixture.script("exit 0")};
  CHECK(fixture.run(moment) == 0);
  CHECK(fixture.names("cur/a") == Names{"message.api"});
}

TEST_CASE("a message that is done and cannot be moved is not run without a pause") {
  HookFixture fixture;
  fixture.put("a");
  REQUIRE(::mkdir(fixture.at("cur/a").c_str(), 0770) == 0);
  test::write_file(fixture.at("cur/a/something"), "x");
  CHECK(fixture.run(now) == 1);
  CHECK(fixture.log.find("will be run again") != std::string::npos);
  CHECK(fixture.run(now + 59) == 0);
  std::filesystem::remove_all(fixture.at("cur/a"));
  CHECK(fixture.run(now + 60) == 0);
  CHECK(fixture.names("cur") == Names{"a"});
}

TEST_CASE("nobody reports on a report of the same mailbox, so that there is an end") {
  HookFixture fixture;
  fixture.settings.hook = {fixture.script("exit 1")};
  fixture.settings.hook_settings.attempts = 1;
  fixture.put("a", 100, "CSI:TESTNET/TESTPO/orders");
  CHECK(fixture.run() == 1);
  CHECK(fixture.names("outbox").empty());
}

TEST_CASE("a command that takes too long is ended with all that it started") {
  HookFixture fixture;
  const std::string pid = fixture.directory() / "pid";
  fixture.settings.hook = {
      fixture.script("trap '' TERM\nsleep 1000 & echo $! > " + pid + "\nwait; wait; sleep 1000")};
  fixture.settings.hook_settings.seconds = 1;
  fixture.put("a");
  CHECK(fixture.run() == 1);
  CHECK(fixture.log.find("ended after its time") != std::string::npos);
  CHECK(dies(fixture.written("pid")));
  CHECK(fixture.names("new") == Names{"a"});
  CHECK(HookState::read(FileSystem::posix(), fixture.at("new/a")).delays == 1);
}

TEST_CASE("what a command leaves running is ended with it") {
  HookFixture fixture;
  const std::string pid = fixture.directory() / "pid";
  fixture.settings.hook = {fixture.script("sleep 1000 & echo $! > " + pid)};
  fixture.put("a");
  CHECK(fixture.run() == 0);
  CHECK(dies(fixture.written("pid")));
}

TEST_CASE("a program that is not there, and endless output, harm nobody") {
  HookFixture fixture;
  fixture.settings.hook = {"/no/such/program"};
  fixture.put("a");
  CHECK(fixture.run() == 1);
  CHECK(fixture.log.find("/no/such/program") != std::string::npos);
  fixture.settings.hook = {fixture.script("yes | head -c 10000000; exit 4")};
  CHECK(fixture.run(now + 3600) == 1);
  CHECK(HookState::read(FileSystem::posix(), fixture.at("new/a")).last == "exit code 4: y");
}

TEST_CASE("only directories of messages, unread and of safe names, have a command run") {
  HookFixture fixture;
  for (const std::string name : {"a b", "a\nb", "-rf", "$(id)", "a;b"}) {
    fixture.put("x");
    REQUIRE(::rename(fixture.at("new/x").c_str(), fixture.at("new/" + name).c_str()) == 0);
  }
  REQUIRE(::mkdir(fixture.at("new/empty").c_str(), 0770) == 0);
  test::write_file(fixture.at("new/file"), "VERSION:3.00\n");
  REQUIRE(::symlink("/", fixture.at("new/link").c_str()) == 0);
  fixture.settings.hook = {fixture.script("exit 1")};
  CHECK(fixture.run() == 0);
  CHECK(fixture.log.empty());
}

TEST_CASE("so many run at once as are allowed, each message once") {
  HookFixture fixture;
  const std::string list = fixture.directory() / "list";
  fixture.settings.hook = {fixture.script("echo $MESSAGE_ID >> " + list)};
  fixture.settings.hook_settings.at_once = 4;
  for (int i = 0; i < 20; ++i) fixture.put("m" + std::to_string(i), i);
  CHECK(fixture.run() == 0);
  const std::string text = fixture.written("list");
  CHECK(std::count(text.begin(), text.end(), '\n') == 20);
  CHECK(fixture.names("cur").size() == 20);
}

TEST_CASE("a run that is stopped does not count, and its message is run again") {
  HookFixture fixture;
  fixture.settings.hook = {fixture.script("sleep 1000")};
  fixture.put("a");
  const Postoffice postoffice = fixture.open();
  HookRunner runner(postoffice, *Mailbag::open(postoffice, "orders"), [](const std::string&) {});
  REQUIRE(runner.start_due(fixture.settings, now).is_delivered());
  CHECK(runner.running() == 1);
  runner.end_all();
  while (runner.running() > 0) {
    runner.poll(now);
    ::usleep(2000);
  }
  CHECK(fixture.names("new/a") == Names{"message.api"});
  fixture.settings.hook = {fixture.script("exit 0")};
  CHECK(fixture.run() == 0);
  CHECK(fixture.names("cur") == Names{"a"});
}

TEST_CASE("a message is claimed by one at a time, by host and by process") {
  HookFixture fixture;
  fixture.put("a");
  FileSystem& files = FileSystem::posix();
  const std::string directory = fixture.at("new/a");
  {
    auto first = HookClaim::take(files, directory, "here");
    REQUIRE(first.has_value());
    REQUIRE(first->has_value());
    CHECK_FALSE(HookClaim::take(files, directory, "here")->has_value());
    CHECK_FALSE(HookClaim::take(files, directory, "there")->has_value());
    CHECK((*first)->renew());
    CHECK(fixture.names("new/a") == Names{".hook-run", "message.api"});
  }
  CHECK(fixture.names("new/a") == Names{"message.api"});
  // Of a process of this host that died: nobody has it locked.
  test::write_file(directory + "/.hook-run", "here");
  CHECK_FALSE(HookClaim::take(files, directory, "there")->has_value());
  CHECK(HookClaim::take(files, directory, "here")->has_value());
  // Of a host that died: nobody has renewed it.
  test::write_file(directory + "/.hook-run", "here");
  test::set_modified(directory + "/.hook-run", std::time(nullptr) - hook_claim_lasts - 5);
  auto taken = HookClaim::take(files, directory, "there");
  CHECK(taken->has_value());
  // The one that was thought dead finds that it is not its own any more.
  auto lost = HookClaim::take(files, directory, "here");
  CHECK_FALSE(lost->has_value());
  REQUIRE(::unlink((directory + "/.hook-run").c_str()) == 0);
  CHECK_FALSE((*taken)->renew());
  REQUIRE(::rename(directory.c_str(), fixture.at("cur/a").c_str()) == 0);
  CHECK_FALSE(HookClaim::take(files, directory, "here")->has_value());
}

TEST_CASE("a command whose runner was killed is not started beside itself") {
  HookFixture fixture;
  fixture.put("a");
  const std::vector<std::string> words = {fixture.script("sleep 1000")};
  auto first = HookProcess::start(words, fixture.at("new/a"), {}, std::chrono::seconds(100));
  REQUIRE(first.has_value());
  auto second = HookProcess::start(words, fixture.at("new/a"), {}, std::chrono::seconds(100));
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().sentence().find("has not ended") != std::string::npos);
  first->end();
  while (!first->poll()) ::usleep(2000);
  // What it had started was killed with it, and lets go of the directory when it is gone.
  bool is_free = false;
  for (int tries = 0; !is_free && tries < 5000; ++tries) {
    is_free =
        HookProcess::start(words, fixture.at("new/a"), {}, std::chrono::seconds(100)).has_value();
    if (!is_free) ::usleep(2000);
  }
  CHECK(is_free);
}

TEST_CASE("nonsense in the state of a message counts as nothing") {
  HookFixture fixture;
  fixture.put("a");
  for (const std::string text : {"", "[", "[]", "{\"failures\": \"x\", \"next_try\": -5}",
                                 "{\"failures\": 1e300}", "{\"delays\": 99999999999999999999}"}) {
    test::write_file(fixture.at("new/a/.hook-state"), text);
    const HookState state = HookState::read(FileSystem::posix(), fixture.at("new/a"));
    CHECK(state.failures == 0);
    CHECK(state.next_try == 0);
  }
  CHECK(hook_pause(1) == 60);
  CHECK(hook_pause(2) == 120);
  CHECK(hook_pause(7) == 3600);
  CHECK(hook_pause(1'000'000) == 3600);
}

TEST_CASE("a clock that was set back makes no command wait longer than the longest pause") {
  HookState state;
  CHECK(is_hook_due(state, 1000));
  state.next_try = 1060;
  CHECK_FALSE(is_hook_due(state, 1000));
  CHECK(is_hook_due(state, 1060));
  state.next_try = 1000 + 3600;
  CHECK_FALSE(is_hook_due(state, 1000));
  state.next_try = 1000 + 3601;
  CHECK(is_hook_due(state, 1000));
}

/// The program, as whoever runs the tests; root would have to become somebody else.
TEST_CASE("run-hooks runs what is due once, and says how it went") {
  HookFixture fixture;
  const auto program = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"-d", fixture.path(), "run-hooks"});
    return test::run_program("postoffice", words);
  };
  fixture.settings.hook = {fixture.script("test $MESSAGE_ID = good")};
  REQUIRE(write_mailbox_settings(fixture.open(), "orders", fixture.settings).is_delivered());
  CHECK(program({"postmaster", "--once"}).code == 65);
  CHECK(program({"--retry"}).code == 64);
  if (::geteuid() == 0) {
    // The mailbox is the postoffice's own, and so is its group: nobody to become.
    const auto refused = program({"--once"});
    CHECK(refused.code == 65);
    CHECK(refused.err.find("set hook_user") != std::string::npos);
    fixture.settings.hook_settings.user = "root";
    REQUIRE(write_mailbox_settings(fixture.open(), "orders", fixture.settings).is_delivered());
    CHECK(program({"--once"}).err.find("hook_user is root") != std::string::npos);
    fixture.settings.hook_settings.user = "nobody";
    REQUIRE(write_mailbox_settings(fixture.open(), "orders", fixture.settings).is_delivered());
    CHECK(program({"--once"}).err.find("not in the mailbox's group") != std::string::npos);
    return;
  }
  CHECK(program({"--once"}).code == 0);
  fixture.put("good");
  CHECK(program({"--once"}).code == 0);
  fixture.put("bad");
  CHECK(program({"orders", "--once"}).code == 75);
  CHECK(fixture.names("new") == Names{"bad"});
  CHECK(program({"orders", "--retry"}).out == "1 messages of mailbox orders are due again\n");
}

}  // namespace
}  // namespace smtpgate::postoffice
