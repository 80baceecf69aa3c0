// Filing by hand: routing, what is copied and what is written anew, content keys, and the program
// with its switches, error form and exit codes.
#include <cerrno>

#include <sys/stat.h>
#include <unistd.h>

#include "postoffice/hand_put.h"
#include "unit/catch.h"
#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/mmff_test_support.h"
#include "unit/postoffice/postoffice_fixture.h"
#include "unit/postoffice/program.h"

namespace smtpgate::postoffice {
namespace {

using test::PostofficeFixture;
using test::run_program;
using Lines = std::vector<std::string>;

const std::string key(64, 'a');

/// A message in LF form; `tokens` are the recipients' and other lines of it.
std::string message(const std::string& tokens, const std::string& text = "text\n") {
  return "VERSION:3.00\n" + tokens +
         "FROM:SMTP:jo@harbour.example\nTEXT:" + std::to_string(text.size()) + "\n" + text;
}

struct SmtpputFixture : PostofficeFixture {
  SmtpputFixture(PostofficeSettings settings = default_settings())
      : PostofficeFixture(std::move(settings)) {
    add_mailbox("alice");
    add_mailbox("bob");
  }

  std::string input() const { return directory() / "in.api"; }

  Lines put(const std::string& contents, HandPutOptions options = {},
            FileSystem& files = FileSystem::posix()) {
    test::write_file(input(), contents);
    auto file = FileSystem::posix().open(input());
    REQUIRE(file.has_value());
    Lines notes;
    result = put_by_hand(open(files), **file, options,
                         [&](const HandPutNote& note) { notes.push_back(note.str()); });
    return notes;
  }
  Lines filed(const std::string& mailbox) const {
    return test::names_in(*this / ("MBG/" + mailbox + "/new"));
  }
  std::string only_message(const std::string& mailbox) const {
    const Lines names = filed(mailbox);
    REQUIRE(names.size() == 1);
    return test::read_file(*this / ("MBG/" + mailbox + "/new/" + names.front()));
  }

  HandPutResult result;
};

TEST_CASE("a message goes to its own TO and CC, to each mailbox once") {
  SmtpputFixture fixture;
  const std::string contents =
      message("TO:CSI:TESTNET/TESTPO/Alice\nCC:testnet/testpo/bob\nTO:TESTNET/TESTPO/alice+x\n");
  const Lines notes = fixture.put(contents);
  CHECK(notes.size() == 2);
  CHECK(fixture.result.all_delivered);
  CHECK(fixture.result.messages == 1);
  CHECK(fixture.only_message("alice") == contents);
  CHECK(fixture.only_message("bob") == contents);
}

TEST_CASE("a group's members here get it, each beyond is reported, and no forward is followed") {
  SmtpputFixture fixture;
  test::write_file(fixture / "GRP/all", "alice\njo@example.com\ninner\nOTHER/PO/zoe\nnobody\n");
  test::write_file(fixture / "GRP/inner", "bob\nall\n");
  test::write_file(fixture / "GLB/MAILBOX/bob.toml",
                   "forward = [\"bob@away.example\"]\nkeep_copy = false\n");
  const Lines notes = fixture.put(message("TO:TESTNET/TESTPO/all\nCC:TESTNET/TESTPO/All\n"));
  REQUIRE(notes.size() == 5);
  CHECK(notes[0] ==
        "142-1-2 Bad address SMTP:jo@example.com (group all): beyond this postoffice, not "
        "deliverable by hand; drop the file in an outbox");
  CHECK(notes[1].starts_with("142-1-2 Bad address CSI:OTHER/PO/zoe (group all): "));
  CHECK(notes[2].starts_with("142-1-2 Bad address nobody (group all): there is no mailbox"));
  CHECK(fixture.filed("alice").size() == 1);
  CHECK(fixture.filed("bob").size() == 1);
  CHECK_FALSE(fixture.result.all_delivered);
  CHECK_FALSE(fixture.result.some_temporary);
}

TEST_CASE("recipients that cannot be are reported at their line, the others get it") {
  SmtpputFixture fixture;
  const Lines notes = fixture.put(
      message("TO:TESTNET/TESTPO/nobody\nCC:SMTP:x@y.example\nTO:OTHER/PO/alice\nTO:PCM:A/B/C\n"
              "SUBJECT:s\nCC:TESTNET/TESTPO/alice\n"));
  REQUIRE(notes.size() == 5);
  CHECK(notes[0] ==
        "142-1-2 Bad address TESTNET/TESTPO/nobody: there is no mailbox nobody in postoffice "
        "TESTNET/TESTPO");
  CHECK(notes[1] ==
        "142-1-3 Bad address SMTP:x@y.example: mail for the Internet is not sent by hand; give a "
        "mailbox with -r");
  CHECK(notes[2] ==
        "142-1-4 Bad address OTHER/PO/alice: another postoffice, not deliverable by hand (this is "
        "TESTNET/TESTPO)");
  CHECK(notes[3] == "151-1-5 Unknown service PCM in PCM:A/B/C; write NET/PO/MAILBOX");
  CHECK(notes[4].starts_with("message 1: filed as "));
  CHECK_FALSE(fixture.result.all_delivered);
  CHECK_FALSE(fixture.result.some_temporary);
  CHECK(fixture.filed("alice").size() == 1);
}

TEST_CASE("given recipients take the place of TO and CC") {
  SmtpputFixture fixture;
  HandPutOptions options;
  options.recipients = {*NativeAddress::parse("TESTNET/TESTPO/bob")};
  fixture.put(message("TO:SMTP:x@y.example\nCC:TESTNET/TESTPO/alice\n"), options);
  CHECK(fixture.result.all_delivered);
  CHECK(fixture.filed("alice").empty());
  CHECK(fixture.filed("bob").size() == 1);
}

TEST_CASE("a message without a recipient here is an error") {
  SmtpputFixture fixture;
  HandPutOptions options;
  options.envelope.emplace();
  CHECK(fixture.put(message("TO:TESTNET/TESTPO/alice\n"), options) ==
        Lines{"142-1-0 the message has no recipient in this postoffice"});
  CHECK_FALSE(fixture.result.all_delivered);
}

TEST_CASE("by hand the same file is filed each time, and a key in it is neither used nor kept") {
  SmtpputFixture fixture;
  const std::string keyed =
      message("TO:TESTNET/TESTPO/alice\nEXT:S:0:CONTENT-KEY\n" + key + "\nEXT:S:0:SENT\nx\n");
  fixture.put(keyed);
  fixture.put(keyed);
  CHECK(fixture.filed("alice").size() == 2);
  CHECK(test::names_in(fixture / "MBG/alice/ids").empty());
  for (const std::string& name : fixture.filed("alice")) {
    CHECK(name != key);
    const std::string filed = test::read_file(fixture / ("MBG/alice/new/" + name));
    CHECK(filed.find("CONTENT-KEY") == std::string::npos);
    CHECK(filed.find("EXT:S:0:SENT\nx\n") != std::string::npos);
  }
}

TEST_CASE("with an envelope the key is the converter's, and a second filing is a duplicate") {
  SmtpputFixture fixture;
  const std::string keyed = message("TO:SMTP:x@y.example\nEXT:S:0:CONTENT-KEY\n" + key + "\n");
  HandPutOptions options;
  options.envelope = *parse_envelope_file(
      "RCPT TO:<a@b.example> XMAILBOX=TESTNET/TESTPO/alice\r\nRCPT TO:<Bob@b.example>\r\n", "E");
  CHECK(fixture.put(keyed, options) == Lines{"message 1: filed as " + key + " in mailbox alice",
                                             "message 1: filed as " + key + " in mailbox bob"});
  CHECK(fixture.only_message("alice") == keyed);
  CHECK(fixture.put(keyed, options)[0] == "message 1: duplicate of " + key + " in mailbox alice");
  CHECK(fixture.result.all_delivered);
  // A key that is none never becomes a file name.
  fixture.put(message("TO:SMTP:x@y.example\nEXT:S:0:CONTENT-KEY\n../../../x\n"), options);
  CHECK(fixture.filed("alice").size() == 2);
  CHECK(test::names_in(fixture / "MBG/alice/ids") == Lines{key});
}

TEST_CASE("octets stay as they are where one message is in the postoffice's line ends") {
  SmtpputFixture fixture;
  const std::string odd =
      "\n \nVersion:3.00\nto:TESTNET/TESTPO/alice\nfrom:X400:a\nEXT:I:3:FOO\n1\n"
      "TEXT:3\n\xff\r\n\n\n\x1a";
  fixture.put(odd);
  CHECK(fixture.result.all_delivered);
  CHECK(fixture.only_message("alice") == odd);
}

TEST_CASE("other line ends become the postoffice's, in the text too, and attachments stay") {
  const auto [setting, end] = GENERATE(table<LineEnd, std::string>(
      {{LineEnd::lf, "\n"}, {LineEnd::crlf, "\r\n"}, {LineEnd::cr, "\r"}}));
  const std::string from = GENERATE("\n", "\r\n", "\r");
  auto settings = PostofficeFixture::default_settings();
  settings.line_end = setting;
  SmtpputFixture fixture(settings);
  const std::string text = "head" + from + from + "body" + from;
  fixture.put("VERSION:3.00" + from + "TO:TESTNET/TESTPO/alice" + from + "FROM:A/B/C" + from +
              "ATTACHMENT:a b.bin 4" + from + "EXT:I:3:HEADLEN" + from + "1" + from +
              "TEXT:" + std::to_string(text.size()) + from + text + "\r\n\r\n");
  CHECK(fixture.result.all_delivered);
  const auto messages = mmff_test::read_all(fixture.only_message("alice"));
  REQUIRE(messages.has_value());
  REQUIRE(messages->size() == 1);
  CHECK(messages->front().header.header_lines == 1);
  REQUIRE(messages->front().sections.size() == 2);
  CHECK(messages->front().sections[0] == "head" + end + end + "body" + end);
  CHECK(messages->front().sections[1] == "\r\n\r\n");
}

TEST_CASE("each message of a file is filed by itself; one that cannot be does not stop the next") {
  SmtpputFixture fixture;
  const Lines notes = fixture.put(message("TO:TESTNET/TESTPO/alice\n", "first\n") + "\n" +
                                  message("TO:TESTNET/TESTPO/nobody\n", "second\n") +
                                  message("TO:TESTNET/TESTPO/bob\n", "third\n"));
  REQUIRE(notes.size() == 3);
  CHECK(notes[1].starts_with("142-2-2 Bad address"));
  CHECK(fixture.result.messages == 3);
  CHECK(fixture.only_message("alice") == message("TO:CSI:TESTNET/TESTPO/alice\n", "first\n"));
  CHECK(fixture.only_message("bob") == message("TO:CSI:TESTNET/TESTPO/bob\n", "third\n"));
}

TEST_CASE("a broken format ends the file; what was whole before it is filed") {
  SmtpputFixture fixture;
  const Lines notes =
      fixture.put(message("TO:TESTNET/TESTPO/alice\n") + "VERSION:3.00\nNONSENSE:x\n" +
                  message("TO:TESTNET/TESTPO/bob\n"));
  REQUIRE(notes.size() == 2);
  CHECK(notes[1].starts_with("141-2-2 "));
  CHECK(fixture.filed("alice").size() == 1);
  CHECK(fixture.filed("bob").empty());
}

TEST_CASE("a message that is cut short is not filed, not even half") {
  SmtpputFixture fixture;
  const std::string whole = message("TO:TESTNET/TESTPO/alice\n", std::string(100'000, 'x'));
  for (const std::size_t size : {whole.size() - 1, whole.size() - 99'999, std::size_t{20}}) {
    const Lines notes = fixture.put(whole.substr(0, size));
    REQUIRE(notes.size() == 1);
    CHECK(notes.front().starts_with("14"));
    CHECK_FALSE(fixture.result.some_temporary);
  }
  CHECK(fixture.filed("alice").empty());
  CHECK(fixture.put("")[0] == "140-1-1 the file holds no message");
}

TEST_CASE("external files are taken in, from the directory given only") {
  SmtpputFixture fixture;
  const std::string outside = fixture.directory() / "outside";
  REQUIRE(::mkdir(outside.c_str(), 0700) == 0);
  test::write_file(outside + "/text.txt", "external\n");
  test::write_file(outside + "/a.bin", "\1\2\3");
  const std::string contents =
      "VERSION:3.00\nTO:TESTNET/TESTPO/alice\nFROM:A/B/C\nXATTACH:a.bin shown.bin\n"
      "XTEXT:text.txt\n";
  CHECK(fixture.put(contents)[0].starts_with("146-1-4 "));
  HandPutOptions options;
  options.reader.external_directory = outside;
  fixture.put(contents, options);
  CHECK(fixture.result.all_delivered);
  const auto messages = mmff_test::read_all(fixture.only_message("alice"));
  REQUIRE(messages.has_value());
  CHECK(messages->front().sections == Lines{"external\n", "\1\2\3"});
  CHECK(messages->front().header.attachments[0].name == "shown.bin");
}

TEST_CASE("each operation failing is temporary and told; nothing half is filed") {
  const bool is_copied = GENERATE(true, false);
  const std::string contents = is_copied ? message("TO:TESTNET/TESTPO/alice\n")
                                         : "VERSION:3.00\rTO:TESTNET/TESTPO/alice\rFROM:A/B/C\r"
                                           "TEXT:6\rab\rcd\r";
  for (std::size_t n = 0;; ++n) {
    SmtpputFixture fixture;
    FaultyFileSystem faulty;
    // Opening the postoffice is not counted.
    const Postoffice postoffice = fixture.open(faulty);
    test::write_file(fixture.input(), contents);
    auto file = FileSystem::posix().open(fixture.input());
    faulty.fail_at(n, ENOSPC);
    Lines notes;
    const auto result = put_by_hand(postoffice, **file, {},
                                    [&](const HandPutNote& note) { notes.push_back(note.str()); });
    if (faulty.faults() == 0) break;
    INFO(n << " " << faulty.operations().back().str());
    if (!result.all_delivered) {
      CHECK(result.some_temporary);
      REQUIRE_FALSE(notes.empty());
      CHECK(notes.back().starts_with("201-1-"));
    }
    for (const std::string& name : fixture.filed("alice")) {
      CHECK(mmff_test::read_all(test::read_file(fixture / ("MBG/alice/new/" + name))).has_value());
    }
  }
}

TEST_CASE("trouble that may pass with one recipient keeps the message back from all") {
  SmtpputFixture fixture;
  FaultyFileSystem faulty;
  faulty.fail_if(
      [](const Operation& operation) {
        return operation.name == "status" && operation.path.ends_with("/bob");
      },
      EIO);
  const Lines notes =
      fixture.put(message("TO:TESTNET/TESTPO/alice\nTO:TESTNET/TESTPO/bob\n"), {}, faulty);
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].starts_with("201-1-3 TESTNET/TESTPO/bob: cannot status"));
  CHECK(fixture.result.some_temporary);
  CHECK(fixture.filed("alice").empty());
}

TEST_CASE("the program removes the file when all was delivered, unless -k") {
  SmtpputFixture fixture;
  test::write_file(fixture.input(), message("TO:TESTNET/TESTPO/alice\n"));
  auto done = run_program("smtpput", {"-d" + fixture.path(), "-k", fixture.input()});
  CHECK(done.code == 0);
  CHECK(done.out.empty());
  CHECK(done.err.empty());
  CHECK(std::filesystem::exists(fixture.input()));
  done = run_program("smtpput", {"-d", fixture.path(), fixture.input()});
  CHECK(done.code == 0);
  CHECK_FALSE(std::filesystem::exists(fixture.input()));
  CHECK(fixture.filed("alice").size() == 2);
}

TEST_CASE("two programs at once do not both file the file") {
  SmtpputFixture fixture;
  test::write_file(fixture.input(), message("TO:TESTNET/TESTPO/alice\n"));
  {
    auto other = FileSystem::posix().open(fixture.input());
    REQUIRE(other.has_value());
    REQUIRE((*other)->try_lock().value_or(false));
    const auto done = run_program("smtpput", {"-d", fixture.path(), fixture.input()});
    CHECK(done.code == 75);
    CHECK(done.out.find("another smtpput; try again later") != std::string::npos);
    CHECK(fixture.filed("alice").empty());
  }
  CHECK(run_program("smtpput", {"-d", fixture.path(), fixture.input()}).code == 0);
}

TEST_CASE("the program's errors, exit codes and log") {
  SmtpputFixture fixture;
  const std::string log = fixture.directory() / "log";
  const std::string po = fixture.path();
  test::write_file(fixture.input(), message("TO:TESTNET/TESTPO/nobody\n"));
  auto done = run_program("smtpput", {"-d", po, fixture.input()});
  CHECK(done.code == 65);
  CHECK(done.out.starts_with("142-1-2 Bad address"));
  CHECK(std::filesystem::exists(fixture.input()));

  done = run_program("smtpput", {"-d", po, "-l" + log, "-h", fixture.input()});
  CHECK(done.code == 65);
  CHECK(done.out.empty());
  CHECK(test::read_file(log).find(": 142-1-2 Bad address") != std::string::npos);

  done = run_program("smtpput", {"-d", po, "-k", "-f1", "-l", log, "-r", "TESTNET/TESTPO/bob", "-r",
                                 "TESTNET/TESTPO/alice", fixture.input()});
  CHECK(done.code == 0);
  CHECK(test::read_file(log).find(": message 1: filed as ") != std::string::npos);
  CHECK(fixture.filed("bob").size() == 1);

  CHECK(run_program("smtpput", {"-d", po, "-f0", "-k", fixture.input()}).code == 65);
  CHECK(run_program("smtpput", {"-d", po, "-f3", "-k", fixture.input()}).code == 64);
  CHECK(run_program("smtpput", {"-d", po}).code == 64);
  CHECK(run_program("smtpput", {fixture.input()}).code == 64);
  CHECK(run_program("smtpput", {"-d", po, "-r", "x", fixture.input()}).code == 64);
  CHECK(run_program("smtpput", {"-d", po, fixture.input() + ".none"}).code == 66);
  CHECK(run_program("smtpput", {"-d", po, po}).code == 66);
  done = run_program("smtpput", {"-d", po + ".none", fixture.input()});
  CHECK(done.code == 75);
  CHECK(done.out.starts_with("201-0-0 "));
  CHECK(run_program("smtpput", {"-d", po, "-l", po + "/no/log", fixture.input()}).code == 73);
  CHECK(run_program("smtpput", {"--version"}).out == "smtpput (smtpgate) " SMTPGATE_VERSION "\n");
  CHECK(run_program("smtpput", {"--help"}).out.find("smtpput -d /srv/postoffice") !=
        std::string::npos);
}

TEST_CASE("the program takes recipients from an envelope file") {
  SmtpputFixture fixture;
  const std::string envelope = fixture.directory() / "SMTP_IN.ENV";
  test::write_file(fixture.input(),
                   message("TO:SMTP:x@y.example\nEXT:S:0:CONTENT-KEY\n" + key + "\n"));
  test::write_file(envelope, "MAIL FROM:<>\r\nRCPT TO:<a@b> XMAILBOX=TESTNET/TESTPO/alice\r\n");
  const Lines words = {"-d", fixture.path(), "-k", "-e", envelope, fixture.input()};
  CHECK(run_program("smtpput", words).code == 0);
  CHECK(run_program("smtpput", words).code == 0);
  CHECK(fixture.filed("alice") == Lines{key});
  test::write_file(envelope, "nonsense\r\n");
  const auto done = run_program("smtpput", words);
  CHECK(done.code == 65);
  CHECK(done.out.starts_with("142-0-0 " + envelope + ":1: "));
  CHECK(run_program("smtpput", {"-d", fixture.path(), "-e", envelope, "-r", "A/B/C", "x"}).code ==
        64);
}

TEST_CASE("the program reads through a link that a person gave, and removes the link") {
  SmtpputFixture fixture;
  test::write_file(fixture.input(), message("TO:TESTNET/TESTPO/alice\n"));
  const std::string link = fixture.directory() / "link.api";
  REQUIRE(::symlink("in.api", link.c_str()) == 0);
  CHECK(run_program("smtpput", {"-d", fixture.path(), link}).code == 0);
  CHECK(std::filesystem::exists(fixture.input()));
  CHECK_FALSE(std::filesystem::is_symlink(link));
}

TEST_CASE("a message of many megabytes passes") {
  SmtpputFixture fixture;
  const std::string text(20'000'000, 'x');
  fixture.put("VERSION:3.00\r\nTO:TESTNET/TESTPO/alice\r\nFROM:A/B/C\r\nTEXT:20000000\r\n" + text);
  CHECK(fixture.result.all_delivered);
  CHECK(fixture.only_message("alice").size() > text.size());
}

}  // namespace
}  // namespace smtpgate::postoffice
