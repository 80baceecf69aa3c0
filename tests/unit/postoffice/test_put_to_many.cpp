// Filing in many mailboxes at once: each step in all of them before the next, and each mailbox's
// promise by itself, whatever happens to the others.
#include <algorithm>
#include <cerrno>
#include <new>

#include "postoffice/mailbox_settings.h"
#include "postoffice/put.h"
#include "unit/catch.h"
#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/put_test_support.h"

namespace smtpgate::postoffice {
namespace {

using namespace put_test;

struct Many : PutFixture {
  explicit Many(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      targets.push_back({"box" + std::to_string(i)});
      add_mailbox(targets.back().mailbox);
    }
  }

  std::vector<Outcome> file(FileSystem& files = FileSystem::posix(),
                            const BeforeFiling& before_each = {},
                            std::string_view content_key = key) {
    return file_in(open(files), before_each, content_key);
  }

  std::vector<Outcome> file_in(const Postoffice& office, const BeforeFiling& before_each = {},
                               std::string_view content_key = key) {
    auto delivery = Delivery::begin(office);
    if (!delivery) return std::vector<Outcome>(targets.size(), delivery.error());
    auto written = delivery->message_file().write(sample_message());
    const Outcome sealed =
        written ? delivery->seal(std::time(nullptr), content_key) : written.error().outcome();
    if (!sealed.is_delivered()) return std::vector<Outcome>(targets.size(), sealed);
    return delivery->file_into_all(targets, before_each);
  }

  std::string bag(std::size_t i) const { return *this / ("MBG/" + targets[i].mailbox); }
  /// That, and nothing else but what a day's tidying clears.
  bool is_unread(std::size_t i) const {
    Names names = test::names_in(bag(i) + "/new");
    std::erase_if(names, [](const std::string& name) { return name.front() == '.'; });
    return names == Names{key};
  }
  bool is_marked(std::size_t i) const { return std::filesystem::exists(bag(i) + "/ids/" + key); }

  std::vector<FilingTarget> targets;
};

/// The steps of filing in their order, each with its mailbox: "link box0", "sync box0", "mark
/// box0".
Names steps_of(const FaultyFileSystem& recording) {
  Names steps;
  for (const Operation& operation : recording.operations()) {
    const std::string& path = operation.to.empty() ? operation.path : operation.to;
    const std::size_t at = path.find("/MBG/");
    if (at == std::string::npos) continue;
    const std::string rest = path.substr(at + 5);
    const std::string box = rest.substr(0, rest.find('/'));
    if (operation.name == "link") steps.push_back("link " + box);
    if (operation.name == "sync_directory") steps.push_back("sync " + box);
    if (operation.name == "create" && rest.find("/ids/") != std::string::npos) {
      steps.push_back("mark " + box);
    }
  }
  return steps;
}

Names words_of(const std::string& word, std::size_t from, std::size_t to) {
  Names words;
  for (std::size_t i = from; i < to; ++i) words.push_back(word + " box" + std::to_string(i));
  return words;
}

TEST_CASE("many mailboxes: all are linked, then all synced, then all marked") {
  Many many(5);
  FaultyFileSystem recording;
  const auto outcomes = many.file(recording);
  Names expected;
  for (const char* word : {"link", "sync", "mark"}) {
    const Names words = words_of(word, 0, 5);
    expected.insert(expected.end(), words.begin(), words.end());
  }
  CHECK(steps_of(recording) == expected);
  REQUIRE(outcomes.size() == 5);
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(outcomes[i].sentence() == "filed as " + key + " in mailbox box" + std::to_string(i));
    CHECK(many.is_unread(i));
    CHECK(many.is_marked(i));
  }
}

TEST_CASE("many mailboxes: so many are begun before the first is finished, and no more") {
  const std::size_t count = GENERATE(63, 64, 65, 128, 129);
  INFO(count << " mailboxes");
  Many many(count);
  FaultyFileSystem recording;
  const auto outcomes = many.file(recording);
  Names expected;
  for (std::size_t from = 0; from < count; from += filed_together) {
    for (const char* word : {"link", "sync", "mark"}) {
      const Names words = words_of(word, from, std::min(from + filed_together, count));
      expected.insert(expected.end(), words.begin(), words.end());
    }
  }
  CHECK(steps_of(recording) == expected);
  CHECK(std::all_of(outcomes.begin(), outcomes.end(),
                    [](const Outcome& one) { return one.is_delivered(); }));
}

TEST_CASE("a thousand mailboxes are one file, each with its outcome, in their order") {
  Many many(1'000);
  const auto outcomes = many.file();
  REQUIRE(outcomes.size() == 1'000);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    REQUIRE(outcomes[i].sentence() == "filed as " + key + " in mailbox box" + std::to_string(i));
    REQUIRE(many.is_marked(i));
  }
  CHECK(FileSystem::posix().status(many.bag(999) + "/new/" + key)->links == 1'000);
  for (const Outcome& again : many.file()) {
    REQUIRE(again.sentence().starts_with("duplicate of " + key));
  }
}

TEST_CASE("one mailbox costs the operations that its steps name, and no other") {
  Many many(1);
  FaultyFileSystem recording;
  auto delivery = Delivery::begin(many.open(recording));
  REQUIRE(delivery->seal(std::time(nullptr), key).is_delivered());
  recording.forget_operations();
  REQUIRE(delivery->file_into("box0").is_delivered());
  Names seen;
  for (const Operation& operation : recording.operations()) {
    if (operation.path.find("/GLB/") != std::string::npos) continue;  // its settings
    if (operation.name == "set_owner") continue;                      // where root files
    const std::string& path = operation.to.empty() ? operation.path : operation.to;
    seen.push_back(operation.name + path.substr(many.bag(0).size()));
  }
  CHECK(seen == Names{"status/ids/" + key, "status/cur/" + key, "link/new/" + key,
                      "status/cur/" + key, "sync_directory/new", "create/ids/" + key});
}

TEST_CASE("a sync that fails is its own mailbox's failure: no marker there, the others are filed") {
  const std::size_t broken = GENERATE(0, 2, 4);
  Many many(5);
  FaultyFileSystem faulty;
  faulty.fail_if(
      [&](const Operation& operation) {
        return operation.name == "sync_directory" && operation.path == many.bag(broken) + "/new";
      },
      EIO);
  const auto outcomes = many.file(faulty);
  for (std::size_t i = 0; i < 5; ++i) {
    INFO(outcomes[i].sentence());
    CHECK(outcomes[i].is_delivered() == (i != broken));
    CHECK(many.is_marked(i) == (i != broken));
    CHECK(many.is_unread(i));
  }
  CHECK(outcomes[broken].is_temporary());
  CHECK(outcomes[broken].sentence().find(many.bag(broken) + "/new") != std::string::npos);
  // The retry finds it, syncs it, and only then marks it.
  faulty.heal();
  faulty.forget_operations();
  CHECK(many.file(faulty)[broken].sentence().starts_with("duplicate of "));
  const std::string box = many.targets[broken].mailbox;
  CHECK(steps_of(faulty) == Names{"link " + box, "sync " + box, "mark " + box});
}

TEST_CASE("a mailbag that is damaged is its own mailbox's failure, until it is mended") {
  const std::size_t broken = GENERATE(0, 2, 4);
  const std::string part = GENERATE("/new", "/ids");
  Many many(5);
  std::filesystem::remove(many.bag(broken) + part);
  const auto outcomes = many.file();
  for (std::size_t i = 0; i < 5; ++i) CHECK(outcomes[i].is_delivered() == (i != broken));
  CHECK(outcomes[broken].status() == "4.3.5");
  std::filesystem::create_directory(many.bag(broken) + part);
  for (const Outcome& again : many.file()) CHECK(again.is_delivered());
  CHECK(many.is_unread(broken));
}

TEST_CASE(
    "each operation failing in turn: who is delivered was synced and marked, all get it once") {
  const auto moment =
      GENERATE(FaultyFileSystem::Moment::instead, FaultyFileSystem::Moment::afterwards);
  for (std::uint64_t n = 0;; ++n) {
    INFO("operation " << n);
    REQUIRE(n < 400);
    Many many(4);
    many.targets[1].quota.messages = 10;
    MailboxSettings as_folder;
    as_folder.delivery = "folder";
    REQUIRE(write_mailbox_settings(many.open(), "box2", as_folder).is_delivered());
    FaultyFileSystem faulty;
    const Postoffice office = many.open(faulty);
    faulty.forget_operations();
    faulty.fail_at(n, EIO, moment);
    const auto outcomes = many.file_in(office);
    if (faulty.faults() == 0) break;
    const Operation failed = faulty.operations()[n];
    INFO(failed.str());
    const Names steps = steps_of(faulty);
    for (std::size_t i = 0; i < 4; ++i) {
      INFO(outcomes[i].sentence());
      CHECK_FALSE(outcomes[i].is_permanent());
      const std::string box = many.targets[i].mailbox;
      // What belongs to another mailbox is no matter of this one.
      const std::string& path = failed.to.empty() ? failed.path : failed.to;
      const bool is_others = path.find("/MBG/") != std::string::npos &&
                             path.find("/MBG/" + box + "/") == std::string::npos;
      if (is_others) CHECK(outcomes[i].is_delivered());
      if (outcomes[i].is_delivered()) {
        const auto synced = std::find(steps.rbegin(), steps.rend(), "sync " + box);
        const auto marked = std::find(steps.rbegin(), steps.rend(), "mark " + box);
        CHECK((synced != steps.rend() && marked != steps.rend() && marked < synced));
        CHECK(many.is_unread(i));
      }
    }
    faulty.heal();
    for (const Outcome& again : many.file(faulty)) CHECK(again.is_delivered());
    for (std::size_t i = 0; i < 4; ++i) {
      CHECK(many.is_unread(i));
      CHECK(many.is_marked(i));
    }
  }
}

TEST_CASE("what is not begun is left alone, what is begun is finished") {
  const std::size_t begun = GENERATE(0, 1, 2, 63, 64, 65, 69);
  Many many(70);
  std::vector<std::size_t> asked;
  const auto outcomes = many.file(FileSystem::posix(), [&](std::size_t place) {
    asked.push_back(place);
    return place < begun ? std::nullopt : std::optional(Outcome::temporary("late", "4.4.7"));
  });
  REQUIRE(asked.size() == 70);
  CHECK(std::is_sorted(asked.begin(), asked.end()));
  for (std::size_t i = 0; i < 70; ++i) {
    CHECK(outcomes[i].is_delivered() == (i < begun));
    CHECK(many.is_marked(i) == (i < begun));
    CHECK(many.is_unread(i) == (i < begun));
    if (i >= begun) CHECK(outcomes[i].status() == "4.4.7");
  }
}

TEST_CASE("a reader between the steps has the message, and it is filed once") {
  const std::string step = GENERATE("sync_directory", "create");
  const bool deletes = GENERATE(false, true);
  Many many(3);
  FaultyFileSystem faulty;
  faulty.before([&](const Operation& operation) {
    // All three are linked; none, or all, are synced.
    if (operation.name != step || operation.path.find("/MBG/box0/") == std::string::npos) return;
    faulty.heal();
    for (std::size_t i = 0; i < 3; ++i) {
      const std::string unread = many.bag(i) + "/new/" + key;
      if (deletes) {
        std::filesystem::remove(unread);
      } else {
        std::filesystem::rename(unread, many.bag(i) + "/cur/" + key);
      }
    }
  });
  for (const Outcome& outcome : many.file(faulty)) {
    CHECK(outcome.sentence().starts_with("filed as " + key));
  }
  for (const Outcome& outcome : many.file()) {
    CHECK(outcome.sentence().starts_with("duplicate of " + key));
  }
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(test::names_in(many.bag(i) + "/new").empty());
    CHECK(test::names_in(many.bag(i) + "/cur") == (deletes ? Names{} : Names{key}));
  }
}

TEST_CASE("a copy that its reader moves between our looks counts, beside others that are filed") {
  Many many(3);
  REQUIRE(deliver(many.open(), {"box1"}).is_delivered());
  std::filesystem::remove(many.bag(1) + "/ids/" + key);
  FaultyFileSystem faulty;
  faulty.before([&](const Operation& operation) {
    if (operation.name != "link" || operation.to.find("/MBG/box1/") == std::string::npos) return;
    faulty.heal();
    std::filesystem::rename(many.bag(1) + "/new/" + key, many.bag(1) + "/cur/" + key);
  });
  const auto outcomes = many.file(faulty);
  CHECK(outcomes[0].sentence() == "filed as " + key + " in mailbox box0");
  CHECK(outcomes[1].sentence() == "duplicate of " + key + " in mailbox box1");
  CHECK(outcomes[2].sentence() == "filed as " + key + " in mailbox box2");
  CHECK(test::names_in(many.bag(1) + "/new").empty());
  CHECK(test::names_in(many.bag(1) + "/cur") == Names{key});
}

TEST_CASE("a message that lies in some of them unmarked is synced there before it is delivered") {
  Many many(3);
  REQUIRE(deliver(many.open(), {"box0", "box2"}).is_delivered());
  for (const std::size_t i : {0, 2}) std::filesystem::remove(many.bag(i) + "/ids/" + key);
  FaultyFileSystem recording;
  const auto outcomes = many.file(recording);
  CHECK(outcomes[0].sentence() == "duplicate of " + key + " in mailbox box0");
  CHECK(outcomes[1].sentence() == "filed as " + key + " in mailbox box1");
  CHECK(outcomes[2].sentence() == "duplicate of " + key + " in mailbox box2");
  CHECK(steps_of(recording) == Names{"link box0", "sync box0", "mark box0", "link box1",
                                     "link box2", "sync box2", "mark box2", "sync box1",
                                     "mark box1"});
}

TEST_CASE("a mailbox that is named twice is filed in once, with one outcome") {
  const std::string content_key = GENERATE(std::string(), key);
  const std::size_t count = GENERATE(3, 70);
  Many many(count);
  MailboxSettings as_folder;
  as_folder.delivery = "folder";
  REQUIRE(write_mailbox_settings(many.open(), "box1", as_folder).is_delivered());
  for (const std::size_t i : {std::size_t{1}, std::size_t{0}, count - 1}) {
    many.targets.push_back(many.targets[i]);
  }
  std::size_t asked = 0;
  const auto outcomes = many.file(
      FileSystem::posix(),
      [&](std::size_t) {
        ++asked;
        return std::nullopt;
      },
      content_key);
  CHECK(asked == count);
  REQUIRE(outcomes.size() == count + 3);
  CHECK(outcomes[count].sentence() == outcomes[1].sentence());
  CHECK(outcomes[count + 1].sentence() == outcomes[0].sentence());
  CHECK(outcomes[count + 2].sentence() == outcomes[count - 1].sentence());
  for (std::size_t i = 0; i < count; ++i) {
    CHECK(outcomes[i].sentence().starts_with("filed as "));
    CHECK(test::names_in(many.bag(i) + "/new").size() == 1);
  }
}

TEST_CASE("a message without a key is filed in many, each time anew") {
  Many many(3);
  for (std::size_t times = 1; times <= 2; ++times) {
    for (const Outcome& outcome : many.file(FileSystem::posix(), {}, "")) {
      CHECK(outcome.is_delivered());
    }
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(test::names_in(many.bag(i) + "/new").size() == times);
      CHECK(test::names_in(many.bag(i) + "/ids").empty());
    }
  }
}

TEST_CASE("a mailbox that is full is refused beside others that are not") {
  Many many(3);
  many.targets[1].quota.messages = 1;
  REQUIRE(deliver(many.open(), {"box1"}, other_key).is_delivered());
  const auto outcomes = many.file();
  CHECK(outcomes[0].is_delivered());
  CHECK(outcomes[1].status() == "4.2.2");
  CHECK(outcomes[2].is_delivered());
  CHECK(test::names_in(many.bag(1) + "/new") == Names{other_key});
}

TEST_CASE("what the steps of one mailbox throw is its own failure: the others are finished") {
  const std::string step = GENERATE("link", "sync_directory", "create");
  Many many(3);
  FaultyFileSystem faulty;
  faulty.before([&](const Operation& operation) {
    const std::string& path = operation.to.empty() ? operation.path : operation.to;
    if (operation.name == step && path.find("/MBG/box1/") != std::string::npos) {
      throw std::bad_alloc();
    }
  });
  const auto outcomes = many.file(faulty);
  CHECK(outcomes[0].is_delivered());
  CHECK(outcomes[1].is_temporary());
  CHECK(outcomes[1].sentence().find("out of memory") != std::string::npos);
  CHECK(outcomes[2].is_delivered());
  CHECK(many.is_marked(0));
  CHECK(many.is_marked(2));
}

TEST_CASE("nobody, a name that is none, or a message that is not sealed") {
  Many many(2);
  auto delivery = Delivery::begin(many.open());
  REQUIRE(delivery.has_value());
  for (const Outcome& outcome : delivery->file_into_all(many.targets)) {
    CHECK(outcome.is_temporary());
  }
  REQUIRE(delivery->seal(0, key).is_delivered());
  CHECK(delivery->file_into_all({}).empty());
  many.targets.insert(many.targets.begin() + 1, {"../box0"});
  const auto outcomes = delivery->file_into_all(many.targets);
  CHECK(outcomes[0].is_delivered());
  CHECK(outcomes[1].is_temporary());
  CHECK(outcomes[2].is_delivered());
}

}  // namespace
}  // namespace smtpgate::postoffice
