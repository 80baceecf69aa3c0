// Shadow mode: which folders it may touch, what it makes, what it tells.
#include <filesystem>
#include <fstream>
#include <string>

#include <nlohmann/json.hpp>

#include "milter/inbound_delivery.h"
#include "milter/milter_session.h"
#include "milter/shadow.h"
#include "milter/shadow_report.h"
#include "postoffice/groups.h"
#include "postoffice/mailbox_settings.h"
#include "unit/catch.h"
#include "unit/milter/gateway_fixture.h"

namespace smtpgate::milter {
namespace {

using test::Gateway;

/// A gateway with one postoffice, and a shadow for it; `settings` are those of the file.
class Shadowed {
 public:
  Shadowed() { write(gateway_.path() + "/shadow"); }

  void write(const std::string& shadow, const std::string& enabled = "true") {
    test::write_whole(gateway_.path() + "/ADDR_MAP.CFG", "ACME/MAIN example.com\n");
    test::write_whole(gateway_.configuration_path(),
                      "[gateway]\nhostname = \"mx.example.com\"\nuser = \"\"\nlog = \"stderr\"\n"
                      "work = \"" +
                          gateway_.work() +
                          "\"\n[milter]\nclaim = \"discard\"\n"
                          "[converter]\naddress_map = \"ADDR_MAP.CFG\"\n"
                          "[[postoffice]]\nname = \"ACME/MAIN\"\npath = \"" +
                          gateway_.folder() + "\"\nshadow = \"" + shadow +
                          "\"\n[shadow]\nenabled = " + enabled + "\n");
  }
  std::vector<std::string> errors() const {
    const auto read = read_configuration(gateway_.configuration_path());
    return read ? std::vector<std::string>() : read.error();
  }
  const Configuration& read() {
    gateway_.reload();
    return *gateway_.configuration;
  }
  std::string folder() const { return gateway_.path() + "/shadow"; }
  Gateway& gateway() { return gateway_; }

 private:
  Gateway gateway_;
};

std::size_t files_in(const std::string& directory) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    count += entry.is_regular_file() ? 1 : 0;
  }
  return count;
}

}  // namespace

TEST_CASE("in shadow mode the configuration in force does not know where the real postoffice is") {
  Shadowed shadowed;
  const Configuration& configuration = shadowed.read();
  REQUIRE(configuration.converter.postoffices.size() == 1);
  CHECK(configuration.converter.postoffices[0].directory == shadowed.folder());
  CHECK(configuration.shadow.real_directories ==
        std::vector<std::string>{shadowed.gateway().folder()});
  CHECK_FALSE(configuration.outbound.enabled);
  CHECK(configuration.milter.claim == Claim::remove);
  shadowed.write(shadowed.folder(), "false");
  CHECK(shadowed.read().converter.postoffices[0].directory == shadowed.gateway().folder());
}

TEST_CASE("a shadow that is the real postoffice, lies in it or holds it is refused with its line") {
  Shadowed shadowed;
  const std::string real = shadowed.gateway().folder();
  for (const std::string& folder :
       {real, real + "/", real + "/MBG/anna", real + "/../po", shadowed.gateway().path()}) {
    for (const char* enabled : {"true", "false"}) {
      CAPTURE(folder, enabled);
      shadowed.write(folder, enabled);
      REQUIRE_FALSE(shadowed.errors().empty());
      CHECK(shadowed.errors()[0].find(":13: postoffice.shadow: ") != std::string::npos);
    }
  }
  shadowed.write(real + "-too");
  CHECK(shadowed.errors().empty());
  shadowed.write("");
  REQUIRE_FALSE(shadowed.errors().empty());
  CHECK(shadowed.errors()[0].find("is missing") != std::string::npos);
}

TEST_CASE("a shadow that is the real postoffice by a link is found, and not prepared") {
  Shadowed shadowed;
  std::filesystem::create_directory_symlink(shadowed.gateway().folder(), shadowed.folder());
  CHECK(shadows_that_are_real(shadowed.read()).size() == 1);
  CHECK_FALSE(prepare_shadows(shadowed.read()).failed.empty());
  CHECK_FALSE(std::filesystem::exists(shadowed.gateway().folder() + "/GLB/SHADOW"));
}

TEST_CASE("a postoffice without the mark of a shadow gets none, and nothing is filed there") {
  Shadowed shadowed;
  postoffice::PostofficeSettings settings;
  settings.name = {"ACME", "MAIN"};
  Gateway::must(postoffice::Postoffice::init(shadowed.folder(), settings));
  const Configuration& configuration = shadowed.read();
  const auto& served = configuration.converter.postoffices[0];
  REQUIRE(why_wrong_kind(configuration, served));
  CHECK(why_wrong_kind(configuration, served)->status() == "4.3.5");
  CHECK_FALSE(prepare_shadows(configuration).failed.empty());
  CHECK_FALSE(std::filesystem::exists(shadowed.folder() + "/GLB/SHADOW"));

  RecipientResolver resolver(configuration);
  CHECK(resolver.resolve_path("<postmaster@example.com>").kind == Resolution::Kind::unavailable);
  converter::RawMessage raw(configuration.spool_place(postoffice::FileSystem::posix()));
  REQUIRE(raw.feed("Subject: x\r\n\r\ntext\r\n"));
  converter::Envelope envelope;
  envelope.recipients.push_back({"<postmaster@example.com>", "", {{"ACME", "MAIN"}, "postmaster"}});
  const std::size_t before = files_in(shadowed.folder());
  const auto outcomes = deliver_inbound(configuration, envelope, raw,
                                        Deadline::in(std::chrono::seconds(60)), Reach::mailboxes);
  CHECK(outcomes.at(0).is_temporary());
  CHECK(files_in(shadowed.folder()) == before);
}

TEST_CASE("a shadow is not served as a real postoffice") {
  Gateway gateway;
  test::write_whole(gateway.folder() + "/GLB/SHADOW", "");
  RecipientResolver resolver(*gateway.configuration);
  CHECK(resolver.resolve_path("<anna@example.com>").kind == Resolution::Kind::unavailable);
}

TEST_CASE(
    "a shadow is made with the mailboxes, aliases and groups of the real one, again and again") {
  Shadowed shadowed;
  const auto real = shadowed.gateway().open();
  Gateway::must(postoffice::write_group(real, {"team", "postmaster", {"anna", "ben"}}));
  postoffice::MailboxSettings settings;
  settings.quota.messages = 7;
  Gateway::must(postoffice::write_mailbox_settings(real, "ben", settings));
  const std::size_t before = files_in(shadowed.gateway().folder());
  for (int i = 0; i < 2; ++i) {
    const Prepared prepared = prepare_shadows(shadowed.read());
    CHECK(prepared.failed.empty());
    CHECK_FALSE(prepared.done.empty());
  }
  CHECK(files_in(shadowed.gateway().folder()) == before);
  const auto made = postoffice::Postoffice::open(shadowed.folder());
  REQUIRE(made);
  CHECK(*made->list_mailboxes() == *real.list_mailboxes());
  CHECK(made->list_aliases()->size() == 1);
  CHECK(postoffice::read_group(*made, "team")->members.size() == 2);
  CHECK(postoffice::read_mailbox_settings(*made, "ben")->quota.messages == 7);
  const Configuration& configuration = shadowed.read();
  CHECK_FALSE(why_wrong_kind(configuration, configuration.converter.postoffices[0]));
}

TEST_CASE(
    "in shadow mode recipients are considered by their domain, whoever Postfix routes them to") {
  Shadowed shadowed;
  REQUIRE(prepare_shadows(shadowed.read()).failed.empty());
  shadowed.gateway().reload();
  test::MemoryLog log;
  MilterSession session({.configuration = [&] { return shadowed.gateway().configuration; },
                         .log = &log,
                         .is_shadow = true});
  session.connected("mail.remote.example", "192.0.2.1");
  session.mail_from("<carol@remote.example>", {}, {std::string("carol@remote.example"), ""});
  session.recipient("<anna@example.com>", {}, {"virtual", std::nullopt}, "4F3A1");
  session.recipient("<bob@elsewhere.example>", {}, {"smtp", std::nullopt}, "4F3A1");
  REQUIRE(session.wants_content("4F3A1"));
  session.header("Subject", " x");
  session.end_of_headers();
  session.body("text\r\n");
  std::vector<std::string> deleted;
  session.end_of_message("4F3A1", [&](const std::string& path) {
    deleted.push_back(path);
    return true;
  });
  CHECK(deleted == std::vector<std::string>{"<anna@example.com>"});
  CHECK(files_in(shadowed.folder() + "/MBG/anna/new") == 1);
  CHECK(files_in(shadowed.gateway().folder() + "/MBG/anna/new") == 0);
  CHECK(log.count("elsewhere") == 0);
}

TEST_CASE("the report sums up what would have been, and why not") {
  const test::TemporaryDirectory work;
  struct Nobody : MessageObserver {
    void note(MessageRecord) noexcept override { ++count; }
    int count = 0;
  } next;
  auto recorder = ShadowRecorder::open(work.path(), next);
  REQUIRE(recorder);
  const auto record = [](std::vector<RecipientRecord> recipients, std::uint64_t octets) {
    MessageRecord result;
    result.id = "4F3A1";
    result.ended = 1'700'000'000'000;
    result.octets = octets;
    result.recipients = std::move(recipients);
    return result;
  };
  MessageRecord first = record({{"anna@example.com", "ACME/MAIN/anna", "filed", "2.0.0", "filed"},
                                {"sales@example.com", "ACME/MAIN/anna", "filed", "2.0.0", "filed"},
                                {"ben@example.com", "ACME/MAIN/ben", "duplicate", "2.0.0", "dup"}},
                               1000);
  first.set(Stage::convert, 0.25);
  first.attachments = {7, 8};
  (*recorder)->note(first);
  for (const char* name : {"x", "y"}) {
    (*recorder)->note(record({{std::string(name) + "@example.com", "", "refused", "5.1.1",
                               "there is no mailbox " + std::string(name)}},
                             0));
  }
  (*recorder)->note(record({{"z@example.com", "", "left", "", "a report is asked for"}}, 0));
  std::ofstream(work.path() + "/shadow_records", std::ios::app) << "no record\n";
  CHECK(next.count == 4);

  const ShadowReport report = read_shadow_report(work.path());
  CHECK(report.messages == 2);
  CHECK(report.octets == 1000);
  CHECK(report.attachments == 2);
  CHECK(report.unread == 1);
  CHECK(report.recipients.at("claimed") == 2);
  CHECK(report.recipients.at("duplicate") == 1);
  CHECK(report.recipients.at("left") == 1);
  CHECK(report.recipients.at("refused") == 2);
  REQUIRE(report.refused.size() == 1);  // one reason, whoever it is
  CHECK(report.refused[0].recipients == 2);
  CHECK(report.refused[0].example == "x@example.com");
  CHECK(report.left.at(0).sentence == "a report is asked for");
  CHECK(report.mailboxes.at("ACME/MAIN/anna").messages == 1);
  CHECK(report.mailboxes.at("ACME/MAIN/ben").duplicates == 1);
  CHECK(report.longest_seconds >= 0.25);
  const auto json = nlohmann::json::parse(render_shadow_json(report));
  CHECK(json["recipients"]["claimed"] == 2);
  CHECK(render_shadow_text(report).find("2 would be claimed") != std::string::npos);
  const test::TemporaryDirectory nothing;
  CHECK(render_shadow_text(read_shadow_report(nothing.path())).find("no message yet") !=
        std::string::npos);
}

TEST_CASE("records of shadow mode are bounded, and the newest stay") {
  const test::TemporaryDirectory work;
  struct Nobody : MessageObserver {
    void note(MessageRecord) noexcept override {}
  } next;
  constexpr std::uint64_t largest = 10'000;
  auto recorder = ShadowRecorder::open(work.path(), next, largest);
  REQUIRE(recorder);
  for (int i = 0; i < 1000; ++i) {
    MessageRecord record;
    record.id = std::to_string(i);
    record.octets = 1;
    record.ended = 1 + i;
    record.recipients.push_back({"a@b", "N/P/a", "filed", "2.0.0", "filed"});
    (*recorder)->note(std::move(record));
  }
  std::uint64_t size = 0;
  for (const auto& entry : std::filesystem::directory_iterator(work.path()))
    size += entry.file_size();
  CHECK(size <= 2 * largest);
  const ShadowReport report = read_shadow_report(work.path());
  CHECK(report.last_ms == 1000);
  CHECK(report.messages > 10);
}

}  // namespace smtpgate::milter
