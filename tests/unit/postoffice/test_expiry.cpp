// Expiry: each part of a mailbag goes by its own setting and by the time of arrival; what went is
// not filed again; nothing that must stay goes, wherever it is stopped.
#include <cerrno>
#include <ctime>
#include <filesystem>

#include <sys/stat.h>

#include "postoffice/expiry.h"
#include "postoffice/locked_directory.h"
#include "postoffice/mailbag.h"
#include "postoffice/usage.h"
#include "unit/catch.h"
#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/program.h"
#include "unit/postoffice/put_test_support.h"

namespace smtpgate::postoffice {
namespace {

using put_test::deliver;
using put_test::Names;

constexpr std::int64_t day = 86'400;

std::string key_of(char digit) {
  return std::string(64, digit);
}

struct ExpiryFixture : test::PostofficeFixture {
  ExpiryFixture() { add_mailbox("anna"); }

  void set(const Expiry& expiry, const std::string& delivery = "mailbag", Quota quota = {}) const {
    MailboxSettings settings;
    settings.expiry = expiry;
    settings.delivery = delivery;
    settings.quota = quota;
    REQUIRE(write_mailbox_settings(open(), "anna", settings).is_delivered());
  }
  /// A message that came so long ago; its marker is as old.
  void file(char digit, std::int64_t age) const {
    const std::string key = key_of(digit);
    REQUIRE(deliver(open(), {"anna"}, key, now - age).is_delivered());
    test::set_modified(at("ids/" + key), now - age);
  }
  void read(char digit) const {
    std::filesystem::rename(at("new/" + key_of(digit)), at("cur/" + key_of(digit)));
  }
  void send(char digit, std::int64_t age) const {
    const std::string path = at("sent/" + key_of(digit));
    test::write_file(path, put_test::sample_message());
    test::set_modified(path, now - age);
  }
  std::string at(const std::string& place) const { return *this / ("MBG/anna/" + place); }
  Names names(const std::string& part) const { return test::names_in(at(part)); }

  MailboxExpiry expire(FileSystem& files = FileSystem::posix(), bool is_dry_run = false) const {
    ExpiryOptions options;
    options.mailboxes = {"Anna"};
    options.now = now;
    options.is_dry_run = is_dry_run;
    const auto result = expire_messages(open(files), options);
    INFO((result ? std::string() : result.error().sentence()));
    REQUIRE(result);
    REQUIRE(result->size() == 1);
    return result->front();
  }

  const std::int64_t now = std::time(nullptr);
};

TEST_CASE("each part of a mailbag expires by its own setting, by the day") {
  ExpiryFixture fixture;
  for (const char digit : {'a', 'b', 'c', 'd'}) {
    fixture.file(digit, digit == 'a' || digit == 'c' ? 30 * day : 30 * day - 60);
  }
  fixture.read('a');
  fixture.read('b');
  fixture.send('e', 90 * day);
  fixture.send('f', 90 * day - 60);
  test::write_file(fixture.at("cur/.receipt-x"), "");
  test::set_modified(fixture.at("cur/.receipt-x"), fixture.now - 1000 * day);
  test::write_file(fixture.at("outbox/waits.API"), "x");
  test::set_modified(fixture.at("outbox/waits.API"), fixture.now - 1000 * day);

  CHECK_FALSE(fixture.expire().is_set);
  fixture.set({.read_days = 30});
  MailboxExpiry done = fixture.expire();
  CHECK(done.is_set);
  CHECK((done.read == 1 && done.unread == 0 && done.sent == 0));
  CHECK(done.octets == put_test::sample_message().size());
  CHECK_FALSE(done.trouble);
  CHECK(fixture.names("cur") == Names{".receipt-x", key_of('b')});
  CHECK(fixture.names("new") == Names{key_of('c'), key_of('d')});  // unread mail is not read mail

  fixture.set({.sent_days = 90});
  CHECK(fixture.expire().sent == 1);
  CHECK(fixture.names("sent") == Names{key_of('f')});
  fixture.set({.unread_days = 30});
  CHECK(fixture.expire().unread == 1);
  CHECK(fixture.names("new") == Names{key_of('d')});
  CHECK(fixture.names("cur") == Names{".receipt-x", key_of('b')});
  CHECK(fixture.names("outbox") == Names{"waits.API"});
}

TEST_CASE("a dry run counts and changes nothing") {
  ExpiryFixture fixture;
  fixture.file('a', 2 * day);
  fixture.set({.unread_days = 1});
  FaultyFileSystem files;
  files.fail_if(
      [](const Operation& one) {
        return one.name == "remove" || one.name == "create" || one.name == "rename";
      },
      EROFS);
  const MailboxExpiry would = fixture.expire(files, true);
  CHECK(would.unread == 1);
  CHECK_FALSE(would.trouble);
  CHECK(fixture.names("new").size() == 1);
}

TEST_CASE("what expired within dedupe_days is not filed again, also where its marker was lost") {
  ExpiryFixture fixture;
  fixture.file('a', 2 * day);
  fixture.file('b', 2 * day);
  std::filesystem::rename(fixture.at("new/" + key_of('b')),
                          fixture.at("new/" + key_of('b') + "-2"));
  std::filesystem::remove(fixture.at("ids/" + key_of('a')));
  std::filesystem::remove(fixture.at("ids/" + key_of('b')));
  fixture.file('c', 30 * day);
  std::filesystem::remove(fixture.at("ids/" + key_of('c')));
  fixture.set({.unread_days = 1});
  FaultyFileSystem files;
  CHECK(fixture.expire(files).unread == 3);
  CHECK(fixture.names("new").empty());
  CHECK(fixture.names("ids") == Names{key_of('a'), key_of('b')});  // c is too old to come again

  // The markers were durable before the first message went.
  std::size_t synced = 0;
  std::size_t removed = 0;
  const std::vector<Operation> operations = files.operations();
  for (std::size_t i = 0; i < operations.size(); ++i) {
    if (synced == 0 && operations[i].str() == "sync_directory " + fixture.at("ids")) synced = i;
    if (removed == 0 && operations[i].name == "remove") removed = i;
  }
  CHECK(synced != 0);
  CHECK(synced < removed);

  for (const char digit : {'a', 'b'}) {
    CHECK(deliver(fixture.open(), {"anna"}, key_of(digit)).sentence().starts_with("duplicate of"));
  }
  CHECK(fixture.names("new").empty());
}

TEST_CASE("wherever expiry fails, nothing goes that is to stay, and the next one does the rest") {
  for (std::uint64_t step = 0;; ++step) {
    ExpiryFixture fixture;
    fixture.set({.read_days = 1, .unread_days = 1, .sent_days = 1}, "mailbag", {0, 100});
    for (const char digit : {'a', 'b', 'c'}) fixture.file(digit, digit == 'c' ? 60 : 2 * day);
    fixture.read('b');
    fixture.send('d', 2 * day);
    std::filesystem::remove(fixture.at("ids/" + key_of('a')));
    FaultyFileSystem files;
    const Postoffice postoffice = fixture.open(files);
    files.forget_operations();
    files.fail_at(step, EIO, FaultyFileSystem::Moment::instead, true);
    ExpiryOptions options;
    options.mailboxes = {"anna"};
    options.now = fixture.now;
    const auto broken = expire_messages(postoffice, options);
    const bool was_stopped = files.faults() != 0;
    INFO("step " << step);
    CHECK(fixture.names("new").back() == key_of('c'));
    // What has gone already has its marker.
    if (fixture.names("new").size() == 1) {
      CHECK(std::filesystem::exists(fixture.at("ids/" + key_of('a'))));
    }
    const bool is_done = fixture.names("new").size() == 1 && fixture.names("cur").empty() &&
                         fixture.names("sent").empty();
    CHECK((is_done || !broken || broken->front().trouble));
    files.heal();
    CHECK_FALSE(fixture.expire().trouble);
    CHECK(fixture.names("new") == Names{key_of('c')});
    CHECK(fixture.names("cur").empty());
    CHECK(fixture.names("sent").empty());
    if (!was_stopped) {
      CHECK(step > 10);
      break;
    }
  }
}

TEST_CASE("what a reader or another message does meanwhile is not undone") {
  ExpiryFixture fixture;
  fixture.file('a', 2 * day);
  fixture.file('b', 2 * day);
  fixture.file('c', 2 * day);
  fixture.set({.unread_days = 1});
  FaultyFileSystem files;
  bool is_done = false;
  files.before([&](const Operation& operation) {
    if (is_done || operation.str() != "sync_directory " + fixture.at("ids")) return;
    is_done = true;
    fixture.read('a');  // read now, and read mail stays
    std::filesystem::remove(fixture.at("new/" + key_of('b')));
    // Another file of that name, which is young.
    std::filesystem::remove(fixture.at("new/" + key_of('c')));
    test::write_file(fixture.at("new/" + key_of('c')), put_test::sample_message());
  });
  const MailboxExpiry done = fixture.expire(files);
  CHECK(is_done);
  CHECK(done.messages() == 0);
  CHECK_FALSE(done.trouble);
  CHECK(fixture.names("cur") == Names{key_of('a')});
  CHECK(fixture.names("new") == Names{key_of('c')});
}

TEST_CASE("what waits for a program stays, and is told; what a program has done with expires") {
  ExpiryFixture fixture;
  fixture.set({.read_days = 1, .unread_days = 1}, "folder");
  for (const char digit : {'a', 'b', 'c'}) fixture.file(digit, 2 * day);
  fixture.read('b');
  fixture.read('c');
  std::filesystem::create_directory(fixture.at("cur/own"));  // a person's
  auto lock = lock_directory(FileSystem::posix(), fixture.at("cur/" + key_of('c')));
  REQUIRE(lock);
  REQUIRE(*lock);
  const MailboxExpiry done = fixture.expire();
  CHECK(done.waiting == 1);
  CHECK(done.read == 1);
  CHECK(done.unread == 0);
  CHECK_FALSE(done.trouble);
  CHECK(fixture.names("new") == Names{key_of('a')});
  CHECK(fixture.names("cur") == Names{key_of('c'), "own"});
  lock->reset();
  CHECK(fixture.expire().read == 1);
  CHECK(fixture.names("cur") == Names{"own"});
}

TEST_CASE("a full mailbox has room again after its messages expired") {
  ExpiryFixture fixture;
  fixture.set({.unread_days = 1}, "mailbag", {0, 2});
  fixture.file('a', 2 * day);
  fixture.file('b', 2 * day);
  REQUIRE(recount_usage(fixture.open(), "anna")->messages == 2);
  CHECK(fixture.expire().unread == 2);
  for (const std::string& name : fixture.names("usage")) {
    if (!name.starts_with("count.")) continue;
    CHECK(test::read_file(fixture.at("usage/" + name)).find("messages 0\n") != std::string::npos);
  }
}

TEST_CASE("settings of expiry: bounds, file, CSV") {
  ExpiryFixture fixture;
  const Postoffice postoffice = fixture.open();
  MailboxSettings settings;
  settings.expiry = {30, Expiry::most_days, 0};
  const auto again = parse_mailbox_settings(postoffice, render_mailbox_settings(settings), "f");
  REQUIRE(again);
  CHECK(again->expiry == settings.expiry);
  settings.expiry.sent_days = Expiry::most_days + 1;
  CHECK(why_bad_settings(postoffice, settings));
  CHECK_FALSE(parse_mailbox_settings(postoffice, "expire_read_days = 36501\n", "f"));
  CHECK_FALSE(parse_mailbox_settings(postoffice, "expire_unread_days = -1\n", "f"));
}

TEST_CASE("expire for people and for programs") {
  ExpiryFixture fixture;
  const auto run = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"-d", fixture.path()});
    return test::run_program("postoffice", words);
  };
  CHECK(run({"expire"}).out.starts_with("no messages expire here;"));
  REQUIRE(run({"mailbox", "set", "anna", "--expire-read-days", "0", "--expire-unread-days", "1",
               "--expire-sent-days", "365"})
              .code == 0);
  CHECK(run({"mailbox", "set", "anna", "--expire-read-days", "40000"}).code == 65);
  CHECK(run({"mailbox", "show", "anna"}).out.find("Expires    unread 1 d, sent 365 d\n") !=
        std::string::npos);
  CHECK(run({"mailbox", "list", "--long"}).out.find("unread 1 d, sent 365 d") != std::string::npos);
  CHECK(run({"mailbox", "show", "anna", "--json"}).out.find("\"expire_sent_days\": 365") !=
        std::string::npos);
  const std::string csv = run({"mailbox", "export"}).out;
  CHECK(csv.find("anna,,,,true,false,false,never,true,true,0,0,0,1,365,mailbag\n") !=
        std::string::npos);
  const std::string file = fixture.directory() / "people.csv";
  test::write_file(file, "name,expire_read_days\nanna,7\n");
  CHECK(run({"mailbox", "import", file}).code == 0);
  CHECK(run({"mailbox", "show", "anna"}).out.find("read 7 d, unread 1 d, sent 365 d\n") !=
        std::string::npos);

  fixture.file('a', 2 * day);
  CHECK(run({"expire", "nobody"}).code == 67);
  const auto dry = run({"expire", "--dry-run"});
  CHECK(dry.code == 0);
  CHECK(dry.out.find("1 messages, 9.9K, would be deleted\n") != std::string::npos);
  const auto json = run({"expire", "anna", "--json"});
  CHECK(json.code == 0);
  CHECK(json.out.find("\"unread\": 1") != std::string::npos);
  CHECK(fixture.names("new").empty());
  CHECK(run({"expire", "anna"}).out.find("0 messages, 0, deleted\n") != std::string::npos);
  test::write_file(fixture.path() + "/GLB/MAILBOX/anna.toml", "x = 1\n");
  const auto broken = run({"expire"});
  CHECK(broken.code == 78);
  CHECK(broken.err.find("(mailbox anna)") != std::string::npos);
}

}  // namespace
}  // namespace smtpgate::postoffice
