// Outboxes: what is dropped arrives once, as its mailbox and nobody else, and what cannot be is
// told.
#include <cerrno>
#include <ctime>

#include "postoffice/groups.h"
#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/outbox_fixture.h"

namespace smtpgate::postoffice {
namespace {

using Lines = std::vector<std::string>;

TEST_CASE("a dropped message reaches mailboxes here and waits for Postfix for the others") {
  OutboxFixture fixture;
  fixture.drop("a.API", message(to_bernd + to_jo + "CC:OTHER/PO/zoe\nCC:testnet/testpo/BERND\n"));
  fixture.drop("b.txt", "left alone");
  fixture.drop(".c.API", "left alone");
  const OutboxResult result = fixture.pick_up();
  CHECK(result.taken == 1);
  CHECK(result.handed_over == 1);
  CHECK(result.unfinished == 0);
  CHECK_FALSE(result.look_again);
  CHECK(fixture.notes == Lines{});
  CHECK(fixture.in("MBG/anna/outbox") == Lines{".c.API", "b.txt"});
  CHECK(fixture.filed("MBG/bernd/new").size() == 1);
  CHECK(fixture.waiting() == Lines{"SMTP:jo@example.com CSI:OTHER/PO/zoe"});
  CHECK(fixture.in("MBG/anna/new").empty());
  CHECK(fixture.in("MBG/anna/sent").empty());
  CHECK(fixture.is_nothing_left());
}

TEST_CASE("Bcc recipients get it and are named to nobody; forged fields are left out") {
  OutboxFixture fixture;
  fixture.drop("a.api",
               message(to_jo +
                       "EXT:S:0:BCC\nCSI:TESTNET/TESTPO/bernd\nEXT:S:0:bcc\n"
                       "SMTP:secret@example.com\nEXT:S:0:CONTENT-KEY\n" +
                       std::string(64, 'a') + "\nEXT:S:0:HEADER-FROM\nboss@example.com\n"));
  fixture.pick_up();
  REQUIRE(fixture.filed("MBG/bernd/new").size() == 1);
  CHECK(fixture.in("MBG/bernd/new").front() != std::string(64, 'a'));
  CHECK(fixture.filed("MBG/bernd/new").front().fields.empty());
  CHECK(fixture.waiting() == Lines{"SMTP:jo@example.com SMTP:secret@example.com"});
  const std::string id = OutgoingMail(fixture.open()).waiting().value().front();
  CHECK(test::read_file(fixture / ("SMTP/" + id + "/FROM_NC.API")).find("secret") ==
        std::string::npos);
}

TEST_CASE("only the mailbox itself and its aliases may be in FROM") {
  OutboxFixture fixture;
  fixture.drop("a.API", message(to_bernd, "t", "CSI:TESTNET/TESTPO/ANN"));
  fixture.pick_up();
  CHECK(fixture.filed("MBG/bernd/new").size() == 1);
  for (const char* from : {"CSI:TESTNET/TESTPO/bernd", "CSI:TESTNET/TESTPO/nobody",
                           "CSI:OTHER/PO/anna", "SMTP:anna@example.com", "SMTP:"}) {
    INFO(from);
    OutboxFixture other;
    test::write_file(other / "GLB/postoffice.toml",
                     "name = \"TESTNET/TESTPO\"\nformat = 1\ncatch_all = \"anna\"\n");
    other.drop("a.API", message(to_bernd + to_jo, "t", from));
    other.pick_up();
    CHECK(other.in("MBG/bernd/new").empty());
    CHECK(other.waiting().empty());
    CHECK(other.in("MBG/anna/outbox") == Lines{"a.API.bad"});
    CHECK(other.report().find("142-1-0 Bad address") != std::string::npos);
    CHECK(other.is_nothing_left());
  }
}

TEST_CASE("a recipient that cannot be is reported to the sender, the others are served") {
  OutboxFixture fixture;
  fixture.drop("a.API", message("TO:TESTNET/TESTPO/nobody\nTO:FAX:123\nTO:SMTP:a b@example.com\n" +
                                to_bernd + to_jo));
  const OutboxResult result = fixture.pick_up();
  CHECK(result.unfinished == 0);
  CHECK(fixture.filed("MBG/bernd/new").size() == 1);
  CHECK(fixture.waiting() == Lines{"SMTP:jo@example.com"});
  const std::string report = fixture.report();
  CHECK(report.find("nobody") != std::string::npos);
  CHECK(report.find("151 Unknown service FAX") != std::string::npos);
  CHECK(report.find("142 Bad address") != std::string::npos);
  CHECK(fixture.in("MBG/anna/outbox").empty());
}

TEST_CASE("the report about a message of a file with several shows that one") {
  OutboxFixture fixture;
  const std::string second = message("TO:TESTNET/TESTPO/nobody\nSUBJECT:the second\n", "two\n");
  fixture.drop("a.API", message(to_bernd + "SUBJECT:the first\n", "one\n") + second +
                            message(to_bernd + "SUBJECT:the third\n", "three\n"));
  CHECK(fixture.pick_up().unfinished == 0);
  CHECK(fixture.in("MBG/bernd/new").size() == 2);
  const std::string report = fixture.report();
  CHECK(report.find("SUBJECT:Undeliverable: the second\n") != std::string::npos);
  CHECK(report.find("  two\n") != std::string::npos);
  CHECK(report.find("the first") == std::string::npos);
  CHECK(report.find("the third") == std::string::npos);
  CHECK(report.ends_with("\n" + second));
}

TEST_CASE("who was told once that a recipient failed is not told again when another one fails") {
  OutboxFixture fixture;
  test::write_file(fixture / "GRP/team", "FAX:1\n");
  fixture.drop("a.API", message("TO:TESTNET/TESTPO/nobody\nTO:TESTNET/TESTPO/team\n"));
  CHECK(fixture.pick_up().unfinished == 1);
  CHECK(fixture.report().find("nobody") != std::string::npos);
  test::write_file(fixture / "GRP/team", "gone\n");
  CHECK(fixture.resume().unfinished == 0);
  const Lines reports = fixture.in("MBG/anna/new");
  REQUIRE(reports.size() == 2);
  std::size_t about_nobody = 0;
  for (const std::string& name : reports) {
    const std::string text = test::read_file(fixture / ("MBG/anna/new/" + name));
    if (text.find("\n  CSI:TESTNET/TESTPO/nobody\n") != std::string::npos) ++about_nobody;
  }
  CHECK(about_nobody == 1);
  CHECK(fixture.is_nothing_left());
}

TEST_CASE("groups and forwards are followed, each is served once, what fails in them is told") {
  OutboxFixture fixture;
  test::write_file(fixture / "GRP/all", "anna\nbernd\nJo@example.com\njo@EXAMPLE.com\ngone\nall\n");
  test::write_file(fixture / "GLB/MAILBOX/bernd.toml",
                   "forward = [\"b@away.example\"]\nkeep_copy = false\n");
  fixture.drop("a.API", message("TO:TESTNET/TESTPO/all\n" + to_bernd));
  fixture.pick_up();
  CHECK(fixture.in("MBG/bernd/new").empty());
  CHECK(fixture.in("MBG/anna/new").size() == 2);  // the message and the report
  CHECK(fixture.waiting() == Lines{"SMTP:Jo@example.com SMTP:jo@EXAMPLE.com SMTP:b@away.example"});
}

TEST_CASE("a mailbox that may not send to the Internet is told so; forwards of others are theirs") {
  OutboxFixture fixture;
  const Postoffice postoffice = fixture.open();
  MailboxSettings settings;
  settings.send_to_internet = false;
  REQUIRE(write_mailbox_settings(postoffice, "anna", settings).is_delivered());
  MailboxSettings forwarding;
  forwarding.forward = {TypedAddress::internet("bernd@away.example")};
  REQUIRE(write_mailbox_settings(postoffice, "bernd", forwarding).is_delivered());
  REQUIRE(write_group(postoffice, {"list", "bernd", {"carl@group.example"}}).is_delivered());
  fixture.drop("a.API", message(to_bernd + to_jo +
                                "TO:CSI:TESTNET/TESTPO/list\nTO:CSI:TESTNET/OTHER/zoe\n"));
  fixture.pick_up();
  CHECK(fixture.waiting() ==
        std::vector<std::string>{"SMTP:bernd@away.example CSI:TESTNET/OTHER/zoe"});
  CHECK(fixture.in("MBG/bernd/new").size() == 1);
  const std::string report = fixture.report();
  CHECK(report.find("jo@example.com") != std::string::npos);
  CHECK(report.find("carl@group.example") != std::string::npos);
  CHECK(report.find("mailbox anna may not send mail to the Internet") != std::string::npos);
}

TEST_CASE("sent mail is kept where the mailbox wants it") {
  OutboxFixture fixture;
  test::write_file(fixture / "GLB/MAILBOX/anna.toml", "keep_sent = true\n");
  fixture.drop("a.API", message(to_jo));
  fixture.drop("b.API", message(to_bernd));
  fixture.pick_up();
  CHECK(fixture.filed("MBG/anna/sent").size() == 2);
  CHECK(fixture.filed("MBG/bernd/new").size() == 1);
  CHECK(fixture.waiting().size() == 1);
  CHECK(fixture.in("MBG/anna/new").empty());
}

TEST_CASE("a format error is set aside at once, and names of files are escaped in the report") {
  OutboxFixture fixture;
  const std::string name = "x\n\x1b[2J\xff.API";
  fixture.drop(name, "VERSION:3.00\nNONSENSE:x\nTEXT:0\nmore\n");
  fixture.pick_up();
  CHECK(fixture.in("MBG/anna/outbox") == Lines{name + ".bad"});
  const std::string report = fixture.report();
  CHECK(report.find("141-1-2") != std::string::npos);
  CHECK(report.find('\x1b') == std::string::npos);
  CHECK(report.find("x\\x0A\\x1B[2J\\xFF.API") != std::string::npos);
  fixture.drop(name, "VERSION:3.00\nNONSENSE:x\nTEXT:0\nmore\n");
  fixture.pick_up();
  CHECK(fixture.in("MBG/anna/outbox") == Lines{name + ".bad", name + ".bad-2"});
  CHECK(fixture.in("MBG/anna/new").size() == 2);
}

TEST_CASE("a name too long for .bad behind it is cut") {
  OutboxFixture fixture;
  fixture.drop(std::string(251, 'n') + ".API", "VERSION:3.00\nNONSENSE:x\nTEXT:0\nmore\n");
  fixture.pick_up();
  CHECK(fixture.in("MBG/anna/outbox") == Lines{std::string(251, 'n') + ".bad"});
}

TEST_CASE("an external file is error 146, whatever it names") {
  for (const char* token : {"XATTACH:/etc/passwd\n", "XATTACH:secret x\n"}) {
    OutboxFixture fixture;
    fixture.drop("a.API", message(to_jo + token));
    fixture.pick_up();
    CHECK(fixture.waiting().empty());
    CHECK(fixture.in("MBG/anna/outbox") == Lines{"a.API.bad"});
    CHECK(fixture.report().find("146-1-3") != std::string::npos);
  }
}

TEST_CASE("several messages in a file are each judged; what is behind a format error is put back") {
  OutboxFixture fixture;
  const std::string good = message(to_bernd, "one\n");
  const std::string forged = message(to_bernd, "two\n", "CSI:TESTNET/TESTPO/bernd");
  const std::string broken = "VERSION:3.00\nNONSENSE:x\n" + good;
  fixture.drop("a.API", good + forged + message(to_jo, "three\n") + broken);
  const OutboxResult result = fixture.pick_up();
  CHECK(result.handed_over == 1);
  CHECK(fixture.in("MBG/bernd/new").size() == 1);
  CHECK(fixture.waiting() == Lines{"SMTP:jo@example.com"});
  CHECK(fixture.in("MBG/anna/outbox") == Lines{"a.API.bad", "a.API.bad-2"});
  CHECK(test::read_file(fixture.outbox() + "/a.API.bad") == forged);
  CHECK(test::read_file(fixture.outbox() + "/a.API.bad-2") == broken);
  CHECK(fixture.in("MBG/anna/new").size() == 2);
  CHECK(fixture.is_nothing_left());
}

TEST_CASE(
    "trouble with one recipient holds back what is beyond, not what is here, and not for ever") {
  OutboxFixture fixture;
  std::int64_t now = std::time(nullptr);
  fixture.options.now = [&] { return now; };
  test::write_file(fixture / "GRP/broken", "FAX:1\n");
  fixture.drop("a.API", message("TO:TESTNET/TESTPO/broken\n" + to_bernd + to_jo));
  fixture.drop("b.API", message(to_bernd));
  CHECK(fixture.pick_up().unfinished == 1);
  CHECK(fixture.in("MBG/bernd/new").size() == 2);
  CHECK(fixture.waiting().empty());
  REQUIRE(clear_abandoned_work(fixture.open()));
  CHECK(fixture.resume().unfinished == 1);
  SECTION("it passes") {
    test::write_file(fixture / "GRP/broken", "kim@example.com\n");
    CHECK(fixture.resume().unfinished == 0);
    CHECK(fixture.waiting() == Lines{"SMTP:kim@example.com SMTP:jo@example.com"});
    CHECK(fixture.in("MBG/anna/new").empty());
  }
  SECTION("it lasts") {
    now += 3 * 86'400;
    CHECK(fixture.resume().unfinished == 0);
    CHECK(fixture.waiting() == Lines{"SMTP:jo@example.com"});
    CHECK(fixture.report().find("broken") != std::string::npos);
  }
  CHECK(fixture.in("MBG/bernd/new").size() == 2);
  CHECK(fixture.is_nothing_left());
}

TEST_CASE("a huge list of recipients is served, one beyond all bounds refused") {
  OutboxFixture fixture;
  std::string many;
  for (int i = 0; i < 20'000; ++i) many += "TO:SMTP:u" + std::to_string(i) + "@example.com\n";
  fixture.drop("a.API", message(many));
  fixture.pick_up();
  const auto list = OutgoingMail(fixture.open()).list();
  REQUIRE(list.value().size() == 1);
  CHECK(list->front().state.recipients.size() == 20'000);
  std::string too_many;
  for (int i = 0; i < 100'001; ++i) too_many += "TO:SMTP:u@example.com\n";
  fixture.drop("b.API", message(too_many));
  fixture.pick_up();
  CHECK(fixture.in("MBG/anna/outbox") == Lines{"b.API.bad"});
  CHECK(fixture.report().find("145-1-") != std::string::npos);
}

TEST_CASE("what was taken of a mailbox that is removed goes to the postmaster") {
  OutboxFixture fixture;
  test::write_file(fixture / "GRP/broken", "FAX:1\n");
  fixture.drop("a.API", message("TO:TESTNET/TESTPO/broken\n"));
  CHECK(fixture.pick_up().unfinished == 1);
  REQUIRE(fixture.open().remove_mailbox("anna", true).is_delivered());
  CHECK(fixture.resume().unfinished == 0);
  CHECK(fixture.in("MBG/postmaster/outbox") == Lines{"a.API.bad"});
  CHECK(fixture.in("MBG/postmaster/new").size() == 1);
  CHECK(fixture.is_nothing_left());
}

}  // namespace
}  // namespace smtpgate::postoffice
