// Dead letters: each kind is found with its reason, nothing else is, and what is redriven goes its
// usual way once.
#include <algorithm>
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "postoffice/dead_letters.h"
#include "postoffice/folder.h"
#include "postoffice/hook_claim.h"
#include "postoffice/letter_log.h"
#include "postoffice/letter_summary.h"
#include "postoffice/mailbag.h"
#include "postoffice/mailbox_changes.h"
#include "postoffice/mailbox_plan.h"
#include "postoffice/outbox_taken.h"
#include "postoffice/shell_word.h"
#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/outbox_fixture.h"

namespace smtpgate::postoffice {
namespace {

namespace fs = std::filesystem;
using Lines = std::vector<std::string>;

struct LettersFixture : OutboxFixture {
  LettersFound find(FileSystem& files = FileSystem::posix()) const {
    LetterLook look;
    look.now = std::time(nullptr);
    const Postoffice postoffice = open(files);
    return find_dead_letters(postoffice, look);
  }
  Lines words() const {
    Lines all;
    for (const DeadLetter& one : find().letters) {
      all.emplace_back(definition_of(one.reason).word);
    }
    std::sort(all.begin(), all.end());
    return all;
  }
  DeadLetter only() const {
    const LettersFound found = find();
    REQUIRE(found.letters.size() == 1);
    return found.letters.front();
  }
  Outcome redrive(const DeadLetter& letter, FileSystem& files = FileSystem::posix()) {
    notes.clear();
    return redrive_letter(open(files), letter, teller());
  }

  /// A message in SMTP/, made so many seconds ago.
  std::string hand_over(const std::string& mailbox, std::int64_t age,
                        const std::string& content = message(to_jo)) const {
    const Postoffice postoffice = open();
    auto draft = OutgoingDraft::begin(postoffice, OutgoingContent::mmff);
    REQUIRE(draft);
    REQUIRE(draft->content().write(content));
    OutgoingState state;
    state.mailbox = mailbox;
    state.created = std::time(nullptr) - age;
    for (const char* address : {"SMTP:jo@example.com", "SMTP:ian@example.com"}) {
      state.recipients.emplace_back();
      state.recipients.back().address = TypedAddress::parse(address);
    }
    REQUIRE(draft->hand_over(state).is_delivered());
    return draft->id();
  }
  /// The second recipient has it.
  std::string set_aside(const std::string& mailbox) const {
    const std::string id = hand_over(mailbox, 10);
    auto taken = OutgoingMail(open()).take(id);
    REQUIRE((taken && *taken));
    OutgoingState state = (*taken)->state();
    state.recipients[1].state = RecipientState::sent;
    REQUIRE((*taken)->set_aside(state, "cannot be converted").is_delivered());
    return id;
  }
  /// A message of a folder mailbox whose command has failed.
  std::string command_failed(bool gave_up, std::int64_t age) const {
    const std::string id(64, 'a');
    const std::string directory = *this / ("MBG/anna/new/" + id);
    fs::create_directory(directory);
    test::write_file(directory + "/message.api", message(to_bernd));
    test::set_modified(directory + "/message.api", std::time(nullptr) - age);
    HookState state;
    state.failures = 5;
    state.is_set_aside = gave_up;
    state.is_reported = true;
    state.next_try = std::time(nullptr) + 3600;
    state.last = "exit code 1: no such table";
    REQUIRE(state.write(FileSystem::posix(), directory).is_delivered());
    return directory;
  }
};

const std::string refused = message(to_bernd, "text\n", "CSI:TESTNET/TESTPO/bernd");
const std::string mended = message(to_bernd + to_jo);

TEST_CASE("what is in order is no dead letter") {
  LettersFixture fixture;
  fixture.drop("fresh.API", message(to_jo));
  fixture.drop("notes.txt", "mine");
  fixture.drop("notes.bad", "mine too");
  fixture.drop(".x.API.bad", "hidden");
  (void)fixture.hand_over("anna", 60);
  test::write_file(fixture / "MBG/bernd/new/1", message(to_bernd));
  const LettersFound found = fixture.find();
  CHECK(found.letters.empty());
  CHECK(found.troubles.empty());
}

TEST_CASE("each kind of outgoing dead letter is found, with whose it is, why, and how long") {
  LettersFixture fixture;
  const std::string bad = fixture.set_aside("anna");
  const std::string nobodys = fixture.set_aside("");
  const std::string old = fixture.hand_over("anna", 100'000);
  const std::string held = fixture.hand_over("anna", 200'000);
  REQUIRE(OutgoingMail(fixture.open()).hold(held, true).is_delivered());
  const std::string damaged = fixture.hand_over("anna", 5);
  test::write_file(fixture / ("SMTP/" + damaged + "/STATE.json"), "{");
  fixture.drop("x.API.bad", refused);
  fixture.drop("old.API", message(to_jo));
  test::set_modified(fixture.outbox() + "/old.API", std::time(nullptr) - 100'000);
  CHECK(fixture.words() == Lines{"held-long", "nobody-told", "not-converted", "outbox-ignored",
                                 "outbox-refused", "state-damaged", "waits-long"});
  const LettersFound found = fixture.find();
  CHECK(found.letters.front().id == held);  // the oldest
  auto letter = find_letter(fixture.open(), found, bad);
  REQUIRE(letter);
  CHECK(letter->from == "TESTNET/TESTPO/anna");
  CHECK(letter->to == "jo@example.com");
  CHECK(letter->recipients == 1);  // who has it is not waited for
  CHECK(letter->detail == "cannot be converted");
  CHECK(letter->size > 0);
  CHECK(find_letter(fixture.open(), found, old)->mailbox == "anna");
  CHECK(find_letter(fixture.open(), found, nobodys)->mailbox.empty());
  CHECK(find_letter(fixture.open(), found, "").error().is_permanent());
  CHECK(find_letter(fixture.open(), found, "ffffffffffff").error().is_permanent());
  for (const DeadLetter& one : found.letters) {
    INFO(definition_of(one.reason).word);
    CHECK_FALSE(letter_remedies(fixture.open(), one).empty());
    CHECK(would_redrive(fixture.open(), one).is_delivered() ==
          (one.reason != LetterReason::held_long && one.reason != LetterReason::outbox_refused));
  }
}

TEST_CASE("each kind of inbound dead letter is found") {
  LettersFixture fixture;
  (void)fixture.command_failed(true, 5);
  test::write_file(fixture / "MBG/bernd/cur/junk", "no message\n");
  fs::create_directories(fixture / "MBG/.leaving-carl/new");
  test::write_file(fixture / "MBG/.leaving-carl/new/1", message(to_bernd));
  CHECK(fixture.words() == Lines{"command-gave-up", "mailbox-leaving", "unreadable"});
  LetterLook look;
  look.now = std::time(nullptr);
  look.most_opened = 0;
  const LettersFound quick = find_dead_letters(fixture.open(), look);
  CHECK(quick.letters.size() == 2);
  CHECK(quick.unopened == 2);
}

TEST_CASE("a command that is still tried is told of when it has failed for long") {
  LettersFixture fixture;
  const std::string directory = fixture.command_failed(false, 5);
  CHECK(fixture.words().empty());
  test::set_modified(directory + "/message.api", std::time(nullptr) - 100'000);
  CHECK(fixture.words() == Lines{"command-fails"});
}

TEST_CASE("a file that was set aside is sent once it is mended, by the first half of its ID") {
  LettersFixture fixture;
  fixture.drop("offer.API", refused);
  fixture.pick_up();
  const DeadLetter letter = fixture.only();
  CHECK(letter.detail.starts_with("142-1-0 Bad address"));
  CHECK(would_redrive(fixture.open(), letter).is_permanent());
  fs::remove(fixture.outbox() + "/offer.API.bad");  // as an editor does
  fixture.drop("offer.API.bad", mended);
  CHECK(fixture.only().id != letter.id);
  CHECK(fixture.only().id.starts_with(letter.id.substr(0, 16)));
  CHECK(letter_remedies(fixture.open(), letter)[0].ends_with("redrive " + letter.id.substr(0, 16)));
  CHECK(fixture.only().detail.starts_with("nothing is wrong with it"));
  CHECK(would_redrive(fixture.open(), fixture.only()).is_delivered());
  CHECK(fixture.redrive(letter).sentence().find("is another file now") != std::string::npos);
  const auto named = find_letter(fixture.open(), fixture.find(), letter.id.substr(0, 16));
  REQUIRE(named);
  const Outcome outcome = fixture.redrive(*named);
  CHECK(outcome.sentence() == "sent on its way: 1 message waits for Postfix");
  CHECK(fixture.in("MBG/anna/outbox").empty());
  CHECK(fixture.in("MBG/bernd/new").size() == 1);
  CHECK(fixture.waiting() == Lines{"SMTP:jo@example.com"});
  CHECK(fixture.is_nothing_left());
  CHECK(fixture.redrive(letter).is_permanent());
  CHECK(fixture.waiting().size() == 1);
}

TEST_CASE("an old ID never means a newer file that has the same name in the outbox") {
  LettersFixture fixture;
  for (const std::string& name : {std::string("order.API"), std::string("order.API.bad")}) {
    INFO(name);
    fixture.drop(name, message(to_jo));
    test::set_modified(fixture.outbox() + "/" + name, std::time(nullptr) - 200'000);
    const DeadLetter letter = fixture.only();
    fs::remove(fixture.outbox() + "/" + name);
    fixture.drop(name, mended);
    CHECK(fixture.redrive(letter).sentence().find("another file now; list again") !=
          std::string::npos);
    CHECK(discard_letter(fixture.open(), letter).sentence().find("another file now; list again") !=
          std::string::npos);
    CHECK(test::read_file(fixture.outbox() + "/" + name) == mended);
    LetterLook look;
    look.now = std::time(nullptr);
    look.waits = -60;  // a file's time may be ahead of the clock by a tick
    const LettersFound found = find_dead_letters(fixture.open(), look);
    const auto named = find_letter(fixture.open(), found, letter.id);
    REQUIRE_FALSE(named);
    CHECK(named.error().is_permanent());
    CHECK(named.error().sentence().find(found.letters.at(0).id) != std::string::npos);
    CHECK(find_letter(fixture.open(), found, found.letters.at(0).id));
    fs::remove(fixture.outbox() + "/" + name);
  }
}

TEST_CASE("what is still wrong is put back under its name, with a new report") {
  LettersFixture fixture;
  fixture.drop("offer.API", refused);
  fixture.pick_up();
  CHECK(fixture.in("MBG/anna/new").size() == 1);
  const Outcome outcome = fixture.redrive(fixture.only());
  CHECK(outcome.is_permanent());
  CHECK(outcome.sentence().find("set aside as offer.API.bad") != std::string::npos);
  CHECK(fixture.in("MBG/anna/outbox") == Lines{"offer.API.bad"});
  CHECK(fixture.in("MBG/anna/new").size() == 2);
  CHECK(test::read_file(fixture.outbox() + "/offer.API.bad") == refused);
}

TEST_CASE("what is nobody's to send is not taken, whoever asks") {
  LettersFixture fixture;
  test::write_file(fixture.directory() / "secret", mended);
  fs::create_symlink(fixture.directory() / "secret", fixture.outbox() + "/a.API.bad");
  fixture.drop("b.API.bad", mended);
  fs::create_hard_link(fixture.outbox() + "/b.API.bad", fixture.directory() / "other name");
  fs::create_directory(fixture.outbox() + "/c.API.bad");
  const LettersFound found = fixture.find();
  REQUIRE(found.letters.size() == 3);
  for (const DeadLetter& one : found.letters) {
    INFO(one.path);
    CHECK(fixture.redrive(one).is_permanent());
    CHECK(fs::exists(fs::symlink_status(one.path)));
    if (one.name == "a.API.bad") CHECK(open_letter(fixture.open(), one).error().is_permanent());
  }
  CHECK(fixture.in("MBG/bernd/new").empty());
}

TEST_CASE("a list does not read without end what an owner has heaped up") {
  LettersFixture fixture;
  fixture.drop("huge.API.bad", "");
  fs::resize_file(fixture.outbox() + "/huge.API.bad", std::uintmax_t{300} << 20);
  {
    std::ofstream huge(fixture.outbox() + "/huge.API.bad", std::ios::in | std::ios::out);
    huge.seekp(-4, std::ios::end);
    huge << "tail";
  }
  fixture.drop("small.API.bad", refused);
  for (const DeadLetter& one : fixture.find().letters) {
    CHECK(one.detail.starts_with(one.name == "huge.API.bad" ? "there is too much to read"
                                                            : "142-1-0 Bad address"));
  }
}

TEST_CASE("names before they were set aside") {
  CHECK(name_before_set_aside("x.API.bad") == "x.API");
  CHECK(name_before_set_aside("x.api.bad-12") == "x.api");
  CHECK_FALSE(name_before_set_aside("x.API"));
  CHECK_FALSE(name_before_set_aside("x.txt.bad"));
  CHECK_FALSE(name_before_set_aside(".x.API.bad"));
  CHECK_FALSE(name_before_set_aside("x.API.bad-"));
  CHECK_FALSE(name_before_set_aside("x.API.bad-1a"));
  CHECK_FALSE(name_before_set_aside(".bad"));
  // Cut to make room for the ending.
  const auto cut = name_before_set_aside(std::string(251, 'n') + ".bad");
  REQUIRE(cut);
  CHECK(*cut == std::string(251, 'n') + ".API");
}

TEST_CASE("out of BAD only those who wait get it") {
  LettersFixture fixture;
  const std::string id = fixture.set_aside("");
  CHECK(fixture.redrive(fixture.only()).is_delivered());
  CHECK(fixture.words().empty());
  const auto entry = OutgoingMail(fixture.open()).find(id);
  REQUIRE(entry);
  CHECK_FALSE(entry->is_bad);
  CHECK(entry->state.recipients[0].state == RecipientState::waiting);
  CHECK(entry->state.recipients[1].state == RecipientState::sent);
}

TEST_CASE("a command that gave up is due again, but not while it runs") {
  LettersFixture fixture;
  const std::string directory = fixture.command_failed(true, 5);
  {
    auto claim = HookClaim::take(FileSystem::posix(), directory, "another");
    REQUIRE((claim && *claim));
    const Outcome refusal = fixture.redrive(fixture.only());
    CHECK(refusal.is_permanent());
    CHECK(HookState::read(FileSystem::posix(), directory).is_set_aside);
    CHECK(discard_letter(fixture.open(), fixture.only()).is_permanent());
  }
  CHECK(fixture.redrive(fixture.only()).is_delivered());
  const HookState state = HookState::read(FileSystem::posix(), directory);
  CHECK(state.failures == 0);
  CHECK(is_hook_due(state, std::time(nullptr)));
  CHECK_FALSE(fs::exists(directory + "/.hook-run"));
}

TEST_CASE("a mailbox whose removal was broken off comes back with its mail") {
  LettersFixture fixture;
  fixture.add_mailbox("carl");
  test::write_file(fixture / "MBG/carl/new/1", message(to_bernd));
  fs::rename(fixture / "MBG/carl", fixture / "MBG/.leaving-carl");
  CHECK(discard_letter(fixture.open(), fixture.only()).is_permanent());
  CHECK(fixture.redrive(fixture.only()).is_delivered());
  CHECK(fixture.in("MBG/carl/new") == Lines{"1"});
  CHECK(fixture.words().empty());
}

TEST_CASE("a mailbox comes back although the removal that was broken off is still planned") {
  LettersFixture fixture;
  fixture.add_mailbox("carl");
  fixture.add_mailbox("dora");
  test::write_file(fixture / "MBG/carl/new/1", message(to_bernd));
  fs::rename(fixture / "MBG/carl", fixture / "MBG/.leaving-carl");
  const auto removal = [](const char* name) {
    return MailboxChange{
        .kind = MailboxChange::Kind::remove, .mailbox = name, .with_messages = true};
  };
  REQUIRE(write_plan(fixture.open(), {"", {removal("carl"), removal("dora")}}).is_delivered());
  CHECK(fixture.redrive(fixture.only()).is_delivered());
  CHECK(fixture.in("MBG/carl/new") == Lines{"1"});
  // The rest of the plan is still to be finished.
  REQUIRE(MailboxChanges::begin(fixture.open()).has_value());
  CHECK(fixture.in("MBG/carl/new") == Lines{"1"});
  CHECK_FALSE(fs::exists(fixture / "MBG/dora"));
}

TEST_CASE(
    "a file taken and left is found, redriven and discarded, but not while a process has it") {
  for (const bool discards : {false, true}) {
    LettersFixture fixture;
    fixture.drop("a.API", mended);
    const Postoffice postoffice = fixture.open();
    std::string work;
    {
      auto taken = TakenFile::take(postoffice, "anna", "a.API");
      REQUIRE((taken && *taken));
      work = "P1/" + postoffice.host() + "/" + (*taken)->id();
      test::set_modified(fixture / work, std::time(nullptr) - 100);
      CHECK(fixture.words().empty());
    }
    CHECK(fixture.words() == Lines{"taken-left"});
    const DeadLetter letter = fixture.only();
    CHECK(letter.mailbox == "anna");
    CHECK(letter.to == "TESTNET/TESTPO/bernd");
    if (discards) {
      CHECK(discard_letter(postoffice, letter).is_delivered());
      CHECK(fixture.waiting().empty());
    } else {
      CHECK(fixture.redrive(letter).is_delivered());
      CHECK(fixture.waiting() == Lines{"SMTP:jo@example.com"});
    }
    CHECK_FALSE(fs::exists(fixture / work));
    CHECK(fixture.redrive(letter).is_permanent());
  }
}

TEST_CASE("what is discarded is gone, and nothing else") {
  LettersFixture fixture;
  (void)fixture.set_aside("anna");
  fixture.drop("x.API.bad", refused);
  (void)fixture.command_failed(true, 5);
  test::write_file(fixture / "MBG/bernd/new/junk", "junk");
  test::write_file(fixture / "MBG/bernd/new/good", message(to_bernd));
  const LettersFound found = fixture.find();
  REQUIRE(found.letters.size() == 4);
  for (const DeadLetter& one : found.letters) {
    INFO(definition_of(one.reason).word);
    CHECK(discard_letter(fixture.open(), one).is_delivered());
    CHECK(discard_letter(fixture.open(), one).is_permanent());
  }
  CHECK(fixture.words().empty());
  CHECK(fixture.in("MBG/bernd/new") == Lines{"good"});
  CHECK(fixture.in("SMTP/BAD").empty());
}

TEST_CASE("stopped at any operation of a redrive, the file arrives once") {
  bool is_stopped = true;
  for (std::uint64_t n = 0; is_stopped; ++n) {
    INFO("stopped at " << n);
    LettersFixture fixture;
    fixture.drop("a.API.bad", mended);
    const DeadLetter letter = fixture.only();
    FaultyFileSystem faulty;
    const Postoffice postoffice = fixture.open(faulty);
    faulty.fail_at(n, EIO, FaultyFileSystem::Moment::instead, true);
    const Outcome outcome = redrive_letter(postoffice, letter, fixture.teller());
    is_stopped = faulty.faults() > 0;
    if (!outcome.is_delivered()) CHECK(outcome.is_temporary());
    REQUIRE(clear_abandoned_work(fixture.open()));
    fixture.let_a_minute_pass();
    (void)fixture.resume();
    for (const DeadLetter& one : fixture.find().letters) CHECK(fixture.redrive(one).is_delivered());
    CHECK(fixture.in("MBG/anna/outbox").empty());
    CHECK(fixture.in("MBG/bernd/new").size() == 1);
    CHECK(fixture.waiting() == Lines{"SMTP:jo@example.com"});
    CHECK(fixture.is_nothing_left());
  }
}

TEST_CASE("what cannot be looked at is told, and the rest is listed") {
  LettersFixture fixture;
  fixture.drop("x.API.bad", refused);
  FaultyFileSystem faulty;
  faulty.fail_if([](const Operation& one) { return one.path.ends_with("/SMTP"); }, EIO);
  const LettersFound found = fixture.find(faulty);
  CHECK(found.letters.size() == 1);
  CHECK(found.troubles.size() == 1);
  // Nobody can say that there is none.
  CHECK(find_letter(fixture.open(), found, "ffffffff").error().is_temporary());
}

TEST_CASE("the summary comes once a day, names the commands, and hides nothing of a stranger's") {
  LettersFixture fixture;
  const std::int64_t now = 1'795'300'000;  // 2026-11-21 23:26 in Berlin
  CHECK(file_letter_summary(fixture.open(), {}, now).sentence() == "nothing to tell of");
  CHECK(fixture.in("MBG/postmaster/new").empty());
  fixture.drop("x\x1b[2J.API.bad", refused);
  const LettersFound found = fixture.find();
  CHECK(file_letter_summary(fixture.open(), found, now).sentence().find("filed as") !=
        std::string::npos);
  CHECK(file_letter_summary(fixture.open().on_host("second"), found, now + 1000)
            .sentence()
            .find("duplicate of") != std::string::npos);
  const Lines names = fixture.in("MBG/postmaster/new");
  REQUIRE(names.size() == 1);
  const std::string text = test::read_file(fixture / ("MBG/postmaster/new/" + names.front()));
  CHECK(text.find("SUBJECT:1 dead letter in TESTNET/TESTPO: 2026-11-21") != std::string::npos);
  CHECK(text.find("outbox-refused") != std::string::npos);
  CHECK(text.find(" letters redrive ID") != std::string::npos);
  CHECK(text.find('\x1b') == std::string::npos);
  // 23:26 and half an hour: the next day.
  CHECK(file_letter_summary(fixture.open(), found, now + 3600).is_delivered());
  CHECK(fixture.in("MBG/postmaster/new").size() == 2);
}

TEST_CASE("the log of acts has a line of JSON for each, whatever is in a name") {
  LettersFixture fixture;
  fixture.drop("x\n\xff.API.bad", refused);
  const DeadLetter letter = fixture.only();
  CHECK(log_letter_act(fixture.open(), "discard", letter, "begun").is_delivered());
  CHECK(log_letter_act(fixture.open(), "discard", letter, "done\n").is_delivered());
  const std::string text = test::read_file(fixture / "LOG/letters.log");
  CHECK(std::count(text.begin(), text.end(), '\n') == 2);
  const auto first = nlohmann::json::parse(text.substr(0, text.find('\n')));
  CHECK(first["id"] == letter.id);
  CHECK(first["reason"] == "outbox-refused");
  // Not through a link.
  fs::remove(fixture / "LOG/letters.log");
  fs::create_symlink(fixture.directory() / "elsewhere", fixture / "LOG/letters.log");
  CHECK(log_letter_act(fixture.open(), "discard", letter, "begun").is_temporary());
  CHECK_FALSE(fs::exists(fixture.directory() / "elsewhere"));
}

TEST_CASE("every reason has a word of its own, which the document explains") {
  const std::string document =
      test::read_file(std::string(SMTPGATE_TEST_DATA) + "/../../docs/dead-letters.md");
  Lines words;
  for (const LetterDefinition& one : letter_definitions()) {
    INFO(one.word);
    CHECK(document.find(fmt::format("| `{}` | {} | ", one.word, one.is_inbound ? "in" : "out")) !=
          std::string::npos);
    CHECK(parse_letter_reason(one.word) == one.reason);
    CHECK(definition_of(one.reason).word == one.word);
    words.emplace_back(one.word);
  }
  std::sort(words.begin(), words.end());
  CHECK(std::adjacent_find(words.begin(), words.end()) == words.end());
  CHECK_FALSE(parse_letter_reason("no-such"));
}

TEST_CASE("words for a shell say the very octets, and are safe to print") {
  CHECK(shell_word("/srv/post-office_1") == "/srv/post-office_1");
  CHECK(shell_word("") == "''");
  CHECK(shell_word("a b") == "'a b'");
  CHECK(shell_word("it's") == "'it'\\''s'");
  CHECK(shell_word("$(reboot)") == "'$(reboot)'");
  CHECK(shell_word("a\x1b'\n\\") == "$'a\\x1B\\'\\x0A\\\\'");
}

}  // namespace
}  // namespace smtpgate::postoffice
