// Mail between two sites that are peers: what is wrapped and how, that it arrives as it was
// written, what is not believed, and who hears of what could not be delivered.
#include <algorithm>
#include <cerrno>
#include <filesystem>

#include <sodium.h>

#include "milter/wrapping.h"
#include "postoffice/encapsulated.h"
#include "unit/catch.h"
#include "unit/milter/peer_fixture.h"

using namespace smtpgate;
using namespace smtpgate::milter;
using namespace smtpgate::postoffice;
using namespace smtpgate::test;

namespace {

const std::string carl = "CSI:ACME/BRANCH/carl";
const std::string dora = "CSI:ACME/BRANCH/dora";

std::string letter(const std::string& more = "", const std::string& from = "CSI:ACME/MAIN/anna") {
  return "VERSION:3.00\nTO:CSI:ACME/BRANCH/carl\nCC:SMTP:zoe@far.test\nFROM:" + from +
         "\nDATE:2026-11-21\nTIME:22:00\nSUBJECT:Offer\nPRIORITY:5\n" + more + "TEXT:6\nhello\n";
}

struct Sites {
  explicit Sites(const std::string& main_peer = "", const PostofficeSettings& branch_settings = {})
      : main(main_names, main_peer), branch(branch_names, "", branch_settings) {
    Gateway::must(main.open().add_mailbox("anna"));
    Gateway::must(branch.open().add_mailbox("carl"));
    Gateway::must(branch.open().add_mailbox("dora"));
  }

  /// The one message that main submits for a file.
  Submitted wrapped(const std::string& content, const std::vector<std::string>& recipients = {carl},
                    const std::string& mailbox = "anna",
                    std::int64_t created = std::time(nullptr)) {
    hand_over(main, content, recipients, mailbox, created);
    auto all = submit_all(main);
    REQUIRE(all.size() == 1);
    return all.front();
  }

  Site main;
  Site branch;
};

std::string base64_part(const std::string& octets) {
  const auto at = octets.find("MESSAGE.ENC");
  REQUIRE(at != std::string::npos);
  const auto begin = octets.find("\r\n\r\n", at) + 4;
  return octets.substr(begin, octets.find("\r\n--", begin) - begin);
}

/// The message with another payload in it.
Submitted with_payload(const Submitted& mail, const std::string& payload) {
  constexpr int variant = sodium_base64_VARIANT_ORIGINAL;
  std::string encoded(sodium_base64_encoded_len(payload.size(), variant), '\0');
  sodium_bin2base64(encoded.data(), encoded.size(),
                    reinterpret_cast<const unsigned char*>(payload.data()), payload.size(),
                    variant);
  encoded.pop_back();
  Submitted result = mail;
  result.octets =
      "From: a@main.test\r\nTo: XXENC@branch.test\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
      "Content-Type: application/octet-stream; name=x\r\nContent-Disposition: attachment\r\n"
      "Content-Transfer-Encoding: base64\r\n\r\n";
  for (std::size_t at = 0; at < encoded.size(); at += 76) {
    result.octets += encoded.substr(at, 76) + "\r\n";
  }
  return result;
}

/// A payload by whoever has `digits`' key.
std::string payload_by(const EncapsulatedHeader& header, const std::string& content,
                       const std::string& digits = std::string(64, 'a')) {
  auto file = FileSystem::posix().create_unnamed(std::filesystem::temp_directory_path().string());
  REQUIRE(file);
  REQUIRE((*file)->write(content));
  const auto head = encapsulation_head(header, **file, *parse_encapsulation_key(digits));
  REQUIRE(head);
  return *head + content;
}

EncapsulatedHeader header_for(const std::vector<NativeAddress>& to) {
  EncapsulatedHeader header;
  header.id = std::string(32, '1');
  header.created = std::time(nullptr);
  header.character_set = "UTF-8";
  header.from = {{"ACME", "MAIN"}, "anna"};
  header.to = to;
  return header;
}

const NativeAddress native_carl{{"ACME", "BRANCH"}, "carl"};

std::size_t waiting_in(const Site& site) {
  const Postoffice office = site.open();
  return OutgoingMail(office).waiting()->size();
}

}  // namespace

TEST_CASE("mail for a peer's postoffice goes out as one message to XXENC") {
  Sites sites;
  const std::string id = hand_over(sites.main, letter(), {carl, "SMTP:zoe@far.test", dora});
  const auto all = submit_all(sites.main);
  REQUIRE(all.size() == 2);
  CHECK(all[0].envelope.recipients.front().address == "zoe@far.test");
  CHECK(all[0].octets.find("Subject: Offer\r\n") != std::string::npos);
  CHECK(all[0].octets.find("Message-ID: <" + id + "@main.test>\r\n") != std::string::npos);

  const Submitted& mail = all[1];
  CHECK(mail.envelope.sender == "anna@main.test");
  REQUIRE(mail.envelope.recipients.size() == 1);
  CHECK(mail.envelope.recipients[0].address == "XXENC@branch.test");
  CHECK(mail.envelope.parameters.find("ENVID=" + id) != std::string::npos);
  CHECK(mail.octets.find("From: anna@main.test\r\n") != std::string::npos);
  CHECK(mail.octets.find("To: XXENC@branch.test\r\n") != std::string::npos);
  CHECK(mail.octets.find("Message-ID: <" + id + ".1@main.test>\r\n") != std::string::npos);
  CHECK(mail.octets.find("Auto-Submitted: auto-generated\r\n") != std::string::npos);
  CHECK(mail.octets.find("Content-Type: application/x-smtpgate-encapsulated") != std::string::npos);
  CHECK(mail.octets.find("Disposition-Notification-To") == std::string::npos);
  CHECK(mail.octets.find("Offer") == std::string::npos);
  CHECK(mail.octets.find("zoe") == std::string::npos);

  // A line of the log for each who gets it.
  for (const char* who : {"to=<carl@branch.test>", "to=<dora@branch.test>", "to=<zoe@far.test>"}) {
    CHECK(sites.main.log.count(who) == 1);
  }
  CHECK(sites.main.log.count("encapsulated, to XXENC@branch.test") == 2);
  CHECK(waiting_in(sites.main) == 0);
}

TEST_CASE("a peer that is not encapsulated for gets Internet mail") {
  Sites sites("encapsulate = false");
  const Submitted mail = sites.wrapped(letter(), {carl, dora});
  REQUIRE(mail.envelope.recipients.size() == 2);
  CHECK(mail.envelope.recipients[0].address == "carl@branch.test");
  CHECK(mail.octets.find("Subject: Offer\r\n") != std::string::npos);
  CHECK(take_in(sites.branch, mail).is_delivered());
  REQUIRE(sites.branch.filed("carl").size() == 1);
  // What comes from there is unwrapped all the same.
  hand_over(sites.branch, letter("", "CSI:ACME/BRANCH/carl"), {"CSI:ACME/MAIN/anna"}, "carl");
  const auto back = submit_all(sites.branch);
  REQUIRE(back.size() == 1);
  CHECK(back[0].envelope.recipients[0].address == "XXENC@main.test");
  CHECK(take_in(sites.main, back[0]).is_delivered());
  CHECK(sites.main.filed("anna") == std::vector<std::string>{letter("", "CSI:ACME/BRANCH/carl")});
}

TEST_CASE("a repeated try wraps the same payload, octet for octet") {
  Sites sites;
  const auto created = std::time(nullptr);
  hand_over(sites.main, letter(), {carl}, "anna", created);
  const Postoffice office = sites.main.open();
  const OutgoingMail mail(office);
  std::vector<std::string> tries;
  std::int64_t now = created;
  const OutboundContext context{
      .configuration = *sites.main.configuration,
      .postoffice = office,
      .files = FileSystem::posix(),
      .log = sites.main.log,
      .submit =
          [&](const converter::OutboundEnvelope& envelope, converter::Spool& content,
              const std::function<void()>& before_end) {
            before_end();
            StringSink sink(tries.emplace_back());
            REQUIRE(content.copy_to(sink));
            SubmissionResult answer;
            answer.host = "h";
            answer.recipients.resize(envelope.recipients.size());
            return answer;
          },
      .now = [&] { return now; }};
  for (int i = 0; i < 2; ++i, now += 100'000) {
    auto taken = mail.take(mail.waiting()->front());
    CHECK_FALSE(try_message(std::move(**taken), context).gone);
  }
  REQUIRE(tries.size() == 2);
  CHECK(tries[0] == tries[1]);
}

TEST_CASE("what was written arrives octet by octet, whatever it is") {
  PostofficeSettings crlf;
  crlf.line_end = LineEnd::crlf;
  Sites sites("", GENERATE_COPY(PostofficeSettings(), crlf));
  const std::string binary = [] {
    std::string all;
    for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
    return all + all + std::string("\r\n.\r\n--=_x\r\n\0\0", 13);
  }();
  std::string fields;
  for (const char* name :
       {"MESSAGE-ID", "SENT", "RECEIVED", "FROM-NAME", "SENDER", "REPLY-TO", "IN-REPLY-TO",
        "REFERENCES", "RECEIPT-TO", "RECEIPT-OPTIONS", "ORIGINAL-RECIPIENT", "PRECEDENCE",
        "QUEUE-ID", "TRACE", "ODD", "X-OWN", "BCC"}) {
    fields += "EXT:S:0:" + std::string(name) + "\nvalue ^0D^0A of it, \xC3\xA9\n";
  }
  fields += "EXT:S:1:ATTACHMENT-TYPE\nimage/png\nEXT:S:7:TO-NAME\nNobody\nEXT:I:3:HEADLEN\n1\n";
  const std::string attached = letter("ATTACHMENT:picture.png " + std::to_string(binary.size()) +
                                      "\nATTACHMENT:empty 0\n" + fields) +
                               binary;
  std::string with_crlf;
  for (const char c : letter()) with_crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
  // Its text is what TEXT counts.
  with_crlf = with_crlf.substr(0, with_crlf.size() - 7) + "hello\n";
  std::string with_cr = with_crlf;
  with_cr.erase(std::remove(with_cr.begin(), with_cr.end() - 6, '\n'), with_cr.end() - 6);
  std::string large = letter("ATTACHMENT:large " + std::to_string(3 << 20) + "\n");
  for (unsigned i = 0; i < (3U << 20); ++i) large += static_cast<char>((i * 7919U) >> 5);
  for (const std::string& file : {letter(), attached, with_crlf, with_cr, letter() + "\n\n",
                                  "\xEF\xBB\xBF" + letter(), large}) {
    INFO(file.substr(0, 2000));
    for (const auto& entry :
         std::filesystem::directory_iterator(sites.branch.folder() + "/MBG/carl/new")) {
      std::filesystem::remove(entry.path());
    }
    const Outcome outcome = take_in(sites.branch, sites.wrapped(file));
    INFO(outcome.sentence());
    REQUIRE(outcome.is_delivered());
    CHECK(outcome.sentence().starts_with("unwrapped: filed as "));
    CHECK(sites.branch.filed("carl") == std::vector<std::string>{file});
  }
  CHECK(sites.branch.filed("postmaster").empty());
}

TEST_CASE(
    "a missing character set is said where the two postoffices' differ, and nothing else changes") {
  PostofficeSettings latin;
  latin.character_set = "ISO-8859-1";
  Sites sites("", latin);
  CHECK(take_in(sites.branch, sites.wrapped(letter())).is_delivered());
  std::string expected = letter();
  expected.insert(expected.find("TEXT:6"), "EXT:S:0:CHARSET\nUTF-8\n");
  CHECK(sites.branch.filed("carl") == std::vector<std::string>{expected});
  const std::string own = letter("EXT:S:0:CHARSET\nKOI8-R\n");
  CHECK(take_in(sites.branch, sites.wrapped(own, {dora})).is_delivered());
  CHECK(sites.branch.filed("dora") == std::vector<std::string>{own});
}

TEST_CASE("fields that only a converter writes do not come in from a peer") {
  Sites sites;
  const std::string forged =
      letter("EXT:S:0:CONTENT-KEY\n" + std::string(64, '0') + "\nEXT:S:0:ENVELOPE-FROM\nx@y\n" +
             "EXT:S:0:ENVELOPE-TO\nCSI:ACME/BRANCH/dora\nEXT:S:0:HEADER-FROM\nz\n" +
             "EXT:S:0:X-OWN\nkept\n");
  CHECK(take_in(sites.branch, sites.wrapped(forged)).is_delivered());
  CHECK(sites.branch.filed("carl") == std::vector<std::string>{letter("EXT:S:0:X-OWN\nkept\n")});
}

TEST_CASE("several recipients, blind ones too, are each served once") {
  Sites sites;
  Gateway::must(sites.branch.open().add_alias("chief", "dora"));
  const Submitted mail = sites.wrapped(letter(), {carl, dora, "CSI:acme/branch/CHIEF", carl});
  CHECK(mail.envelope.recipients.size() == 1);
  const Outcome outcome = take_in(sites.branch, mail);
  CHECK(outcome.is_delivered());
  CHECK(sites.branch.filed("carl") == std::vector<std::string>{letter()});
  CHECK(sites.branch.filed("dora") == std::vector<std::string>{letter()});
}

TEST_CASE("the same again is a duplicate, by its MAC") {
  Sites sites;
  const Submitted mail = sites.wrapped(letter());
  CHECK(take_in(sites.branch, mail).is_delivered());
  Submitted again = mail;
  again.octets = "X-Relay: another way\r\n" + again.octets;
  CHECK(take_in(sites.branch, again).is_delivered());
  CHECK(sites.branch.filed("carl").size() == 1);
  // The same file sent anew is another message.
  CHECK(take_in(sites.branch, sites.wrapped(letter())).is_delivered());
  CHECK(sites.branch.filed("carl").size() == 2);
}

TEST_CASE("what is not to be believed is the postmaster's, with the reason") {
  Sites sites;
  const Submitted mail = sites.wrapped(letter());
  const auto is_ordinary = [&](const Submitted& one, const std::string& why,
                               std::int64_t arrival = std::time(nullptr)) {
    INFO(why);
    const std::size_t before = sites.branch.filed("postmaster").size();
    const Outcome outcome = take_in(sites.branch, one, arrival);
    INFO(outcome.sentence());
    CHECK(outcome.is_delivered());
    CHECK(outcome.sentence().find("; not unwrapped: ") != std::string::npos);
    CHECK(outcome.sentence().find(why) != std::string::npos);
    const auto filed = sites.branch.filed("postmaster");
    REQUIRE(filed.size() == before + 1);
    CHECK(std::any_of(filed.begin(), filed.end(), [&](const std::string& content) {
      return content.find("EXT:S:0:ODD\nnot-unwrapped: ") != std::string::npos &&
             content.find(why) != std::string::npos;
    }));
    CHECK(sites.branch.filed("carl").empty());
  };
  const EncapsulatedHeader good = header_for({native_carl});

  // Tampered with on the way.
  Submitted changed = mail;
  const std::string encoded = base64_part(mail.octets);
  const auto at = changed.octets.find(encoded) + encoded.size() - 40;
  changed.octets[at] = changed.octets[at] == 'A' ? 'B' : 'A';
  is_ordinary(changed, "MAC");
  // No payload, another's key, a stranger's name.
  is_ordinary(with_payload(mail, "hello"), "it has no encapsulated message");
  is_ordinary(with_payload(mail, payload_by(good, letter(), std::string(64, 'b'))), "MAC");
  EncapsulatedHeader stranger = good;
  stranger.from = {{"ACME", "ELSEWHERE"}, "anna"};
  is_ordinary(with_payload(mail, payload_by(stranger, letter("", "CSI:ACME/ELSEWHERE/anna"))),
              "is of no peer's postoffice");
  stranger.from = {{"ACME", "BRANCH"}, "dora"};
  is_ordinary(with_payload(mail, payload_by(stranger, letter("", "CSI:ACME/BRANCH/dora"))),
              "is of no peer's postoffice");
  // Not the payload's FROM; no message, or two.
  is_ordinary(with_payload(mail, payload_by(good, letter("", "CSI:ACME/MAIN/ben"))),
              "from another than its payload");
  is_ordinary(with_payload(mail, payload_by(good, letter("", "SMTP:anna@main.test"))),
              "from another than its payload");
  is_ordinary(with_payload(mail, payload_by(good, "")), "has no message");
  is_ordinary(with_payload(mail, payload_by(good, "nonsense")), "1-1");
  is_ordinary(with_payload(mail, payload_by(good, letter().substr(0, letter().size() - 3))), "1-");
  is_ordinary(with_payload(mail, payload_by(good, letter() + letter())), "several messages");
  is_ordinary(with_payload(mail, payload_by(good, letter("XATTACH:/etc/passwd\n"))), "146");
  // Too old, or of a time to come.
  constexpr std::int64_t day = 86'400;
  is_ordinary(mail, "days old", std::time(nullptr) + 5 * day + 60);
  EncapsulatedHeader ahead = good;
  ahead.created += day + 60;
  is_ordinary(with_payload(mail, payload_by(ahead, letter())), "ahead");

  // Just within.
  ahead.created -= 120;
  CHECK(take_in(sites.branch, with_payload(mail, payload_by(ahead, letter()))).is_delivered());
  CHECK(sites.branch.filed("carl").size() == 1);
}

TEST_CASE("who are peers no more are outsiders") {
  Sites sites;
  const Submitted mail = sites.wrapped(letter());
  sites.branch.write_configuration(false);
  const Outcome outcome = take_in(sites.branch, mail);
  CHECK(outcome.is_permanent());
  CHECK(outcome.status() == "5.1.1");
}

TEST_CASE("XXENC is nobody's name only where nobody has it, and left by door 1") {
  Sites sites;
  RecipientResolver resolver(*sites.branch.configuration);
  const Resolution found = resolver.resolve_path("<xxEnc@branch.test>");
  CHECK(found.is_encapsulated);
  CHECK(found.kind == Resolution::Kind::mailbox);
  CHECK(found.address.str() == "ACME/BRANCH/postmaster");
  CHECK_FALSE(*resolver.stays_here(found));
  CHECK_FALSE(resolver.resolve_path("<XXENC+a@branch.test>").is_known());
  const Submitted mail = sites.wrapped(letter());
  CHECK(take_in(sites.branch, mail, std::time(nullptr), FileSystem::posix(), Reach::mailboxes)
            .is_temporary());
  CHECK(sites.branch.filed("carl").empty());

  SECTION("a mailbox") {
    Gateway::must(sites.branch.open().add_mailbox("xxenc"));
  }
  SECTION("an alias") {
    Gateway::must(sites.branch.open().add_alias("XXENC", "dora"));
  }
  SECTION("a group") {
    write_whole(sites.branch.folder() + "/GRP/xxenc", "dora\n");
  }
  const Resolution taken = resolver.resolve_path("<XXENC@branch.test>");
  CHECK(taken.is_known());
  CHECK_FALSE(taken.is_encapsulated);
}

TEST_CASE("a catch-all does not take encapsulated mail") {
  PostofficeSettings settings;
  settings.catch_all = "dora";
  Sites sites("", settings);
  CHECK(take_in(sites.branch, sites.wrapped(letter())).is_delivered());
  CHECK(sites.branch.filed("dora").empty());
  CHECK(sites.branch.filed("carl").size() == 1);
}

TEST_CASE(
    "an unknown recipient is reported to the author, and the report comes back encapsulated") {
  Sites sites;
  const Submitted mail = sites.wrapped(letter(), {carl, "CSI:ACME/BRANCH/nobody"});
  const Outcome outcome = take_in(sites.branch, mail);
  CHECK(outcome.is_delivered());
  CHECK(outcome.sentence().find("1 reported to ACME/MAIN/anna") != std::string::npos);
  CHECK(sites.branch.filed("carl").size() == 1);
  CHECK(take_in(sites.branch, mail).is_delivered());  // not twice
  REQUIRE(waiting_in(sites.branch) == 1);
  const auto back = submit_all(sites.branch);
  REQUIRE(back.size() == 1);
  CHECK(back[0].envelope.sender.empty());
  CHECK(back[0].envelope.recipients[0].address == "XXENC@main.test");
  CHECK(take_in(sites.main, back[0]).is_delivered());
  const auto reports = sites.main.filed("anna");
  REQUIRE(reports.size() == 1);
  CHECK(reports[0].find("SUBJECT:Undeliverable: Offer\n") != std::string::npos);
  CHECK(reports[0].find("ACME/BRANCH/nobody") != std::string::npos);
  CHECK(reports[0].find("[002]") != std::string::npos);
  CHECK(reports[0].find("FROM:CSI:ACME/BRANCH/postmaster\n") != std::string::npos);
  CHECK(reports[0].find("ENVELOPE-FROM") == std::string::npos);
  CHECK(reports[0].ends_with(letter()));  // attached
}

TEST_CASE("nobody can relay through a peer") {
  Sites sites;
  EncapsulatedHeader header =
      header_for({native_carl, {{"ACME", "ELSEWHERE"}, "eve"}, {{"ACME", "MAIN"}, "anna"}});
  const Submitted mail = sites.wrapped(letter());
  CHECK(take_in(sites.branch, with_payload(mail, payload_by(header, letter()))).is_delivered());
  CHECK(sites.branch.filed("carl").size() == 1);
  const auto back = submit_all(sites.branch);
  REQUIRE(back.size() == 1);  // the report, and nothing for eve
  CHECK(take_in(sites.main, back[0]).is_delivered());
  const auto reports = sites.main.filed("anna");
  REQUIRE(reports.size() == 1);
  CHECK(reports[0].find("ACME/ELSEWHERE/eve") != std::string::npos);
  CHECK(reports[0].find("is not served here") != std::string::npos);
}

TEST_CASE("programs do not report to each other") {
  Sites sites;
  const std::string machine = GENERATE(
      letter("EXT:S:0:AUTO-SUBMITTED\nauto-replied\n"), letter("", "CSI:ACME/MAIN/postmaster"),
      letter("EXT:S:0:DISPOSITION\nmanual-action/MDN-sent-manually; displayed\n"));
  const Submitted mail = sites.wrapped(machine, {"CSI:ACME/BRANCH/nobody"});
  CHECK(take_in(sites.branch, mail).is_delivered());
  CHECK(waiting_in(sites.branch) == 0);
  REQUIRE(sites.branch.filed("postmaster").size() == 1);
  CHECK(sites.branch.filed("postmaster")[0].find("ACME/BRANCH/nobody") != std::string::npos);
}

TEST_CASE("groups and forwards are followed, in the name of whoever passes on") {
  Sites sites;
  write_whole(sites.branch.folder() + "/GRP/team", "OWNER: dora\ncarl\ndora\nbob@far.test\n");
  const Submitted mail = sites.wrapped(letter(), {"CSI:ACME/BRANCH/team"});
  CHECK(take_in(sites.branch, mail).is_delivered());
  CHECK(take_in(sites.branch, mail).is_delivered());
  CHECK(sites.branch.filed("carl") == std::vector<std::string>{letter()});
  CHECK(sites.branch.filed("dora") == std::vector<std::string>{letter()});
  const auto passed = submit_all(sites.branch);
  REQUIRE(passed.size() == 1);
  CHECK(passed[0].envelope.sender == "dora@branch.test");
  CHECK(passed[0].envelope.recipients[0].address == "bob@far.test");
  CHECK(passed[0].octets.find("From: anna@main.test\r\n") != std::string::npos);
}

TEST_CASE("a forward back to the peer goes as Internet mail, not encapsulated in another's name") {
  Sites sites;
  MailboxSettings settings;
  settings.forward = {TypedAddress::parse("CSI:ACME/MAIN/anna")};
  settings.keep_copy = false;
  Gateway::must(write_mailbox_settings(sites.branch.open(), "carl", settings));
  CHECK(take_in(sites.branch, sites.wrapped(letter())).is_delivered());
  const auto passed = submit_all(sites.branch);
  REQUIRE(passed.size() == 1);
  CHECK(passed[0].envelope.recipients[0].address == "anna@main.test");
  CHECK(passed[0].envelope.sender == "carl@branch.test");
}

TEST_CASE("a key that cannot be read makes mail wait, for this peer only") {
  Sites sites;
  const Submitted good = sites.wrapped(letter());
  std::filesystem::permissions(sites.main.key_path(), std::filesystem::perms(0644));
  hand_over(sites.main, letter(), {carl, "SMTP:zoe@far.test"});
  const auto all = submit_all(sites.main);
  REQUIRE(all.size() == 1);
  CHECK(all[0].envelope.recipients[0].address == "zoe@far.test");
  CHECK(waiting_in(sites.main) == 1);
  CHECK(sites.main.log.count("to=<carl@branch.test>") == 2);
  CHECK(sites.main.log.count("status=deferred") == 1);

  std::filesystem::remove(sites.branch.key_path());
  const Outcome outcome = take_in(sites.branch, good);
  CHECK(outcome.is_temporary());
  CHECK(outcome.status() == "4.3.5");
  CHECK(sites.branch.filed("postmaster").empty());
  sites.branch.write_key(std::string(64, 'a'));
  CHECK(take_in(sites.branch, good).is_delivered());
}

TEST_CASE("a failure at any disk operation is temporary, and a retry serves everybody once") {
  Sites sites;
  write_whole(sites.branch.folder() + "/GRP/team", "dora\nbob@far.test\n");
  const auto make = [&] {
    return sites.wrapped(letter(), {carl, "CSI:ACME/BRANCH/team", "CSI:ACME/BRANCH/nobody"});
  };
  const auto is_all_there = [&](std::size_t messages) {
    const std::vector<std::string> letters(messages, letter());
    CHECK(sites.branch.filed("carl") == letters);
    CHECK(sites.branch.filed("dora") == letters);
    CHECK(sites.branch.filed("postmaster").empty());
    CHECK(waiting_in(sites.branch) == 2 * messages);  // for bob, and the report
  };
  std::size_t operations = 0;
  const Submitted first = make();
  FaultFileSystem files;
  files.fault = [&](const std::string&, const std::string&) {
    ++operations;
    return 0;
  };
  REQUIRE(take_in(sites.branch, first, std::time(nullptr), files).is_delivered());
  REQUIRE(operations > 20);
  is_all_there(1);
  for (std::size_t failing = 0; failing < operations; ++failing) {
    INFO("operation " << failing);
    const Submitted mail = make();
    std::size_t at = 0;
    files.fault = [&](const std::string&, const std::string&) {
      return at++ == failing ? ENOSPC : 0;
    };
    CHECK_FALSE(take_in(sites.branch, mail, std::time(nullptr), files).is_permanent());
    CHECK(take_in(sites.branch, mail).is_delivered());
    is_all_there(failing + 2);
  }
}

TEST_CASE("programs of old peers at the same domain do not change the payload's form") {
  Site main(main_names, "", {}, "uuencode_domains = [\"branch.test\"]");
  Gateway::must(main.open().add_mailbox("anna"));
  hand_over(main, letter(), {carl});
  const auto all = submit_all(main);
  REQUIRE(all.size() == 1);
  CHECK(all[0].octets.find("Content-Transfer-Encoding: base64") != std::string::npos);
}
