// A message tried: whose it would be, by which door, and that nothing at all is written for it.
#include <filesystem>
#include <map>
#include <string>

#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "milter/trial.h"
#include "milter/trial_text.h"
#include "postoffice/groups.h"
#include "postoffice/mailbox_settings.h"
#include "tests/unit/catch.h"
#include "tests/unit/milter/gateway_fixture.h"

namespace smtpgate::milter {
namespace {

using test::Gateway;

constexpr const char* order =
    "From: Bob <bob@example.net>\r\nTo: anna@example.com\r\nSubject: Order\r\n"
    "Message-ID: <1@example.net>\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nfirst\r\nsecond\r\nthird\r\n"
    "--b\r\nContent-Type: application/pdf; name=\"bill.pdf\"\r\n"
    "Content-Transfer-Encoding: base64\r\n\r\nUERG\r\n--b--\r\n";

class Trier {
 public:
  explicit Trier(Gateway& gateway) : gateway_(gateway) {}

  Trial operator()(std::vector<std::string> recipients, std::size_t lines = 20,
                   const std::string& sender = "bob@example.net") const {
    const converter::SpoolPlace place{.files = &postoffice::FileSystem::posix(),
                                      .directory = gateway_.work()};
    converter::RawMessage raw(place);
    REQUIRE(raw.feed(order));
    return try_message(*gateway_.configuration,
                       {.sender = sender,
                        .recipients = std::move(recipients),
                        .arrival = std::time(nullptr),
                        .lines = lines},
                       raw, place);
  }
  TrialRecipient one(const std::string& recipient) const {
    return (*this)({recipient}).recipients.at(0);
  }

 private:
  Gateway& gateway_;
};

/// Every file and directory of a postoffice with its size and its times.
std::map<std::string, std::string> everything_in(const std::string& folder) {
  std::map<std::string, std::string> result;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    struct stat status{};
    REQUIRE(::lstat(entry.path().c_str(), &status) == 0);
    result[entry.path().string()] =
        std::to_string(status.st_size) + " " + std::to_string(status.st_mtim.tv_sec) + "." +
        std::to_string(status.st_mtim.tv_nsec) + " " + std::to_string(status.st_nlink) + " " +
        std::to_string(status.st_ctim.tv_sec) + "." + std::to_string(status.st_ctim.tv_nsec);
  }
  return result;
}

/// The message by the way that really files it.
void deliver(Gateway& gateway, const std::string& mailbox) {
  converter::RawMessage raw(gateway.configuration->spool_place(postoffice::FileSystem::posix()));
  REQUIRE(raw.feed(order));
  converter::Envelope envelope;
  envelope.sender = "bob@example.net";
  envelope.arrival = std::time(nullptr);
  envelope.recipients.push_back({"<" + mailbox + "@example.com>", "", {{"ACME", "MAIN"}, mailbox}});
  const auto outcomes = deliver_inbound(*gateway.configuration, envelope, raw,
                                        Deadline::in(std::chrono::seconds(60)), Reach::mailboxes);
  REQUIRE(outcomes.at(0).is_delivered());
}

}  // namespace

TEST_CASE("a trial tells mailbox, door and answer for each kind of recipient") {
  Gateway gateway;
  const Trier try_it(gateway);

  const TrialRecipient known = try_it.one("Anna@example.com");
  CHECK(known.destination == "ACME/MAIN/anna");
  CHECK(known.how == "mailbox");
  CHECK(known.door == TrialDoor::first);
  REQUIRE(known.mailboxes.size() == 1);
  CHECK(known.mailboxes[0].name == "ACME/MAIN/anna");
  CHECK(known.mailboxes[0].outcome.sentence() == "would be filed in mailbox anna");

  CHECK(try_it.one("<sales@example.org>").how == "alias");

  const TrialRecipient unknown = try_it.one("nobody@example.com");
  CHECK(unknown.door == TrialDoor::none);
  CHECK(unknown.outcome.is_permanent());
  CHECK(unknown.reply.starts_with("550 5.1.1 "));

  const TrialRecipient foreign = try_it.one("x@elsewhere.example");
  CHECK(foreign.door == TrialDoor::none);
  CHECK(foreign.reply.starts_with("451 4.3.5 "));

  const TrialRecipient odd = try_it.one("<@relay.example:anna@example.com>");
  CHECK(odd.door == TrialDoor::second);
  CHECK(odd.why_door == "it is not spelt plainly");
  CHECK(odd.reply == "250 2.0.0 would be filed in mailbox anna");

  CHECK(try_it.one("not an address").reply.starts_with("550 5.1.3 "));
  const TrialRecipient lost = try_it.one("anna@lost.example");
  CHECK(lost.door == TrialDoor::second);
  CHECK(lost.reply.starts_with("451 "));
}

TEST_CASE("a trial with unknown_recipient = leave leaves who is unknown to Postfix") {
  Gateway gateway("unknown_recipient = \"leave\"");
  const TrialRecipient unknown = Trier(gateway).one("nobody@example.com");
  CHECK(unknown.door == TrialDoor::second);
  CHECK(unknown.why_door.find("leave") != std::string::npos);
}

TEST_CASE("a trial tells what the message becomes: text, attachments, name, oddities") {
  Gateway gateway;
  const Trial trial = Trier(gateway)({"anna@example.com", "ben@example.com"}, 2);
  REQUIRE(trial.messages.size() == 1);
  const TrialMessage& message = trial.messages[0];
  CHECK(message.postoffice == "ACME/MAIN");
  CHECK(message.subject == "Order");
  CHECK(message.first_lines == std::vector<std::string>{"first", "second"});
  CHECK(message.has_more_lines);
  REQUIRE(message.attachments.size() == 1);
  CHECK(message.attachments[0].name == "bill.pdf");
  CHECK(message.attachments[0].content_type == "application/pdf");
  CHECK(message.attachments[0].size == 3);
  CHECK(message.content_key.size() == 64);
  CHECK(message.file_size > message.text_size);
  CHECK(trial.worst().is_delivered());

  // The name, and the size, are those that the message really gets.
  deliver(gateway, "anna");
  REQUIRE(gateway.filed("anna").size() == 1);
  const std::filesystem::path filed = gateway.filed("anna")[0];
  CHECK(filed.filename() == message.content_key);
  CHECK(std::filesystem::file_size(filed) == message.file_size);
}

TEST_CASE("a trial finds a message that is there already, and a mailbox without room") {
  Gateway gateway;
  deliver(gateway, "anna");
  CHECK(Trier(gateway)
            .one("anna@example.com")
            .mailboxes.at(0)
            .outcome.sentence()
            .starts_with("duplicate of "));

  deliver(gateway, "ben");
  const auto limit_ben = [&](postoffice::Quota quota) {
    postoffice::MailboxSettings settings;
    settings.quota = quota;
    Gateway::must(postoffice::write_mailbox_settings(gateway.open(), "ben", settings));
    return Trier(gateway)({"ben@example.com"}, 20, "other@example.net").recipients.at(0);
  };
  CHECK(limit_ben({.messages = 2}).door == TrialDoor::first);
  const TrialRecipient full = limit_ben({.messages = 1});
  CHECK(full.reply.starts_with("452 4.2.2 "));
  CHECK(full.door == TrialDoor::second);
  CHECK(full.why_door.find("is full") != std::string::npos);
  CHECK(limit_ben({.octets = 10}).reply.starts_with("552 5.2.3 "));
  // What lies there already needs no room.
  CHECK(Trier(gateway).one("ben@example.com").outcome.is_delivered());
}

TEST_CASE("a trial follows groups, and tells whom it would be passed on to and who is nobody") {
  Gateway gateway;
  Gateway::must(postoffice::write_group(gateway.open(), {"team", "postmaster", {"anna", "ben"}}));
  Gateway::must(postoffice::write_group(
      gateway.open(), {"mixed", "postmaster", {"anna", "out@example.net", "gone"}}));
  const TrialRecipient team = Trier(gateway).one("team@example.com");
  CHECK(team.how == "group");
  CHECK(team.door == TrialDoor::first);
  CHECK(team.mailboxes.size() == 2);
  const TrialRecipient mixed = Trier(gateway).one("mixed@example.com");
  CHECK(mixed.door == TrialDoor::second);
  CHECK(mixed.beyond == std::vector<std::string>{"out@example.net"});
  REQUIRE(mixed.failures.size() == 1);
  CHECK(mixed.failures[0].starts_with("gone (group mixed)"));
  CHECK(mixed.outcome.is_delivered());
}

TEST_CASE("a trial writes nothing into any postoffice, not even the postmaster's mailbox") {
  Gateway gateway;
  deliver(gateway, "anna");
  std::filesystem::remove_all(gateway.folder() + "/MBG/postmaster");
  const auto before = everything_in(gateway.folder());
  const Trier try_it(gateway);
  try_it({"anna@example.com", "ben@example.com", "sales@example.com", "nobody@example.com",
          "postmaster@example.com", "anna@lost.example"});
  CHECK(everything_in(gateway.folder()) == before);
}

TEST_CASE("what a trial shows cannot move a cursor, and its JSON is valid whatever comes in") {
  Gateway gateway;
  const Trial trial = Trier(gateway)({"a\x1b[2J\xff@example.com", "anna@example.com"}, 20,
                                     "x\x1b]0;title\x07@example.net");
  const std::string text = render_trial_text(trial, false);
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.find('\xff') == std::string::npos);
  const auto json = nlohmann::json::parse(render_trial_json(trial));
  CHECK(json["recipients"].size() == 2);
  CHECK(json["recipients"][1]["door"] == "1");
  CHECK(json["messages"][0]["attachments"][0]["name"] == "bill.pdf");
}

}  // namespace smtpgate::milter
