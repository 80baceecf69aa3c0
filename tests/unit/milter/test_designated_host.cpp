// The designated host's name: what is one, and what addresses it has.
#include "milter/designated_host.h"
#include "unit/catch.h"

using namespace smtpgate::milter;

TEST_CASE("a designated host is a name or an address, with or without a port") {
  const auto is = [](const char* text, const char* host, const char* port) {
    INFO(text);
    const auto parsed = parse_host(text);
    REQUIRE(parsed);
    CHECK(parsed->host == host);
    CHECK(parsed->port == port);
  };
  is("mail.example.com", "mail.example.com", "25");
  is("mail.example.com:587", "mail.example.com", "587");
  is("10.0.0.1:2525", "10.0.0.1", "2525");
  is("[::1]", "::1", "25");
  is("[fe80::1%eth0]:65535", "fe80::1%eth0", "65535");
  for (const char* wrong :
       {"", ":25", "a:", "a:0", "a:65536", "a:99999999999", "a:2b", "a b", "::1", "[::1", "[::1]25",
        "[]:25", "[a b]", "a/b", "a\n", "http://a", "bücher.example"}) {
    INFO(wrong);
    CHECK_FALSE(parse_host(wrong));
  }
  CHECK_FALSE(parse_host(std::string(256, 'a')));
}

TEST_CASE("loopback addresses are known as such, and the label names host, address and port") {
  const auto v4 = resolve_host({"127.0.0.1", "25"});
  REQUIRE(v4);
  CHECK(v4->front().is_loopback);
  CHECK(v4->front().label == "127.0.0.1[127.0.0.1]:25");
  const auto v6 = resolve_host({"::1", "587"});
  REQUIRE(v6);
  CHECK(v6->front().is_loopback);
  CHECK(v6->front().label == "::1[::1]:587");
  CHECK(resolve_host({"127.8.9.1", "25"})->front().is_loopback);
  CHECK_FALSE(resolve_host({"192.0.2.1", "25"})->front().is_loopback);
  CHECK_FALSE(resolve_host({"2001:db8::1", "25"})->front().is_loopback);
}

TEST_CASE("a host without an address says what the resolver said") {
  const auto none = resolve_host({"127.0.0.1", "no such service"});
  REQUIRE_FALSE(none);
  CHECK_FALSE(none.error().empty());
}
