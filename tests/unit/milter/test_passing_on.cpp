// Groups and forwards at delivery: who is filed, to whom the message goes on, and that both doors
// together do each once.
#include <algorithm>
#include <filesystem>

#include "milter/inbound_delivery.h"
#include "postoffice/groups.h"
#include "postoffice/outgoing.h"
#include "unit/catch.h"
#include "unit/milter/gateway_fixture.h"

using namespace smtpgate;
using namespace smtpgate::milter;
using namespace smtpgate::postoffice;
using smtpgate::test::Gateway;

namespace {

const std::string body =
    "From: carol@sender.test\nSubject: Hello\nMessage-ID: <1@sender.test>\n\nhi\n";

Outcome deliver(const Gateway& gateway, const std::string& name, bool is_group, Reach reach,
                const std::string& message = body,
                const std::string& sender = "carol@sender.test") {
  converter::Envelope envelope;
  envelope.sender = sender;
  envelope.arrival = 1'795'300'000;
  envelope.queue_id = "4F3A1";
  envelope.protocol = "LMTP";
  envelope.recipients.push_back({name + "@example.com", {}, {{"ACME", "MAIN"}, name}, is_group});
  FileSystem& files = FileSystem::posix();
  converter::RawMessage raw(gateway.configuration->spool_place(files));
  REQUIRE(raw.feed(message));
  return deliver_inbound(*gateway.configuration, envelope, raw,
                         Deadline::in(std::chrono::seconds(60)), reach, files)
      .front();
}

std::vector<OutgoingEntry> outgoing(const Gateway& gateway) {
  const Postoffice office = gateway.open();
  auto entries = OutgoingMail(office).list();
  REQUIRE(entries);
  return *entries;
}

std::string content_of(const Gateway& gateway, const OutgoingEntry& entry) {
  return test::read_whole(gateway.folder() + "/SMTP/" + entry.state.id + "/SMTP_OUT.822");
}

void write_group(const Gateway& gateway, const std::string& name, const std::string& members) {
  test::write_whole(gateway.folder() + "/GRP/" + name, members);
}

}  // namespace

TEST_CASE("a group of mailboxes here is filed by either door, once in each mailbox") {
  Gateway gateway;
  write_group(gateway, "all", "anna\nben\nsales\n");
  CHECK(deliver(gateway, "all", true, Reach::mailboxes).is_delivered());
  CHECK(gateway.filed("anna").size() == 1);
  CHECK(gateway.filed("ben").size() == 1);
  CHECK(deliver(gateway, "all", true, Reach::beyond).is_delivered());
  CHECK(gateway.filed("anna").size() == 1);
  CHECK(outgoing(gateway).empty());
}

TEST_CASE("a group that reaches beyond is left by door 1, untouched") {
  Gateway gateway;
  write_group(gateway, "all", "anna\nbob@example.net\n");
  CHECK(deliver(gateway, "all", true, Reach::mailboxes).is_temporary());
  CHECK(gateway.filed("anna").empty());
  CHECK(outgoing(gateway).empty());
}

TEST_CASE("members beyond get the original octets from the owner, once") {
  Gateway gateway;
  write_group(gateway, "all", "OWNER: ben\nanna\nbob@example.net\nSMTP:zoe@example.net\n");
  CHECK(deliver(gateway, "all", true, Reach::beyond).is_delivered());
  CHECK(gateway.filed("anna").size() == 1);
  const auto entries = outgoing(gateway);
  REQUIRE(entries.size() == 1);
  CHECK(entries[0].content == OutgoingContent::internet);
  CHECK(entries[0].state.sender == "ben@example.com");
  CHECK(entries[0].state.mailbox == "ben");
  REQUIRE(entries[0].state.recipients.size() == 2);
  CHECK(entries[0].state.recipients[0].address.address == "bob@example.net");
  const std::string content = content_of(gateway, entries[0]);
  CHECK(content.starts_with("Delivered-To: all@example.com\r\nReceived: "));
  CHECK(content.find("Return-Path") == std::string::npos);
  CHECK(
      content.ends_with("\r\nFrom: carol@sender.test\r\nSubject: Hello\r\n"
                        "Message-ID: <1@sender.test>\r\n\r\nhi\r\n"));

  CHECK(deliver(gateway, "all", true, Reach::beyond).is_delivered());
  CHECK(outgoing(gateway).size() == 1);
  CHECK(gateway.filed("anna").size() == 1);
}

TEST_CASE("who is in two groups of one message gets it once") {
  Gateway gateway;
  write_group(gateway, "all", "bob@example.net\nzoe@example.net\n");
  write_group(gateway, "some", "Zoe@example.net\nbob@EXAMPLE.net\n");
  write_group(gateway, "few", "SMTP:bob@example.net\n");
  converter::Envelope envelope;
  envelope.sender = "carol@sender.test";
  envelope.arrival = 1'795'300'000;
  for (const std::string name : {"all", "some", "few"}) {
    envelope.recipients.push_back({name + "@example.com", {}, {{"ACME", "MAIN"}, name}, true});
  }
  FileSystem& files = FileSystem::posix();
  converter::RawMessage raw(gateway.configuration->spool_place(files));
  REQUIRE(raw.feed(body));
  const auto outcomes =
      deliver_inbound(*gateway.configuration, envelope, raw, Deadline::in(std::chrono::seconds(60)),
                      Reach::beyond, files);
  for (const Outcome& outcome : outcomes) CHECK(outcome.is_delivered());
  std::vector<std::string> addresses;
  for (const OutgoingEntry& entry : outgoing(gateway)) {
    for (const auto& one : entry.state.recipients) addresses.push_back(one.address.address);
  }
  std::sort(addresses.begin(), addresses.end());
  // The local part's letters are its host's business, the domain's are not (RFC 5321, 2.4).
  CHECK(addresses ==
        std::vector<std::string>{"Zoe@example.net", "bob@example.net", "zoe@example.net"});
}

TEST_CASE("what comes from nobody goes on from nobody") {
  Gateway gateway;
  write_group(gateway, "all", "bob@example.net\n");
  CHECK(deliver(gateway, "all", true, Reach::beyond, body, "").is_delivered());
  const auto entries = outgoing(gateway);
  REQUIRE(entries.size() == 1);
  CHECK(entries[0].state.sender == "");
}

TEST_CASE("a message that has been there already is a loop; another's mark is none") {
  Gateway gateway;
  write_group(gateway, "all", "bob@example.net\n");
  const Outcome loop =
      deliver(gateway, "all", true, Reach::beyond, "Delivered-To: ALL@example.com\n" + body);
  CHECK(loop.is_permanent());
  CHECK(loop.status() == "5.4.6");
  CHECK(outgoing(gateway).empty());
  // A user's own post that comes back from a list bears the list's mark, not ours.
  CHECK(deliver(gateway, "all", true, Reach::beyond, "Delivered-To: other@list.test\n" + body)
            .is_delivered());
  CHECK(outgoing(gateway).size() == 1);
}

TEST_CASE("a member that is nobody is told to the owner, and the others have it") {
  Gateway gateway;
  write_group(gateway, "all", "OWNER: ben\nanna\nnobody\n");
  CHECK(deliver(gateway, "all", true, Reach::beyond).is_delivered());
  CHECK(gateway.filed("anna").size() == 1);
  REQUIRE(gateway.filed("ben").size() == 1);
  CHECK(test::read_whole(gateway.filed("ben").front()).find("nobody") != std::string::npos);
  CHECK(deliver(gateway, "all", true, Reach::beyond).is_delivered());
  CHECK(gateway.filed("ben").size() == 1);
}

TEST_CASE("a group in which nobody is left fails for good") {
  Gateway gateway;
  write_group(gateway, "all", "nobody\n");
  CHECK(deliver(gateway, "all", true, Reach::beyond).is_permanent());
}

TEST_CASE("a forward keeps a copy or not, and its mailbox is the sender") {
  Gateway gateway;
  MailboxSettings settings;
  settings.forward = {TypedAddress::parse("SMTP:anna@home.test")};
  settings.keep_copy = GENERATE(true, false);
  Gateway::must(write_mailbox_settings(gateway.open(), "anna", settings));
  CHECK(deliver(gateway, "anna", false, Reach::mailboxes).is_temporary());
  CHECK(deliver(gateway, "anna", false, Reach::beyond).is_delivered());
  CHECK(gateway.filed("anna").size() == (settings.keep_copy ? 1 : 0));
  const auto entries = outgoing(gateway);
  REQUIRE(entries.size() == 1);
  CHECK(entries[0].state.sender == "anna@example.com");
  CHECK(content_of(gateway, entries[0]).starts_with("Delivered-To: anna@example.com\r\n"));
}
