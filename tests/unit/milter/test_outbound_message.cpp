// One try of an outgoing message: results per recipient, reports, and the order in which they are
// made durable.
#include <cerrno>
#include <filesystem>
#include <map>

#include "milter/outbound_message.h"
#include "postoffice/outgoing.h"
#include "unit/catch.h"
#include "unit/milter/fault_file_system.h"
#include "unit/milter/gateway_fixture.h"

using namespace smtpgate;
using namespace smtpgate::milter;
using namespace smtpgate::postoffice;
using smtpgate::test::Gateway;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t written_at = 1'795'300'000;

std::string mmff(const std::string& recipients) {
  return "VERSION:3.00\n" + recipients +
         "FROM:CSI:ACME/MAIN/anna\nDATE:2026-11-21\nTIME:22:00\nSUBJECT:Offer\nTEXT:6\nhello\n";
}

/// A gateway with one message in SMTP/ and a designated host that answers as it is told.
struct Outgoing {
  explicit Outgoing(const std::vector<std::string>& recipients,
                    OutgoingContent kind = OutgoingContent::mmff, const std::string& content = "",
                    const std::string& mailbox = "anna") {
    OutgoingState state;
    state.mailbox = mailbox;
    state.created = written_at;
    std::string lines;
    for (const std::string& recipient : recipients) {
      lines += "TO:" + recipient + "\n";
      OutgoingRecipient one;
      one.address = TypedAddress::parse(recipient);
      state.recipients.push_back(one);
    }
    if (kind == OutgoingContent::internet) state.sender = "list-owner@example.com";
    auto draft = OutgoingDraft::begin(office, kind);
    REQUIRE(draft);
    REQUIRE(draft->content().write(content.empty() ? mmff(lines) : content));
    Gateway::must(draft->hand_over(state));
    id = draft->id();
  }

  TryResult attempt() {
    auto taken = mail.take(id);
    REQUIRE(taken);
    REQUIRE(*taken);
    return try_message(std::move(**taken), context());
  }

  OutboundContext context() {
    return {.configuration = *gateway.configuration,
            .postoffice = office,
            .files = FileSystem::posix(),
            .log = gateway.log,
            .submit =
                [this](const converter::OutboundEnvelope& envelope, converter::Spool& content,
                       const std::function<void()>& before_end) {
                  ++submissions;
                  before_end();
                  was_marked = fs::exists(mark());
                  last = envelope;
                  StringSink sink(octets);
                  octets.clear();
                  REQUIRE(content.copy_to(sink));
                  SubmissionResult result;
                  result.host = host;
                  result.queue_id = "4F3A1";
                  result.maybe_sent = maybe_sent;
                  for (const auto& recipient : envelope.recipients) {
                    const auto found = replies.find(recipient.address);
                    const Outcome outcome = found == replies.end()
                                                ? Outcome::delivered("queued as 4F3A1")
                                                : found->second;
                    result.recipients.push_back({outcome, outcome.is_delivered() ? "4F3A1" : ""});
                  }
                  return result;
                },
            .now = [this] { return now; }};
  }

  /// While a message is taken its directory has our host's name.
  std::string mark() const {
    return gateway.folder() + "/SMTP/" + id + "." + office.host() + "/MAYBE_SENT";
  }
  OutgoingState state() const {
    auto entry = mail.look(id);
    REQUIRE(entry);
    REQUIRE(*entry);
    return (*entry)->state;
  }
  bool is_gone() const { return !fs::exists(gateway.folder() + "/SMTP/" + id); }
  std::string only_report() const {
    const auto filed = gateway.filed("anna");
    REQUIRE(filed.size() == 1);
    return test::read_whole(filed.front());
  }

  Gateway gateway;
  Postoffice office = gateway.open();
  OutgoingMail mail{office};
  std::string id;
  std::int64_t now = written_at + 1;
  std::map<std::string, Outcome> replies;
  std::string host = "127.0.0.1[127.0.0.1]:25";
  bool maybe_sent = false;
  int submissions = 0;
  bool was_marked = false;
  converter::OutboundEnvelope last;
  std::string octets;
};

const std::string bob = "SMTP:bob@example.net";
const std::string zoe = "SMTP:zoe@example.net";

}  // namespace

TEST_CASE("what Postfix has taken leaves SMTP, with a line for each recipient") {
  Outgoing mail({bob, zoe});
  const TryResult result = mail.attempt();
  CHECK(result.gone);
  CHECK(mail.is_gone());
  CHECK(mail.last.sender == "anna@example.com");
  CHECK(mail.last.recipients.size() == 2);
  CHECK(mail.octets.find("Subject: Offer\r\n") != std::string::npos);
  CHECK(mail.gateway.log.count("to=<bob@example.net>, relay=127.0.0.1[127.0.0.1]:25") == 1);
  CHECK(mail.gateway.log.count("status=sent (queued as 4F3A1)") == 2);
  CHECK(mail.gateway.filed("anna").empty());
}

TEST_CASE("what a crash may have sent is said before it is sent again") {
  Outgoing mail({bob, zoe});
  {
    auto taken = mail.mail.take(mail.id);
    REQUIRE(taken);
    REQUIRE(*taken);
    CHECK_FALSE((*taken)->was_left_in_doubt());
    (*taken)->mark_in_doubt();
    CHECK(fs::exists(mail.mark()));
  }  // nothing was saved
  mail.replies.emplace("zoe@example.net", Outcome::temporary("come back later", "4.3.0"));
  mail.attempt();
  CHECK(mail.submissions == 1);
  CHECK(mail.gateway.log.count("(RFC 1047)") == 1);
  CHECK(mail.state().maybe_sent);
  // It is written down, and said once.
  CHECK_FALSE(fs::exists(mail.gateway.folder() + "/SMTP/" + mail.id + "/MAYBE_SENT"));
  mail.now += 100'000;
  mail.attempt();
  CHECK(mail.submissions == 2);
  CHECK(mail.gateway.log.count("(RFC 1047)") == 1);
}

TEST_CASE("a message is in doubt from the end of its data until its results are written") {
  Outgoing mail({bob, zoe});
  mail.replies.emplace("zoe@example.net", Outcome::temporary("come back later", "4.3.0"));
  mail.attempt();
  CHECK(mail.was_marked);
  CHECK_FALSE(fs::exists(mail.gateway.folder() + "/SMTP/" + mail.id + "/MAYBE_SENT"));
  CHECK_FALSE(mail.state().maybe_sent);
  CHECK(mail.gateway.log.count("(RFC 1047)") == 0);
}

TEST_CASE("a refused recipient is reported at once and the others are sent") {
  Outgoing mail({bob, zoe});
  mail.replies.emplace("zoe@example.net", Outcome::permanent("no such person", "5.1.1"));
  CHECK(mail.attempt().gone);
  CHECK(mail.is_gone());
  const std::string report = mail.only_report();
  CHECK(report.find("zoe@example.net") != std::string::npos);
  CHECK(report.find("no such person") != std::string::npos);
}

TEST_CASE("a deferred recipient waits, and nobody who was sent is sent again") {
  Outgoing mail({bob, zoe});
  mail.replies.emplace("zoe@example.net", Outcome::temporary("greylisted", "4.7.1"));
  const TryResult result = mail.attempt();
  CHECK_FALSE(result.gone);
  CHECK(result.next_attempt == mail.now + 300);
  CHECK(mail.state().recipients[0].state == RecipientState::sent);
  CHECK(mail.state().recipients[0].queue_id == "4F3A1");
  CHECK(mail.state().recipients[1].reason.find("greylisted") != std::string::npos);

  CHECK_FALSE(mail.attempt().gone);
  CHECK(mail.submissions == 1);  // not due yet

  mail.now += 300;
  mail.replies.clear();
  CHECK(mail.attempt().gone);
  CHECK(mail.last.recipients.size() == 1);
  CHECK(mail.last.recipients[0].address == "zoe@example.net");
  CHECK(mail.gateway.filed("anna").empty());
}

TEST_CASE("pauses double up to the longest") {
  OutboundGatewaySettings settings;
  CHECK(retry_pause(settings, 1) == 300);
  CHECK(retry_pause(settings, 2) == 600);
  CHECK(retry_pause(settings, 4) == 2400);
  CHECK(retry_pause(settings, 5) == 3600);
  CHECK(retry_pause(settings, 4'000'000'000U) == 3600);
}

TEST_CASE("a host that cannot be spoken to counts as no try, and is told") {
  Outgoing mail({bob});
  mail.host.clear();
  mail.replies.emplace("bob@example.net", Outcome::temporary("connection refused", "4.4.1"));
  const TryResult result = mail.attempt();
  CHECK(result.host == HostState::down);
  CHECK_FALSE(result.gone);
  CHECK(mail.state().attempts == 0);
  CHECK(mail.state().recipients[0].reason.find("connection refused") != std::string::npos);
  // Due as soon as the host is back.
  CHECK(result.next_attempt <= static_cast<std::int64_t>(std::time(nullptr)));
  CHECK(mail.state().next_attempt == result.next_attempt);
}

TEST_CASE("what is too old is returned with the last reason") {
  Outgoing mail({bob});
  mail.replies.emplace("bob@example.net", Outcome::temporary("greylisted", "4.7.1"));
  mail.attempt();
  mail.now = written_at + mail.gateway.configuration->outbound.expire.count() + 1;
  CHECK(mail.attempt().gone);
  CHECK(mail.submissions == 2);  // once more before it is given up
  CHECK(mail.is_gone());
  CHECK(mail.only_report().find("greylisted") != std::string::npos);
}

TEST_CASE("what cannot be converted goes to BAD and the sender hears why") {
  Outgoing mail({bob}, OutgoingContent::mmff, "no message at all\n");
  CHECK(mail.attempt().gone);
  CHECK(mail.submissions == 0);
  CHECK(fs::exists(mail.gateway.folder() + "/SMTP/BAD/" + mail.id));
  CHECK(mail.only_report().find("bob@example.net") != std::string::npos);
}

TEST_CASE(
    "a program's mail that fails is kept in BAD for a person, and tried again for whom it failed") {
  Outgoing mail({bob, "SMTP:carl@example.org"}, OutgoingContent::mmff, "", "");
  mail.replies.emplace("bob@example.net", Outcome::permanent("550 5.1.1 no such user", "5.1.1"));
  CHECK(mail.attempt().gone);
  const auto entry = mail.mail.find(mail.id);
  REQUIRE(entry);
  CHECK(entry->is_bad);
  CHECK(entry->state.reason.find("no such user") != std::string::npos);
  CHECK(entry->state.recipients[0].state == RecipientState::waiting);
  CHECK(entry->state.recipients[1].state == RecipientState::sent);
  mail.replies.clear();
  Gateway::must(mail.mail.retry(mail.id));
  mail.now += 10'000'000;
  CHECK(mail.attempt().gone);
  CHECK(mail.last.recipients.size() == 1);
  CHECK(mail.is_gone());
}

TEST_CASE("a recipient in a postoffice without a domain fails alone") {
  Outgoing mail({bob, "CSI:OTHER/PO/carl"});
  CHECK(mail.attempt().gone);
  CHECK(mail.last.recipients.size() == 1);
  CHECK(mail.only_report().find("carl") != std::string::npos);
}

TEST_CASE("what is passed on goes octet by octet under its own sender") {
  const std::string octets = "Delivered-To: sales@example.com\r\nSubject: x\r\n\r\nh\xC3\xB6\r\n";
  Outgoing mail({bob}, OutgoingContent::internet, octets);
  CHECK(mail.attempt().gone);
  CHECK(mail.octets == octets);
  CHECK(mail.last.sender == "list-owner@example.com");
  CHECK(mail.last.is_8bit);
  CHECK(mail.last.parameters.find("BODY=8BITMIME") != std::string::npos);
}

TEST_CASE("a reply that never came is marked: the next try may double") {
  Outgoing mail({bob});
  mail.maybe_sent = true;
  mail.replies.emplace("bob@example.net", Outcome::temporary("connection lost", "4.4.2"));
  mail.attempt();
  CHECK(mail.state().maybe_sent);
  CHECK(mail.gateway.log.count("RFC 1047") == 1);
}

TEST_CASE("a held message is not tried") {
  Outgoing mail({bob});
  Gateway::must(mail.mail.hold(mail.id, true));
  const TryResult result = mail.attempt();
  CHECK_FALSE(result.gone);
  CHECK(result.next_attempt > mail.now);
  CHECK(mail.submissions == 0);
}

TEST_CASE(
    "a next try further off than any pause was set by a clock that went back since: it is due") {
  Outgoing mail({bob});
  mail.replies.emplace("bob@example.net", Outcome::temporary("450 not now", "4.2.0"));
  mail.now = written_at + 400;
  mail.attempt();
  REQUIRE(mail.submissions == 1);
  mail.attempt();
  CHECK(mail.submissions == 1);
  mail.now -= 400 * 86'400;
  mail.attempt();
  CHECK(mail.submissions == 2);
}

TEST_CASE("results that cannot be written down are not forgotten: nobody is sent twice") {
  Outgoing mail({bob, zoe});
  mail.replies.emplace("zoe@example.net", Outcome::temporary("greylisted", "4.7.1"));
  // The directory of the message cannot be written any more, as on a full disk.
  test::FaultFileSystem files;
  bool is_full = true;
  files.fault = [&](const std::string& operation, const std::string& path) -> int {
    const bool writes = operation == "create" || operation == "write" || operation == "rename";
    return is_full && writes && path.find("STATE.json") != std::string::npos ? ENOSPC : 0;
  };
  auto office = Postoffice::open(mail.gateway.folder(), files);
  REQUIRE(office);
  const OutgoingMail through(*office);
  const auto attempt = [&](std::optional<OutgoingState> unsaved) {
    auto taken = through.take(mail.id);
    REQUIRE(taken);
    REQUIRE(*taken);
    return try_message(std::move(**taken), mail.context(), std::move(unsaved));
  };
  TryResult result = attempt({});
  REQUIRE(result.unsaved);
  CHECK(mail.submissions == 1);
  result = attempt(result.unsaved);
  REQUIRE(result.unsaved);
  CHECK(mail.submissions == 1);
  is_full = false;
  result = attempt(result.unsaved);
  CHECK_FALSE(result.unsaved);
  CHECK(mail.submissions == 1);
  CHECK(mail.state().recipients[0].state == RecipientState::sent);
}

TEST_CASE("results of a thousand are on disk before the next thousand are submitted") {
  std::vector<std::string> many;
  for (int i = 0; i < 2500; ++i) many.push_back("SMTP:u" + std::to_string(i) + "@example.net");
  Outgoing mail(many);
  std::vector<std::size_t> sent_before;
  const OutboundContext plain = mail.context();
  OutboundContext context = mail.context();
  context.submit = [&](const converter::OutboundEnvelope& envelope, converter::Spool& content,
                       const std::function<void()>& before_end) {
    CHECK(envelope.recipients.size() <= 1000);
    std::size_t sent = 0;
    for (const auto& entry : fs::directory_iterator(mail.gateway.folder() + "/SMTP")) {
      if (!entry.path().filename().string().starts_with(mail.id)) continue;
      const auto read = parse_outgoing_state(
          test::read_whole(entry.path().string() + "/STATE.json"), "STATE.json");
      REQUIRE(read);
      for (const auto& one : read->recipients) sent += one.state == RecipientState::sent;
    }
    sent_before.push_back(sent);
    return plain.submit(envelope, content, before_end);
  };
  auto taken = mail.mail.take(mail.id);
  REQUIRE(taken);
  CHECK(try_message(std::move(**taken), context).gone);
  CHECK(sent_before == std::vector<std::size_t>{0, 1000, 2000});
  CHECK(mail.last.recipients.front().address == "u2000@example.net");
}

TEST_CASE("results that cannot be written stop a large message, and are the next try's") {
  std::vector<std::string> many;
  for (int i = 0; i < 1001; ++i) many.push_back("SMTP:u" + std::to_string(i) + "@example.net");
  Outgoing mail(many);
  test::FaultFileSystem files;
  bool full = false;
  files.fault = [&](const std::string& operation, const std::string&) {
    return full && operation == "create" ? ENOSPC : 0;
  };
  auto broken = Postoffice::open(mail.gateway.folder(), files);
  REQUIRE(broken);
  const OutgoingMail through(*broken);
  auto taken = through.take(mail.id);
  REQUIRE(taken);
  full = true;
  const TryResult first = try_message(std::move(**taken), mail.context());
  CHECK(mail.submissions == 1);
  REQUIRE(first.unsaved);
  CHECK(first.unsaved->recipients[999].state == RecipientState::sent);
  CHECK(first.unsaved->recipients[1000].state == RecipientState::waiting);

  full = false;
  auto again = mail.mail.take(mail.id);
  REQUIRE(again);
  CHECK_FALSE(try_message(std::move(**again), mail.context(), first.unsaved).gone);
  CHECK(mail.submissions == 1);
  mail.now += 100'000;
  CHECK(mail.attempt().gone);
  CHECK(mail.submissions == 2);
  CHECK(mail.last.recipients.size() == 1);
}

TEST_CASE("a message whose report cannot be filed is looked at after growing pauses") {
  Outgoing mail({bob}, OutgoingContent::mmff, "no message at all\n");
  // The mailbag where the report belongs is in nobody's hands.
  const std::string place = mail.gateway.folder() + "/MBG/anna/new";
  fs::remove(place);
  test::write_whole(place, "");
  std::vector<std::int64_t> pauses;
  for (int i = 0; i < 5; ++i) {
    const TryResult result = mail.attempt();
    REQUIRE_FALSE(result.gone);
    pauses.push_back(result.next_attempt - mail.now);
    mail.now = result.next_attempt;
  }
  CHECK(pauses == std::vector<std::int64_t>{300, 600, 1200, 2400, 3600});
  CHECK(mail.state().recipients[0].state == RecipientState::waiting);
  CHECK(mail.submissions == 0);

  fs::remove(place);
  fs::create_directory(place);
  CHECK(mail.attempt().gone);
  CHECK(mail.is_gone());
  CHECK(mail.only_report().find("bob@example.net") != std::string::npos);
}
