// What is shown of a report: its kind, its recipients, and the message in the reader's own sent/;
// and the commands that read sent/ and mark messages.
#include <nlohmann/json.hpp>

#include "postoffice/report_lines.h"
#include "unit/catch.h"
#include "unit/postoffice/mmff_test_support.h"
#include "unit/postoffice/postoffice_fixture.h"
#include "unit/postoffice/program.h"

namespace smtpgate::postoffice {
namespace {

using test::PostofficeFixture;
using test::ProgramResult;
using Lines = std::vector<std::pair<std::string, std::string>>;

const std::string sent_name = "0123456789abcdef0123456789abcdef" + std::string(32, '7');
const std::string sent_id = "<0123456789abcdef0123456789abcdef@example.net>";

std::string message(const std::string& fields, const std::string& subject = "Report") {
  return "VERSION:3.00\nTO:TESTNET/TESTPO/anna\nTO:SMTP:bob@example.com\n"
         "FROM:CSI:TESTNET/TESTPO/bernd\nDATE:2026-11-21\nTIME:10:00\nSUBJECT:" +
         subject + "\n" + fields + "TEXT:3\nhi\n";
}
std::string field(const std::string& name, const std::string& value) {
  return "EXT:S:0:" + name + "\n" + value + "\n";
}

struct ReportFixture : PostofficeFixture {
  ReportFixture() {
    add_mailbox("anna");
    add_mailbox("bernd");
  }
  Lines lines(const std::string& fields, const std::string& mailbox = "anna") const {
    auto all = mmff_test::read_all(message(fields));
    REQUIRE(all);
    return report_lines(open(), mailbox, all->front().header, "UTF-8");
  }
  void keep(const std::string& subject = "Offer", const std::string& name = sent_name) const {
    test::write_file(*this / ("MBG/anna/sent/" + name), message("", subject));
  }
  ProgramResult run(std::vector<std::string> words) const {
    words.insert(words.begin(), {"-d", path()});
    return test::run_program("postoffice", words);
  }
};

TEST_CASE("an ordinary message has no lines about a report") {
  ReportFixture fixture;
  CHECK(fixture.lines("").empty());
  CHECK(fixture.lines(field("REPORT-FOR", sent_id)).empty());
}

TEST_CASE("a report says what became of whom, and of which message in sent/") {
  ReportFixture fixture;
  fixture.keep();
  const std::string report = field("REPORT-KIND", "delivery") + field("REPORT-FOR", sent_id) +
                             field("REPORT-RECIPIENT", "failed 5.1.1 bob@example.com") +
                             field("REPORT-RECIPIENT", "delayed 4.4.1 zoe@example.com");
  CHECK(fixture.lines(report) == Lines{{"Report", "delivery"},
                                       {"Recipient", "failed 5.1.1 bob@example.com"},
                                       {"Recipient", "delayed 4.4.1 zoe@example.com"},
                                       {"About", "sent/01234567: Offer"}});
  // Another's sent/ is another's.
  CHECK(fixture.lines(report, "bernd").back() ==
        std::pair<std::string, std::string>{"About", sent_id});
}

TEST_CASE("a receipt from within is a report too") {
  ReportFixture fixture;
  fixture.keep();
  CHECK(fixture.lines(field("DISPOSITION", "manual-action/MDN-sent-manually; displayed") +
                      field("REPORT-FOR", local_message_id(sent_name))) ==
        Lines{{"Report", "disposition"},
              {"Recipient", "displayed - CSI:TESTNET/TESTPO/bernd"},
              {"About", "sent/01234567: Offer"}});
  CHECK(fixture.lines(field("DISPOSITION", "x")).at(1).second == "x - CSI:TESTNET/TESTPO/bernd");
  CHECK(local_message_id("note").empty());
  CHECK(local_message_id(std::string(64, 'G')).empty());
}

TEST_CASE("a hostile report leads nowhere", "[hostile]") {
  ReportFixture fixture;
  fixture.keep();
  for (const std::string id :
       {"<@x>", "<>", "", "<0123@x>", "<../../bernd/new/aaaaaaaaaaaaaaaaaaa@x>",
        "<0123456789ABCDEF0123456789ABCDEF@x>", "<0123456789abcdef0123456789abcdef>",
        "0123456789abcdef0123456789abcdef@x", "<00000000000000000000000000000000@x>"}) {
    INFO(id);
    const Lines lines = fixture.lines(field("REPORT-KIND", "x") + field("REPORT-FOR", id));
    CHECK(lines.size() == (id.empty() ? 1 : 2));
    if (!id.empty()) CHECK(lines.back().second == id);
  }
  std::string many = field("REPORT-KIND", "delivery");
  for (int i = 0; i < 1000; ++i) many += field("REPORT-RECIPIENT", "x");
  CHECK(fixture.lines(many).size() == 101);
  test::write_file(fixture / ("MBG/anna/sent/" + sent_name), "nonsense");
  CHECK(fixture.lines(field("REPORT-KIND", "x") + field("REPORT-FOR", sent_id))
            .back()
            .second.starts_with("sent/01234567: (144-1-1 "));
}

TEST_CASE("read shows the lines aligned and printable, and sent/ with --sent") {
  ReportFixture fixture;
  fixture.keep("Of\x1b[2Jfer");
  test::write_file(fixture / "MBG/anna/new/r1",
                   message(field("REPORT-KIND", "delivery") + field("REPORT-FOR", sent_id) +
                           field("REPORT-RECIPIENT", "failed 5.1.1 ^1B[2Jbob@example.com")));
  const ProgramResult read = fixture.run({"read", "anna", "r1"});
  CHECK(read.code == 0);
  CHECK(read.err.empty());
  CHECK(read.out.find("  Subject:   Report\n"
                      "  Report:    delivery\n"
                      "  Recipient: failed 5.1.1 \\x1B[2Jbob@example.com\n"
                      "  About:     sent/01234567: Of\\x1B[2Jfer\n") != std::string::npos);

  const ProgramResult list = fixture.run({"list", "--sent", "anna"});
  CHECK(list.code == 0);
  CHECK(list.out.find("To") != std::string::npos);
  CHECK(list.out.find("TESTNET/TESTPO/anna +1") != std::string::npos);
  const auto json = nlohmann::json::parse(fixture.run({"list", "anna", "--sent", "--json"}).out);
  REQUIRE(json["messages"].size() == 1);
  CHECK(json["messages"][0]["status"] == "sent");
  CHECK(json["messages"][0]["to"]["address"] == "TESTNET/TESTPO/anna");
  CHECK(json["messages"][0]["recipients"] == 2);
  CHECK(fixture.run({"list", "bernd", "--sent"}).out == "no messages in sent/ of mailbox bernd\n");
  CHECK(fixture.run({"read", "--sent", "anna", "0123"}).out.find("Of\\x1B[2Jfer") !=
        std::string::npos);
  const ProgramResult wrong = fixture.run({"read", "--sent", "anna", "r1"});
  CHECK(wrong.code == 65);
  CHECK(wrong.err.find("`list --sent anna`") != std::string::npos);
  CHECK(fixture.run({"read", "--sent", "anna", "0123", "--mark-read"}).code == 64);
  CHECK(fixture.run({"read", "--sent", "anna", "0123", "--receipt"}).code == 64);
  const std::string out = fixture.directory() / "out";
  CHECK(fixture.run({"extract", "--sent", "anna", "0123", "--out", out}).code == 0);
  CHECK(test::read_file(out + "/message.txt") == "hi\n");
}

TEST_CASE("mark moves a message both ways, and answers as read does") {
  ReportFixture fixture;
  const auto names = [&](const std::string& part) {
    return test::names_in(fixture / ("MBG/anna/" + part));
  };
  using Names = std::vector<std::string>;
  test::write_file(fixture / "MBG/anna/new/m1", message("PRIORITY:R\n"));
  CHECK(fixture.run({"mark", "anna", "m1"}).code == 64);
  CHECK(fixture.run({"mark", "anna", "m1", "--read", "--unread"}).code == 64);
  CHECK(fixture.run({"mark", "anna", "m1", "--unread", "--receipt"}).code == 64);
  CHECK(fixture.run({"mark", "anna", "m1", "--read", "--receipt", "--no-receipt"}).code == 64);
  CHECK(fixture.run({"mark", "anna", "nope", "--read"}).code == 65);

  ProgramResult done = fixture.run({"mark", "anna", "m1", "--read"});
  CHECK(done.code == 0);
  CHECK(done.out == "message m1 is marked as read\n");
  CHECK(done.err.empty());
  CHECK(names("cur") == Names{"m1"});
  done = fixture.run({"mark", "anna", "m1", "--unread"});
  CHECK(done.out == "message m1 is marked as unread\n");
  CHECK(names("new") == Names{"m1"});
  CHECK(fixture.run({"mark", "anna", "m1", "--unread"}).out == "message m1 is unread already\n");

  REQUIRE(fixture.run({"mailbox", "set", "anna", "--receipts", "on-read"}).code == 0);
  CHECK(fixture.run({"read", "anna", "m1", "--no-receipt"}).err == "");
  CHECK(names("outbox").empty());
  done = fixture.run({"mark", "anna", "m1", "--read"});
  CHECK(done.code == 0);
  CHECK(done.err == "postoffice: a receipt goes to CSI:TESTNET/TESTPO/bernd\n");
  CHECK(names("outbox").size() == 1);
  CHECK(fixture.run({"read", "anna", "m1"}).err.empty());
  done = fixture.run({"read", "anna", "m1", "--receipt"});
  CHECK(done.code == 0);
  CHECK(done.err == "postoffice: message m1 was answered before\n");
  CHECK(names("outbox").size() == 1);

  test::write_file(fixture / "MBG/anna/new/m2", message(""));
  CHECK(fixture.run({"read", "anna", "m2"}).err.empty());
  done = fixture.run({"read", "anna", "m2", "--receipt"});
  CHECK(done.code == 65);
  CHECK(done.out.find("hi\n") != std::string::npos);
  CHECK(done.err == "postoffice: message m2 is not answered: nobody asked for a receipt\n");
  test::write_file(fixture / "MBG/anna/new/m3",
                   message("PRIORITY:R\n" + field("PRECEDENCE", "list")));
  done = fixture.run({"read", "anna", "m3"});
  CHECK(done.code == 0);
  CHECK(done.err ==
        "postoffice: message m3 is not answered: it came over a list or in bulk (list)\n");
}

TEST_CASE("marking as unread never takes another message's place") {
  ReportFixture fixture;
  test::write_file(fixture / "MBG/anna/new/m1", message("", "the other"));
  test::write_file(fixture / "MBG/anna/cur/m1", message("", "this"));
  const ProgramResult done = fixture.run({"mark", "anna", "m1", "--unread"});
  CHECK(done.code == 65);
  CHECK(test::read_file(fixture / "MBG/anna/new/m1") == message("", "the other"));
  CHECK(test::read_file(fixture / "MBG/anna/cur/m1") == message("", "this"));
}

}  // namespace
}  // namespace smtpgate::postoffice
