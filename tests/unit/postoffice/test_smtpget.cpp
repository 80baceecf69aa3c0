// Taking messages into a file: what is taken, in which form, and that a message is in the file
// before it leaves SMTP/; and the program with its switches, error form and exit codes.
#include <atomic>
#include <cerrno>
#include <ctime>
#include <optional>
#include <thread>

#include "postoffice/get.h"
#include "postoffice/mmff_reader.h"
#include "unit/catch.h"
#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/outgoing_fixture.h"
#include "unit/postoffice/program.h"

namespace smtpgate::postoffice {
namespace {

using test::OutgoingMailFixture;
using test::run_program;
using Lines = std::vector<std::string>;

struct GetFixture : OutgoingMailFixture {
  using OutgoingMailFixture::OutgoingMailFixture;

  std::string target() const { return directory() / "FROM_NC.API"; }
  bool exists() const { return std::filesystem::exists(target()); }
  std::string contents() const { return test::read_file(target()); }

  Expected<GetResult> get(const GetOptions& options = {}, FileSystem& files = FileSystem::posix()) {
    notes.clear();
    return get_messages(open(files), target(), options,
                        [this](const GetNote& note) { notes.push_back(note.str()); });
  }

  Lines notes;
};

GetOptions extended() {
  GetOptions options;
  options.extended = true;
  return options;
}

/// Subjects of all messages, which must be whole.
Lines subjects(const std::string& contents) {
  MemorySource source(contents);
  Reader reader(source);
  Lines found;
  for (;;) {
    auto header = reader.next();
    INFO((header ? std::string() : header.error().str()));
    REQUIRE(header.has_value());
    if (!*header) return found;
    found.push_back((*header)->subject);
  }
}

bool has(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

TEST_CASE("what waits is taken into the file and leaves the outgoing mail") {
  GetFixture fixture;
  const std::string message = GetFixture::mmff("TO:SMTP:bob@example.com\n");
  fixture.hand_over_one();
  fixture.hand_over_one();
  auto result = fixture.get(extended());
  REQUIRE(result.has_value());
  CHECK(result->taken == 2);
  CHECK(fixture.contents() == message + message);
  CHECK(fixture.in_smtp().empty());
  CHECK(FileSystem::posix().status(fixture.target())->mode == 0600);
  CHECK(test::names_in(fixture.directory().path()) == Lines{"FROM_NC.API", "po"});
}

TEST_CASE("no more than asked for are taken, and with -k all stay") {
  GetFixture fixture;
  for (int i = 0; i < 4; ++i) fixture.hand_over_one();
  GetOptions options;
  options.most = 3;
  options.keeps = true;
  CHECK(fixture.get(options)->taken == 3);
  CHECK(fixture.in_smtp().size() == 4);
  CHECK(subjects(fixture.contents()).size() == 3);
}

TEST_CASE("held, not yet due, taken and foreign messages are left and counted") {
  GetFixture fixture;
  const Postoffice postoffice = fixture.open();
  const OutgoingMail mail(postoffice);
  REQUIRE(mail.hold(fixture.hand_over_one(), true).is_delivered());
  OutgoingState later = GetFixture::state_for({"SMTP:bob@example.com"});
  later.next_attempt = std::time(nullptr) + 1000;
  fixture.hand_over(later, GetFixture::mmff("TO:SMTP:bob@example.com\n"));
  fixture.hand_over(GetFixture::state_for({"SMTP:bob@example.com"}), "Subject: x\r\n\r\n",
                    OutgoingContent::internet);
  auto result = fixture.get();
  REQUIRE(result.has_value());
  CHECK(result->taken == 0);
  CHECK(result->held == 1);
  CHECK(result->not_due == 1);
  CHECK(result->other == 1);
  CHECK_FALSE(fixture.exists());
  CHECK(fixture.in_smtp().size() == 3);
  CHECK(test::names_in(fixture.directory().path()) == Lines{"po"});
}

TEST_CASE("a left-over empty file stops nothing, one with messages is never written over") {
  GetFixture fixture;
  fixture.hand_over_one();
  test::write_file(fixture.target(), "messages of an earlier run");
  auto refused = fixture.get();
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().is_permanent());
  CHECK(fixture.contents() == "messages of an earlier run");
  CHECK(fixture.in_smtp().size() == 1);
  test::write_file(fixture.target(), "");
  CHECK(fixture.get()->taken == 1);
  CHECK(subjects(fixture.contents()) == Lines{"Plan"});
}

TEST_CASE("of two runs on one empty file one fills it, and what the other would have taken stays") {
  GetFixture fixture;
  fixture.hand_over_one();
  test::write_file(fixture.target(), "");
  const bool has_links = GENERATE(true, false);
  std::optional<Expected<GetResult>> other;
  FaultyFileSystem interrupted;
  if (!has_links) {
    // Then there is no empty file at first, and the run that has it made one.
    std::filesystem::remove(fixture.target());
    interrupted.fail_if([](const Operation& one) { return one.name == "link"; }, EPERM);
  }
  // At the last moment before the first puts its file into its place, the second runs as a whole.
  interrupted.before([&](const Operation& one) {
    if (one.name != "rename" || one.to != fixture.target() || other) return;
    other.emplace(tl::unexpect, Outcome::temporary("not yet"));
    fixture.hand_over_one();
    other = get_messages(fixture.open(), fixture.target(), {}, [](const GetNote&) {});
  });
  const auto first = fixture.get({}, interrupted);
  REQUIRE(other);
  REQUIRE(first);
  CHECK(first->taken == 1);
  REQUIRE_FALSE(*other);
  CHECK(has(other->error().sentence(), "being filled by another smtpget"));
  CHECK(subjects(fixture.contents()).size() == 1);
  CHECK(fixture.in_smtp().size() == 1);
  CHECK(test::names_in(fixture.directory().path()) == Lines{"FROM_NC.API", "po"});
}

TEST_CASE("many runs at once on one empty file lose no message") {
  for (int round = 0; round < 10; ++round) {
    GetFixture fixture;
    constexpr int messages = 6;
    for (int i = 0; i < messages; ++i) fixture.hand_over_one();
    test::write_file(fixture.target(), "");
    GetOptions one_message;
    one_message.most = 1;
    std::vector<std::jthread> runs;
    std::atomic<int> taken = 0;
    for (int i = 0; i < 4; ++i) {
      // Opened here: what is demanded of it must not be demanded by several threads at once.
      runs.emplace_back([&, postoffice = fixture.open()] {
        const auto got =
            get_messages(postoffice, fixture.target(), one_message, [](const GetNote&) {});
        if (got) taken += static_cast<int>(got->taken);
      });
    }
    runs.clear();
    CHECK(taken == 1);
    CHECK(subjects(fixture.contents()).size() == 1);
    CHECK(fixture.in_smtp().size() == messages - 1);
  }
}

TEST_CASE("the envelope's recipients are named where TO and CC do not name them") {
  GetFixture fixture;
  const std::string message = GetFixture::mmff("TO:SMTP:bob@example.com\nCC:SMTP:c@example.com\n");

  SECTION("the same") {
    fixture.hand_over(GetFixture::state_for({"SMTP:c@example.com", "SMTP:bob@example.com"}),
                      message);
    CHECK(fixture.get(extended())->taken == 1);
    CHECK(fixture.contents() == message);
  }
  SECTION("a blind copy, extended") {
    fixture.hand_over(GetFixture::state_for(
                          {"SMTP:bob@example.com", "SMTP:c@example.com", "SMTP:blind@example.com"}),
                      message);
    CHECK(fixture.get(extended())->taken == 1);
    CHECK(has(fixture.contents(),
              "EXT:S:0:ENVELOPE-TO\nSMTP:bob@example.com\n"
              "EXT:S:0:ENVELOPE-TO\nSMTP:c@example.com\n"
              "EXT:S:0:ENVELOPE-TO\nSMTP:blind@example.com\nTEXT:6\n"));
    CHECK(has(fixture.contents(), "TO:SMTP:bob@example.com\nCC:SMTP:c@example.com\n"));
  }
  SECTION("a blind copy, basic: neither lost nor shown") {
    fixture.hand_over(GetFixture::state_for({"SMTP:blind@example.com"}), message);
    auto result = fixture.get();
    CHECK(result->taken == 0);
    CHECK(result->faulty == 1);
    CHECK(has(fixture.notes.at(0), "142-1-0 message "));
    CHECK(has(fixture.notes.at(0), "take it with -h"));
    CHECK(fixture.in_smtp().size() == 1);
  }
  SECTION("some served already, basic") {
    OutgoingState state = GetFixture::state_for({"SMTP:bob@example.com", "SMTP:c@example.com"});
    state.recipients[0].state = RecipientState::sent;
    fixture.hand_over(state, message);
    CHECK(fixture.get()->taken == 1);
    CHECK(has(fixture.contents(), "VERSION:3.00\nTO:SMTP:c@example.com\nFROM:"));
    CHECK_FALSE(has(fixture.contents(), "bob@"));
  }
}

TEST_CASE("the basic format has no CC and no fields, and -f sets the line ends") {
  GetFixture fixture;
  const std::string message =
      "VERSION:3.00\nTO:SMTP:bob@example.com\nCC:SMTP:c@example.com\nFROM:A/B/c\n"
      "ATTACHMENT:a.txt 4\nEXT:S:0:MESSAGE-ID\n<1@x>\nTEXT:4\na\nb\nx\ny\n";
  fixture.hand_over(GetFixture::state_for({"SMTP:bob@example.com", "SMTP:c@example.com"}), message);
  GetOptions options;
  options.line_end = LineEnd::crlf;
  CHECK(fixture.get(options)->taken == 1);
  CHECK(fixture.contents() ==
        "VERSION:3.00\r\nTO:SMTP:bob@example.com\r\nTO:SMTP:c@example.com\r\nFROM:CSI:A/B/c\r\n"
        "ATTACHMENT:a.txt 4\r\nTEXT:6\r\na\r\nb\r\nx\ny\n");
}

TEST_CASE("encapsulated, each message is the one attachment of another, octet by octet") {
  GetFixture fixture;
  const std::string message = GetFixture::mmff("TO:CSI:OTHER/PO/carl\nTO:SMTP:x@y.example\n");
  fixture.hand_over(GetFixture::state_for({"CSI:OTHER/PO/carl"}), message);
  GetOptions options = extended();
  options.encapsulated = true;
  CHECK(fixture.get(options)->taken == 1);
  MemorySource source(fixture.contents());
  const std::string contents = fixture.contents();
  MemorySource whole(contents);
  Reader reader(whole);
  auto header = reader.next();
  REQUIRE((header && *header));
  CHECK((*header)->subject == "Encapsulated message");
  REQUIRE((*header)->to.size() == 1);
  CHECK((*header)->to[0].str() == "CSI:OTHER/PO/carl");
  CHECK((*header)->from.str() == "CSI:TESTNET/TESTPO/anna");
  REQUIRE((*header)->attachments.size() == 1);
  CHECK((*header)->attachments[0].name == "MESSAGE.API");
  CHECK((*header)->attachments[0].size == message.size());
  CHECK(contents.ends_with(message));
}

TEST_CASE("a damaged message is told and left, and blocks nothing behind it") {
  GetFixture fixture;
  fixture.hand_over(GetFixture::state_for({"SMTP:bob@example.com"}), "VERSION:3.00\nNONSENSE\n");
  fixture.hand_over(GetFixture::state_for({"SMTP:bob@example.com"}),
                    "VERSION:3.00\nTO:SMTP:bob@example.com\nFROM:A/B/c\nTEXT:100\nshort");
  fixture.hand_over_one();
  auto result = fixture.get();
  REQUIRE(result.has_value());
  CHECK(result->taken == 1);
  CHECK(result->faulty == 2);
  CHECK(has(fixture.notes.at(0), "144-1-2 message "));
  CHECK(has(fixture.notes.at(1), "140-2-0 message "));
  CHECK(subjects(fixture.contents()) == Lines{"Plan"});
  CHECK(fixture.in_smtp().size() == 2);
}

TEST_CASE(
    "at whatever operation it stops, a message is in the file or in SMTP, and the file whole") {
  GetFixture counted;
  counted.hand_over_one();
  counted.hand_over_one();
  FaultyFileSystem counting;
  REQUIRE(counted.get({}, counting)->taken == 2);
  const std::vector<Operation> operations = counting.operations();
  REQUIRE(operations.size() > 30);
  const bool for_good = GENERATE(false, true);
  for (std::size_t n = 0; n < operations.size(); ++n) {
    GetFixture fixture;
    FaultyFileSystem faulty;
    fixture.hand_over_one();
    fixture.hand_over_one();
    (void)fixture.open(faulty);
    const std::size_t opening = faulty.operations().size();
    if (n < opening) continue;
    faulty.forget_operations();
    faulty.fail_at(n, EIO, FaultyFileSystem::Moment::instead, for_good);
    const auto result = fixture.get({}, faulty);
    INFO((for_good ? "stopped before " : "failed at ") << n << ": " << operations[n].str());
    REQUIRE(OutgoingMail(fixture.open()).keep_alive(900).has_value());
    const std::size_t in_file = fixture.exists() ? subjects(fixture.contents()).size() : 0;
    CHECK(in_file + fixture.in_smtp().size() >= 2);
    if (!for_good && result && result->taken == in_file && !result->some_temporary) {
      CHECK(in_file + fixture.in_smtp().size() == 2);
    }
    if (!result) CHECK(fixture.in_smtp().size() == 2);
  }
}

TEST_CASE("what a power cut may bring back into SMTP although it is in the file is told") {
  GetFixture fixture;
  fixture.hand_over_one();
  FaultyFileSystem faulty;
  faulty.fail_if(
      [](const Operation& operation) {
        return operation.name == "sync_directory" && operation.path.ends_with("/SMTP");
      },
      EIO);
  REQUIRE(fixture.get({}, faulty).has_value());
  REQUIRE(fixture.exists());
  CHECK(has(fixture.notes.back(), "in the file; "));
  CHECK(has(fixture.notes.back(), "a power cut now may bring it back"));
}

TEST_CASE("the program: switches, what it says, exit codes") {
  GetFixture fixture;
  const std::string file = fixture.target();
  const auto get = [&](Lines words) {
    words.insert(words.begin(), {"-d", fixture.path()});
    return run_program("smtpget", words);
  };
  auto done = get({file});
  CHECK(done.code == 0);
  CHECK(done.out == "0 messages taken\n");
  CHECK_FALSE(fixture.exists());
  done = get({});
  CHECK(done.code == 64);
  CHECK(done.out == "10-0-0 No output file specified in command line\n");
  CHECK(get({"-n", "51", file}).code == 64);
  CHECK(get({"-n0", file}).code == 64);
  CHECK(get({"-f3", file}).code == 64);

  for (int i = 0; i < 3; ++i) fixture.hand_over_one();
  REQUIRE(OutgoingMail(fixture.open()).hold(fixture.in_smtp().back(), true).is_delivered());
  const std::string log = fixture.directory() / "log";
  done = get({"-h", "-j", "-n1", "-f1", "-l" + log, file});
  CHECK(done.code == 0);
  CHECK(done.out == "1 message taken\n");
  CHECK(subjects(fixture.contents()) == Lines{"Encapsulated message"});
  CHECK(has(test::read_file(log), " smtpget " + file + ": message 1: "));
  done = get({"-h", file});
  CHECK(done.code == 73);
  CHECK(has(done.out, "52-0-0 " + file + " is there and not empty"));
  CHECK(fixture.in_smtp().size() == 2);
  std::filesystem::remove(file);
  done = get({"-k", file});
  CHECK(done.out == "1 message taken; left: 1 held\n");
  CHECK(fixture.in_smtp().size() == 2);
  CHECK(get({fixture.directory() / "none/x.api"}).code == 75);
  fixture.hand_over(GetFixture::state_for({"SMTP:x@y.example"}), "nonsense");
  std::filesystem::remove(file);
  CHECK(get({file}).code == 65);
  CHECK(run_program("smtpget", {"-d", file, file + "2"}).code == 75);
  CHECK(run_program("smtpget", {"--help"}).code == 0);
}

}  // namespace
}  // namespace smtpgate::postoffice
