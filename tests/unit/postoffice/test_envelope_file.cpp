// SMTP_IN.ENV as smtpput reads it: XMAILBOX, native and Internet paths, and what is no such file.
#include "postoffice/envelope_file.h"
#include "unit/catch.h"

namespace smtpgate::postoffice {
namespace {

std::vector<EnvelopeLine> parse(std::string_view text) {
  auto lines = parse_envelope_file(text, "E");
  INFO((lines ? std::string() : lines.error()));
  REQUIRE(lines.has_value());
  return *lines;
}

TEST_CASE("XMAILBOX says whose mailbox it is, in xtext") {
  const auto lines = parse(
      "MAIL FROM:<bob@example.com> SIZE=1024 BODY=8BITMIME\r\n"
      "RCPT TO:<alice@example.net> NOTIFY=FAILURE XMAILBOX=NET/PO/m+C3+BCller+20x\r\n"
      "rcpt to:<b@c> xmailbox=A/B/c+2Bd ORCPT=rfc822;x+2B@y\n");
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].line == 2);
  CHECK(lines[0].path == "alice@example.net");
  CHECK(lines[0].mailbox->str() == "NET/PO/m\xc3\xbcller x");
  CHECK(lines[1].mailbox->str() == "A/B/c+d");
}

TEST_CASE("without it the path is a native address, or its local part names the mailbox") {
  const auto lines = parse(
      "RCPT TO:<NET/PO/alice>\r\n"
      "RCPT TO:<Alice@Example.NET>\r\n"
      "RCPT TO:<@relay.example,@b:\"a b>\\\"c\"@example.net> NOTIFY=NEVER\r\n"
      "RCPT TO:carol@example.net\r\n"
      "RCPT TO: <postmaster>\r\n");
  REQUIRE(lines.size() == 5);
  CHECK(lines[0].mailbox->str() == "NET/PO/alice");
  CHECK(lines[1].local_part == "Alice");
  CHECK(lines[1].domain == "example.net");
  CHECK(lines[2].local_part == "a b>\"c");
  CHECK(lines[2].domain == "example.net");
  CHECK(lines[3].local_part == "carol");
  CHECK(lines[4].local_part == "postmaster");
  CHECK(lines[4].domain.empty());
}

TEST_CASE("an envelope may be empty, and may end its lines in any way") {
  CHECK(parse("").empty());
  CHECK(parse("\r\n\nMAIL FROM:<>\r").empty());
  CHECK(parse("RCPT TO:<a@b>\rRCPT TO:<c@d>\n\rRCPT TO:<e@f>").size() == 3);
}

TEST_CASE("what is no envelope names nobody, and says where") {
  const auto [text, expected] = GENERATE(table<std::string, std::string>({
      {"VERSION:3.00\n",
       "E:1: \"VERSION:3.00\" is neither MAIL FROM: nor RCPT TO:; is this an SMTP_IN.ENV file?"},
      {"MAIL FROM:<>\nRCPT TO:<a@b\n", "E:2: \"<a@b\" is no address; write <address>"},
      {"RCPT TO:\n", "E:1: \"\" is no address; write <address>"},
      {"RCPT TO:<>\n", "E:1: \"<>\" names nobody; write an address"},
      {"RCPT TO:<@b>\n", "E:1: \"<@b>\" names nobody; write an address"},
      {"RCPT TO:<a@b> XMAILBOX=N/P\n", "E:1: XMAILBOX=N/P is no NET/PO/MAILBOX in xtext"},
      {"RCPT TO:<a@b> XMAILBOX=N/P/a+2\n", "E:1: XMAILBOX=N/P/a+2 is no NET/PO/MAILBOX in xtext"},
      {"RCPT TO:<a@b> XMAILBOX=N/P/a+0Ab\n",
       "E:1: XMAILBOX=N/P/a+0Ab is no NET/PO/MAILBOX in xtext"},
      {"RCPT TO:<a@b> XMAILBOX=N/P/..\n", "E:1: XMAILBOX=N/P/.. is no NET/PO/MAILBOX in xtext"},
      {"RCPT TO:<\x1b[2J\n", "E:1: \"<\\x1B[2J\" is no address; write <address>"},
  }));
  const auto lines = parse_envelope_file(text, "E");
  REQUIRE_FALSE(lines.has_value());
  CHECK(lines.error() == expected);
}

TEST_CASE("long and hostile lines take linear time") {
  CHECK_FALSE(parse_envelope_file("RCPT TO:<" + std::string(2'000'000, '"'), "E").has_value());
  CHECK(parse("RCPT TO:<a@b>" + std::string(2'000'000, ' ') + "x").size() == 1);
  std::string words = "RCPT TO:<a@b>";
  for (int i = 0; i < 200'000; ++i) words += " A=B";
  CHECK(parse(words).size() == 1);
}

}  // namespace
}  // namespace smtpgate::postoffice
