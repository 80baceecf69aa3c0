// SMTP replies: their grammar, their limits, the queue id in one, what EHLO announced.
#include <optional>

#include "milter/smtp_reply.h"
#include "milter/smtp_session.h"
#include "unit/catch.h"

using namespace smtpgate::milter;

namespace {

/// nullopt if malformed or incomplete.
std::optional<SmtpReply> parse(const std::vector<std::string>& lines) {
  SmtpReplyParser parser;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto step = parser.take(lines[i]);
    if (step == SmtpReplyParser::Step::malformed) return std::nullopt;
    if (step == SmtpReplyParser::Step::complete) {
      REQUIRE(i + 1 == lines.size());
      return parser.finish();
    }
  }
  return std::nullopt;
}

}  // namespace

TEST_CASE("a reply has a code, a status and lines") {
  const auto plain = parse({"250 Ok"});
  REQUIRE(plain);
  CHECK(plain->code == 250);
  CHECK(plain->status.empty());
  CHECK(plain->lines == std::vector<std::string>{"Ok"});
  CHECK(plain->summary() == "250 Ok");

  const auto several = parse({"550-5.1.1 No such", "550-5.1.1", "550 5.1.1 user"});
  REQUIRE(several);
  CHECK(several->status == "5.1.1");
  CHECK(several->lines == std::vector<std::string>{"No such", "", "user"});
  CHECK(several->summary() == "550 5.1.1 No such user");

  CHECK(parse({"354"})->summary() == "354");
  CHECK(parse({"250-one", "450 two"})->code == 450);
}

TEST_CASE("a status is one only in its own class and form") {
  CHECK(parse({"550 5.7.123 x"})->status == "5.7.123");
  CHECK(parse({"550 5.0.0"})->status == "5.0.0");
  for (const char* line : {"550 4.1.1 x", "550 5.1 x", "550 5.1.1234 x", "550 5.1234.1 x",
                           "550 5..1 x", "550 5.1.1x", "550 51.1 x", "550 5.1.", "550 5."}) {
    INFO(line);
    CHECK(parse({line})->status.empty());
  }
  CHECK(parse({"250-2.0.0 x", "550 y"})->status.empty());
}

TEST_CASE("what is no reply is malformed") {
  for (const char* line : {"", "2", "25", "x50 a", "2x0 a", "150 a", "600 a", "2500 a", "250_a",
                           " 250 a", "-25 a", "\xff\xfe\xfd"}) {
    INFO(line);
    CHECK(SmtpReplyParser().take(line) == SmtpReplyParser::Step::malformed);
  }
}

TEST_CASE("a reply has limits, and just within them it is taken") {
  using Step = SmtpReplyParser::Step;
  const std::string longest = "250 " + std::string(SmtpReplyParser::longest_line - 4, 'x');
  CHECK(SmtpReplyParser().take(longest) == Step::complete);
  CHECK(SmtpReplyParser().take(longest + "x") == Step::malformed);
  SmtpReplyParser lines;
  for (std::size_t i = 1; i < SmtpReplyParser::most_lines; ++i) {
    REQUIRE(lines.take("250-") == Step::more);
  }
  CHECK(SmtpReplyParser(lines).take("250 ") == Step::complete);
  REQUIRE(lines.take("250-") == Step::more);
  CHECK(lines.take("250 ") == Step::malformed);
  SmtpReplyParser octets;
  const std::string line = "250-" + std::string(SmtpReplyParser::longest_line - 4, 'x');
  for (std::size_t i = 0; i < SmtpReplyParser::most_octets / line.size(); ++i) {
    REQUIRE(octets.take(line) == Step::more);
  }
  CHECK(octets.take("250 ") == Step::malformed);
}

TEST_CASE("a parser is new after each reply") {
  SmtpReplyParser parser;
  REQUIRE(parser.take("550 5.1.1 a") == SmtpReplyParser::Step::complete);
  CHECK(parser.finish().code == 550);
  REQUIRE(parser.take("250 b") == SmtpReplyParser::Step::complete);
  const SmtpReply second = parser.finish();
  CHECK(second.status.empty());
  CHECK(second.lines == std::vector<std::string>{"b"});
}

TEST_CASE("a summary is one printable line of bounded length") {
  SmtpReply reply;
  reply.code = 550;
  reply.lines = {"a\x1b[2Jb\r", "\xe2\x80\xae", std::string(10'000, 'x')};
  const std::string summary = reply.summary();
  CHECK(summary.starts_with("550 a\\x1B[2Jb\\x0D \\xE2\\x80\\xAE xxx"));
  CHECK(summary.size() <= 500);
}

TEST_CASE("the queue id is Postfix's") {
  const auto id = [](const std::string& text) { return queue_id_of(*parse({"250 " + text})); };
  CHECK(id("2.0.0 Ok: queued as 4XyZ123abc") == "4XyZ123abc");
  CHECK(id("2.0.0 Ok: Queued As ABCDEF0123, thanks") == "ABCDEF0123");
  CHECK(id("Ok").empty());
  CHECK(id("queued as ").empty());
  CHECK(id("queued as \x1b[2J").empty());
  CHECK(id("queued as " + std::string(100, 'A')) == std::string(64, 'A'));
}

TEST_CASE("what EHLO announced is read in any case and order, the first line is a name") {
  const auto reply =
      parse({"250-PIPELINING", "250-size 1000", "250-8bitmime", "250-SMTPUTF8 x", "250-DSN",
             "250-AUTH plain LOGIN", "250-StartTLS", "250-", "250 X-UNKNOWN a b"});
  REQUIRE(reply);
  const SmtpExtensions all = parse_extensions(*reply);
  CHECK_FALSE(all.pipelining);  // that was the host's name
  CHECK(all.size);
  CHECK(all.largest == 1000);
  CHECK((all.eight_bit && all.smtputf8 && all.dsn && all.starttls));
  CHECK((all.auth_plain && all.auth_login));
  const SmtpExtensions few = parse_extensions(*parse(
      {"250-x", "250-SIZE", "250-AUTH=LOGIN", "250-AUTHPLAIN", "250 SIZE 99999999999999999999"}));
  CHECK(few.size);
  CHECK(few.largest == 0);
  CHECK(few.auth_login);
  CHECK_FALSE(few.auth_plain);
}
