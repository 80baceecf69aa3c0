// Quotas: what a full mailbox takes and refuses, whatever its owner does meanwhile; cheap where
// there is room, exact where there is none, and nothing at all without a quota.
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <thread>

#include "postoffice/groups.h"
#include "postoffice/put.h"
#include "postoffice/usage.h"
#include "unit/catch.h"
#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/postoffice_fixture.h"
#include "unit/postoffice/program.h"

namespace smtpgate::postoffice {
namespace {

constexpr std::int64_t long_ago = 1'000'000'000;

struct Mailbox : test::PostofficeFixture {
  explicit Mailbox(QuotaReply reply = QuotaReply::temporary) : PostofficeFixture(with(reply)) {
    add_mailbox("anna");
  }
  static PostofficeSettings with(QuotaReply reply) {
    PostofficeSettings settings = default_settings();
    settings.quota_reply = reply;
    return settings;
  }

  Outcome file(const Quota& quota, std::size_t octets = 10, std::string key = {},
               FileSystem& files = FileSystem::posix()) const {
    const Postoffice postoffice = open(files);
    auto delivery = Delivery::begin(postoffice);
    if (!delivery) return delivery.error();
    if (auto written = delivery->message_file().write(std::string(octets, 'x')); !written) {
      return written.error().outcome();
    }
    const Outcome sealed = delivery->seal(std::time(nullptr), key);
    return sealed.is_delivered() ? delivery->file_into("anna", quota) : sealed;
  }
  std::size_t count(const std::string& part) const {
    return std::filesystem::exists(*this / ("MBG/anna/" + part))
               ? test::names_in(*this / ("MBG/anna/" + part)).size()
               : 0;
  }
  std::size_t entries(const std::string& kind) const {
    const auto names = test::names_in(*this / "MBG/anna/usage");
    return static_cast<std::size_t>(
        std::count_if(names.begin(), names.end(),
                      [&](const std::string& name) { return name.starts_with(kind + "."); }));
  }
  /// As if nothing had been filed, read or deleted for long.
  void settle() const {
    test::set_modified(*this / "MBG/anna/new", long_ago);
    test::set_modified(*this / "MBG/anna/cur", long_ago);
  }
  void take_out_one() const {
    const auto names = test::names_in(*this / "MBG/anna/new");
    std::filesystem::remove(*this / ("MBG/anna/new/" + names.front()));
  }
};

Quota of_messages(std::uint64_t number) {
  return {.octets = 0, .messages = number};
}
Quota of_octets(std::uint64_t number) {
  return {.octets = number, .messages = 0};
}

TEST_CASE("a mailbox takes what its quota allows and not one message or octet more") {
  Mailbox mailbox;
  SECTION("messages") {
    for (int i = 0; i < 3; ++i) CHECK(mailbox.file(of_messages(3)).is_delivered());
    const Outcome refused = mailbox.file(of_messages(3));
    CHECK(refused.is_temporary());
    CHECK(refused.status() == "4.2.2");
    CHECK(refused.sentence() == "mailbox anna is full: it holds 3 of 3 messages");
    CHECK(mailbox.count("new") == 3);
  }
  SECTION("octets") {
    CHECK(mailbox.file(of_octets(30), 10).is_delivered());
    CHECK(mailbox.file(of_octets(30), 20).is_delivered());
    const Outcome refused = mailbox.file(of_octets(30), 1);
    CHECK(refused.sentence() == "mailbox anna is full: it holds 30 of 30 octets");
    CHECK(mailbox.count("new") == 2);
  }
  CHECK(mailbox.entries("kept") == 0);
  mailbox.take_out_one();
  CHECK(mailbox.file(of_messages(3), 10).is_delivered());
}

TEST_CASE("a full mailbox answers as the postoffice says; what never fits is refused for good") {
  Mailbox mailbox(QuotaReply::permanent);
  CHECK(mailbox.file(of_messages(1)).is_delivered());
  CHECK(mailbox.file(of_messages(1)).status() == "5.2.2");
  for (const QuotaReply reply : {QuotaReply::temporary, QuotaReply::permanent}) {
    Mailbox small(reply);
    const Outcome refused = small.file(of_octets(99), 100);
    CHECK(refused.is_permanent());
    CHECK(refused.status() == "5.2.3");
  }
  // What another program is filing at this moment is no reason for ever.
  Mailbox busy(QuotaReply::permanent);
  std::optional<Outcome> none;
  const Postoffice postoffice = busy.open();
  auto room = ReservedRoom::take(postoffice, "anna", of_messages(1), 10, none);
  REQUIRE((room && *room));
  CHECK(busy.file(of_messages(1)).status() == "4.2.2");
  room->reset();
  CHECK(busy.file(of_messages(1)).is_delivered());
}

TEST_CASE("what was filed already is a duplicate, also in a full mailbox") {
  const std::string key(64, 'a');
  Mailbox mailbox;
  CHECK(mailbox.file(of_messages(1), 10, key).is_delivered());
  const auto again = [&] {
    const Outcome outcome = mailbox.file(of_messages(1), 10, key);
    CHECK(outcome.is_delivered());
    CHECK(outcome.sentence().starts_with("duplicate of"));
  };
  again();
  std::filesystem::remove(mailbox / ("MBG/anna/ids/" + key));  // it died before the marker
  again();
  std::filesystem::remove(mailbox / ("MBG/anna/ids/" + key));
  std::filesystem::rename(mailbox / ("MBG/anna/new/" + key), mailbox / ("MBG/anna/cur/" + key));
  again();
  CHECK(mailbox.count("new") + mailbox.count("cur") == 1);
}

TEST_CASE("a mailbox without a quota has no record, and nothing looks for one") {
  Mailbox mailbox;
  FaultyFileSystem files;
  CHECK(mailbox.file({}, 10, {}, files).is_delivered());
  CHECK_FALSE(std::filesystem::exists(mailbox / "MBG/anna/usage"));
  for (const Operation& operation : files.operations()) {
    INFO(operation.str());
    CHECK(operation.str().find("usage") == std::string::npos);
    CHECK((operation.name != "list" || operation.path.find("/MBG/") == std::string::npos));
  }
}

TEST_CASE("messages are counted once, then only when the limit is near and something changed") {
  Mailbox mailbox;
  const auto lists = [&](const Quota& quota, bool is_taken) {
    FaultyFileSystem files;
    CHECK(mailbox.file(quota, 10, {}, files).is_delivered() == is_taken);
    std::size_t found = 0;
    for (const Operation& operation : files.operations()) {
      if (operation.name == "list" && operation.path.ends_with("/new")) ++found;
    }
    return found;
  };
  CHECK(lists(of_messages(5), true) == 1);
  for (int i = 0; i < 4; ++i) CHECK(lists(of_messages(5), true) == 0);
  mailbox.settle();
  CHECK(lists(of_messages(5), false) == 1);
  CHECK(lists(of_messages(5), false) == 0);  // nothing has changed since
  CHECK(is_surely_full(mailbox.open(), "anna", of_messages(5)));
  mailbox.take_out_one();
  CHECK_FALSE(is_surely_full(mailbox.open(), "anna", of_messages(5)));
  CHECK(lists(of_messages(5), true) == 1);
  // In the second of a change the next one would not be seen.
  CHECK(lists(of_messages(5), false) == 1);
  CHECK(lists(of_messages(5), false) == 1);
}

TEST_CASE("the record is folded after many messages, and after a day") {
  Mailbox mailbox;
  const Quota quota = of_messages(10'000);
  for (int i = 0; i < 505; ++i) REQUIRE(mailbox.file(quota).is_delivered());
  CHECK(mailbox.entries("filed") < 10);
  CHECK(mailbox.entries("count") == 1);
  const auto names = test::names_in(mailbox / "MBG/anna/usage");
  REQUIRE(names.front().starts_with("count."));
  test::set_modified(mailbox / ("MBG/anna/usage/" + names.front()), long_ago);
  // Files that the owner laid there are found then.
  for (int i = 0; i < 20; ++i) {
    test::write_file(mailbox / ("MBG/anna/cur/own" + std::to_string(i)), "x");
  }
  CHECK(mailbox.file(of_messages(515)).is_temporary());
}

TEST_CASE("what dead processes and other hands leave in the record does no harm") {
  Mailbox mailbox;
  const auto leave = [&](const std::string& name, const std::string& text = {}) {
    std::filesystem::create_directory(mailbox / "MBG/anna/usage");
    test::write_file(mailbox / ("MBG/anna/usage/" + name), text);
  };
  leave("kept.5.dead");
  test::set_modified(mailbox / "MBG/anna/usage/kept.5.dead", long_ago);
  leave("new.dead", "half a cou");
  test::set_modified(mailbox / "MBG/anna/usage/new.dead", long_ago);
  leave("count.7", "smtpgate-usage-1\nmessages 99999999999999999999\noctets 0\nnew 0\ncur 0\n");
  leave("kept.x.y");
  leave("filed.");
  leave("README");
  CHECK(mailbox.file(of_messages(1)).is_delivered());
  CHECK(mailbox.file(of_messages(1)).is_temporary());
  CHECK(mailbox.entries("count") == 1);
  CHECK_FALSE(std::filesystem::exists(mailbox / "MBG/anna/usage/kept.5.dead"));
  CHECK_FALSE(std::filesystem::exists(mailbox / "MBG/anna/usage/new.dead"));
}

TEST_CASE(
    "stopped at any operation, a filing never makes the quota let more in, nor less for ever") {
  std::uint64_t operations = 1000;
  for (std::uint64_t n = 0; n <= operations; ++n) {
    INFO("stopped at operation " << n);
    Mailbox mailbox;
    REQUIRE(mailbox.file(of_messages(3)).is_delivered());
    FaultyFileSystem files;
    const Postoffice faulty = mailbox.open(files);
    files.forget_operations();
    files.fail_at(n, EIO, FaultyFileSystem::Moment::instead, true);
    auto delivery = Delivery::begin(faulty);
    if (delivery) {
      (void)delivery->message_file().write("0123456789");
      if (delivery->seal(std::time(nullptr), {}).is_delivered() &&
          delivery->file_into("anna", of_messages(3)).is_delivered()) {
        operations = n;
      }
    }
    files.heal();
    delivery = failure(Outcome::temporary("ended"));
    // What a killed program kept is given up after an hour.
    if (mailbox.count("usage") > 0) {
      for (const std::string& name : test::names_in(mailbox / "MBG/anna/usage")) {
        if (!name.starts_with("kept.")) continue;
        test::set_modified(mailbox / ("MBG/anna/usage/" + name), long_ago);
      }
    }
    while (mailbox.count("new") < 3) {
      const std::size_t before = mailbox.count("new");
      CHECK(mailbox.file(of_messages(3)).is_delivered());
      REQUIRE(mailbox.count("new") == before + 1);
    }
    CHECK(mailbox.file(of_messages(3)).is_temporary());
    CHECK(mailbox.count("new") == 3);
  }
  CHECK(operations > 15);
}

TEST_CASE("many who file, read and count at once never exceed the quota, and end exact") {
  Mailbox mailbox;
  const Quota quota = of_messages(20);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&mailbox, &quota] {
      const Postoffice postoffice = *Postoffice::open(mailbox.path());
      for (int i = 0; i < 15; ++i) {
        auto delivery = Delivery::begin(postoffice);
        if (!delivery) continue;
        (void)delivery->message_file().write("x");
        if (!delivery->seal(std::time(nullptr), {}).is_delivered()) continue;
        (void)delivery->file_into("anna", quota);
        if (i % 5 == 0) (void)recount_usage(postoffice, "anna");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(mailbox.count("new") <= 20);
  while (mailbox.count("new") < 20) REQUIRE(mailbox.file(quota).is_delivered());
  CHECK(mailbox.file(quota).is_temporary());
  CHECK(recount_usage(mailbox.open(), "anna").value().messages == 20);
  CHECK(mailbox.entries("kept") == 0);
}

TEST_CASE("a group's and a mailbox's quota reach the filing through the distribution") {
  Mailbox mailbox;
  const Postoffice postoffice = mailbox.open();
  MailboxSettings settings;
  settings.quota.messages = 2;
  REQUIRE(write_mailbox_settings(postoffice, "anna", settings).is_delivered());
  REQUIRE(write_group(postoffice, {"all", "", {"anna", "postmaster"}}).is_delivered());
  const auto all = distribute(postoffice, {{}, "group", "all"}).value();
  CHECK(all.quota_of("anna").messages == 2);
  CHECK_FALSE(all.quota_of("postmaster").is_set());
}

TEST_CASE("mailbox recount counts; a quota that is set where there was none is counted then") {
  test::TemporaryDirectory directory;
  const std::string folder = directory / "po";
  const auto run = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"-d", folder});
    return test::run_program("postoffice", words);
  };
  REQUIRE(run({"init", "--name", "A/B"}).code == 0);
  REQUIRE(run({"mailbox", "add", "anna"}).code == 0);
  test::write_file(folder + "/MBG/anna/new/m", "12345");
  CHECK(run({"mailbox", "recount", "anna"}).out == "mailbox anna holds 1 messages, 5 octets\n");
  CHECK(run({"mailbox", "recount", "nobody"}).code == 67);
  std::filesystem::remove_all(folder + "/MBG/anna/usage");
  CHECK(run({"mailbox", "set", "anna", "--quota-messages", "1"}).code == 0);
  CHECK(test::names_in(folder + "/MBG/anna/usage") == std::vector<std::string>{"count.1"});
  CHECK(run({"mailbox", "remove", "anna", "--with-mail"}).code == 0);
  CHECK(test::names_in(folder + "/MBG") == std::vector<std::string>{"postmaster"});
}

}  // namespace
}  // namespace smtpgate::postoffice
