// Outgoing mail: handed over once, taken by one, given back, finished - and each operation of it
// made to fail, or to be the last one before a crash, in turn.
#include <atomic>
#include <cerrno>
#include <ctime>
#include <thread>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "postoffice/outgoing.h"
#include "postoffice/put.h"
#include "unit/catch.h"
#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/postoffice_fixture.h"

namespace smtpgate::postoffice {
namespace {

using test::PostofficeFixture;
using Names = std::vector<std::string>;

const std::string key(64, 'a');
const std::string content = "VERSION:3.00\nTO:SMTP:bob@example.com\nFROM:A/B/c\nTEXT:2\nhi";

OutgoingState sample_state() {
  OutgoingState state;
  state.mailbox = "anna";
  state.created = 1'795'300'000;
  state.next_attempt = state.created;
  state.recipients.push_back(
      {TypedAddress::internet("bob@example.com"), RecipientState::waiting, {}, {}, {}});
  return state;
}

Outcome hand_over(const Postoffice& postoffice, std::string_view with_key = {},
                  const OutgoingState& state = sample_state()) {
  auto draft = OutgoingDraft::begin(postoffice, OutgoingContent::mmff);
  if (!draft) return draft.error();
  if (auto done = draft->content().write(content); !done) return done.error().outcome();
  return draft->hand_over(state, with_key);
}

struct OutgoingFixture : PostofficeFixture {
  OutgoingFixture() { add_mailbox("anna"); }

  /// Without the signs of life.
  Names in_smtp() const {
    Names names;
    for (const std::string& name : test::names_in(*this / "SMTP")) {
      if (name != "BAD" && name != "ids" && !name.starts_with(".alive-")) names.push_back(name);
    }
    return names;
  }
  Names in_bad() const { return test::names_in(*this / "SMTP/BAD"); }
  Names markers() const { return test::names_in(*this / "SMTP/ids"); }
  /// Without empty directories, which are left alone for a minute: somebody may be about to lock
  /// them.
  Names in_work() const {
    Names all;
    for (const std::string& host : test::names_in(*this / "P1")) {
      for (const std::string& name : test::names_in(*this / ("P1/" + host))) {
        if (!test::names_in(*this / ("P1/" + host + "/" + name)).empty()) all.push_back(name);
      }
    }
    return all;
  }
  /// Tried again after a crash. A marker that was being written a moment ago is waited for.
  void hand_over_again(const std::string& with_key) const {
    Outcome again = hand_over(open(), with_key);
    if (again.is_temporary()) {
      test::set_modified(*this / ("SMTP/ids/." + key), std::time(nullptr) - 3600);
      again = hand_over(open(), with_key);
    }
    INFO(again.sentence());
    CHECK(again.is_delivered());
    CHECK(in_smtp().size() == 1);
  }
  std::string only_id() const {
    const Names names = in_smtp();
    REQUIRE(names.size() == 1);
    return names.front().substr(0, 32);
  }
  /// What a gateway does when it starts.
  void restart() const {
    const Postoffice postoffice = open();
    REQUIRE(clear_abandoned_work(postoffice).has_value());
    REQUIRE(OutgoingMail(postoffice).keep_alive(900).has_value());
  }
};

TakenMessage must_take(const Postoffice& postoffice, const std::string& id) {
  auto taken = OutgoingMail(postoffice).take(id);
  INFO((taken ? std::string() : taken.error().sentence()));
  REQUIRE(taken.has_value());
  REQUIRE(taken->has_value());
  return std::move(**taken);
}

OutgoingState all_sent(OutgoingState state) {
  for (OutgoingRecipient& recipient : state.recipients) recipient.state = RecipientState::sent;
  return state;
}

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
  SECTION("empty and just made: somebody is writing it") {
    test::write_file(pending, "");
    CHECK(hand_over(postoffice, key).is_temporary());
    test::set_modified(pending, std::time(nullptr) - 3600);
    CHECK(hand_over(postoffice, key).is_delivered());
  }
}

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

TEST_CASE("of processes on several hosts each message is finished by exactly one") {
  OutgoingFixture fixture;
  constexpr int messages = 60;
  for (int i = 0; i < messages; ++i) REQUIRE(hand_over(fixture.open()).is_delivered());
  int results[2];
  REQUIRE(::pipe(results) == 0);
  std::vector<pid_t> children;
  for (int child = 0; child < 4; ++child) {
    const pid_t process = ::fork();
    REQUIRE(process >= 0);
    if (process == 0) {
      auto opened = Postoffice::open(fixture.path());
      if (!opened) ::_exit(1);
      const Postoffice postoffice = opened->on_host(child % 2 == 0 ? "one" : "two");
      const OutgoingMail mail(postoffice);
      for (;;) {
        auto ids = mail.waiting();
        if (!ids) ::_exit(2);
        if (ids->empty()) ::_exit(0);
        for (const std::string& id : *ids) {
          auto taken = mail.take(id);
          if (!taken || !*taken) continue;
          if (!(*taken)->finish(all_sent((*taken)->state())).is_delivered()) ::_exit(3);
          if (::write(results[1], id.data(), id.size()) != 32) ::_exit(4);
        }
      }
    }
    children.push_back(process);
  }
  ::close(results[1]);
  std::string all;
  char buffer[4096];
  for (ssize_t count = 0; (count = ::read(results[0], buffer, sizeof buffer)) > 0;) {
    all.append(buffer, static_cast<std::size_t>(count));
  }
  ::close(results[0]);
  for (const pid_t process : children) {
    int status = 0;
    REQUIRE(::waitpid(process, &status, 0) == process);
    CHECK(status == 0);
  }
  Names finished;
  for (std::size_t at = 0; at < all.size(); at += 32) finished.push_back(all.substr(at, 32));
  std::sort(finished.begin(), finished.end());
  CHECK(finished.size() == messages);
  CHECK(std::unique(finished.begin(), finished.end()) == finished.end());
  CHECK(fixture.in_smtp().empty());
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

TEST_CASE("what a dead process of this host had is taken up, what a living one has is not") {
  OutgoingFixture fixture;
  const Postoffice postoffice = fixture.open();
  REQUIRE(hand_over(postoffice).is_delivered());
  const std::string id = fixture.only_id();
  std::filesystem::rename(fixture / ("SMTP/" + id),
                          fixture / ("SMTP/" + id + "." + postoffice.host()));
  const OutgoingMail mail(postoffice);
  CHECK(mail.waiting().value() == Names{id});
  {
    const TakenMessage taken = must_take(postoffice, id);
    CHECK(mail.waiting()->empty());
    CHECK_FALSE(mail.take(id)->has_value());
    CHECK(mail.adopt(postoffice.host()).value() == 0);
  }
  CHECK(fixture.in_smtp() == Names{id});
}

TEST_CASE("what another host has is taken over after the lease, by its sign of life and ours") {
  OutgoingFixture fixture;
  const Postoffice one = fixture.open().on_host("One");
  const Postoffice two = fixture.open().on_host("two");
  REQUIRE(hand_over(one).is_delivered());
  const std::string id = fixture.only_id();
  (void)OutgoingMail(one).keep_alive(900);
  const std::string had = fixture / ("SMTP/" + id + ".one");
  std::filesystem::rename(fixture / ("SMTP/" + id), had);
  const std::string taken = fixture / ("P1/one/" + std::string(32, '2'));
  const std::string busy = fixture / ("P1/one/" + std::string(32, '3'));
  const std::string other = fixture / ("P1/one/" + std::string(32, '4'));
  for (const std::string& directory : {taken, busy, other}) {
    std::filesystem::create_directories(directory);
  }
  test::write_file(taken + "/TAKEN.API", "x");
  test::write_file(busy + "/FROM_NC.API", "x");
  test::write_file(other + "/TO_NC.API", "inbound mail, which its sender has");
  const std::int64_t now = std::time(nullptr);
  test::set_modified(taken, now - 2000);
  test::set_modified(other, now - 2000);

  CHECK(OutgoingMail(two).keep_alive(900).value() == 0);
  CHECK(OutgoingMail(two).waiting()->empty());
  test::set_modified(fixture / "SMTP/.alive-one", now - 800);
  CHECK(OutgoingMail(two).keep_alive(900).value() == 0);
  test::set_modified(fixture / "SMTP/.alive-one", now - 1000);
  CHECK(OutgoingMail(two).keep_alive(900).value() == 2);
  CHECK(OutgoingMail(two).waiting().value() == Names{id});
  CHECK(test::names_in(fixture / "P1/two") == Names{std::string(32, '2')});
  CHECK(test::names_in(fixture / "P1/one") == Names{std::string(32, '3'), std::string(32, '4')});
  CHECK(OutgoingMail(two).keep_alive(900).value() == 0);
}

TEST_CASE("a host that never said that it lives gets its lease from now on") {
  OutgoingFixture fixture;
  const Postoffice two = fixture.open().on_host("two");
  REQUIRE(hand_over(two).is_delivered());
  const std::string id = fixture.only_id();
  std::filesystem::rename(fixture / ("SMTP/" + id), fixture / ("SMTP/" + id + ".one"));
  CHECK(OutgoingMail(two).keep_alive(900).value() == 0);
  CHECK(std::filesystem::exists(fixture / "SMTP/.alive-one"));
  test::set_modified(fixture / "SMTP/.alive-one", std::time(nullptr) - 1000);
  CHECK(OutgoingMail(two).keep_alive(900).value() == 1);
}

TEST_CASE("by command a host's messages are adopted though it lives") {
  OutgoingFixture fixture;
  const Postoffice two = fixture.open().on_host("two");
  REQUIRE(hand_over(two).is_delivered());
  const std::string id = fixture.only_id();
  std::filesystem::rename(fixture / ("SMTP/" + id), fixture / ("SMTP/" + id + ".one"));
  CHECK(OutgoingMail(two).hold(id, true).sentence().find("adopt one") != std::string::npos);
  CHECK(OutgoingMail(two).adopt("nobody").value() == 0);
  CHECK(OutgoingMail(two).adopt("ONE").value() == 1);
  CHECK(fixture.in_smtp() == Names{id});
}

TEST_CASE("taking is a sign of life") {
  OutgoingFixture fixture;
  const Postoffice postoffice = fixture.open().on_host("one");
  REQUIRE(hand_over(postoffice).is_delivered());
  (void)OutgoingMail(postoffice).keep_alive(900);
  test::set_modified(fixture / "SMTP/.alive-one", 1000);
  must_take(postoffice, fixture.only_id());
  CHECK(FileSystem::posix().status(fixture / "SMTP/.alive-one")->modified > 1'000'000);
}

TEST_CASE("a message that another host took over is not called finished") {
  OutgoingFixture fixture;
  const Postoffice one = fixture.open().on_host("one");
  REQUIRE(hand_over(one).is_delivered());
  const std::string id = fixture.only_id();
  TakenMessage taken = must_take(one, id);
  std::filesystem::rename(fixture / ("SMTP/" + id + ".one"), fixture / ("SMTP/" + id + ".two"));
  const Outcome finished = taken.finish(all_sent(taken.state()));
  CHECK(finished.is_temporary());
  CHECK(finished.sentence().find("taken over") != std::string::npos);
  CHECK(taken.save(taken.state()).is_temporary());
}

TEST_CASE("BAD keeps what was set aside, with the reason, until it is retried or deleted") {
  OutgoingFixture fixture;
  const Postoffice postoffice = fixture.open();
  const OutgoingMail mail(postoffice);
  REQUIRE(hand_over(postoffice).is_delivered());
  const std::string id = fixture.only_id();
  {
    TakenMessage taken = must_take(postoffice, id);
    REQUIRE(taken.set_aside(taken.state(), "cannot be converted").is_delivered());
  }
  CHECK(fixture.in_smtp().empty());
  CHECK(fixture.in_bad() == Names{id});
  const auto entry = mail.find(id.substr(0, 10));
  REQUIRE(entry.has_value());
  CHECK(entry->is_bad);
  CHECK(entry->state.reason == "cannot be converted");
  CHECK(mail.waiting()->empty());
  CHECK(mail.hold(id, true).is_permanent());
  CHECK_FALSE(mail.take(id)->has_value());

  SECTION("retried") {
    CHECK(mail.retry(id).is_delivered());
    CHECK(fixture.in_bad().empty());
    CHECK(must_take(postoffice, id).state().reason.empty());
  }
  SECTION("deleted") {
    CHECK(mail.remove(id).is_delivered());
    CHECK(fixture.in_bad().empty());
    CHECK(mail.remove(id).is_permanent());
  }
  SECTION("taken out of it by who reports and finishes it") {
    auto taken = mail.take_bad(id);
    REQUIRE((taken && *taken));
    CHECK((*taken)->finish(all_sent((*taken)->state())).is_delivered());
    CHECK(fixture.in_bad().empty());
  }
  SECTION("looked at and given back, it stays") {
    {
      CHECK(mail.take_bad(id)->has_value());
    }
    CHECK(fixture.in_bad() == Names{id});
  }
}

TEST_CASE("commands hold, release, retry and delete what nobody has") {
  OutgoingFixture fixture;
  const Postoffice postoffice = fixture.open();
  const OutgoingMail mail(postoffice);
  OutgoingState later = sample_state();
  later.next_attempt = std::time(nullptr) + 10'000;
  REQUIRE(hand_over(postoffice, {}, later).is_delivered());
  const std::string id = fixture.only_id();
  CHECK(mail.hold(id, true).sentence() == "message " + id + " is held");
  CHECK(mail.find(id)->state.held);
  CHECK(mail.retry(id).sentence().find("once it is released") != std::string::npos);
  CHECK(mail.find(id)->state.next_attempt <= std::time(nullptr));
  CHECK(mail.hold(id, false).is_delivered());
  CHECK_FALSE(mail.find(id)->state.held);
  {
    const TakenMessage taken = must_take(postoffice, id);
    CHECK(mail.remove(id).is_permanent());
    CHECK(mail.hold(id, true).is_permanent());
    CHECK(mail.retry(id).is_permanent());
  }
  // Whoever watches the folder hears of each, after the message is free again.
  FaultyFileSystem watched;
  const Postoffice heard = fixture.open(watched);
  REQUIRE(OutgoingMail(heard).retry(id).is_delivered());
  Names order;
  for (const Operation& operation : watched.operations()) {
    if (operation.name == "rename" && operation.to.ends_with(id)) order.push_back("free");
    if (operation.name == "create" && operation.path.find("/.look") != std::string::npos) {
      order.push_back(operation.path.substr(operation.path.rfind('/') + 1));
    }
  }
  CHECK(order == Names{"free", ".look-" + id});
  CHECK(attention_id(".look-" + id) == id);
  for (const std::string& none : {std::string(".look"), ".look-" + id + "0", ".look_" + id, id}) {
    CHECK(attention_id(none).empty());
  }
  CHECK(mail.remove(id).is_delivered());
  CHECK(fixture.in_smtp().empty());
  for (const std::string& none : {id, std::string("../x"), std::string()}) {
    CHECK(mail.remove(none).is_permanent());
    CHECK(mail.hold(none, true).is_permanent());
    CHECK(mail.find(none).error().is_permanent());
  }
}

TEST_CASE("listing leaves nothing out, not even what cannot be read") {
  OutgoingFixture fixture;
  const Postoffice postoffice = fixture.open();
  const OutgoingMail mail(postoffice);
  for (int i = 0; i < 4; ++i) REQUIRE(hand_over(postoffice).is_delivered());
  const Names ids = fixture.in_smtp();
  test::write_file(fixture / ("SMTP/" + ids[1] + "/STATE.json"), "{\"version\": 2}");
  std::filesystem::remove(fixture / ("SMTP/" + ids[2] + "/FROM_NC.API"));
  std::filesystem::rename(fixture / ("SMTP/" + ids[3]), fixture / ("SMTP/" + ids[3] + ".other"));
  std::filesystem::create_directory(fixture / "SMTP/no-id");
  const auto list = mail.list();
  REQUIRE(list.has_value());
  REQUIRE(list->size() == 4);
  CHECK((*list)[0].size == content.size());
  CHECK((*list)[0].state.reason.empty());
  CHECK((*list)[1].state.id == ids[1]);
  CHECK((*list)[1].state.reason.find("newer smtpgate") != std::string::npos);
  CHECK((*list)[2].state.reason.find("FROM_NC.API") != std::string::npos);
  CHECK((*list)[3].host == "other");
  CHECK(mail.look(ids[3]).value()->host == "other");
  CHECK_FALSE(mail.look(std::string(32, '0'))->has_value());
  // It is given back, and can be deleted all the same.
  CHECK(mail.take(ids[1]).error().is_temporary());
  CHECK(mail.waiting().value() == Names{ids[0], ids[1], ids[2]});
  CHECK(mail.remove(ids[1]).is_delivered());
  CHECK(mail.find(ids[0].substr(0, 2)).error().is_permanent());
}

TEST_CASE("a half removed message is removed for good, and what a dead command left") {
  OutgoingFixture fixture;
  std::filesystem::create_directories(fixture / ("SMTP/.gone-" + std::string(32, '1')));
  test::write_file(fixture / ("SMTP/.gone-" + std::string(32, '1') + "/STATE.json"), "x");
  test::write_file(fixture / ("SMTP/.look-" + std::string(32, '1')), "");
  CHECK(OutgoingMail(fixture.open()).list()->empty());
  CHECK(OutgoingMail(fixture.open()).keep_alive(900).value() == 0);
  CHECK(fixture.in_smtp().empty());
}

}  // namespace
}  // namespace smtpgate::postoffice
