// Outgoing mail, each operation of it made to fail, or to be the last one before a crash, in turn.
#include <algorithm>
#include <cerrno>

#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/handed_over_fixture.h"

namespace smtpgate::postoffice {
namespace {

using Names = std::vector<std::string>;

TEST_CASE(
    "each operation of a hand-over fails in turn: handed over or not, never both, never half") {
  const auto with_key = GENERATE(false, true);
  const auto moment =
      GENERATE(FaultyFileSystem::Moment::instead, FaultyFileSystem::Moment::afterwards);
  OutgoingFixture counted;
  FaultyFileSystem counting;
  const std::string used = with_key ? key : "";
  REQUIRE(hand_over(counted.open(counting), used).is_delivered());
  const std::uint64_t operations = counting.operations().size();
  REQUIRE(operations > 15);
  for (std::uint64_t n = 0; n < operations; ++n) {
    OutgoingFixture fixture;
    FaultyFileSystem faulty;
    const Postoffice postoffice = fixture.open(faulty);
    faulty.forget_operations();
    faulty.fail_at(n, EIO, moment);
    const Outcome outcome = hand_over(postoffice, used);
    faulty.heal();
    INFO("operation "
         << n << ": "
         << faulty.operations().at(std::min<std::size_t>(n, faulty.operations().size() - 1)).str()
         << ": " << outcome.sentence());
    CHECK_FALSE(outcome.is_permanent());
    CHECK(fixture.in_smtp().size() == (outcome.is_delivered() ? 1 : 0));
    fixture.restart();
    CHECK(fixture.in_work().empty());
    if (!with_key && outcome.is_delivered()) continue;
    fixture.hand_over_again(used);
  }
}

TEST_CASE("a hand-over of which nobody can say whether it was done is not done twice") {
  OutgoingFixture fixture;
  FaultyFileSystem faulty;
  const Postoffice postoffice = fixture.open(faulty);
  const auto is_message = [](const std::string& path) {
    const std::size_t at = path.find("/SMTP/");
    return at != std::string::npos && is_outgoing_id(path.substr(at + 6));
  };
  // The rename is done, but its answer is lost, and the look after it fails too.
  faulty.fail_if(
      [&](const Operation& operation) {
        return (operation.name == "rename" && is_message(operation.to)) ||
               (operation.name == "status" && is_message(operation.path));
      },
      EIO, FaultyFileSystem::Moment::afterwards);
  const Outcome first = hand_over(postoffice, key);
  CHECK(faulty.faults() == 2);
  CHECK(first.is_temporary());
  CHECK(first.sentence().find("may be sent all the same") != std::string::npos);
  faulty.heal();
  CHECK(fixture.in_smtp().size() == 1);
  CHECK(hand_over(postoffice, key).sentence().starts_with("duplicate"));
  CHECK(fixture.in_smtp().size() == 1);
  CHECK(fixture.markers() == Names{key});
}

TEST_CASE("a hand-over that failed and cannot be looked at is done the next time") {
  OutgoingFixture fixture;
  FaultyFileSystem faulty;
  const Postoffice postoffice = fixture.open(faulty);
  bool is_broken = false;
  faulty.fail_if(
      [&](const Operation& operation) {
        const std::size_t at = operation.to.find("/SMTP/");
        is_broken = is_broken || (operation.name == "rename" && at != std::string::npos &&
                                  is_outgoing_id(operation.to.substr(at + 6)));
        return is_broken;
      },
      EIO);
  CHECK(hand_over(postoffice, key).is_temporary());
  faulty.heal();
  CHECK(fixture.in_smtp().empty());
  fixture.hand_over_again(key);
  fixture.restart();
  CHECK(fixture.in_work().empty());
  CHECK(fixture.markers() == Names{key});
}

TEST_CASE("a crash at each operation of a hand-over: tried again, it is there once") {
  OutgoingFixture counted;
  FaultyFileSystem counting;
  const Postoffice counted_postoffice = counted.open(counting);
  counting.forget_operations();
  REQUIRE(hand_over(counted_postoffice, key).is_delivered());
  const std::uint64_t operations = counting.operations().size();
  for (std::uint64_t n = 0; n < operations; ++n) {
    OutgoingFixture fixture;
    {
      FaultyFileSystem faulty;
      const Postoffice postoffice = fixture.open(faulty);
      faulty.forget_operations();
      // Nothing is done from there on, not even tidying up.
      faulty.fail_at(n, EIO, FaultyFileSystem::Moment::instead, true);
      (void)hand_over(postoffice, key);
    }
    INFO("stopped before operation " << n << ": " << counting.operations()[n].str());
    if (GENERATE(false, true)) fixture.restart();
    CHECK(fixture.in_smtp().size() <= 1);
    fixture.hand_over_again(key);
    fixture.restart();
    CHECK(fixture.in_smtp() == Names{fixture.only_id()});
    CHECK(fixture.in_work().empty());
    CHECK(fixture.markers() == Names{key});
  }
}

TEST_CASE("a crash at each operation of save and finish: there once, or gone") {
  OutgoingFixture counted;
  REQUIRE(hand_over(counted.open(), key).is_delivered());
  FaultyFileSystem counting;
  const Postoffice counted_postoffice = counted.open(counting);
  counting.forget_operations();
  const auto work = [](const Postoffice& postoffice, const std::string& id) {
    auto taken = OutgoingMail(postoffice).take(id);
    if (!taken || !*taken) return false;
    OutgoingState state = (*taken)->state();
    state.attempts = 1;
    if (!(*taken)->save(state).is_delivered()) return false;
    return (*taken)->finish(all_sent(state)).is_delivered();
  };
  REQUIRE(work(counted_postoffice, counted.only_id()));
  CHECK(counted.in_smtp().empty());
  const std::vector<Operation> operations = counting.operations();
  const bool for_good = GENERATE(false, true);
  for (std::size_t n = 0; n < operations.size(); ++n) {
    OutgoingFixture fixture;
    REQUIRE(hand_over(fixture.open(), key).is_delivered());
    const std::string id = fixture.only_id();
    bool done = false;
    {
      FaultyFileSystem faulty;
      const Postoffice postoffice = fixture.open(faulty);
      faulty.forget_operations();
      faulty.fail_at(n, EIO, FaultyFileSystem::Moment::instead, for_good);
      done = work(postoffice, id);
    }
    INFO((for_good ? "stopped before " : "failed at ") << n << ": " << operations[n].str());
    fixture.restart();
    const auto list = OutgoingMail(fixture.open()).list();
    REQUIRE(list.has_value());
    CHECK(list->size() <= 1);
    if (list->empty()) {
      CHECK(fixture.in_smtp().empty());
      continue;
    }
    // It is there once, whole, and can be taken.
    CHECK_FALSE(done);
    const TakenMessage taken = must_take(fixture.open(), id);
    CHECK(taken.open_content().has_value());
    CHECK(taken.state().attempts <= 1);
    CHECK(fixture.in_smtp() == Names{id + "." + fixture.open().host()});
  }
}

TEST_CASE("a message whose removal fails says that nobody waits, so that it is never sent again") {
  OutgoingFixture fixture;
  REQUIRE(hand_over(fixture.open()).is_delivered());
  const std::string id = fixture.only_id();
  FaultyFileSystem faulty;
  const Postoffice postoffice = fixture.open(faulty);
  {
    TakenMessage taken = must_take(postoffice, id);
    faulty.fail_if(
        [](const Operation& operation) {
          return operation.name == "rename" && operation.to.find(".gone-") != std::string::npos;
        },
        EROFS);
    CHECK(taken.finish(all_sent(taken.state())).is_temporary());
    faulty.heal();
  }
  TakenMessage again = must_take(postoffice, id);
  CHECK(again.state().is_done());
  CHECK(again.finish(again.state()).is_delivered());
  CHECK(fixture.in_smtp().empty());
}

}  // namespace
}  // namespace smtpgate::postoffice
