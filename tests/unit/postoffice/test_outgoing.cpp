// Outgoing mail: handed over once, taken by one, given back, finished.
#include <atomic>
#include <ctime>
#include <limits>
#include <optional>
#include <thread>

#include <sys/stat.h>

#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/handed_over_fixture.h"

namespace smtpgate::postoffice {
namespace {

using Names = std::vector<std::string>;

TEST_CASE("a message is handed over, taken, given back, and leaves when it is done") {
  OutgoingFixture fixture;
  const Postoffice postoffice = fixture.open();
  const Outcome handed = hand_over(postoffice);
  INFO(handed.sentence());
  REQUIRE(handed.is_delivered());
  const std::string id = fixture.only_id();
  CHECK(handed.sentence() == "message " + id + " waits in SMTP");
  CHECK(fixture.in_work().empty());
  CHECK(test::read_file(fixture / ("SMTP/" + id + "/FROM_NC.API")) == content);

  const OutgoingMail mail(postoffice);
  CHECK(mail.waiting().value() == Names{id});
  {
    TakenMessage taken = must_take(postoffice, id);
    CHECK(fixture.in_smtp() == Names{id + "." + postoffice.host()});
    CHECK(taken.state().mailbox == "anna");
    CHECK(taken.content_kind() == OutgoingContent::mmff);
    auto file = taken.open_content();
    REQUIRE(file.has_value());
    CHECK((*file)->status()->size == content.size());
    CHECK(mail.waiting().value().empty());
    CHECK_FALSE(mail.take(id)->has_value());
    OutgoingState state = taken.state();
    state.attempts = 3;
    state.recipients[0].reason = "451 4.3.0 later";
    REQUIRE(taken.save(state).is_delivered());
  }
  CHECK(fixture.in_smtp() == Names{id});
  TakenMessage taken = must_take(postoffice, id);
  CHECK(taken.state().attempts == 3);
  CHECK(taken.state().recipients[0].reason == "451 4.3.0 later");
  CHECK(taken.finish(taken.state()).is_temporary());  // somebody waits still
  CHECK(taken.finish(all_sent(taken.state())).is_delivered());
  CHECK(fixture.in_smtp().empty());
  CHECK(taken.save(taken.state()).is_temporary());
}

TEST_CASE("nobody but the gateway's user gets near outgoing mail") {
  OutgoingFixture fixture;
  const mode_t mask = ::umask(0);
  REQUIRE(hand_over(fixture.open()).is_delivered());
  ::umask(mask);
  const std::string directory = fixture / ("SMTP/" + fixture.only_id());
  CHECK(FileSystem::posix().status(fixture / "SMTP")->mode == 0700);
  CHECK(FileSystem::posix().status(fixture / "SMTP/ids")->mode == 0700);
  CHECK(FileSystem::posix().status(directory)->mode == 0700);
  CHECK(FileSystem::posix().status(directory + "/FROM_NC.API")->mode == 0600);
  CHECK(FileSystem::posix().status(directory + "/STATE.json")->mode == 0600);
}

TEST_CASE("a draft that is given up leaves nothing, and one of a dead process is cleared") {
  OutgoingFixture fixture;
  const Postoffice postoffice = fixture.open();
  {
    auto draft = OutgoingDraft::begin(postoffice, OutgoingContent::internet);
    REQUIRE(draft.has_value());
    CHECK(test::names_in(draft->path()) == Names{"SMTP_OUT.822"});
  }
  CHECK(fixture.in_work().empty());
  const std::string left = fixture / ("P1/" + postoffice.host() + "/" + std::string(32, '1'));
  std::filesystem::create_directory(left);
  test::write_file(left + "/FROM_NC.API", "half");
  const std::string taken = fixture / ("P1/" + postoffice.host() + "/" + std::string(32, '2'));
  std::filesystem::create_directory(taken);
  test::write_file(taken + "/TAKEN.API", "its sender has no other copy");
  CHECK(clear_abandoned_work(postoffice).value() == 1);
  CHECK(fixture.in_work() == Names{std::string(32, '2')});
}

TEST_CASE("what cannot be sent is not handed over") {
  OutgoingFixture fixture;
  const Postoffice postoffice = fixture.open();
  OutgoingState state = sample_state();
  SECTION("nobody waits") {
    state = all_sent(state);
  }
  SECTION("no recipient") {
    state.recipients.clear();
  }
  SECTION("an address that is no UTF-8") {
    state.recipients[0].address.address =
        "b\xFC"
        "cher@example.com";
  }
  SECTION("an empty address") {
    state.recipients[0].address.address.clear();
  }
  SECTION("a sender that is no UTF-8") {
    state.sender = "\xFF";
  }
  SECTION("too many") {
    state.recipients.resize(most_outgoing_recipients + 1, state.recipients[0]);
  }
  CHECK(hand_over(postoffice, {}, state).is_permanent());
  CHECK(fixture.in_smtp().empty());
  CHECK(fixture.in_work().empty());
}

TEST_CASE("a folder from before there were markers gets its missing parts") {
  OutgoingFixture fixture;
  std::filesystem::remove_all(fixture / "SMTP");
  const Postoffice postoffice = fixture.open();
  CHECK(OutgoingMail(postoffice).list()->empty());
  CHECK(OutgoingMail(postoffice).waiting()->empty());
  CHECK(expire_outgoing_markers(postoffice, std::time(nullptr)).value() == 0);
  REQUIRE(hand_over(postoffice, key).is_delivered());
  CHECK(fixture.markers() == Names{key});
  CHECK(FileSystem::posix().status(fixture / "SMTP/BAD")->mode == 0700);
}

TEST_CASE("a folder that is not mounted has no outgoing mail, and gets none") {
  OutgoingFixture fixture;
  const Postoffice postoffice = fixture.open();
  std::filesystem::rename(fixture.path(), fixture.path() + ".away");
  std::filesystem::create_directory(fixture.path());
  CHECK(OutgoingMail(postoffice).list().error().is_temporary());
  CHECK(OutgoingMail(postoffice).waiting().error().is_temporary());
  CHECK(hand_over(postoffice).is_temporary());
  CHECK(test::names_in(fixture.path()).empty());
}

TEST_CASE("with a key a message is handed over once within its days") {
  OutgoingFixture fixture;
  const Postoffice postoffice = fixture.open();
  REQUIRE(hand_over(postoffice, key).is_delivered());
  const std::string id = fixture.only_id();
  CHECK(fixture.markers() == Names{key});
  CHECK(hand_over(postoffice, key).sentence().starts_with("duplicate"));
  CHECK(fixture.in_smtp() == Names{id});
  CHECK(hand_over(postoffice, std::string(64, 'b')).is_delivered());
  CHECK(hand_over(postoffice, "../../etc").is_temporary());

  SECTION("also after it is gone") {
    TakenMessage taken = must_take(postoffice, id);
    REQUIRE(taken.finish(all_sent(taken.state())).is_delivered());
    CHECK(hand_over(postoffice, key).sentence().starts_with("duplicate"));
  }
  SECTION("and again after that") {
    test::set_modified(fixture / ("SMTP/ids/" + key), std::time(nullptr) - 6 * 86'400);
    CHECK(hand_over(postoffice, key).sentence().find("waits") != std::string::npos);
    CHECK(fixture.in_smtp().size() == 3);
  }
  SECTION("markers are tidied away after their days") {
    const std::int64_t now = std::time(nullptr);
    CHECK(expire_outgoing_markers(postoffice, now).value() == 0);
    CHECK(expire_outgoing_markers(postoffice, now + 6 * 86'400).value() == 2);
    CHECK(fixture.markers().empty());
  }
  SECTION("what a crash left half written goes after a day") {
    test::write_file(fixture / "SMTP/ids/.new-0123456789abcdef", "half");
    const std::int64_t now = std::time(nullptr);
    CHECK(expire_outgoing_markers(postoffice, now).value() == 0);
    CHECK(expire_outgoing_markers(postoffice, now + 2 * 86'400).value() == 1);
  }
}

TEST_CASE("a marker of a hand-over that goes on is waited for, one of a dead process is not") {
  OutgoingFixture fixture;
  const Postoffice postoffice = fixture.open();
  const std::string id(32, '1');
  const std::string pending = fixture / ("SMTP/ids/." + key);

  SECTION("locked on this host") {
    auto draft = OutgoingDraft::begin(postoffice, OutgoingContent::mmff);
    test::write_file(pending, draft->id());
    CHECK(hand_over(postoffice, key).is_temporary());
    CHECK(test::read_file(pending) == draft->id());
  }
  SECTION("on another host") {
    std::filesystem::create_directories(fixture / ("P1/elsewhere/" + id));
    test::write_file(pending, id);
    CHECK(hand_over(postoffice, key).is_temporary());
  }
  SECTION("dead on this host") {
    std::filesystem::create_directories(fixture / ("P1/" + postoffice.host() + "/" + id));
    test::write_file(pending, id);
    CHECK(hand_over(postoffice, key).is_delivered());
    CHECK(fixture.in_smtp().size() == 1);
    CHECK(fixture.markers() == Names{key});
  }
  SECTION("gone without a trace") {
    test::write_file(pending, id);
    CHECK(hand_over(postoffice, key).is_delivered());
    CHECK(fixture.in_smtp().size() == 1);
  }
  SECTION("its message is taken by another host: done") {
    std::filesystem::create_directories(fixture / ("SMTP/" + id + ".elsewhere"));
    test::write_file(pending, id);
    CHECK(hand_over(postoffice, key).sentence().starts_with("duplicate"));
    CHECK(fixture.markers() == Names{key});
  }
  SECTION("empty: a power cut took the ID, which nobody waits for") {
    test::write_file(pending, "");
    CHECK(hand_over(postoffice, key).is_delivered());
    CHECK(fixture.markers() == Names{key});
  }
}

TEST_CASE("a message that leaves while its key comes again is known, whatever the moment") {
  // The hand-over of a killed process, taken and sent while its file is served again.
  const auto steps_of = [](std::uint64_t leaves_at) {
    OutgoingFixture fixture;
    FaultyFileSystem files;
    REQUIRE(hand_over(fixture.open(), key).is_delivered());
    std::filesystem::rename(fixture / ("SMTP/ids/" + key), fixture / ("SMTP/ids/." + key));
    const Postoffice sending = fixture.open();
    std::optional<TakenMessage> taken = must_take(sending, fixture.only_id());
    std::uint64_t step = 0;
    files.before([&](const Operation&) {
      if (step++ == leaves_at) CHECK(taken->finish(all_sent(taken->state())).is_delivered());
    });
    const Outcome again = hand_over(fixture.open(files), key);
    files.heal();
    INFO("left before operation " << leaves_at << ": " << again.sentence());
    CHECK(again.sentence().starts_with("duplicate"));
    CHECK(fixture.in_smtp().size() == (step > leaves_at ? 0 : 1));
    CHECK(fixture.markers() == Names{key});
    return step;
  };
  const std::uint64_t steps = steps_of(std::numeric_limits<std::uint64_t>::max());
  REQUIRE(steps > 5);
  for (std::uint64_t n = 0; n < steps; ++n) steps_of(n);
}

TEST_CASE("of many threads that take at once one wins") {
  OutgoingFixture fixture;
  constexpr int rounds = 40;
  for (int round = 0; round < rounds; ++round) {
    REQUIRE(hand_over(fixture.open()).is_delivered());
    const std::string id = fixture.only_id();
    std::atomic<int> won = 0;
    std::atomic<int> finished = 0;
    std::vector<std::jthread> threads;
    for (int i = 0; i < 6; ++i) {
      // Opened here: what is demanded of it must not be demanded by several threads at once.
      threads.emplace_back([&, postoffice = fixture.open()] {
        auto taken = OutgoingMail(postoffice).take(id);
        if (!taken || !*taken) return;
        ++won;
        if ((*taken)->finish(all_sent((*taken)->state())).is_delivered()) ++finished;
      });
    }
    threads.clear();
    CHECK(won == 1);
    CHECK(finished == 1);
    CHECK(fixture.in_smtp().empty());
  }
}

TEST_CASE("who takes waits for the moment in which a message is being handed over") {
  OutgoingFixture fixture;
  const Postoffice postoffice = fixture.open();
  REQUIRE(hand_over(postoffice).is_delivered());
  const std::string id = fixture.only_id();
  auto lock = FileSystem::posix().open_directory(fixture / ("SMTP/" + id));
  REQUIRE((*lock)->try_lock().value());
  // Let go at the second look of the taker.
  FaultyFileSystem watched;
  std::atomic<int> looks = 0;
  watched.before([&](const Operation& operation) {
    if (operation.name == "try_lock" && ++looks == 2) lock->reset();
  });
  CHECK(OutgoingMail(fixture.open(watched)).take(id)->has_value());
  CHECK(looks == 2);
}

}  // namespace
}  // namespace smtpgate::postoffice
