// Composing: what `postoffice send` drops is what was asked for, whole, and picked up as such.
#include <cerrno>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "postoffice/compose.h"
#include "postoffice/outbox.h"
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

struct ComposeFixture : PostofficeFixture {
  explicit ComposeFixture(PostofficeSettings settings = default_settings())
      : PostofficeFixture(std::move(settings)) {
    add_mailbox("anna");
    add_mailbox("bernd");
  }
  Lines outbox() const { return test::names_in(*this / "MBG/anna/outbox"); }
  mmff_test::ReadMessage dropped() const {
    REQUIRE(outbox().size() == 1);
    auto all =
        mmff_test::read_all(test::read_file(*this / ("MBG/anna/outbox/" + outbox().front())));
    REQUIRE(all);
    REQUIRE(all->size() == 1);
    return all->front();
  }
  Outcome drop(const Composition& composition, std::string_view text) const {
    MemorySource source(text);
    return drop_message(open(), composition, source);
  }
};

TEST_CASE("a message is dropped as it was asked for") {
  ComposeFixture fixture;
  const std::string path = fixture.directory() / "a b.bin";
  const std::string octets(300'000, '\xff');
  test::write_file(path, octets);
  Composition composition;
  composition.mailbox = "Anna";
  composition.to = {"bernd", "jo@example.com"};
  composition.cc = {"OTHER/PO/zoe"};
  composition.bcc = {"SMTP:kim@example.com"};
  composition.subject = "Pl\xc3\xa4ne\nTO:x";
  composition.priority = "5";
  composition.attachments = {path, path};
  const Outcome dropped = fixture.drop(composition, "one\r\ntwo\n");
  INFO(dropped.sentence());
  REQUIRE(dropped.is_delivered());
  const auto message = fixture.dropped();
  CHECK(message.header.from.str() == "CSI:TESTNET/TESTPO/anna");
  REQUIRE(message.header.to.size() == 2);
  CHECK(message.header.to[0].str() == "CSI:TESTNET/TESTPO/bernd");
  CHECK(message.header.to[1].str() == "SMTP:jo@example.com");
  CHECK(message.header.cc.front().str() == "CSI:OTHER/PO/zoe");
  CHECK(message.header.field(ext::bcc) == "SMTP:kim@example.com");
  CHECK(message.header.subject == composition.subject);
  CHECK(message.header.priority == "5");
  CHECK(message.sections == Lines{"one\ntwo\n", octets, octets});
  CHECK(message.header.attachments[0].name == "a b.bin");
  CHECK(message.header.attachments[1].name == "a b-2.bin");
  CHECK(test::mode_of(fixture / ("MBG/anna/outbox/" + fixture.outbox().front())) == 0644);
}

TEST_CASE("what the disk will not keep is taken back, and what the gateway has by then is sent") {
  ComposeFixture fixture;
  FaultyFileSystem faulty;
  const auto is_sync = [](const Operation& operation) {
    return operation.name == "sync_directory" && operation.path.ends_with("/outbox");
  };
  Composition composition;
  composition.mailbox = "anna";
  composition.to = {"bernd"};
  const auto drop = [&] {
    MemorySource source("t");
    return drop_message(fixture.open(faulty), composition, source);
  };
  faulty.fail_if(is_sync, EIO);
  CHECK(drop().is_temporary());
  CHECK(fixture.outbox().empty());
  faulty.before([&](const Operation& operation) {
    if (is_sync(operation)) REQUIRE(fixture.outbox().size() == 1);
    for (const std::string& name : is_sync(operation) ? fixture.outbox() : Lines()) {
      std::filesystem::remove(fixture / ("MBG/anna/outbox/" + name));
    }
  });
  CHECK(drop().is_delivered());
}

TEST_CASE("an answer of the disk that is lost drops no second message") {
  ComposeFixture fixture;
  FaultyFileSystem faulty;
  faulty.fail_if([](const Operation& operation) { return operation.name == "rename"; }, EIO,
                 FaultyFileSystem::Moment::afterwards);
  Composition composition;
  composition.mailbox = "anna";
  composition.to = {"bernd"};
  MemorySource source("t");
  CHECK(drop_message(fixture.open(faulty), composition, source).is_delivered());
  CHECK(fixture.outbox().size() == 1);
}

TEST_CASE("the text is in the postoffice's character set and line ends") {
  PostofficeSettings settings = ComposeFixture::default_settings();
  settings.character_set = "ISO-8859-1";
  settings.line_end = LineEnd::crlf;
  ComposeFixture fixture(settings);
  Composition composition;
  composition.mailbox = "anna";
  composition.to = {"bernd"};
  composition.subject = "\xc3\xa4";
  REQUIRE(fixture.drop(composition, "\xc3\xa4\nb").is_delivered());
  const auto message = fixture.dropped();
  CHECK(message.sections.front() == "\xe4\r\nb");
  CHECK(message.header.subject == "\xe4");
}

TEST_CASE("what is wrong is told at once, and nothing is dropped") {
  ComposeFixture fixture;
  const auto status = [&](const std::string& mailbox, Lines to, Lines attachments = {},
                          const std::string& priority = {}) {
    Composition composition;
    composition.mailbox = mailbox;
    composition.to = std::move(to);
    composition.attachments = std::move(attachments);
    composition.priority = priority;
    return fixture.drop(composition, "t").status();
  };
  CHECK(status("nobody", {"bernd"}) == "5.1.1");
  CHECK(status("../anna", {"bernd"}) == "5.1.1");
  CHECK(status("anna", {}) == "5.1.3");
  CHECK(status("anna", {"nobody"}) == "5.1.1");
  CHECK(status("anna", {"a b@example.com"}) == "5.1.3");
  CHECK(status("anna", {"bernd"}, {fixture.directory() / "gone"}) == "5.3.0");
  CHECK(status("anna", {"bernd"}, {fixture.path()}) == "5.3.0");
  CHECK(status("anna", {"bernd"}, {}, "\n") == "5.3.0");
  CHECK(fixture.outbox().empty());
}

TEST_CASE("a mailbox sends under another name of its own, and goes out so") {
  PostofficeSettings settings = PostofficeFixture::default_settings();
  settings.catch_all = "anna";
  ComposeFixture fixture(settings);
  test::write_file(fixture / "GLB/ALIAS", "sales anna\n");
  test::write_file(fixture / "GRP/all", "anna\nbernd\n");
  Composition composition;
  composition.mailbox = "Sales";
  composition.to = {"bernd"};
  REQUIRE(fixture.drop(composition, "t").is_delivered());
  CHECK(fixture.dropped().header.from.address == "TESTNET/TESTPO/sales");
  const auto picked = pick_up_outbox(fixture.open(), "anna", {}, [](const OutboxNote&) {});
  REQUIRE(picked);
  CHECK(fixture.outbox().empty());
  CHECK(test::names_in(fixture / "MBG/bernd/new").size() == 1);
  // Neither a group's name nor what only the catch-all takes is anybody's.
  composition.mailbox = "all";
  CHECK(fixture.drop(composition, "t").sentence().find("is a group") != std::string::npos);
  composition.mailbox = "anybody";
  CHECK(fixture.drop(composition, "t").status() == "5.1.1");
  CHECK(fixture.outbox().empty());
}

TEST_CASE("the commands send, group and mailbox set do what they say") {
  ComposeFixture fixture;
  const auto run = [&](Lines words) {
    words.insert(words.begin(), {"-d", fixture.path()});
    return run_program("postoffice", words);
  };
  const std::string text = fixture.directory() / "text";
  test::write_file(text, "hello\n");
  CHECK(run({"group", "add", "Sales", "bernd", "jo@example.com", "--owner", "anna"}).out ==
        "group sales made\n");
  CHECK(run({"group", "add", "sales", "bernd"}).code == 65);
  CHECK(run({"group", "add", "bernd", "anna"}).code == 65);
  CHECK(run({"group", "member", "add", "sales", "gone", "bernd"}).out ==
        "1 added to group sales\n");
  const auto shown = run({"group", "show", "sales"});
  CHECK(shown.out.find("Owner      anna\n") != std::string::npos);
  CHECK(shown.out.find("Beyond     SMTP:jo@example.com\n") != std::string::npos);
  CHECK(shown.out.find("Failure    gone (group sales)") != std::string::npos);
  const auto json = nlohmann::json::parse(run({"group", "show", "sales", "--json"}).out);
  CHECK(json["members"].size() == 3);
  CHECK(json["mailboxes"] == nlohmann::json{"bernd"});
  CHECK(json["failures"][0]["status"] == "5.1.1");
  CHECK(run({"group", "member", "remove", "sales", "gone"}).code == 0);
  CHECK(run({"group", "member", "remove", "sales", "gone"}).code == 67);
  CHECK(nlohmann::json::parse(run({"group", "list", "--json"}).out)["groups"].size() == 1);
  CHECK(run({"group", "list"}).out.find("sales") != std::string::npos);

  CHECK(run({"mailbox", "set", "bernd", "--forward", "b@away.example", "--forward", "anna",
             "--no-keep-copy", "--keep-sent", "--receipts", "on-read"})
            .code == 0);
  const auto mailbox = run({"mailbox", "show", "bernd"});
  CHECK(mailbox.out.find("Forward    SMTP:b@away.example\nForward    CSI:TESTNET/TESTPO/anna\n"
                         "Keep copy  no\nKeep sent  yes\nReceipts   on-read\n") !=
        std::string::npos);
  CHECK(run({"mailbox", "set", "bernd", "--no-forward"}).code == 0);
  CHECK(run({"mailbox", "show", "bernd"}).out.find("Forward") == std::string::npos);
  CHECK(run({"mailbox", "set", "nobody", "--keep-sent"}).code == 67);
  CHECK(run({"mailbox", "set", "bernd", "--forward", "x y@z"}).code == 65);
  CHECK(run({"mailbox", "set", "bernd", "--receipts", "always"}).code == 64);

  const auto sent =
      run({"send", "--from", "anna", "--to", "sales", "--subject", "Plan", "--receipt", text});
  INFO(sent.err);
  CHECK(sent.code == 0);
  CHECK(fixture.dropped().header.priority == "R");
  CHECK(fixture.dropped().sections.front() == "hello\n");
  std::string notes;
  REQUIRE(pick_up_outbox(fixture.open(), "anna", {},
                         [&](const OutboxNote& note) { notes += note.outcome.sentence() + "\n"; }));
  INFO(notes);
  CHECK(test::names_in(fixture / "MBG/bernd/new").size() == 1);
  CHECK(fixture.outbox().empty());
  CHECK(run({"send", "--from", "anna", "--to", "nobody", text}).code == 67);
  CHECK(run({"send", "--from", "anna", "--to", "bernd", text + "-gone"}).code == 66);
  CHECK(run({"send", "--to", "bernd", text}).code == 64);
  CHECK(run({"group", "remove", "sales"}).code == 0);
  CHECK(run({"group", "remove", "sales"}).code == 67);
}

}  // namespace
}  // namespace smtpgate::postoffice
