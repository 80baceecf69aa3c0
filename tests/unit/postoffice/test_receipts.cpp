// Requests for a receipt: every rule of docs/receipts.md about who is answered, the answer as it is
// dropped, once whatever crashes or races, and with a group's rights only.
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <functional>

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "postoffice/groups.h"
#include "postoffice/outbox.h"
#include "postoffice/put.h"
#include "postoffice/receipts.h"
#include "unit/catch.h"
#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/mmff_test_support.h"
#include "unit/postoffice/postoffice_fixture.h"

namespace smtpgate::postoffice {
namespace {

using test::PostofficeFixture;
using Lines = std::vector<std::string>;

/// A message from the Internet that asks whoever sent it; fields may be changed, or taken out.
struct Asking {
  std::string from = "SMTP:jo@example.com";
  std::string priority;
  std::vector<std::pair<std::string, std::string>> fields = {{"ENVELOPE-FROM", "jo@example.com"},
                                                             {"MESSAGE-ID", "<m.1@example.com>"},
                                                             {"RECEIPT-TO", "jo@example.com"}};

  Asking& set(const std::string& name, const std::string& value) {
    without(name).fields.emplace_back(name, value);
    return *this;
  }
  Asking& add(const std::string& name, const std::string& value) {
    fields.emplace_back(name, value);
    return *this;
  }
  Asking& without(const std::string& name) {
    std::erase_if(fields, [&](const auto& field) { return field.first == name; });
    return *this;
  }
  std::string file() const {
    std::string octets = "VERSION:3.00\nTO:TESTNET/TESTPO/anna\nFROM:" + from +
                         "\nDATE:2026-11-21\nTIME:10:00\nSUBJECT:Pl\xc3\xa4ne\n";
    if (!priority.empty()) octets += "PRIORITY:" + priority + "\n";
    for (const auto& [name, value] : fields) octets += "EXT:S:0:" + name + "\n" + value + "\n";
    return octets + "TEXT:3\nhi\n";
  }
};

/// One from a mailbox here, which has no envelope.
Asking inside() {
  Asking asking;
  asking.from = "CSI:TESTNET/TESTPO/bernd";
  asking.priority = "R";
  asking.fields.clear();
  return asking;
}

struct ReceiptFixture : PostofficeFixture {
  ReceiptFixture() {
    add_mailbox("anna");
    add_mailbox("bernd");
    test::write_file(*this / "GLB/ALIAS", "ann anna\n");
  }

  std::string put(const Asking& asking, const std::string& id = "m1") const {
    test::write_file(*this / ("MBG/anna/new/" + id), asking.file());
    return id;
  }
  void set_receipts(const std::string& how) const {
    MailboxSettings settings;
    settings.receipts = how;
    REQUIRE(write_mailbox_settings(open(), "anna", settings).is_delivered());
  }
  ReceiptRequest judge(const Asking& asking) const {
    auto all = mmff_test::read_all(asking.file());
    REQUIRE(all);
    auto request = judge_receipt_request(open(), "anna", all->front().header, "UTF-8");
    REQUIRE(request);
    return *request;
  }
  ReceiptResult answer(ReceiptWish wish = ReceiptWish::by_hand, const std::string& id = "m1",
                       FileSystem& files = FileSystem::posix()) const {
    const Postoffice postoffice = open(files);
    auto mailbag = Mailbag::open(postoffice, "anna");
    if (!mailbag) return {mailbag.error(), true};
    auto entry = mailbag->find(id);
    if (!entry) return {entry.error(), true};
    return answer_receipt_request(postoffice, *mailbag, *entry, wish);
  }
  /// Names without a dot in front.
  Lines dropped() const {
    Lines names = test::names_in(*this / "MBG/anna/outbox");
    std::erase_if(names, [](const std::string& name) { return name.front() == '.'; });
    return names;
  }
  MessageHeader answered() const {
    REQUIRE(dropped().size() == 1);
    auto all =
        mmff_test::read_all(test::read_file(*this / ("MBG/anna/outbox/" + dropped().front())));
    REQUIRE(all);
    text = all->front().sections.front();
    return all->front().header;
  }
  mutable std::string text;  ///< of answered()
};

/// Runs `work` in a process of its own; its exit code.
int in_child(const std::function<int()>& work) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) ::_exit(work());
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_CASE("who asks for a receipt: RECEIPT-TO, and priority R of mail from within") {
  ReceiptFixture fixture;
  CHECK(fixture.judge(Asking()).is_asked);
  CHECK_FALSE(fixture.judge(Asking().without("RECEIPT-TO")).is_asked);
  CHECK_FALSE(fixture.judge(Asking().set("RECEIPT-TO", "  ")).is_asked);
  Asking urgent;
  urgent.without("RECEIPT-TO").priority = "R";
  CHECK_FALSE(fixture.judge(urgent).is_asked);
  CHECK(fixture.judge(inside()).is_asked);
  Asking lower = inside();
  lower.priority = "r";
  CHECK(fixture.judge(lower).is_asked);
  lower.priority = "5";
  CHECK_FALSE(fixture.judge(lower).is_asked);
  lower.add("RECEIPT-TO", "Bernd <b@elsewhere.example>, and others");
  const ReceiptRequest request = fixture.judge(lower);
  CHECK(request.is_asked);
  REQUIRE(request.to.size() == 1);
  CHECK(request.to.front().str() == "CSI:TESTNET/TESTPO/bernd");
  CHECK(request.never.empty());
  CHECK(request.only_by_hand.empty());
}

TEST_CASE("never answered, whoever asks") {
  ReceiptFixture fixture;
  const auto never = [&](const Asking& asking) {
    const ReceiptRequest request = fixture.judge(asking);
    CHECK(request.is_asked);
    return request.never;
  };
  CHECK(never(Asking()).empty());
  CHECK(never(Asking().set("ENVELOPE-FROM", "")).find("<>") != std::string::npos);
  CHECK_FALSE(never(Asking().set("ENVELOPE-FROM", "MAILER-DAEMON@example.com")).empty());
  CHECK_FALSE(never(Asking().set("ENVELOPE-FROM", "postmaster@example.com")).empty());
  CHECK_FALSE(never(Asking().set("ENVELOPE-FROM", "Postmaster")).empty());
  Asking from_postmaster;
  from_postmaster.from = "SMTP:postmaster@example.com";
  CHECK_FALSE(never(from_postmaster).empty());
  Asking ours = inside();
  ours.from = "CSI:TESTNET/TESTPO/Postmaster";
  CHECK_FALSE(never(ours).empty());
  CHECK_FALSE(never(Asking().add("AUTO-SUBMITTED", "auto-generated")).empty());
  CHECK(never(Asking().add("AUTO-SUBMITTED", "no")).empty());
  CHECK_FALSE(never(inside().add("AUTO-SUBMITTED", "auto-replied")).empty());
  CHECK_FALSE(never(Asking().add("REPORT-KIND", "delivery")).empty());
  CHECK_FALSE(never(inside().add("DISPOSITION", "x")).empty());
  for (const char* precedence : {"list", "bulk", "junk"}) {
    CHECK(never(Asking().add("PRECEDENCE", precedence)).find(precedence) != std::string::npos);
  }
  CHECK_FALSE(never(Asking().add("RECEIPT-OPTIONS", "x=Required,1")).empty());
  CHECK(never(Asking().add("RECEIPT-OPTIONS", "x=optional,1")).empty());
  // Nobody, or nobody in a form that mail could be sent to.
  for (const char* odd : {"jo", "a b@example.com", "<jo@example.com>", "jo@example.com, x@y",
                          "CSI:nonsense/x", "jo@", "@x"}) {
    INFO(odd);
    CHECK_FALSE(never(Asking().set("RECEIPT-TO", odd)).empty());
  }
  // The mailbox itself, by its name and by an alias; also as one of several.
  CHECK_FALSE(never(Asking().set("RECEIPT-TO", "CSI:TESTNET/TESTPO/ANNA")).empty());
  CHECK_FALSE(never(Asking().set("RECEIPT-TO", "CSI:TESTNET/TESTPO/ann")).empty());
  CHECK_FALSE(never(Asking().add("RECEIPT-TO", "CSI:TESTNET/TESTPO/anna")).empty());
  Asking own = inside();
  own.from = "CSI:TESTNET/TESTPO/anna";
  CHECK_FALSE(never(own).empty());
}

TEST_CASE("only by hand: more than one address, or another than it was sent from") {
  ReceiptFixture fixture;
  const auto by_hand = [&](const Asking& asking) {
    const ReceiptRequest request = fixture.judge(asking);
    CHECK(request.is_asked);
    CHECK(request.never == "");
    return !request.only_by_hand.empty();
  };
  CHECK_FALSE(by_hand(Asking()));
  CHECK_FALSE(by_hand(Asking().set("ENVELOPE-FROM", "jo@EXAMPLE.com")));
  CHECK(by_hand(Asking().set("ENVELOPE-FROM", "Jo@example.com")));
  CHECK(by_hand(Asking().set("ENVELOPE-FROM", "jo+bounces@example.com")));
  CHECK(by_hand(Asking().set("RECEIPT-TO", "other@example.com")));
  CHECK(by_hand(Asking().add("RECEIPT-TO", "other@example.com")));
  CHECK(by_hand(Asking().add("RECEIPT-TO", "x y")));
  CHECK(by_hand(Asking().without("ENVELOPE-FROM")));
  // A mailbox here is believed only as the author that it is.
  CHECK(by_hand(Asking().set("RECEIPT-TO", "CSI:TESTNET/TESTPO/bernd")));
  Asking trusted;
  trusted.from = "CSI:TESTNET/TESTPO/Bernd";
  CHECK_FALSE(by_hand(trusted.set("RECEIPT-TO", "CSI:TESTNET/TESTPO/bernd")));
  CHECK(by_hand(trusted.set("RECEIPT-TO", "CSI:OTHER/PO/bernd")));
}

TEST_CASE("very many requests are no work") {
  ReceiptFixture fixture;
  Asking asking;
  for (int i = 0; i < 20'000; ++i) {
    asking.add("RECEIPT-TO", "a" + std::to_string(i) + "@example.com");
  }
  const ReceiptRequest request = fixture.judge(asking);
  CHECK_FALSE(request.only_by_hand.empty());
  CHECK(request.to.size() <= 101);
}

TEST_CASE("the answer is a file in the mailbox's own outbox") {
  ReceiptFixture fixture;
  fixture.put(Asking().add("ORIGINAL-RECIPIENT", "rfc822;sales@example.net"));
  const ReceiptResult result = fixture.answer();
  CHECK(result.outcome.sentence() == "a receipt goes to SMTP:jo@example.com");
  REQUIRE(result.outcome.is_delivered());
  CHECK(result.is_worth_telling);
  const MessageHeader header = fixture.answered();
  CHECK(header.from.str() == "CSI:TESTNET/TESTPO/anna");
  REQUIRE(header.to.size() == 1);
  CHECK(header.to.front().str() == "SMTP:jo@example.com");
  CHECK(header.subject == "Read: Pl\xc3\xa4ne");
  CHECK(header.field("DISPOSITION") == "manual-action/MDN-sent-manually; displayed");
  CHECK(header.field("REPORT-FOR") == "<m.1@example.com>");
  CHECK(header.field("ORIGINAL-RECIPIENT") == "rfc822;sales@example.net");
  CHECK(header.field("AUTO-SUBMITTED") == "auto-replied");
  CHECK(header.priority.empty());
  CHECK(fixture.text.find("Pl\xc3\xa4ne") != std::string::npos);
  CHECK(fixture.text.find("anna (TESTNET/TESTPO/anna)") != std::string::npos);
  CHECK(fixture.text.find("does not say") != std::string::npos);
  CHECK(test::names_in(fixture / "MBG/anna/cur") == Lines{".receipt-m1"});
  // The mark is nobody's message.
  CHECK(Mailbag::open(fixture.open(), "anna")->list()->size() == 1);
}

TEST_CASE("what a message says cannot break the answer") {
  ReceiptFixture fixture;
  Asking asking;
  asking.set("MESSAGE-ID", "<a^0D^0Ab@c>").add("ORIGINAL-RECIPIENT", std::string(2000, 'x'));
  asking.set("SENT", "^1B[2J" + std::string(100'000, 'y'));
  fixture.put(asking);
  REQUIRE(fixture.answer().outcome.is_delivered());
  const MessageHeader header = fixture.answered();
  CHECK(header.field("REPORT-FOR") == "<a\r\nb@c>");
  CHECK_FALSE(header.field("ORIGINAL-RECIPIENT"));
  CHECK(fixture.text.find('\x1b') == std::string::npos);
  CHECK(fixture.text.size() < 5000);
}

TEST_CASE("the settings answer only if they are made so, and only what they may") {
  ReceiptFixture fixture;
  fixture.put(Asking());
  ReceiptResult result = fixture.answer(ReceiptWish::as_set);
  CHECK(result.outcome.is_delivered());
  CHECK_FALSE(result.is_worth_telling);
  CHECK(fixture.dropped().empty());
  fixture.set_receipts("on-read");
  CHECK(fixture.answer(ReceiptWish::forbidden).outcome.is_delivered());
  CHECK(fixture.dropped().empty());
  fixture.put(Asking().set("RECEIPT-TO", "other@example.com"), "m2");
  result = fixture.answer(ReceiptWish::as_set, "m2");
  CHECK(result.outcome.is_permanent());
  CHECK(result.is_worth_telling);
  CHECK(result.outcome.sentence().find("--receipt") != std::string::npos);
  fixture.put(Asking().without("RECEIPT-TO"), "m3");
  result = fixture.answer(ReceiptWish::as_set, "m3");
  CHECK(result.outcome.is_delivered());
  CHECK_FALSE(result.is_worth_telling);
  CHECK(fixture.answer(ReceiptWish::by_hand, "m3").outcome.is_permanent());
  CHECK(fixture.dropped().empty());
  CHECK(test::names_in(fixture / "MBG/anna/cur").empty());
  result = fixture.answer(ReceiptWish::as_set);
  CHECK(result.is_worth_telling);
  CHECK(fixture.answered().field("DISPOSITION") ==
        "manual-action/MDN-sent-automatically; displayed");
  CHECK(fixture.answer(ReceiptWish::by_hand, "m2").outcome.is_delivered());
  CHECK(fixture.dropped().size() == 2);
}

TEST_CASE("settings that cannot be read answer nothing, and say so") {
  ReceiptFixture fixture;
  fixture.put(Asking());
  fixture.set_receipts("on-read");
  test::write_file(fixture / "GLB/MAILBOX/anna.toml", "nonsense");
  const ReceiptResult result = fixture.answer(ReceiptWish::as_set);
  CHECK(result.outcome.is_temporary());
  CHECK(result.is_worth_telling);
  CHECK(fixture.dropped().empty());
}

TEST_CASE("a message from within is answered to its author, by the name that it has in sent/") {
  ReceiptFixture fixture;
  const std::string id(64, 'b');
  fixture.put(inside(), id);
  REQUIRE(fixture.answer(ReceiptWish::by_hand, id).outcome.is_delivered());
  const MessageHeader header = fixture.answered();
  CHECK(header.to.front().str() == "CSI:TESTNET/TESTPO/bernd");
  CHECK(header.field("REPORT-FOR") == "<" + std::string(32, 'b') + "@postoffice.invalid>");
  REQUIRE(pick_up_outbox(fixture.open(), "anna", {}, [](const OutboxNote&) {}));
  const auto arrived = test::names_in(fixture / "MBG/bernd/new");
  REQUIRE(arrived.size() == 1);
  // Nobody answers an answer.
  const auto back = mmff_test::read_all(test::read_file(fixture / ("MBG/bernd/new/" + arrived[0])));
  REQUIRE(back);
  CHECK(back->front().header.field("DISPOSITION"));
  CHECK_FALSE(
      judge_receipt_request(fixture.open(), "bernd", back->front().header, "UTF-8")->is_asked);
}

TEST_CASE("a message is answered once") {
  ReceiptFixture fixture;
  fixture.put(Asking());
  REQUIRE(fixture.answer().outcome.is_delivered());
  const ReceiptResult again = fixture.answer();
  CHECK(again.outcome.sentence() == "message m1 was answered before");
  CHECK_FALSE(again.is_worth_telling);
  CHECK(fixture.dropped().size() == 1);
  // Whoever comes between the look and the mark.
  fixture.put(Asking(), "m2");
  FaultyFileSystem files;
  files.before([&](const Operation& operation) {
    if (operation.name == "create" && operation.path.ends_with(".receipt-m2")) {
      test::write_file(operation.path, "");
    }
  });
  CHECK(fixture.answer(ReceiptWish::by_hand, "m2", files).outcome.is_delivered());
  CHECK(fixture.dropped().size() == 1);
  CHECK(test::names_in(fixture / "MBG/anna/outbox").size() == 1);
}

TEST_CASE(
    "each operation failing: told, never two answers, and none is claimed that is not there") {
  using Moment = FaultyFileSystem::Moment;
  for (const Moment moment : {Moment::instead, Moment::afterwards}) {
    std::uint64_t n = 0;
    for (;; ++n) {
      ReceiptFixture fixture;
      fixture.set_receipts("on-read");
      fixture.put(Asking());
      const Postoffice postoffice = fixture.open();
      FaultyFileSystem files;
      const Postoffice faulty = fixture.open(files);
      const auto mailbag = Mailbag::open(faulty, "anna");
      const auto entry = mailbag->find("m1");
      files.forget_operations();
      files.fail_at(n, EIO, moment);
      const ReceiptResult result =
          answer_receipt_request(faulty, *mailbag, *entry, ReceiptWish::as_set);
      if (files.faults() == 0) break;
      INFO(n << ": " << files.operations().back().str() << ": " << result.outcome.sentence());
      CHECK((result.outcome.is_delivered() || result.is_worth_telling));
      if (result.outcome.is_delivered()) CHECK(fixture.dropped().size() == 1);
      CHECK(fixture.dropped().size() <= 1);
      // The next reader may send it, if nobody did.
      fixture.answer(ReceiptWish::as_set);
      CHECK(fixture.dropped().size() <= 1);
      CHECK(test::names_in(fixture / "MBG/anna/cur") == Lines{".receipt-m1"});
    }
    CHECK(n > 10);
  }
}

TEST_CASE("a crash at any operation: at most one answer, and its mark before it") {
  std::uint64_t n = 0;
  for (int code = 1; code != 0; ++n) {
    ReceiptFixture fixture;
    fixture.put(Asking());
    FaultyFileSystem files;
    std::uint64_t count = 0;
    files.before([&](const Operation&) {
      if (count++ == n) ::_exit(1);
    });
    code = in_child([&] {
      fixture.answer(ReceiptWish::by_hand, "m1", files);
      return 0;
    });
    INFO(n);
    if (!fixture.dropped().empty()) {
      CHECK(test::names_in(fixture / "MBG/anna/cur") == Lines{".receipt-m1"});
    }
    const bool was_marked = !test::names_in(fixture / "MBG/anna/cur").empty();
    const std::size_t before = fixture.dropped().size();
    CHECK(fixture.answer().outcome.is_delivered());
    CHECK(fixture.dropped().size() == (was_marked ? before : 1));
  }
  CHECK(n > 10);
}

TEST_CASE("what cannot be dropped leaves no mark, so that it can be tried again") {
  ReceiptFixture fixture;
  fixture.put(Asking());
  FaultyFileSystem files;
  files.fail_if([](const Operation& operation) { return operation.name == "rename"; }, ENOSPC);
  const ReceiptResult result = fixture.answer(ReceiptWish::by_hand, "m1", files);
  CHECK(result.outcome.is_temporary());
  CHECK(result.outcome.sentence().starts_with("no receipt: "));
  CHECK(test::names_in(fixture / "MBG/anna/cur").empty());
  CHECK(test::names_in(fixture / "MBG/anna/outbox").empty());
  CHECK(fixture.answer().outcome.is_delivered());
  CHECK(fixture.dropped().size() == 1);
}

TEST_CASE("a reader with the group's rights only answers, one without does not") {
  const struct passwd* nobody = ::getpwnam("nobody");
  const struct group* group = nobody == nullptr ? nullptr : ::getgrgid(nobody->pw_gid);
  if (::geteuid() != 0 || group == nullptr) {
    SUCCEED("only root can become somebody else");
    return;
  }
  ReceiptFixture fixture;
  REQUIRE(::chmod(fixture.directory().path().c_str(), 0755) == 0);
  REQUIRE(fixture.open().remove_mailbox("anna", false).is_delivered());
  REQUIRE(fixture.open().add_mailbox("anna", {group->gr_name}).is_delivered());
  fixture.set_receipts("on-read");
  fixture.put(Asking());
  const auto answer_as = [&](gid_t as_group) {
    return in_child([&] {
      if (::setgroups(0, nullptr) != 0 || ::setgid(as_group) != 0 ||
          ::setuid(nobody->pw_uid) != 0) {
        return 99;
      }
      const ReceiptResult result = fixture.answer(ReceiptWish::as_set);
      return result.outcome.is_delivered() && result.is_worth_telling ? 0 : 1;
    });
  };
  CHECK(answer_as(nobody->pw_gid + 1) == 1);
  CHECK(fixture.dropped().empty());
  CHECK(answer_as(nobody->pw_gid) == 0);
  REQUIRE(fixture.dropped().size() == 1);
  // Reading only: nothing is said to have been sent.
  fixture.put(Asking(), "m2");
  REQUIRE(::chmod((fixture / "MBG/anna/outbox").c_str(), 02750) == 0);
  CHECK(in_child([&] {
          if (::setgroups(0, nullptr) != 0 || ::setgid(nobody->pw_gid) != 0 ||
              ::setuid(nobody->pw_uid) != 0) {
            return 99;
          }
          return fixture.answer(ReceiptWish::as_set, "m2").outcome.is_permanent() ? 0 : 1;
        }) == 0);
  CHECK(test::names_in(fixture / "MBG/anna/cur") == Lines{".receipt-m1"});
  REQUIRE(::chmod((fixture / "MBG/anna/outbox").c_str(), 02770) == 0);
  // The gateway takes it for what it is.
  Lines trouble;
  REQUIRE(pick_up_outbox(fixture.open(), "anna", {}, [&](const OutboxNote& note) {
    if (!note.outcome.is_delivered()) trouble.push_back(note.outcome.sentence());
  }));
  CHECK(trouble.empty());
  CHECK(fixture.dropped().empty());
}

TEST_CASE("marks go when their message has gone and they are old, and stay otherwise") {
  ReceiptFixture fixture;
  const std::int64_t now = std::time(nullptr);
  const std::string cur = fixture / "MBG/anna/cur/";
  fixture.put(Asking(), "unread");
  test::write_file(cur + "read", Asking().file());
  for (const char* id : {"unread", "read", "gone", "gone-now", ""}) {
    test::write_file(cur + ".receipt-" + id, "");
    test::set_modified(cur + ".receipt-" + id, now - 6 * 86'400);
  }
  test::set_modified(cur + ".receipt-gone-now", now - 4 * 86'400);
  test::write_file(cur + ".other", "");
  test::set_modified(cur + ".other", 0);
  std::filesystem::create_directory(cur + ".receipt-folder");
  test::set_modified(cur + ".receipt-folder", 0);
  CHECK(expire_markers(fixture.open(), now).value() == 1);
  CHECK(test::names_in(cur) == Lines{".other", ".receipt-", ".receipt-folder", ".receipt-gone-now",
                                     ".receipt-read", ".receipt-unread", "read"});
}

TEST_CASE("marks do not keep a mailbox from being removed") {
  ReceiptFixture fixture;
  fixture.put(Asking());
  REQUIRE(fixture.answer().outcome.is_delivered());
  CHECK(fixture.open().remove_mailbox("anna", false).is_permanent());
  std::filesystem::remove(fixture / "MBG/anna/new/m1");
  std::filesystem::remove(fixture / ("MBG/anna/outbox/" + fixture.dropped().front()));
  CHECK(fixture.open().remove_mailbox("anna", false).is_delivered());
}

}  // namespace
}  // namespace smtpgate::postoffice
