// Reports: once, from the postmaster, without a sender to answer to, and with nothing of a
// stranger's in them that could do harm.
#include <cerrno>
#include <ctime>

#include "postoffice/mmff_reader.h"
#include "postoffice/mmff_text.h"
#include "postoffice/reports.h"
#include "unit/catch.h"
#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/outgoing_fixture.h"

namespace smtpgate::postoffice {
namespace {

using test::OutgoingMailFixture;

struct Read {
  MessageHeader header;
  std::string text;
  std::vector<std::string> attachments;
};

Read read_message(const std::string& contents) {
  MemorySource source(contents);
  Reader reader(source);
  Read read;
  auto header = reader.next();
  REQUIRE((header && *header));
  read.header = **header;
  const auto section = [&] {
    std::string all;
    std::string buffer(4096, '\0');
    for (;;) {
      auto count = reader.read(buffer);
      REQUIRE(count.has_value());
      if (*count == 0) return all;
      all.append(buffer, 0, *count);
    }
  };
  read.text = section();
  while (reader.next_section().value()) read.attachments.push_back(section());
  CHECK_FALSE(reader.next()->has_value());
  return read;
}

bool has(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

OutgoingRecipient failed_recipient(const std::string& address, const std::string& status,
                                   const std::string& reason) {
  OutgoingRecipient recipient;
  recipient.address = TypedAddress::parse(address);
  recipient.state = RecipientState::failed;
  recipient.status = status;
  recipient.reason = reason;
  return recipient;
}

struct ReportFixture : OutgoingMailFixture {
  /// Reports `contents` as not delivered to bob.
  Outcome report(const std::string& contents, OutgoingContent kind = OutgoingContent::mmff,
                 std::vector<OutgoingRecipient> recipients = {
                     failed_recipient("SMTP:bob@example.com", "5.1.1", "550 5.1.1 unknown user")}) {
    const std::string path = directory() / "original";
    test::write_file(path, contents);
    auto file = FileSystem::posix().open(path);
    REQUIRE(file.has_value());
    NonDelivery failed;
    failed.message_id = std::string(32, '7');
    failed.recipients = std::move(recipients);
    failed.original = file->get();
    failed.original_kind = kind;
    return file_non_delivery(open(), "anna", failed);
  }
};

TEST_CASE("a non-delivery report says who, why, and what, and has the message with it") {
  ReportFixture fixture;
  const std::string original = ReportFixture::mmff(
      "TO:SMTP:bob@example.com\nCC:SMTP:carl@example.com\n", "Dear Bob,\nthe plan.\n");
  REQUIRE(fixture.report(original).is_delivered());
  const Read read = read_message(fixture.only_report());
  CHECK(read.header.from.str() == "CSI:TESTNET/TESTPO/postmaster");
  REQUIRE(read.header.to.size() == 1);
  CHECK(read.header.to[0].str() == "CSI:TESTNET/TESTPO/anna");
  CHECK(read.header.subject == "Undeliverable: Plan");
  CHECK(read.header.field(ext::envelope_from) == "");
  CHECK(read.header.field(ext::auto_submitted) == "auto-replied");
  CHECK(read.header.field(ext::character_set) == "UTF-8");
  CHECK_FALSE(read.header.date.empty());
  CHECK(has(read.text,
            "not delivered to this recipient:\n\n  bob@example.com\n"
            "    [002] The address is not known.\n    550 5.1.1 unknown user\n"));
  CHECK(has(read.text, "  From:     CSI:TESTNET/TESTPO/anna\n"));
  CHECK(has(read.text, "  To:       SMTP:bob@example.com\n"));
  CHECK(has(read.text, "  Cc:       SMTP:carl@example.com\n"));
  CHECK(has(read.text, "  Date:     2026-11-21 20:31\n"));
  CHECK(has(read.text, "\n  Dear Bob,\n  the plan.\n\n"));
  CHECK(
      has(read.text, "The whole message is attached. Its number here is " + std::string(32, '7')));
  REQUIRE(read.attachments.size() == 1);
  CHECK(read.header.attachments[0].name == "original.api");
  CHECK(read.attachments[0] == original);
}

TEST_CASE("each failed recipient of a message is told once, alone or with others") {
  ReportFixture fixture;
  const std::string original = ReportFixture::mmff("TO:SMTP:bob@example.com\n");
  const auto bob = failed_recipient("SMTP:bob@example.com", "5.1.1", "550 no");
  const auto carl = failed_recipient("SMTP:carl@example.com", "5.2.2", "552 full");
  const auto dora = failed_recipient("SMTP:dora@example.com", "5.7.1", "550 no");
  REQUIRE(fixture.report(original, OutgoingContent::mmff, {bob, carl}).is_delivered());
  CHECK(fixture.report(original, OutgoingContent::mmff, {carl, bob})
            .sentence()
            .starts_with("duplicate"));
  CHECK(fixture.reports().size() == 1);
  // After a crash in between, the one that was told fails together with another one.
  CHECK(fixture.report(original, OutgoingContent::mmff, {carl, dora, bob}).is_delivered());
  REQUIRE(fixture.reports().size() == 2);
  std::string all;
  for (const std::string& name : fixture.reports()) {
    all += read_message(test::read_file(fixture / ("MBG/anna/new/" + name))).text;
  }
  for (const char* who : {"bob", "carl", "dora"}) {
    const std::string line = "\n  " + std::string(who) + "@example.com\n";
    INFO(all);
    CHECK(all.find(line) != std::string::npos);
    CHECK(all.find(line) == all.rfind(line));
  }
  CHECK(fixture.report(original, OutgoingContent::mmff, {dora}).is_delivered());
  CHECK(fixture.reports().size() == 2);
}

TEST_CASE("stopped at any operation of a report, nobody is told twice or not at all") {
  const auto bob = failed_recipient("SMTP:bob@example.com", "5.1.1", "550 no");
  const auto carl = failed_recipient("SMTP:carl@example.com", "5.2.2", "552 full");
  NonDelivery failed;
  failed.message_id = std::string(32, '7');
  bool is_stopped = true;
  for (std::uint64_t n = 0; is_stopped; ++n) {
    ReportFixture fixture;
    failed.recipients = {bob};
    {
      FaultyFileSystem faulty;
      const Postoffice postoffice = fixture.open(faulty);
      faulty.forget_operations();
      faulty.fail_at(n, EIO, FaultyFileSystem::Moment::instead, true);
      (void)file_non_delivery(postoffice, "anna", failed);
      is_stopped = faulty.faults() > 0;
    }
    INFO("stopped at " << n);
    failed.recipients = {carl, bob};
    REQUIRE(file_non_delivery(fixture.open(), "anna", failed).is_delivered());
    std::string all;
    for (const std::string& name : fixture.reports()) {
      all += read_message(test::read_file(fixture / ("MBG/anna/new/" + name))).text;
    }
    for (const std::string line : {"\n  bob@example.com\n", "\n  carl@example.com\n"}) {
      CHECK(all.find(line) != std::string::npos);
      CHECK(all.find(line) == all.rfind(line));
    }
  }
}

TEST_CASE("what is known of who was told goes with the markers, after their days") {
  ReportFixture fixture;
  REQUIRE(fixture.report(ReportFixture::mmff("TO:SMTP:bob@example.com\n")).is_delivered());
  CHECK(test::names_in(fixture / "SMTP/ids").size() == 1);
  const std::int64_t now = std::time(nullptr);
  CHECK(expire_outgoing_markers(fixture.open(), now + 4 * 86'400).value() == 0);
  CHECK(expire_outgoing_markers(fixture.open(), now + 6 * 86'400).value() == 1);
  CHECK(test::names_in(fixture / "SMTP/ids").empty());
}

TEST_CASE("hostile octets of the remote host and of the message stay text") {
  ReportFixture fixture;
  const std::string reason = "550 no\r\nTO:CSI:TESTNET/TESTPO/bert\x1b[2J\xFF\xE2\x80\xAE";
  const std::string original =
      "VERSION:3.00\nTO:SMTP:b\x1b[31m@example.com\nFROM:A/B/c\nSUBJECT:s\x1b[2J\\^0D^0AX: y\n"
      "TEXT:10\nt\x1b[2J\r\nxy\n";
  REQUIRE(fixture
              .report(original, OutgoingContent::mmff,
                      {failed_recipient("SMTP:a\r\nb@example.com", "5.7.1", reason)})
              .is_delivered());
  const std::string report = fixture.only_report();
  const Read read = read_message(report);
  CHECK(read.header.to.size() == 1);
  CHECK(read.text.find('\x1b') == std::string::npos);
  CHECK(read.text.find('\r') == std::string::npos);
  CHECK(read.text.find("\xE2\x80\xAE") == std::string::npos);
  CHECK(has(read.text, "550 no\\x0D\\x0ATO:CSI"));
  CHECK(has(read.header.subject, "Undeliverable: s\\x1B[2J\\\\\\x0D\\x0AX: y"));
}

TEST_CASE("the text that is shown is bounded, a large original is not attached") {
  ReportFixture fixture;
  std::string text;
  for (int i = 0; i < 60'000; ++i) text += "line " + std::to_string(i) + " of a long message\n";
  REQUIRE(text.size() > largest_attached_original);
  REQUIRE(fixture.report(ReportFixture::mmff("TO:SMTP:bob@example.com\n", text)).is_delivered());
  const Read read = read_message(fixture.only_report());
  CHECK(read.attachments.empty());
  CHECK(has(read.text, "too large to be attached"));
  CHECK(has(read.text, "  line 29 of"));
  CHECK_FALSE(has(read.text, "  line 30 of"));
  CHECK(has(read.text, "  [...]\n"));
  CHECK(read.text.size() < 4000);
}

TEST_CASE("Internet mail that was passed on is shown and attached as it stands") {
  ReportFixture fixture;
  const std::string original =
      "Received: from a\r\n by b\r\nSubject: =?utf-8?q?Plan?=\r\n folded\r\nFrom: jo@x.example\r\n"
      "\r\nThe text\r\n";
  REQUIRE(fixture.report(original, OutgoingContent::internet).is_delivered());
  const Read read = read_message(fixture.only_report());
  CHECK(read.header.subject == "Undeliverable: =?utf-8?q?Plan?=");
  CHECK(has(read.text,
            "  Subject: =?utf-8?q?Plan?=\n   folded\n  From: jo@x.example\n\n"
            "  The text\n"));
  CHECK_FALSE(has(read.text, "Received"));
  CHECK(read.attachments.at(0) == original);
  CHECK(read.header.attachments[0].name == "original.eml");
  CHECK(read.header.attachments[0].content_type == "message/rfc822");
}

TEST_CASE("an original that is none is reported all the same") {
  ReportFixture fixture;
  CHECK(fixture.report("no MMFF at all").is_delivered());
  CHECK(
      fixture.report("", OutgoingContent::internet, {failed_recipient("SMTP:x@y.example", "", "")})
          .is_delivered());
  NonDelivery unreadable;
  unreadable.message_id = "x";
  unreadable.recipients = {failed_recipient("SMTP:bob@example.com", "5.6.0", "")};
  unreadable.remark = "It was set aside.";
  CHECK(file_non_delivery(fixture.open(), "anna", unreadable).is_delivered());
  for (const std::string& name : fixture.reports()) {
    const Read read = read_message(test::read_file(fixture / ("MBG/anna/new/" + name)));
    CHECK(read.header.subject == "Undeliverable: your message");
  }
  CHECK(fixture.reports().size() == 3);
}

TEST_CASE("an original that the disk does not give now is tried again, not left out") {
  ReportFixture fixture;
  for (const OutgoingContent kind : {OutgoingContent::mmff, OutgoingContent::internet}) {
    const std::string text = kind == OutgoingContent::mmff
                                 ? ReportFixture::mmff("TO:SMTP:bob@example.com\n")
                                 : std::string("Subject: plan\r\n\r\ntext\r\n");
    test::write_file(fixture / "original", text);
    FaultyFileSystem files;
    auto file = files.open(fixture / "original");
    REQUIRE(file.has_value());
    NonDelivery failed;
    failed.message_id = kind == OutgoingContent::mmff ? "m" : "i";
    failed.recipients = {failed_recipient("SMTP:bob@example.com", "5.6.0", "")};
    failed.original = file->get();
    failed.original_part = {0, text.size()};
    failed.original_kind = kind;
    files.fail_if([](const Operation& one) { return one.name.starts_with("read"); }, EIO);
    CHECK(file_non_delivery(fixture.open(), "anna", failed).is_temporary());
    files.heal();
    CHECK(file_non_delivery(fixture.open(), "anna", failed).is_delivered());
  }
  CHECK(fixture.reports().size() == 2);
}

TEST_CASE("a report for a mailbox that is gone goes to the postmaster") {
  ReportFixture fixture;
  REQUIRE(fixture.open().remove_mailbox("anna", true).is_delivered());
  CHECK(fixture.report(ReportFixture::mmff("TO:SMTP:bob@example.com\n")).is_delivered());
  CHECK(has(fixture.only_report("postmaster"), "TO:CSI:TESTNET/TESTPO/anna\n"));
}

TEST_CASE("a report is in the postoffice's own character set and line ends") {
  PostofficeSettings settings = ReportFixture::default_settings();
  settings.character_set = "CP850";
  settings.line_end = LineEnd::crlf;
  OutgoingMailFixture fixture(settings);
  Report report;
  report.id = "x";
  report.subject = "S\xC3\xA4tze";
  report.lines = {
      "Gr\xC3\xBC\xC3\x9F"
      "e",
      "zwei"};
  REQUIRE(file_report(fixture.open(), "anna", report).is_delivered());
  const Read read = read_message(fixture.only_report());
  CHECK(read.text ==
        "Gr\x81\xE1"
        "e\r\nzwei\r\n");
  CHECK(read.header.subject == "S\x84tze");
  CHECK(character_set_of(read.header, "UTF-8") == "CP850");
}

TEST_CASE("codes are the original's, words are plain") {
  CHECK(non_delivery_code("5.1.1").code == "[002]");
  CHECK(non_delivery_code("5.1.10").code == "[002]");
  CHECK(non_delivery_code("5.2.2").code == "[017]");
  CHECK(non_delivery_code("5.3.4").code == "[009]");
  CHECK(non_delivery_code("5.4.6").code == "[004]");
  CHECK(non_delivery_code("4.4.1").code == "[005]");
  CHECK(non_delivery_code("5.6.3").code == "[012]");
  CHECK(non_delivery_code("5.7.1").code == "[001]");
  CHECK(non_delivery_code("").code == "[001]");
  CHECK(non_delivery_code("nonsense").code == "[001]");
}

TEST_CASE("a message that is given up is reported, then it goes; at whatever operation it fails") {
  OutgoingMailFixture counted;
  const std::string counted_id = counted.hand_over_one();
  FaultyFileSystem counting;
  const auto give_up = [](const Postoffice& postoffice, const std::string& id) {
    auto taken = OutgoingMail(postoffice).take(id);
    if (!taken || !*taken) return Outcome::temporary("not taken");
    return return_to_sender(postoffice, **taken, "It is too old.");
  };
  const Postoffice counted_postoffice = counted.open(counting);
  counting.forget_operations();
  const Outcome returned = give_up(counted_postoffice, counted_id);
  INFO(returned.sentence());
  REQUIRE(returned.is_delivered());
  CHECK(counted.in_smtp().empty());
  CHECK(has(counted.only_report(), "\nIt is too old.\n"));
  const std::size_t operations = counting.operations().size();
  for (std::size_t n = 0; n < operations; ++n) {
    OutgoingMailFixture fixture;
    const std::string id = fixture.hand_over_one();
    {
      FaultyFileSystem faulty;
      const Postoffice postoffice = fixture.open(faulty);
      faulty.forget_operations();
      faulty.fail_at(n, ENOSPC, FaultyFileSystem::Moment::instead, true);
      (void)give_up(postoffice, id);
    }
    INFO("stopped before " << n << ": " << counting.operations()[n].str());
    REQUIRE(OutgoingMail(fixture.open()).keep_alive(900).has_value());
    if (!fixture.in_smtp().empty()) CHECK(give_up(fixture.open(), id).is_delivered());
    CHECK(fixture.in_smtp().empty());
    CHECK(fixture.reports().size() == 1);
  }
}

TEST_CASE("whoever returns a message hears that a power cut may bring it back") {
  OutgoingMailFixture fixture;
  const std::string id = fixture.hand_over_one();
  FaultyFileSystem faulty;
  const Postoffice postoffice = fixture.open(faulty);
  auto taken = OutgoingMail(postoffice).take(id);
  REQUIRE((taken && *taken));
  faulty.fail_if(
      [](const Operation& operation) {
        return operation.name == "sync_directory" && operation.path.ends_with("/SMTP");
      },
      EIO);
  const Outcome returned = return_to_sender(postoffice, **taken, "");
  CHECK(returned.status() == gone_until_power_cut);
  CHECK(has(returned.sentence(), "is returned: report filed"));
  CHECK(has(returned.sentence(), "a power cut now may bring it back"));
  CHECK(fixture.reports().size() == 1);
}

TEST_CASE("a program's message is given up without a report") {
  OutgoingMailFixture fixture;
  OutgoingState state = OutgoingMailFixture::state_for({"SMTP:bob@example.com"});
  state.mailbox.clear();
  const std::string id = fixture.hand_over(state, "x", OutgoingContent::internet);
  auto taken = OutgoingMail(fixture.open()).take(id);
  REQUIRE((taken && *taken));
  CHECK(has(return_to_sender(fixture.open(), **taken, "").sentence(), "nobody is told"));
  CHECK(fixture.in_smtp().empty());
  CHECK(fixture.reports().empty());
  CHECK(fixture.reports("postmaster").empty());
}

}  // namespace
}  // namespace smtpgate::postoffice
