// A message from an outbox that is tried again after one of its recipients has moved to another
// postoffice: everybody gets it, nobody twice.
#include <string>
#include <string_view>
#include <vector>

#include "postoffice/mailbox_move.h"
#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/outbox_fixture.h"

namespace smtpgate::postoffice {
namespace {

using Lines = std::vector<std::string>;

PostofficeSettings named_two() {
  PostofficeSettings settings;
  settings.name = {"TESTNET", "TWO"};
  return settings;
}

/// bernd and carol beside anna; another postoffice, to which bernd moves.
struct Moving : OutboxFixture {
  Moving() { add_mailbox("carol"); }

  /// Whoever's mailbag it is cannot be filed into.
  void pick_up_without(std::string_view mailbox) {
    FaultyFileSystem faulty;
    faulty.fail_if(
        [part = "/MBG/" + std::string(mailbox) + "/new"](const Operation& operation) {
          return operation.path.find(part) != std::string::npos ||
                 operation.to.find(part) != std::string::npos;
        },
        EIO);
    pick_up(faulty);
    CHECK_FALSE(notes.empty());
  }
  void move_bernd() { REQUIRE(move_mailbox(open(), two.open(), "bernd")); }

  test::PostofficeFixture two{named_two()};
};

TEST_CASE("who got it before he moved does not get it again when the message is tried again") {
  Moving fixture;
  fixture.drop("a.API", message(to_bernd + "TO:CSI:TESTNET/TESTPO/carol\n"));
  fixture.pick_up_without("carol");
  CHECK(fixture.in("MBG/bernd/new").size() == 1);
  fixture.move_bernd();
  fixture.resume();
  CHECK(fixture.in("MBG/carol/new").size() == 1);
  CHECK(fixture.waiting().empty());
  CHECK(test::names_in(fixture.two / "MBG/bernd/new").size() == 1);
  CHECK(fixture.in("MBG/anna/new").empty());  // no report
  CHECK(fixture.is_nothing_left());
}

TEST_CASE("who did not get it before he moved gets it when the message is tried again, once") {
  Moving fixture;
  fixture.drop("a.API", message(to_bernd + to_jo));
  fixture.pick_up_without("bernd");
  CHECK(fixture.waiting() == Lines{"SMTP:jo@example.com"});
  fixture.move_bernd();
  // Still no peace: tried twice more.
  FaultyFileSystem faulty;
  faulty.fail_if(
      [](const Operation& operation) {
        return operation.path.find("/P1/") != std::string::npos &&
               operation.name.starts_with("remove");
      },
      EIO);
  fixture.resume(faulty);
  fixture.resume();
  CHECK(fixture.waiting() == Lines{"CSI:TESTNET/TWO/bernd", "SMTP:jo@example.com"});
  CHECK(fixture.in("MBG/anna/new").empty());
  CHECK(fixture.is_nothing_left());
}

TEST_CASE("where a disk does not say whether he got it before he moved, it waits") {
  Moving fixture;
  fixture.drop("a.API", message(to_bernd + "TO:CSI:TESTNET/TESTPO/carol\n"));
  fixture.pick_up_without("carol");
  fixture.move_bernd();
  FaultyFileSystem faulty;
  faulty.fail_if(
      [](const Operation& operation) {
        return operation.path.find("/MBG/bernd/ids/") != std::string::npos;
      },
      EIO);
  fixture.resume(faulty);
  CHECK(fixture.waiting().empty());
  fixture.resume();
  CHECK(fixture.waiting().empty());
  CHECK(test::names_in(fixture.two / "MBG/bernd/new").size() == 1);
  CHECK(fixture.is_nothing_left());
}

}  // namespace
}  // namespace smtpgate::postoffice
