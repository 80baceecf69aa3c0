// Door 1's decisions, with calls in every order that libmilter and Postfix may make them.
#include <filesystem>
#include <random>

#include "fault_file_system.h"
#include "gateway_fixture.h"
#include "milter/milter_session.h"
#include "postoffice/groups.h"
#include "postoffice/usage.h"
#include "unit/catch.h"

using namespace smtpgate;
using namespace smtpgate::milter;

namespace {

/// A session with a gateway, and Postfix's side of it.
struct Scene {
  explicit Scene(const std::string& gateway_lines = "")
      : gateway(gateway_lines), session(services()) {
    session.connected("mail.remote.example", "192.0.2.1");
  }

  SessionServices services() {
    return {.configuration = [this] { return gateway.configuration; },
            .log = &gateway.log,
            .files = &files,
            .stopping = [this] { return stopping; },
            .may_discard =
                [this] {
                  ++asked_to_discard;
                  return is_proved;
                }};
  }

  void mail(std::string_view path = "<carol@remote.example>") {
    session.mail_from(path, {"SIZE=100"}, {std::string(path.substr(1, path.size() - 2)), ""});
  }
  std::optional<RecipientReply> rcpt(std::string_view path,
                                     const std::vector<std::string>& parameters = {},
                                     const char* mailer = "smtpgate") {
    return session.recipient(path, parameters, {mailer, std::nullopt});
  }
  void content(const char* subject = "Hello") {
    session.header("From", " Carol <carol@remote.example>");
    session.header("Subject", std::string(" ") + subject);
    session.header("Message-ID", " <1@remote.example>");
    session.end_of_headers();
    session.body("Good day.\r\n");
  }
  /// What is deleted at the end of the message.
  std::vector<std::string> end() {
    std::vector<std::string> deleted;
    answer = session.end_of_message("4F3A1", [&](const std::string& path) {
      deleted.push_back(path);
      return !refuse_deletion;
    });
    return deleted;
  }

  test::Gateway gateway;
  test::FaultFileSystem files;
  bool stopping = false;
  bool refuse_deletion = false;
  bool is_proved = true;
  int asked_to_discard = 0;
  MilterSession::Answer answer = MilterSession::Answer::go_on;
  MilterSession session;
};

using Paths = std::vector<std::string>;

}  // namespace

TEST_CASE("a recipient is claimed by the very string that RCPT gave, once it is filed") {
  Scene scene;
  scene.mail();
  CHECK_FALSE(scene.rcpt("<Anna@EXAMPLE.com>", {"ORCPT=rfc822;x@y"}));
  REQUIRE(scene.session.wants_content());
  scene.content();
  CHECK(scene.session.receiving_content());
  CHECK(scene.end() == Paths{"<Anna@EXAMPLE.com>"});
  CHECK_FALSE(scene.session.receiving_content());
  CHECK(scene.gateway.filed("anna").size() == 1);
  CHECK(scene.gateway.log.count(
            "4F3A1: to=<Anna@EXAMPLE.com>, relay=postoffice[ACME/MAIN], delay=") == 1);
  CHECK(scene.gateway.log.count("status=sent (filed as ") == 1);
}

TEST_CASE("a message is discarded whole only if that was chosen, proved, and all are filed") {
  using Answer = MilterSession::Answer;
  const auto run = [](Scene& scene, const std::vector<std::string>& paths) {
    scene.mail();
    for (const std::string& path : paths) {
      scene.rcpt(path, {}, path.find("elsewhere") == std::string::npos ? "smtpgate" : "smtp");
    }
    REQUIRE(scene.session.wants_content());
    scene.content();
    return scene.end();
  };
  const char* chosen = "[milter]\nclaim = \"discard\"";
  const Paths both{"<anna@example.com>", "<ben@example.com>"};
  {
    Scene scene(chosen);
    CHECK(run(scene, both).empty());
    CHECK(scene.answer == Answer::discard);
    CHECK(scene.gateway.filed("anna").size() == 1);
    CHECK(scene.gateway.filed("ben").size() == 1);
    CHECK(scene.gateway.log.count("status=sent (filed as ") == 2);
    // The next message of the session is judged by itself.
    CHECK(run(scene, {"<anna@example.com>", "<x@elsewhere.example>"}) == Paths{both[0]});
    CHECK(scene.answer == Answer::go_on);
  }
  {
    Scene scene(chosen);
    // The same recipient twice, and one that was refused: Postfix has no other.
    CHECK(run(scene, {both[0], both[0], "<nobody@example.com>"}).empty());
    CHECK(scene.answer == Answer::discard);
  }
  {
    Scene scene;
    CHECK(run(scene, both) == both);
    CHECK(scene.answer == Answer::go_on);
    CHECK(scene.asked_to_discard == 0);
  }
  {
    Scene scene(chosen);
    scene.is_proved = false;
    CHECK(run(scene, both) == both);
    CHECK(scene.answer == Answer::go_on);
  }
  {
    // Left for door 2: a report of success is asked for.
    Scene scene(chosen);
    scene.mail();
    scene.rcpt(both[0]);
    scene.rcpt(both[1], {"NOTIFY=SUCCESS"});
    REQUIRE(scene.session.wants_content());
    scene.content();
    CHECK(scene.end() == Paths{both[0]});
    CHECK(scene.answer == Answer::go_on);
  }
  {
    // Not filed for one of them.
    Scene scene(chosen);
    std::filesystem::remove_all(scene.gateway.folder() + "/MBG/ben/new");
    test::write_whole(scene.gateway.folder() + "/MBG/ben/new", "");
    CHECK(run(scene, both) == Paths{both[0]});
    CHECK(scene.answer == Answer::go_on);
  }
}

TEST_CASE("other people's mail is let go at DATA") {
  Scene scene;
  scene.mail();
  CHECK_FALSE(scene.rcpt("<anna@example.com>", {}, "smtp"));
  CHECK_FALSE(scene.rcpt("<anna@example.com>", {}, ""));
  CHECK_FALSE(scene.rcpt("<somebody@elsewhere.example>", {}, "relay"));
  CHECK_FALSE(scene.session.wants_content());
  CHECK(scene.end().empty());
  CHECK(scene.gateway.log.lines().empty());
}

TEST_CASE("an unknown mailbox is 550, a domain that is not in the map 451") {
  Scene scene;
  scene.mail();
  const auto unknown = scene.rcpt("<nobody@example.com>");
  REQUIRE(unknown);
  CHECK(unknown->code == "550");
  CHECK(unknown->status == "5.1.1");
  const auto unmapped = scene.rcpt("<anna@unmapped.example>");
  REQUIRE(unmapped);
  CHECK(unmapped->code == "451");
  CHECK(unmapped->status == "4.3.5");
  CHECK_FALSE(scene.session.wants_content());
}

TEST_CASE("an unknown mailbox is left where the configuration says so") {
  Scene scene("unknown_recipient = \"leave\"");
  scene.mail();
  CHECK_FALSE(scene.rcpt("<nobody@example.com>"));
  CHECK(scene.rcpt("<anna@unmapped.example>"));
  CHECK_FALSE(scene.session.wants_content());
  CHECK(scene.gateway.log.count("left for door 2") == 1);
}

TEST_CASE("any doubt: not claimed, not refused") {
  Scene scene;
  scene.mail();
  SECTION("the postoffice cannot be read") {
    CHECK_FALSE(scene.rcpt("<anna@lost.example>"));
  }
  SECTION("no address") {
    CHECK_FALSE(scene.rcpt("<anna@exa mple.com>"));
  }
  SECTION("empty") {
    CHECK_FALSE(scene.rcpt(""));
  }
  SECTION("Postfix routes another address") {
    CHECK_FALSE(scene.session.recipient("<anna@example.com>", {}, {"smtpgate", "ben@example.com"}));
  }
  SECTION("a report of success is asked for") {
    CHECK_FALSE(scene.rcpt("<anna@example.com>", {"NOTIFY=FAILURE,SUCCESS"}));
  }
  CHECK_FALSE(scene.session.wants_content());
  CHECK(scene.end().empty());
}

TEST_CASE("a mailbox that takes nothing from the Internet is left, and so is its group") {
  Scene scene;
  postoffice::MailboxSettings settings;
  settings.receive_from_internet = false;
  const postoffice::Postoffice office = scene.gateway.open();
  test::Gateway::must(postoffice::write_mailbox_settings(office, "anna", settings));
  test::Gateway::must(postoffice::write_group(office, {"all", "ben", {"anna", "ben"}}));
  scene.mail();
  CHECK_FALSE(scene.rcpt("<anna@example.com>"));
  CHECK_FALSE(scene.rcpt("<all@example.com>"));
  CHECK_FALSE(scene.session.wants_content());
  CHECK(scene.gateway.log.count("anna takes no mail from the Internet") == 1);

  // Who has logged in is not the Internet.
  scene.session.mail_from("<carol@remote.example>", {}, {"carol@remote.example", "carol"});
  CHECK_FALSE(scene.rcpt("<anna@example.com>"));
  CHECK_FALSE(scene.rcpt("<all@example.com>"));
  CHECK(scene.session.wants_content());
  scene.session.header("Subject", " x");
  scene.session.end_of_headers();
  CHECK(scene.end().size() == 2);
}

TEST_CASE("a recipient over quota is never claimed, known to be full or not") {
  Scene scene;
  postoffice::MailboxSettings settings;
  settings.quota.messages = 1;
  const postoffice::Postoffice office = scene.gateway.open();
  test::Gateway::must(postoffice::write_mailbox_settings(office, "anna", settings));
  test::write_whole(scene.gateway.folder() + "/MBG/anna/new/m", "x");
  scene.mail();
  CHECK_FALSE(scene.rcpt("<anna@example.com>"));
  CHECK(scene.session.wants_content());  // it was never counted: decided when it is filed
  scene.session.header("Subject", " x");
  scene.session.end_of_headers();
  CHECK(scene.end().empty());
  CHECK(scene.gateway.log.count("mailbox anna is full: it holds 1 of 1 messages") == 1);
  CHECK(scene.gateway.filed("anna").size() == 1);
  for (const char* part : {"new", "cur"}) {
    const auto hours_ago = std::filesystem::file_time_type::clock::now() - std::chrono::hours(5);
    std::filesystem::last_write_time(scene.gateway.folder() + "/MBG/anna/" + part, hours_ago);
  }
  REQUIRE(postoffice::recount_usage(office, "anna").has_value());
  scene.mail();
  CHECK_FALSE(scene.rcpt("<anna@example.com>"));
  CHECK_FALSE(scene.session.wants_content());
}

TEST_CASE("only the plain spelling of an address is claimed") {
  // Postfix deletes what it kept, which for these is not what RCPT said; it would say nothing.
  for (const char* odd : {"<@relay.example:anna@example.com>", "<\"anna\"@example.com>", "<anna>",
                          "< anna@example.com >", "<postmaster>"}) {
    INFO(odd);
    Scene scene;
    scene.mail();
    CHECK_FALSE(scene.session.recipient(odd, {}, {"smtpgate", "anna@example.com"}));
    CHECK_FALSE(scene.session.wants_content());
  }
  for (const char* plain : {"<anna@example.com>", "anna@example.com", "<ANNA@Example.Com>"}) {
    INFO(plain);
    Scene scene;
    scene.mail();
    CHECK_FALSE(scene.session.recipient(plain, {}, {"smtpgate", "anna@example.com"}));
    CHECK(scene.session.wants_content());
  }
}

TEST_CASE("claimed, left and foreign recipients of one message") {
  Scene scene;
  scene.mail();
  scene.rcpt("<anna@example.com>");
  scene.rcpt("<somebody@elsewhere.example>", {}, "smtp");
  scene.rcpt("<ben@example.com>", {"NOTIFY=SUCCESS"});
  CHECK(scene.rcpt("<nobody@example.com>"));
  REQUIRE(scene.session.wants_content());
  scene.content();
  CHECK(scene.end() == Paths{"<anna@example.com>"});
  CHECK(scene.gateway.filed("ben").empty());
  CHECK(scene.gateway.log.count("4F3A1: <ben@example.com> left for door 2: a report of success") ==
        1);
}

TEST_CASE("two spellings of one mailbox are filed once and both deleted") {
  Scene scene;
  scene.mail();
  scene.rcpt("<anna@example.com>");
  scene.rcpt("<ANNA@example.com>");
  scene.rcpt("<sales@example.com>");
  REQUIRE(scene.session.wants_content());
  scene.content();
  CHECK(scene.end() == Paths{"<anna@example.com>", "<ANNA@example.com>", "<sales@example.com>"});
  CHECK(scene.gateway.filed("anna").size() == 1);
}

TEST_CASE("the same recipient twice is deleted once") {
  Scene scene;
  scene.mail();
  scene.rcpt("<anna@example.com>");
  scene.rcpt("<anna@example.com>");
  REQUIRE(scene.session.wants_content());
  scene.content();
  CHECK(scene.end() == Paths{"<anna@example.com>"});
  CHECK(scene.gateway.log.count("status=sent") == 1);
}

TEST_CASE("a spelling that is left once is not claimed the other time") {
  // Postfix deletes all recipients of one spelling at once, the one with the report too.
  Scene scene;
  scene.mail();
  scene.rcpt("<anna@example.com>");
  scene.rcpt("<anna@example.com>", {"NOTIFY=SUCCESS"});
  CHECK_FALSE(scene.session.wants_content());
  CHECK(scene.end().empty());
  CHECK(scene.gateway.filed("anna").empty());
}

TEST_CASE("calls without a transaction do nothing") {
  Scene scene;
  CHECK_FALSE(scene.rcpt("<anna@example.com>"));
  CHECK_FALSE(scene.session.wants_content());
  scene.session.header("Subject", " x");
  scene.session.end_of_headers();
  scene.session.body("x");
  CHECK(scene.end().empty());
  scene.session.abort();
  scene.session.abort();
  CHECK_FALSE(scene.session.receiving_content());
}

TEST_CASE("an abort drops the message and keeps the connection") {
  Scene scene;
  scene.mail();
  scene.rcpt("<anna@example.com>");
  REQUIRE(scene.session.wants_content());
  scene.content();
  scene.session.abort();
  scene.session.abort();
  CHECK(scene.end().empty());
  CHECK(scene.gateway.filed("anna").empty());

  scene.mail();
  scene.rcpt("<ben@example.com>");
  REQUIRE(scene.session.wants_content());
  scene.content();
  CHECK(scene.end() == Paths{"<ben@example.com>"});
  CHECK(scene.gateway.filed("anna").empty());
}

TEST_CASE("an abort after the end of a message undoes nothing, and a second end does nothing") {
  Scene scene;
  scene.mail();
  scene.rcpt("<anna@example.com>");
  REQUIRE(scene.session.wants_content());
  scene.content();
  CHECK(scene.end().size() == 1);
  scene.session.abort();
  CHECK(scene.end().empty());
  CHECK(scene.gateway.filed("anna").size() == 1);
}

TEST_CASE("a second MAIL begins anew") {
  Scene scene;
  scene.mail();
  scene.rcpt("<anna@example.com>");
  scene.mail();
  CHECK_FALSE(scene.session.wants_content());
}

TEST_CASE("a message for which nothing can be filed is left") {
  Scene scene;
  scene.mail();
  scene.rcpt("<anna@example.com>");
  scene.rcpt("<ben@example.com>");
  REQUIRE(scene.session.wants_content());
  scene.content();
  scene.files.fault = [](const std::string& operation, const std::string& path) {
    return operation == "link" && path.find("/ben/") != std::string::npos ? EACCES : 0;
  };
  CHECK(scene.end() == Paths{"<anna@example.com>"});
  CHECK(scene.gateway.log.count("warning: 4F3A1: <ben@example.com> left for door 2: ") == 1);
  CHECK(scene.gateway.log.count("status=sent") == 1);
}

TEST_CASE("content that cannot be kept is remembered, and nothing is claimed") {
  Scene scene;
  scene.files.fault = [](const std::string& operation, const std::string&) {
    return operation == "create unnamed" ? ENOSPC : 0;
  };
  scene.mail();
  scene.rcpt("<anna@example.com>");
  REQUIRE(scene.session.wants_content());
  scene.content();
  for (int i = 0; i < 40; ++i) scene.session.body(std::string(65535, 'x'));
  CHECK(scene.end().empty());
  CHECK(scene.gateway.filed("anna").empty());
  CHECK(scene.gateway.log.count("could not be kept") == 1);
}

TEST_CASE("a deletion that Postfix could not be told is said, not logged as sent") {
  Scene scene;
  scene.refuse_deletion = true;
  scene.mail();
  scene.rcpt("<anna@example.com>");
  REQUIRE(scene.session.wants_content());
  scene.content();
  scene.end();
  CHECK(scene.gateway.log.count("status=sent") == 0);
  CHECK(scene.gateway.log.count("which will find it filed") == 1);
}

TEST_CASE("a stopping daemon claims nothing new and finishes what has content") {
  Scene scene;
  scene.mail();
  scene.rcpt("<anna@example.com>");
  SECTION("before DATA") {
    scene.stopping = true;
    CHECK_FALSE(scene.session.wants_content());
    CHECK(scene.end().empty());
  }
  SECTION("in the content") {
    REQUIRE(scene.session.wants_content());
    scene.content();
    scene.stopping = true;
    CHECK(scene.end().size() == 1);
    scene.mail();
    CHECK_FALSE(scene.rcpt("<anna@example.com>"));
    CHECK_FALSE(scene.session.wants_content());
  }
}

TEST_CASE("a transaction keeps the configuration it began with") {
  Scene scene;
  scene.mail();
  scene.gateway.configuration.reset();
  CHECK_FALSE(scene.rcpt("<anna@example.com>"));
  REQUIRE(scene.session.wants_content());
  scene.content();
  CHECK(scene.end().size() == 1);
}

TEST_CASE("folded headers come out as they were sent") {
  Scene scene("keep_chain = \"always\"");
  scene.mail();
  scene.rcpt("<anna@example.com>");
  REQUIRE(scene.session.wants_content());
  scene.session.header("Subject", "no blank after the colon");
  scene.session.header("X-Folded", "  two blanks\n\tand a fold\n  and another");
  scene.session.header("X-Empty", "");
  scene.session.end_of_headers();
  scene.session.body("one\r\ntw");
  scene.session.body("o\r\n");
  REQUIRE(scene.end().size() == 1);
  const auto kept =
      std::filesystem::directory_iterator(scene.gateway.configuration->chain_directory());
  const std::string raw = test::read_whole(kept->path().string() + "/SMTP_IN.822");
  CHECK(
      raw.ends_with("Subject:no blank after the colon\r\n"
                    "X-Folded:  two blanks\r\n\tand a fold\r\n  and another\r\n"
                    "X-Empty:\r\n\r\none\r\ntwo\r\n"));
}

TEST_CASE("the sender is Postfix's own form of it, so that both doors have the same key") {
  const auto sender_of = [](std::string_view path, std::optional<std::string> macro) {
    Scene scene("keep_chain = \"always\"");
    scene.session.mail_from(path, {}, {std::move(macro), ""});
    scene.rcpt("<anna@example.com>");
    REQUIRE(scene.session.wants_content());
    scene.content();
    scene.end();
    const auto kept =
        std::filesystem::directory_iterator(scene.gateway.configuration->chain_directory());
    const std::string text = test::read_whole(kept->path().string() + "/SMTP_IN.ENV");
    return text.substr(0, text.find("\r\n"));
  };
  CHECK(sender_of("<carol@remote.example>", std::nullopt) == "MAIL FROM:<carol@remote.example>");
  // Postfix folds the case in its macro, but not in what door 2 gets.
  CHECK(sender_of("<Carol@Remote.Example>", "carol@remote.example") ==
        "MAIL FROM:<Carol@Remote.Example>");
  CHECK(sender_of("<carol>", "carol@mx.example.com") == "MAIL FROM:<carol@mx.example.com>");
  CHECK(sender_of("<>", "") == "MAIL FROM:<>");
  CHECK(sender_of("<>", std::nullopt) == "MAIL FROM:<>");
  CHECK(sender_of("<\"a b\"@remote.example>", "\"a b\"@remote.example") ==
        "MAIL FROM:<\"a b\"@remote.example>");
}

TEST_CASE("calls in any order at all leave the session sane") {
  Scene scene;
  std::mt19937 random(20240607);
  std::size_t deleted = 0;
  for (int step = 0; step < 3000; ++step) {
    switch (random() % 9) {
      case 0:
        scene.mail();
        break;
      case 1:
        scene.rcpt("<anna@example.com>");
        break;
      case 2:
        scene.rcpt("<nobody@example.com>");
        break;
      case 3:
        scene.session.wants_content();
        break;
      case 4:
        scene.session.header("Subject", std::to_string(step));
        break;
      case 5:
        scene.session.end_of_headers();
        break;
      case 6:
        scene.session.body("x\r\n");
        break;
      case 7:
        deleted += scene.end().size();
        break;
      case 8:
        scene.session.abort();
        break;
    }
  }
  CHECK(deleted > 0);
  CHECK(scene.gateway.log.count("error: ") == 0);
}
