// Files in outboxes: whatever hostile thing lies there is set aside and stops nothing; what grows
// is waited for, but not for ever; and a full outbox is emptied in turns.
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <fstream>

#include <sys/stat.h>
#include <unistd.h>

#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/outbox_fixture.h"

namespace smtpgate::postoffice {
namespace {

using Lines = std::vector<std::string>;

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

TEST_CASE(
    "a file that has its size before its octets, as a share's clients make it, is waited for") {
  OutboxFixture fixture;
  std::int64_t now = 1'800'000'000;
  fixture.options.now = [&] { return now; };
  const std::string whole = message(to_bernd, std::string(100'000, 'x'));
  const std::string path = fixture.outbox() + "/a.API";
  // Nothing is written yet; then the beginning, which says that all is there.
  for (const std::size_t size : {std::size_t{0}, std::size_t{20'000}}) {
    INFO(size);
    fixture.drop("a.API", whole.substr(0, size));
    std::filesystem::resize_file(path, whole.size());
    test::set_modified(path, now - 10);
    const OutboxResult result = fixture.pick_up();
    CHECK(result.taken == 0);
    CHECK(result.look_again == std::optional(now + 20));
    CHECK(fixture.in("MBG/anna/outbox") == Lines{"a.API"});
  }
  fixture.drop("a.API", whole);
  CHECK(fixture.pick_up().taken == 1);
  // Its writer died: half a message is not sent for a whole one.
  fixture.drop("b.API", whole.substr(0, 20'000));
  std::filesystem::resize_file(fixture.outbox() + "/b.API", whole.size());
  test::set_modified(fixture.outbox() + "/b.API", now - 30);
  CHECK(fixture.pick_up().taken == 0);
  CHECK(fixture.in("MBG/anna/outbox") == Lines{"b.API.bad"});
  CHECK(fixture.report().find("end was never written") != std::string::npos);
  // A hole with something behind it is how a file system may keep zeros.
  std::filesystem::remove(fixture.outbox() + "/b.API.bad");
  fixture.drop("c.API", whole.substr(0, 20'000));
  std::filesystem::resize_file(fixture.outbox() + "/c.API", whole.size() - 1);
  std::ofstream(fixture.outbox() + "/c.API", std::ios::app) << '\n';
  test::set_modified(fixture.outbox() + "/c.API", now - 30);
  CHECK(fixture.pick_up().taken == 1);
  CHECK(fixture.in("MBG/anna/outbox").empty());
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

TEST_CASE("what a writer adds to a file that was taken is sent too, and the beginning once") {
  OutboxFixture fixture;
  fixture.drop("a.API", message(to_bernd, "one"));
  FaultyFileSystem growing;
  bool is_grown = false;
  growing.before([&](const Operation& one) {
    if (is_grown || one.name != "create_linkable") return;
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
    if (one.name != "create_linkable" || times-- <= 0) return;
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

TEST_CASE("a clock that is set back does not make a growing file young for as long") {
  OutboxFixture fixture;
  std::int64_t now = std::time(nullptr);
  GrowingFiles growing;
  fixture.options.now = [&] { return now; };
  fixture.options.growing = &growing;
  const auto touch = [&] {
    fixture.drop("a.API", message(to_bernd, std::string(100, 'x')).substr(0, 80));
    test::set_modified(fixture.outbox() + "/a.API", now);
  };
  touch();
  CHECK(fixture.pick_up().look_again);
  now -= 365 * 86'400;
  touch();
  CHECK(fixture.pick_up().look_again);
  now += 2 * 86'400 + 10;
  touch();
  CHECK_FALSE(fixture.pick_up().look_again);
  CHECK(fixture.in("MBG/anna/outbox") == Lines{"a.API.bad"});
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

}  // namespace
}  // namespace smtpgate::postoffice
