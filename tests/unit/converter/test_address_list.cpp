// Address lists as RFC 5322 has them, as the world sends them, and as an attacker would.
#include <string>
#include <vector>

#include "converter/address_list.h"
#include "postoffice/character_set.h"
#include "unit/catch.h"
#include "unit/processor_time.h"

using namespace smtpgate::converter;
using namespace std::string_literals;

namespace {

/// "name <address>" of each, "{group}" before it, joined by " | ".
std::string shown(const AddressList& list) {
  std::string result;
  for (const HeaderAddress& address : list.addresses) {
    if (!result.empty()) result += " | ";
    if (!address.group.empty()) result += "{" + address.group + "}";
    result += address.name + "<" + address.address.str() + ">";
    CHECK(smtpgate::postoffice::is_utf8(address.name));
    CHECK(smtpgate::postoffice::is_utf8(address.address.str()));
  }
  return result;
}

std::string parsed(std::string_view value) {
  return shown(parse_address_list(value));
}

bool is_odd(std::string_view value) {
  return parse_address_list(value).odd;
}

std::string repeated(std::string_view unit, std::size_t octets) {
  std::string text;
  while (text.size() < octets) text += unit;
  return text;
}

}  // namespace

TEST_CASE("the examples of RFC 5322, appendix A, parse as they say") {
  CHECK(parsed("John Doe <jdoe@machine.example>") == "John Doe<jdoe@machine.example>");
  CHECK(parsed("\"Joe Q. Public\" <john.q.public@example.com>") ==
        "Joe Q. Public<john.q.public@example.com>");
  CHECK(parsed("Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>") ==
        "Mary Smith<mary@x.test> | <jdoe@example.org> | Who?<one@y.test>");
  CHECK(parsed("<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>") ==
        "<boss@nil.test> | Giant; \"Big\" Box<sysservices@example.net>");
  CHECK(parsed("A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;") ==
        "{A Group}Ed Jones<c@a.test> | {A Group}<joe@where.test> | {A Group}John<jdoe@one.test>");
  CHECK(parsed("Undisclosed recipients:;") == "");
  CHECK(parsed("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>") ==
        "Pete<pete@silly.test>");
  CHECK(parsed("A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n"
               "         joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); (the end "
               "of the group)") ==
        "{A Group}Chris Jones<c@public.example> | "
        "{A Group}<joe@example.org> | {A Group}John<jdoe@one.test>");
  CHECK(parsed("(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;") == "");
  CHECK(parsed("Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example") ==
        "Mary Smith<mary@example.net> | <jdoe@test.example>");
  CHECK(parsed("John Doe <jdoe@machine(comment).  example>") == "John Doe<jdoe@machine.example>");
  for (std::string_view fine :
       {"John Doe <jdoe@machine.example>", "A Group:Ed Jones <c@a.test>,joe@where.test;",
        "\"Joe Q. Public\" <john@example.com>, x@y", "Hidden recipients:;", "",
        "pete@silly.test (Pete)"}) {
    INFO(fine);
    CHECK_FALSE(is_odd(fine));
  }
}

TEST_CASE("a comment behind a bare address is its name") {
  CHECK(parsed("a@b (John Doe)") == "John Doe<a@b>");
  CHECK(parsed("(John Doe) a@b") == "John Doe<a@b>");
  CHECK(parsed("a@b (John (Johnny) Doe)") == "John (Johnny) Doe<a@b>");
  CHECK(parsed("<a@b> (John)") == "John<a@b>");
  CHECK(parsed("Jane <a@b> (John)") == "Jane<a@b>");
  CHECK(parsed("a@b (=?utf-8?q?J=C3=B6rg?=)") == "Jörg<a@b>");
}

TEST_CASE("a comma inside a comment separates nothing (Q108052)") {
  CHECK(parsed("a@b (Doe, John), c@d (Roe, Jane)") == "Doe, John<a@b> | Roe, Jane<c@d>");
}

TEST_CASE("quoted local parts, literals and routes") {
  CHECK(parsed("\"john doe\"@example.com") == "<\"john doe\"@example.com>");
  CHECK(parsed("<\"a@b\"@c>") == "<\"a@b\"@c>");
  CHECK(parsed("<user@[192.0.2.1]>") == "<user@[192.0.2.1]>");
  CHECK(parsed("user@[IPv6:2001:db8::1], x@y") == "<user@[IPv6:2001:db8::1]> | <x@y>");
  CHECK(parsed("<@r1.test,@r2.test:a@b>, c@d") == "<a@b> | <c@d>");
  // Without its brackets, too; what is before an "@" is never nothing.
  CHECK(parsed("@r1.test:a@b, @r1.test,@r2.test:c@d (Jane)") == "<a@b> | Jane<c@d>");
  CHECK(parsed("@host, <@host>, Jane <@host>, a@b") == "<a@b>");
  CHECK(is_odd("<@host>"));
  const AddressList list = parse_address_list("\"john\\\"s box\"@example.com");
  REQUIRE(list.addresses.size() == 1);
  CHECK(list.addresses[0].address.local_part == "john\"s box");
  CHECK(list.addresses[0].address.str() == "\"john\\\"s box\"@example.com");
}

TEST_CASE("names with what should have been quoted") {
  CHECK(parsed("John Q. Public <j@x>") == "John Q. Public<j@x>");
  CHECK(parsed("Doe, John <j@x>") == "Doe, John<j@x>");
  CHECK(parsed("Doe, John <j@x>, Roe, Jane <r@x>") == "Doe, John<j@x> | Roe, Jane<r@x>");
  CHECK(parsed("a@b, Doe, John, PhD <j@x>") == "<a@b> | Doe, John, PhD<j@x>");
  CHECK(parsed("john@x.test <john@x.test>") == "john@x.test<john@x.test>");
  CHECK(parsed("[SPAM] John <j@x>") == "[SPAM] John<j@x>");
  CHECK(parsed("'John Doe' <j@x>") == "'John Doe'<j@x>");
  CHECK(parsed("John (Johnny) Doe <j@x>") == "John Doe<j@x>");
  CHECK(is_odd("Doe, John <j@x>"));
}

TEST_CASE("8-bit and encoded names become UTF-8") {
  CHECK(parsed("J\xF6rg <j@x>") == "Jörg<j@x>");
  CHECK(parsed("Jörg <j@x>") == "Jörg<j@x>");
  CHECK(parsed("=?iso-8859-1?Q?J=F6rg?= =?iso-8859-1?Q?_M=FCller?= <j@x>") == "Jörg Müller<j@x>");
  CHECK(parsed("\"=?utf-8?Q?J=C3=B6rg?=\" <j@x>") == "Jörg<j@x>");
  CHECK(parsed("=?utf-8?Q?Doe,_John_<j@x>?= <j@x>") == "Doe, John <j@x><j@x>");
  CHECK(parsed("jörg@müller.test") == "<jörg@müller.test>");
  CHECK(parsed("=?utf-8?B?SsO2cmc=?= Q. <j@x>, <k@x>") == "Jörg Q.<j@x> | <k@x>");
}

TEST_CASE("an address that is an encoded word is decoded and marked") {
  CHECK(parsed("=?utf-8?q?a=40b?=") == "<a@b>");
  CHECK(is_odd("=?utf-8?q?a=40b?="));
  CHECK(parsed("<=?utf-8?q?a=40b?=>") == "<a@b>");
  CHECK(parsed("=?utf-8?q?John_=3Ca=40b=3E?=") == "John<a@b>");
  CHECK(parsed("=?utf-8?q?John?= <=?utf-8?q?a=40b?=>, c@d") == "John<a@b> | <c@d>");
}

TEST_CASE("local parts alone, empty lists and words without an address") {
  CHECK(parsed("MAILER-DAEMON") == "<MAILER-DAEMON>");
  CHECK(parsed("MAILER-DAEMON (Mail Delivery System)") == "Mail Delivery System<MAILER-DAEMON>");
  CHECK(parsed("root, a@b") == "<root> | <a@b>");
  CHECK(parsed("root, daemon") == "<root> | <daemon>");
  CHECK(parsed("<postmaster>") == "<postmaster>");
  CHECK(parsed("") == "");
  CHECK(parsed(" \r\n ") == "");
  CHECK(parsed(",,, ,") == "");
  CHECK(parsed("<>") == "");
  CHECK(parsed("undisclosed-recipients: ;") == "");
  CHECK_FALSE(is_odd("undisclosed-recipients: ;"));
  // Words without an address are left to whoever shows the field.
  for (std::string_view words :
       {"undisclosed recipients", "Somebody <>", "some body; a b", "@", "<@>"}) {
    INFO(words);
    CHECK(parsed(words) == "");
    CHECK(is_odd(words));
  }
}

TEST_CASE("missing and doubled marks are forgiven") {
  CHECK(parsed("John <a@b") == "John<a@b>");
  CHECK(parsed("John <a@b, Jane <c@d>") == "John<a@b> | Jane<c@d>");
  CHECK(parsed("John a@b>") == "John<a@b>");
  CHECK(parsed("<a@b> John") == "John<a@b>");
  CHECK(parsed("<a@b> <c@d>") == "<a@b> | <c@d>");
  CHECK(parsed("John <a@b> Jane <c@d>") == "John<a@b> | Jane<c@d>");
  CHECK(parsed("<<a@b>>") == "<a@b>");
  CHECK(parsed("\"John <a@b>") == "John<a@b>");
  CHECK(parsed("John (Doe <a@b>") == "John (Doe<a@b>");
  CHECK(parsed("John [Doe <a@b>, <c@d>") == "John [Doe<a@b> | <c@d>");
  CHECK(parsed("John a@b") == "John<a@b>");
  CHECK(parsed("a@b John") == "John<a@b>");
  CHECK(parsed("a @ b . c") == "<a@b.c>");
  CHECK(parsed("< a@b >") == "<a@b>");
  CHECK(parsed("<a b@c>") == "<\"a b\"@c>");
  CHECK(parsed("a@b@c") == "<\"a@b\"@c>");
  CHECK(parsed("<mailto:a@b>, mailto:c@d") == "<a@b> | <c@d>");
  for (std::string_view odd : {"John <a@b", "John a@b>", "<a@b> John", "\"John <a@b>",
                               "John (Doe <a@b>", "a@b@c", "<a b@c>", "a: b@c"}) {
    INFO(odd);
    CHECK(is_odd(odd));
  }
}

TEST_CASE("an address is found where it should not stand") {
  CHECK(parsed("John <SMTP:a@b>, smtp:c@d") == "John<a@b> | <c@d>");
  CHECK(parsed("John [a@b]") == "John<a@b>");
  CHECK(parsed("John Doe [mailto:a@b], Jane [SMTP:c@d]") == "John Doe<a@b> | Jane<c@d>");
  CHECK(parsed("[a@b]") == "<a@b>");
  CHECK(parsed("Doe, John [a@b]") == "Doe, John<a@b>");
  CHECK(parsed("\"John Doe <a@b>\"") == "John Doe<a@b>");
  CHECK(parsed("\"a@b\", \"Doe, Jane <c@d>\"") == "<a@b> | Doe, Jane<c@d>");
  CHECK(parsed("a@b <John Doe>, \"c@d\" <>") == "John Doe<a@b> | <c@d>");
  for (std::string_view odd : {"John [a@b]", "\"John <a@b>\"", "a@b <John>", "<SMTP:a@b>"}) {
    INFO(odd);
    CHECK(is_odd(odd));
  }
  // What only looks like one stays what it is.
  CHECK(parsed("John [here] <a@b>") == "John [here]<a@b>");
  CHECK(parsed("John [@]") == "");
  CHECK(parsed("\"a @\"") == "<\"a @\">");
  CHECK(parsed("\"me@home\" <a@b>") == "me@home<a@b>");
  CHECK(parsed("me @ home <anna>") == "me @ home<anna>");
  CHECK(parsed("\"a@b\"@c") == "<\"a@b\"@c>");
  CHECK(parsed("\"John [c@d]\"") == "<\"John [c@d]\">");
}

TEST_CASE("a list of nobody in brackets is nobody") {
  CHECK(parsed("<Undisclosed-Recipient:;>") == "");
  CHECK(parsed("<undisclosed recipients: ;>, a@b") == "<a@b>");
  CHECK(is_odd("<Undisclosed-Recipient:;>"));
}

TEST_CASE("addresses with nothing but blanks between them are all there") {
  CHECK(parsed("a@x.test b@y.test\r\n c.d@z.test") == "<a@x.test> | <b@y.test> | <c.d@z.test>");
  CHECK(parsed("a@x.test b@y.test, e@z.test") == "<a@x.test> | <b@y.test> | <e@z.test>");
  CHECK(is_odd("a@x.test b@y.test"));
  // Words beside an address are its name, as ever, also one with a sign that is no address's.
  CHECK(parsed("a@x.test Anna") == "Anna<a@x.test>");
  CHECK(parse_address_list("a@x.test @home").addresses.size() == 1);
  CHECK(parse_address_list("a@x.test b@").addresses.size() == 1);
  CHECK(parse_address_list("a @ x.test b@y.test").addresses.size() == 1);
  CHECK(parsed("a@x.test <b@y.test>") == "a@x.test<b@y.test>");
}

TEST_CASE("semicolons separate as Outlook thinks") {
  CHECK(parsed("a@b; c@d; John <e@f>") == "<a@b> | <c@d> | John<e@f>");
  CHECK(is_odd("a@b; c@d"));
}

TEST_CASE("a group without members may tell an address that cannot stand there as it is") {
  CHECK(parsed("\"Anna <anna>\":;") == "Anna<anna>");
  CHECK(parsed("\"<anna>\": ;, b@example.com") == "<anna> | <b@example.com>");
  CHECK(parsed("=?utf-8?q?J=C3=B6_=3Cj=C3=B6=40example=2Ecom=3E?= :;") ==
        "J\xC3\xB6<j\xC3\xB6@example.com>");
  CHECK(parsed("\"a\" <b>:;") == "a<b>");
  CHECK(parsed("\"<\\\"a b\\\">\":;") == "<\"a b\">");
  CHECK_FALSE(is_odd("\"Anna <anna>\":;"));
  CHECK_FALSE(parse_address_list("\"Anna <anna>\":;").says_more);
  CHECK(parse_address_list("\"Anna <anna>\":;").addresses.front().is_told_by_group);
  // What can be written as an address is one only where it is.
  CHECK(parsed("\"Boss <boss@example.com>\":;") == "");
  CHECK(parse_address_list("\"Boss <boss@example.com>\":;").says_more);
  CHECK(parsed("\"Anna <anna>\": b@example.com;") == "{Anna <anna>}<b@example.com>");
  for (std::string_view name : {"<", ">", "<>", "a <b> c", "<b", "< b c >", "<<b>>"}) {
    INFO(name);
    CHECK(parsed("\"" + std::string(name) + "\":;") == "");
  }
  const std::string many = repeated("\"<a>\":;,", 100);
  CHECK(parse_address_list(many, 3).addresses.size() == 3);
  CHECK(parse_address_list("\"" + std::string(300, 'n') + " <a>\":;").addresses.size() == 1);
}

TEST_CASE("groups that nest or do not end are tolerated") {
  CHECK(parsed("A: B: a@b; c@d;") == "{B}<a@b> | <c@d>");
  CHECK(parsed("A: a@b, c@d") == "{A}<a@b> | {A}<c@d>");
  CHECK(parsed("A:;, b@c, D: e@f;") == "<b@c> | {D}<e@f>");
  CHECK(parsed("=?utf-8?q?Gr=C3=BC=C3=9Fe?=: a@b;") == "{Grüße}<a@b>");
}

TEST_CASE("no control character reaches an address") {
  CHECK(parsed("<a\x1B[2Jb@c\x7F>") == "<\"a[2Jb\"@c>");
  CHECK(parsed("=?utf-8?q?a=0D=0ATO:x=40b?=").find('\r') == std::string::npos);
  CHECK(parsed("<\"a\r\nb\"@c>") == "<\"a  b\"@c>");
}

TEST_CASE("the number of addresses has a limit") {
  const std::string value = repeated("a@b, ", 1000);
  const AddressList list = parse_address_list(value, 10);
  CHECK(list.addresses.size() == 10);
  CHECK(list.truncated);
  CHECK_FALSE(parse_address_list(value, 200).truncated);
  CHECK(parse_address_list(value, 200).addresses.size() == 200);
}

TEST_CASE("a group's name cannot multiply its length by its members") {
  const std::string value = std::string(300'000, 'x') + ":" + repeated("a@b,", 40'000) + ";";
  const AddressList list = parse_address_list(value);
  CHECK(list.addresses.size() == 10'000);
  CHECK(list.addresses.front().group.size() <= 256);
}

TEST_CASE("hostile address headers take time in proportion") {
  for (std::string_view unit : {"a:",
                                "a:b@c;",
                                "(",
                                "()",
                                "((",
                                "\"",
                                "\"\\",
                                "[",
                                "<",
                                ">",
                                "<a@b",
                                "@",
                                "a@",
                                ",",
                                ";",
                                "a ",
                                "a,",
                                "a <b@c> ",
                                "\\",
                                "=?",
                                "=?utf-8?q?",
                                "=?utf-8?q?a ",
                                "=?utf-8?q?a=40b?= ",
                                "a.",
                                ". ",
                                "@a,",
                                "<@a",
                                ":",
                                "(a",
                                "x (",
                                "\"\"",
                                "a@b a@b ",
                                "a=?",
                                "\xFF ",
                                "=?a?b?="}) {
    const std::string value = repeated(unit, 1U << 18);
    INFO(unit);
    const smtpgate::test::ProcessorTime took;
    parse_address_list(value);
    parse_address_list("<" + value);
    // Quadratic work would be minutes; the bound leaves room for busy machines and sanitizers.
    CHECK(took.seconds() < 15);
  }
  const std::string nested = repeated("(", 500'000) + repeated(")", 500'000) + " a@b";
  CHECK(parsed(nested).find("<a@b>") != std::string::npos);
}

TEST_CASE("addresses are written as RFC 5321 wants them") {
  CHECK(InternetAddress{"john.doe", "x"}.str() == "john.doe@x");
  CHECK(InternetAddress{"jörg", "x"}.str() == "jörg@x");
  CHECK(InternetAddress{"a b", "x"}.str() == "\"a b\"@x");
  CHECK(InternetAddress{"a\"\\", "x"}.str() == "\"a\\\"\\\\\"@x");
  CHECK(InternetAddress{".a", "x"}.str() == "\".a\"@x");
  CHECK(InternetAddress{"a..b", "x"}.str() == "\"a..b\"@x");
  CHECK(InternetAddress{"", "x"}.str() == "\"\"@x");
  CHECK(InternetAddress{"postmaster", ""}.str() == "postmaster");
  CHECK(InternetAddress{}.str() == "");
  CHECK(InternetAddress{"a@b", ""}.str() == "\"a@b\"");
}

TEST_CASE("envelope paths") {
  const auto path = [](std::string_view text) {
    const auto address = parse_path(text);
    return address ? address->str() : "none";
  };
  CHECK(path("<user@host.example>") == "user@host.example");
  CHECK(path("user@host.example") == "user@host.example");
  CHECK(path("<>") == "");
  CHECK(path("<@relay,@other:user@host>") == "user@host");
  CHECK(path("<\"a b\"@host>") == "\"a b\"@host");
  CHECK(path("<\"a\\\"b\"@host>") == "\"a\\\"b\"@host");
  CHECK(path("<\"simple\"@host>") == "simple@host");
  CHECK(path("<postmaster>") == "postmaster");
  CHECK(path("<user@[192.0.2.1]>") == "user@[192.0.2.1]");
  CHECK(path("<user@host.>") == "user@host.");
  CHECK(path("<a@b@host>") == "\"a@b\"@host");
  CHECK(path("<jörg@müller.example>") == "jörg@müller.example");
  CHECK(path("<user+tag=x@host>") == "user+tag=x@host");
  for (std::string_view bad :
       {"", "<", "<user@host", "<@host>", "<user@>", "<us er@host>", "<user@ho st>",
        "<\"user@host>", "<\"a\"b@host>", "<a@b>c", "<a\r\nb@host>", "<@relay>", "<user@host/x>",
        "<user@[192.0.2.1>", "<user@..>", "<us\"er@host>", "<a\\", "<\"a\\\">", "<\xFF@host>"}) {
    INFO(bad);
    CHECK(path(bad) == "none");
  }
  CHECK(parse_path("<a\0b@host>"s) == std::nullopt);
  CHECK(parse_path("<\"\"@host>") == InternetAddress{"", "host"});
}

TEST_CASE("domains are compared in one form") {
  CHECK(canonical_domain("Example.COM") == "example.com");
  CHECK(canonical_domain("example.com.") == "example.com");
  CHECK(canonical_domain("Müller.Example") == "xn--mller-kva.example");
  CHECK(canonical_domain("mu\xCC\x88ller.example") == "xn--mller-kva.example");
  CHECK(canonical_domain("straße.example") == "xn--strae-oqa.example");  // not transitional
  CHECK(canonical_domain("XN--MLLER-KVA.example") == "xn--mller-kva.example");
  CHECK(canonical_domain("日本。example") == "xn--wgv71a.example");
  CHECK(canonical_domain("[IPv6:2001:DB8::1]") == "[ipv6:2001:db8::1]");
  CHECK(canonical_domain("") == "");
  CHECK(canonical_domain(".") == "");
  CHECK(canonical_domain("\xFF.Example") == "\xFF.example");  // IDNA refuses it
  CHECK(canonical_domain("under_score.example") == "under_score.example");
  const std::string many = repeated("ü.", 1'000'000);
  CHECK(canonical_domain(many).size() == many.size() - 1);  // too long for libidn2
}

TEST_CASE("every spelling of a domain is known from each of them") {
  using Spellings = std::vector<std::string>;
  const Spellings both = {"xn--mller-kva.example", "müller.example"};
  for (std::string_view one : {"Müller.Example", "xn--mller-kva.example", "XN--MLLER-KVA.EXAMPLE.",
                               "mu\xCC\x88ller.example"}) {
    INFO(one);
    CHECK(domain_spellings(one) == both);
  }
  CHECK(domain_spellings(".müller.example") ==
        Spellings{".xn--mller-kva.example", ".müller.example"});
  CHECK(domain_spellings("Example.COM") == Spellings{"example.com"});
  CHECK(domain_spellings("under_score.example") == Spellings{"under_score.example"});
  CHECK(domain_spellings("xn--.example") == Spellings{"xn--.example"});
  CHECK(domain_spellings("\xFF.example") == Spellings{"\xFF.example"});
  CHECK(domain_spellings("") == Spellings{""});
  CHECK(domain_spellings(repeated("ü.", 100'000)).size() == 1);
}
