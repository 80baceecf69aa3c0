// The grammar of SMTP commands: verbs, paths, parameters, xtext.
#include "milter/smtp_command.h"
#include "unit/catch.h"

using namespace smtpgate::milter;

TEST_CASE("a command is a verb in any case and an argument") {
  CHECK(parse_command("mail from:<a@b>").verb == "MAIL");
  CHECK(parse_command("mail from:<a@b>").argument == "from:<a@b>");
  CHECK(parse_command("  QUIT  ").verb == "QUIT");
  CHECK(parse_command("QUIT").argument.empty());
  CHECK(parse_command("").verb.empty());
  CHECK(parse_command("   ").verb.empty());
}

TEST_CASE("a command line with a NUL has no verb") {
  CHECK(parse_command(std::string_view("QUIT\0", 5)).verb.empty());
}

TEST_CASE("a path keeps its brackets and its quoted local part") {
  const auto plain = parse_path_argument("FROM:<anna@example.com>", "FROM");
  REQUIRE(plain);
  CHECK(plain->path == "<anna@example.com>");
  const auto quoted = parse_path_argument(R"(TO:<"a > b\"> c"@example.com> X=1)", "TO");
  REQUIRE(quoted);
  CHECK(quoted->path == R"(<"a > b\"> c"@example.com>)");
  CHECK(quoted->parameters == "X=1");
  const auto null = parse_path_argument("from:<>", "FROM");
  REQUIRE(null);
  CHECK(null->path == "<>");
}

TEST_CASE("a blank after the colon is forgiven") {
  const auto parsed =
      parse_path_argument("FROM: <anna@example.com>  SIZE=12   BODY=8BITMIME", "FROM");
  REQUIRE(parsed);
  CHECK(parsed->path == "<anna@example.com>");
  CHECK(parsed->parameters == "SIZE=12 BODY=8BITMIME");
  REQUIRE(parsed->parameter_list.size() == 2);
  CHECK(parsed->parameter_list[0].keyword == "SIZE");
  CHECK(parsed->parameter_list[0].value == "12");
}

TEST_CASE("a path without its brackets, or with more after them, is refused") {
  for (const char* wrong : {"", "FROM", "FROM:", "FROM:anna@example.com", "FROM:<anna@example.com",
                            "FROM:<a@b>SIZE=1", "TO:<a@b>", "FROM <a@b>", "FROM:<\"a@b>"}) {
    INFO(wrong);
    CHECK_FALSE(parse_path_argument(wrong, "FROM"));
  }
}

TEST_CASE("xtext is decoded, and what is none is refused") {
  CHECK(decode_xtext("plain") == "plain");
  CHECK(decode_xtext("a+2Bb+3D+20c") == "a+b= c");
  CHECK(decode_xtext("") == "");
  CHECK_FALSE(decode_xtext("+"));
  CHECK_FALSE(decode_xtext("+2"));
  CHECK_FALSE(decode_xtext("+2b"));
  CHECK_FALSE(decode_xtext("+ZZ"));
}

TEST_CASE("a report of success is asked for in any case and place of the list") {
  const auto asks = [](const char* text) {
    return asks_for_success_report(parse_parameters(text));
  };
  CHECK(asks("NOTIFY=SUCCESS"));
  CHECK(asks("notify=failure,Success,DELAY"));
  CHECK(asks("ORCPT=rfc822;a@b NOTIFY=DELAY,SUCCESS"));
  CHECK_FALSE(asks("NOTIFY=FAILURE,DELAY"));
  CHECK_FALSE(asks("NOTIFY=NEVER"));
  CHECK_FALSE(asks("XNOTIFY=SUCCESS"));
  CHECK_FALSE(asks("NOTIFY"));
  CHECK_FALSE(asks(""));
}
