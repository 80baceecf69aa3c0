// A mailbox moved to another postoffice: each message once, whatever dies or fails in between, and
// mail that still comes goes on.
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <set>

#include "postoffice/aliases.h"
#include "postoffice/groups.h"
#include "postoffice/mailbag.h"
#include "postoffice/mailbox_changes.h"
#include "postoffice/mailbox_move.h"
#include "postoffice/put.h"
#include "unit/catch.h"
#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/postoffice_fixture.h"

namespace smtpgate::postoffice {
namespace {

PostofficeSettings named(const std::string& name) {
  PostofficeSettings settings = test::PostofficeFixture::default_settings();
  settings.name = {"TESTNET", name};
  return settings;
}

std::string key_of(char digit) {
  return std::string(64, digit);
}

constexpr std::string_view message = "VERSION:3.00\nTO:A/B/c\nFROM:A/B/d\nTEXT:2\nhi";
constexpr std::int64_t arrival = 1'700'000'000;

Outcome file(const Postoffice& postoffice, std::string_view mailbox, const std::string& key,
             std::string_view octets = message) {
  auto delivery = Delivery::begin(postoffice);
  REQUIRE(delivery);
  REQUIRE(delivery->message_file().write(octets));
  REQUIRE(delivery->seal(arrival, key).is_delivered());
  return delivery->file_into(mailbox);
}

/// anna in ONE with four messages, one of them read, one without a key, and a copy of what she
/// sent.
struct TwoPostoffices {
  TwoPostoffices() {
    const Postoffice postoffice = one.open();
    REQUIRE(change_mailbox(postoffice, adding()).is_delivered());
    for (const char digit : {'a', 'b', 'c'}) {
      REQUIRE(file(postoffice, "anna", key_of(digit)).is_delivered());
    }
    REQUIRE(file(postoffice, "anna", {}).is_delivered());
    const Mailbag bag = Mailbag::open(postoffice, "anna").value();
    REQUIRE(bag.mark_read(bag.find(key_of('b')).value()).is_delivered());
    test::write_file(one / ("MBG/anna/sent/" + key_of('d')), message);
    // Of one that she has deleted.
    test::write_file(one / ("MBG/anna/ids/" + key_of('e')), "");
  }

  static MailboxChange adding() {
    MailboxChange change{.kind = MailboxChange::Kind::add, .mailbox = "anna"};
    change.settings.full_name = "Anna Berg";
    change.new_aliases = {"boss", "anna.berg"};
    return change;
  }

  std::vector<std::string> names(const test::PostofficeFixture& where, const char* part) const {
    return test::names_in(where / (std::string("MBG/anna/") + part));
  }
  /// All that there is, in both, each once.
  void check_moved() const { check_moved_with(4); }
  void check_moved_with(std::size_t messages) const {
    CHECK(names(one, "new").empty());
    CHECK(names(one, "cur").empty());
    CHECK(names(one, "sent").empty());
    CHECK(names(two, "new").size() + names(two, "cur").size() == messages);
    CHECK(names(two, "sent") == std::vector<std::string>{key_of('d')});
    const std::vector<std::string> markers = names(two, "ids");
    for (const char digit : {'a', 'b', 'c', 'e'}) {
      CHECK(std::find(markers.begin(), markers.end(), key_of(digit)) != markers.end());
    }
    CHECK_FALSE(std::filesystem::exists(one / "GLB/.moving-anna"));
    const auto settings = read_mailbox_settings(one.open(), "anna");
    REQUIRE(settings);
    REQUIRE(settings->forward.size() == 1);
    CHECK(settings->forward.front().str() == "CSI:TESTNET/TWO/anna");
    CHECK_FALSE(settings->keep_copy);
    CHECK(read_mailbox_settings(two.open(), "anna")->forward.empty());
  }

  test::PostofficeFixture one{named("ONE")};
  test::PostofficeFixture two{named("TWO")};
};

TEST_CASE("a mailbox moves with its messages, settings and aliases, and its mail follows") {
  TwoPostoffices both;
  auto moved = move_mailbox(both.one.open(), both.two.open(), "Anna");
  INFO((moved ? std::string() : moved.error().sentence()));
  REQUIRE(moved);
  CHECK(moved->messages == 4);
  CHECK(moved->sent == 1);
  CHECK(moved->left_aliases.empty());
  both.check_moved();
  CHECK(both.names(both.two, "cur") == std::vector<std::string>{key_of('b')});
  CHECK(test::read_file(both.two / ("MBG/anna/new/" + key_of('a'))) == message);
  const auto status = FileSystem::posix().status(both.two / ("MBG/anna/new/" + key_of('a')));
  CHECK(status->modified == arrival);
  CHECK(both.two.open().resolve("boss")->mailbox == "anna");
  CHECK(both.one.open().resolve("boss")->mailbox == "anna");
  CHECK(read_mailbox_settings(both.two.open(), "anna")->full_name == "Anna Berg");
  // What comes here now goes on, and nothing is filed.
  Resolved anna;
  anna.mailbox = "anna";
  auto way = distribute(both.one.open(), anna, {});
  REQUIRE(way);
  CHECK(way->mailboxes.empty());
  REQUIRE(way->beyond.size() == 1);
  CHECK(way->beyond.front().address.str() == "CSI:TESTNET/TWO/anna");
}

TEST_CASE("a message that was filed before the move does not go on when Postfix tries it again") {
  TwoPostoffices both;
  CHECK_FALSE(
      was_filed_before_forward(both.one.open(), "anna", key_of('a'), std::time(nullptr)).value());
  REQUIRE(move_mailbox(both.one.open(), both.two.open(), "anna"));
  CHECK(was_filed_before_forward(both.one.open(), "anna", key_of('a'), std::time(nullptr)).value());
  CHECK(was_filed_before_forward(both.one.open(), "Anna", key_of('e'), std::time(nullptr)).value());
  CHECK_FALSE(
      was_filed_before_forward(both.one.open(), "anna", key_of('f'), std::time(nullptr)).value());
  // And over there it is known as well, also what she has deleted.
  const Outcome again = file(both.two.open(), "anna", key_of('e'));
  CHECK(again.sentence().starts_with("duplicate of"));
  both.check_moved();
}

TEST_CASE("what was being filed while a mailbox moved goes over with the next call") {
  TwoPostoffices both;
  REQUIRE(move_mailbox(both.one.open(), both.two.open(), "anna"));
  REQUIRE(file(both.one.open(), "anna", key_of('9')).is_delivered());
  auto again = move_mailbox(both.one.open(), both.two.open(), "anna");
  REQUIRE(again);
  CHECK(again->messages == 1);
  CHECK(both.names(both.one, "new").empty());
  CHECK(both.names(both.two, "new").size() == 4);
}

TEST_CASE("what is filed while the last messages move is not taken for a duplicate later") {
  TwoPostoffices both;
  MoveOptions options;
  options.progress = [&](std::size_t count) {
    // The first of sent/: nobody looks into new/ any more.
    if (count != 5) return;
    REQUIRE(file(both.one.open(), "anna", key_of('9')).is_delivered());
  };
  REQUIRE(move_mailbox(both.one.open(), both.two.open(), "anna", options));
  CHECK(both.names(both.one, "new") == std::vector<std::string>{key_of('9')});
  auto again = move_mailbox(both.one.open(), both.two.open(), "anna");
  REQUIRE(again);
  CHECK(again->messages == 1);
  both.check_moved_with(5);
}

TEST_CASE("a message without its marker leaves one when it moves, so that a retry does not go on") {
  TwoPostoffices both;
  std::filesystem::remove(both.one / ("MBG/anna/ids/" + key_of('a')));
  REQUIRE(move_mailbox(both.one.open(), both.two.open(), "anna"));
  const std::int64_t now = std::time(nullptr);
  CHECK(was_filed_before_forward(both.one.open(), "anna", key_of('a'), now).value());
  // Not for ever.
  CHECK_FALSE(
      was_filed_before_forward(both.one.open(), "anna", key_of('a'), now + 6 * 86'400).value());
  // And never "no" because a disk did not answer.
  FaultyFileSystem faulty;
  const Postoffice one = both.one.open(faulty);
  faulty.fail_if(
      [](const Operation& operation) { return operation.path.find("/ids/") != std::string::npos; },
      EIO);
  CHECK_FALSE(was_filed_before_forward(one, "anna", key_of('a'), now));
}

TEST_CASE("a move whose disk fails at any operation is finished by the next, each message once") {
  const auto moment =
      GENERATE(FaultyFileSystem::Moment::instead, FaultyFileSystem::Moment::afterwards);
  const bool is_source = GENERATE(true, false);
  std::size_t operations = 2;
  for (std::size_t n = is_source ? 0 : 1; n < operations; n += 3) {
    TwoPostoffices both;
    FaultyFileSystem faulty;
    const Postoffice from = is_source ? both.one.open(faulty) : both.one.open();
    const Postoffice to = is_source ? both.two.open() : both.two.open(faulty);
    faulty.forget_operations();
    // From then on, as if the program had died.
    faulty.fail_at(n, EIO, moment, true);
    (void)move_mailbox(from, to, "anna");
    operations = std::max(operations, n + (faulty.faults() > 0 ? 4 : 0));
    faulty.heal();
    auto again = move_mailbox(both.one.open(), both.two.open(), "anna");
    INFO(n << ": " << (again ? std::string() : again.error().sentence()));
    REQUIRE(again);
    both.check_moved();
  }
  CHECK(operations > 20);
}

TEST_CASE("a message that is deleted over there does not come back when a move is gone on with") {
  TwoPostoffices both;
  FaultyFileSystem faulty;
  // The first message is over there, and is not removed here.
  faulty.fail_if(
      [&](const Operation& operation) {
        return operation.name == "remove" && operation.path.find("/MBG/anna/") != std::string::npos;
      },
      EIO);
  REQUIRE_FALSE(move_mailbox(both.one.open(faulty), both.two.open(), "anna"));
  const auto arrived = both.names(both.two, "new");
  const auto read = both.names(both.two, "cur");
  REQUIRE(arrived.size() + read.size() == 1);
  const std::string name = arrived.empty() ? "cur/" + read.front() : "new/" + arrived.front();
  std::filesystem::remove(both.two / ("MBG/anna/" + name));
  REQUIRE(move_mailbox(both.one.open(), both.two.open(), "anna"));
  CHECK(both.names(both.two, "new").size() + both.names(both.two, "cur").size() == 3);
  CHECK_FALSE(std::filesystem::exists(both.two / ("MBG/anna/" + name)));
}

TEST_CASE("a mailbox that cannot move says why and stays as it is") {
  TwoPostoffices both;
  const auto refused = [&](std::string_view mailbox, const Postoffice& to) {
    auto moved = move_mailbox(both.one.open(), to, mailbox);
    REQUIRE_FALSE(moved);
    CHECK(moved.error().is_permanent());
    CHECK(both.names(both.one, "new").size() == 3);
    CHECK(read_mailbox_settings(both.one.open(), "anna")->forward.empty());
    return moved.error().sentence();
  };
  CHECK(refused("anna", both.one.open()).starts_with("both postoffices are TESTNET/ONE"));
  CHECK(refused("nobody", both.two.open()).find("no mailbox nobody") != std::string::npos);
  CHECK(refused("../x", both.two.open()).find("no mailbox") != std::string::npos);
  CHECK(refused("postmaster", both.two.open()).find("stays") != std::string::npos);
  PostofficeSettings other = named("THREE");
  other.line_end = LineEnd::crlf;
  const test::PostofficeFixture three(other);
  CHECK(refused("anna", three.open()).find("line end") != std::string::npos);
  std::filesystem::create_directory(both.one / "MBG/anna/cur/a-folder");
  test::write_file(both.one / "MBG/anna/cur/a-folder/message.api", message);
  CHECK(refused("anna", both.two.open()).find("directories") != std::string::npos);
  std::filesystem::remove_all(both.one / "MBG/anna/cur/a-folder");
  both.two.add_mailbox("anna");
  CHECK(refused("anna", both.two.open()).find("already") != std::string::npos);
}

TEST_CASE("an alias that means something else over there stays behind and is told") {
  TwoPostoffices both;
  REQUIRE(both.two.open().add_alias("boss", "postmaster").is_delivered());
  auto moved = move_mailbox(both.one.open(), both.two.open(), "anna");
  REQUIRE(moved);
  CHECK(moved->left_aliases == std::vector<std::string>{"boss"});
  CHECK(both.two.open().resolve("boss")->mailbox == "postmaster");
  CHECK(both.two.open().resolve("anna.berg")->mailbox == "anna");
}

TEST_CASE("routes name what a postoffice keeps, in its domains, and follow a move") {
  TwoPostoffices both;
  both.one.add_mailbox("ben");
  REQUIRE(both.one.open().add_alias("info@b.test", "ben").is_delivered());
  REQUIRE(both.one.open().add_alias("away@c.test", "ben").is_delivered());
  REQUIRE(write_group(both.one.open(), {"all", "postmaster", {"anna", "ben"}}).is_delivered());
  const auto routes = [&](const test::PostofficeFixture& where) {
    return mailbox_routes(where.open(), {"a.test", "b.test"}, "smtp:[x]").value();
  };
  using Lines = std::vector<std::string>;
  CHECK(routes(both.one) ==
        Lines{"all@a.test smtp:[x]", "all@b.test smtp:[x]", "anna.berg@a.test smtp:[x]",
              "anna.berg@b.test smtp:[x]", "anna@a.test smtp:[x]", "anna@b.test smtp:[x]",
              "ben@a.test smtp:[x]", "ben@b.test smtp:[x]", "boss@a.test smtp:[x]",
              "boss@b.test smtp:[x]", "info@b.test smtp:[x]"});
  REQUIRE(move_mailbox(both.one.open(), both.two.open(), "anna"));
  CHECK(routes(both.one) == Lines{"all@a.test smtp:[x]", "all@b.test smtp:[x]",
                                  "ben@a.test smtp:[x]", "ben@b.test smtp:[x]",
                                  "info@b.test smtp:[x]"});
  CHECK(routes(both.two) == Lines{"anna.berg@a.test smtp:[x]", "anna.berg@b.test smtp:[x]",
                                  "anna@a.test smtp:[x]", "anna@b.test smtp:[x]",
                                  "boss@a.test smtp:[x]", "boss@b.test smtp:[x]"});
}

}  // namespace
}  // namespace smtpgate::postoffice
