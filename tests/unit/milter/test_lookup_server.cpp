// The recipient look-up: answers, and a conversation.
#include <array>
#include <filesystem>

#include <sys/socket.h>
#include <unistd.h>

#include "gateway_fixture.h"
#include "milter/lookup_server.h"
#include "milter/netstring.h"
#include "postoffice/mailbox_settings.h"
#include "unit/catch.h"

using namespace smtpgate;
using namespace smtpgate::milter;

TEST_CASE("the look-up knows who exists") {
  test::Gateway gateway;
  const auto answer = [&](const std::string& request) {
    return answer_lookup(*gateway.configuration, request);
  };
  CHECK(answer("recipient anna@example.com") == "OK anna@example.com");
  CHECK(answer("recipient Anna+x@EXAMPLE.com") == "OK Anna+x@EXAMPLE.com");
  CHECK(answer("any sales@example.com") == "OK sales@example.com");
  CHECK(answer("recipient postmaster@example.com") == "OK postmaster@example.com");
  CHECK(answer("recipient nobody@example.com") == "NOTFOUND ");
  CHECK(answer("recipient @example.com") == "NOTFOUND ");
  CHECK(answer("recipient anna") == "NOTFOUND ");
  CHECK(answer("recipient anna@") == "NOTFOUND ");
  CHECK(answer("recipient no body@example.com") == "NOTFOUND ");
  CHECK(answer("recipient \"no body\"@example.com") == "NOTFOUND ");
}

TEST_CASE("what is at fault here is TEMP, never NOTFOUND") {
  test::Gateway gateway;
  CHECK(answer_lookup(*gateway.configuration, "recipient anna@elsewhere.example")
            .starts_with("TEMP the address map has no postoffice"));
  CHECK(answer_lookup(*gateway.configuration, "recipient anna@lost.example").starts_with("TEMP "));
  std::filesystem::rename(gateway.folder(), gateway.folder() + ".away");
  CHECK(answer_lookup(*gateway.configuration, "recipient nobody@example.com").starts_with("TEMP "));
  std::filesystem::rename(gateway.folder() + ".away", gateway.folder());
  CHECK(answer_lookup(*gateway.configuration, "recipient nobody@example.com") == "NOTFOUND ");
}

TEST_CASE("beside tables of other domains the look-up speaks of its own alone") {
  test::Gateway gateway;
  const auto answer = [&](const std::string& request) {
    return answer_lookup(*gateway.configuration, request);
  };
  CHECK(answer("shared anna@elsewhere.example") == "NOTFOUND ");
  CHECK(answer("shared anna@example.com") == "OK anna@example.com");
  CHECK(answer("shared anna@lost.example").starts_with("TEMP "));
}

TEST_CASE(
    "the look-up gives Postfix the refusal for a mailbox that takes nothing from the Internet") {
  test::Gateway gateway;
  postoffice::MailboxSettings settings;
  settings.receive_from_internet = false;
  test::Gateway::must(postoffice::write_mailbox_settings(gateway.open(), "anna", settings));
  const auto answer = [&](const std::string& request) {
    return answer_lookup(*gateway.configuration, request);
  };
  CHECK(answer("rights sales@example.com") ==
        "OK 550 5.7.1 mailbox anna takes no mail from the Internet");
  for (const char* other : {"ben@example.com", "postmaster@example.com", "nobody@example.com",
                            "anna@lost.example", "anna@elsewhere.example"}) {
    INFO(other);
    CHECK(answer("rights " + std::string(other)) == "NOTFOUND ");
  }
  CHECK(answer("recipient anna@example.com") == "OK anna@example.com");
}

TEST_CASE("a request that is none is PERM") {
  test::Gateway gateway;
  for (const char* wrong : {"", "recipient", "recipient ", " anna@example.com"}) {
    INFO(wrong);
    CHECK(answer_lookup(*gateway.configuration, wrong).starts_with("PERM "));
  }
}

namespace {

std::string converse(const ConfigurationSource& source, Log& log, const std::string& input) {
  std::array<int, 2> ends{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0);
  REQUIRE(::write(ends[1], input.data(), input.size()) == static_cast<ssize_t>(input.size()));
  ::shutdown(ends[1], SHUT_WR);
  {
    PeerStream stream(ends[0], ends[0], std::chrono::seconds(5));
    serve_lookups(stream, source, log);
  }
  ::close(ends[0]);
  std::string output;
  std::array<char, 4096> buffer{};
  ssize_t count = 0;
  while ((count = ::read(ends[1], buffer.data(), buffer.size())) > 0) {
    output.append(buffer.data(), static_cast<std::size_t>(count));
  }
  ::close(ends[1]);
  return output;
}

}  // namespace

TEST_CASE("many requests are answered on one connection") {
  test::Gateway gateway;
  const ConfigurationSource source =
      read_when_old(gateway.configuration_path(), std::chrono::hours(1));
  CHECK(converse(source, gateway.log,
                 make_netstring("r anna@example.com") + make_netstring("r nobody@example.com") +
                     make_netstring("r ben@example.com")) ==
        "19:OK anna@example.com,9:NOTFOUND ,18:OK ben@example.com,");
  CHECK(gateway.log.lines().empty());
}

TEST_CASE("a peer that speaks something else is told so, and left") {
  test::Gateway gateway;
  const ConfigurationSource source =
      read_when_old(gateway.configuration_path(), std::chrono::hours(1));
  CHECK(converse(source, gateway.log, "get anna@example.com\n") ==
        "32:PERM the request is no netstring,");
  CHECK(gateway.log.count("no netstring") == 1);
}

TEST_CASE("a broken configuration makes every answer TEMP, with its line") {
  test::Gateway gateway;
  test::write_whole(gateway.configuration_path(), "[gateway]\nwork = 1\n");
  const ConfigurationSource source =
      read_when_old(gateway.configuration_path(), std::chrono::hours(1));
  const std::string output = converse(source, gateway.log, make_netstring("r nobody@example.com"));
  CHECK(output.find(":TEMP ") != std::string::npos);
  CHECK(output.find("smtpgate.toml:") != std::string::npos);
}
