// What dead commands leave half made or half removed: cleared when it is old enough to be nobody's,
// never a mailbox that may hold messages, and told by `postoffice check`.
#include <algorithm>
#include <ctime>
#include <filesystem>

#include "postoffice/mailbox_changes.h"
#include "postoffice/postoffice_check.h"
#include "postoffice/tidying.h"
#include "unit/catch.h"
#include "unit/postoffice/postoffice_fixture.h"

namespace smtpgate::postoffice {
namespace {

constexpr std::int64_t day = 86'400;

struct TidyingFixture : test::PostofficeFixture {
  TidyingFixture() {
    add_mailbox("anna");
    test::write_file(*this / "GLB/.new-0123456789abcdef", "half");
    test::write_file(*this / "GRP/.new-0123456789abcdef", "half");
    test::write_file(*this / "MBG/anna/outbox/.send-x.API", "half");
    test::write_file(*this / "MBG/anna/outbox/.mine", "a user's");
    std::filesystem::create_directories(*this / "MBG/.new-0123456789abcdef/ids");
  }
  std::uint64_t clear(std::int64_t later) const {
    auto cleared = clear_half_done(open(), std::time(nullptr) + later);
    INFO((cleared ? std::string() : cleared.error().sentence()));
    REQUIRE(cleared.has_value());
    return *cleared;
  }
  bool has(const std::string& name) const { return std::filesystem::exists(*this / name); }
  bool finds(const std::string& kind, std::int64_t later) const {
    CheckOptions options;
    options.now = std::time(nullptr) + later;
    const CheckResult checked = check_postoffice(open(), options);
    return std::any_of(checked.findings.begin(), checked.findings.end(),
                       [&](const CheckFinding& one) { return one.kind == kind; });
  }
};

TEST_CASE("what a dead command left half made goes after a day, and nothing else") {
  TidyingFixture fixture;
  CHECK(fixture.clear(0) == 0);
  CHECK_FALSE(fixture.finds("half-written", 0));
  CHECK_FALSE(fixture.finds("mailbag-left", 0));
  CHECK(fixture.finds("half-written", 2 * day));
  CHECK(fixture.finds("mailbag-left", 2 * day));
  CHECK(fixture.clear(2 * day) == 4);
  CHECK(fixture.has("MBG/anna/outbox/.mine"));
  CHECK(fixture.has("GLB/postoffice.toml"));
  CHECK(test::names_in(fixture / "MBG") == std::vector<std::string>{"anna", "postmaster"});
}

TEST_CASE("a mailbag that was given up goes with its messages, but not while mailboxes change") {
  TidyingFixture fixture;
  std::filesystem::create_directories(fixture / "MBG/.gone-0123456789abcdef/new");
  test::write_file(fixture / "MBG/.gone-0123456789abcdef/new/message", "text");
  {
    const auto changes = MailboxChanges::begin(fixture.open());
    REQUIRE(changes.has_value());
    CHECK(fixture.clear(0) == 0);
  }
  CHECK(fixture.clear(0) == 1);
  CHECK_FALSE(fixture.has("MBG/.gone-0123456789abcdef"));
}

TEST_CASE("a removal that was broken off while it looked for messages loses none") {
  TidyingFixture fixture;
  std::filesystem::rename(fixture / "MBG/anna", fixture / "MBG/.leaving-anna");
  test::write_file(fixture / "MBG/.leaving-anna/new/late", "came in that moment");
  (void)fixture.clear(2 * day);
  CHECK(fixture.has("MBG/.leaving-anna/new/late"));
  CHECK(fixture.finds("mailbag-left", 0));
  const Postoffice postoffice = fixture.open();
  // It is back, and holds a message.
  CHECK(postoffice.remove_mailbox("anna", false).is_permanent());
  CHECK(fixture.has("MBG/anna/new/late"));
  CHECK(postoffice.remove_mailbox("anna", true).is_delivered());
  CHECK(test::names_in(fixture / "MBG") == std::vector<std::string>{"postmaster"});
}

}  // namespace
}  // namespace smtpgate::postoffice
