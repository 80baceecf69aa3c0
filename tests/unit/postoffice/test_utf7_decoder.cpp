// UTF-7: what its runs say, what is made of runs that go wrong, and that no cut of the text
// matters.
#include <random>
#include <string>
#include <string_view>

#include "postoffice/character_set.h"
#include "postoffice/utf7_decoder.h"
#include "postoffice/utf8.h"
#include "unit/catch.h"

using namespace smtpgate::postoffice;

namespace {

struct Result {
  std::string text;
  std::uint64_t replaced = 0;
  friend bool operator==(const Result&, const Result&) = default;
  friend std::ostream& operator<<(std::ostream& stream, const Result& result) {
    return stream << '"' << result.text << "\" with " << result.replaced << " replaced";
  }
};

Result decode(std::string_view text, std::size_t piece) {
  Utf7Decoder decoder;
  Result result;
  for (std::size_t at = 0; at < text.size(); at += piece) {
    decoder.feed(text.substr(at, piece), result.text);
  }
  decoder.finish(result.text);
  result.replaced = decoder.replaced();
  CHECK(is_utf8(result.text));
  return result;
}

void check(std::string_view text, const Result& expected) {
  for (const std::size_t piece :
       {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}, text.size() + 1}) {
    INFO(text << " in pieces of " << piece);
    CHECK(decode(text, piece) == expected);
  }
}

}  // namespace

TEST_CASE("UTF-7 as RFC 2152 shows it") {
  check("A+ImIDkQ.", {"A≢Α.", 0});
  check("Hi Mom -+Jjo--!", {"Hi Mom -☺-!", 0});
  check("+ZeVnLIqe-", {"日本語", 0});
  check("Item 3 is +AKM-1.", {"Item 3 is £1.", 0});
  check("1 +- 1 = 2, and +AGEAYg- +2D3c5w-", {"1 + 1 = 2, and ab 📧", 0});
  check("+AGEAYg c +AGE\r\nd", {"ab c a\r\nd", 0});
  check("a line\r\n\\ and ~ stand for themselves", {"a line\r\n\\ and ~ stand for themselves", 0});
  check("", {"", 0});
}

TEST_CASE("a run of UTF-7 that goes wrong takes nothing of the text behind it") {
  check("a +ir b +ir\xD5 c +ir~ d +Jjo e", {"a \uFFFD b \uFFFD\uFFFD c \uFFFD~ d ☺ e", 4});
  check("a +Jj", {"a \uFFFD", 1});
  check("+JjoA- one octet too many", {"☺\uFFFD one octet too many", 1});
  check("+Jjp- bits that fill up and are not zero",
        {"☺\uFFFD bits that fill up and are not zero", 1});
  check("8-bit: \xE9\xFF", {"8-bit: \uFFFD\uFFFD", 2});
}

TEST_CASE("halves of surrogate pairs in UTF-7 are replaced") {
  check("+2D0- +3Oc-", {"\uFFFD \uFFFD", 2});
  check("+2D0AYQ-", {"\uFFFDa", 1});
  check("+3OcAYQ-", {"\uFFFDa", 1});
  check("+2D3YPdzn-", {"\uFFFD📧", 1});
}

TEST_CASE("a plus in UTF-7 with which no run begins is a plus") {
  check("C+ and 1 + 1 and +", {"C+ and 1 + 1 and +", 3});
  check("a+\xE9", {"a+\uFFFD", 2});
}

TEST_CASE("what iconv writes as UTF-7 is read as it was") {
  std::mt19937 random(7);  // NOLINT: the same texts every time
  for (int round = 0; round < 300; ++round) {
    std::string text;
    for (int i = 0; i < 40; ++i) {
      constexpr char32_t beyond[] = {0x7F, 0xE9, 0x3C9, 0x65E5, 0xFFFD, 0x10000, 0x1F4E7, 0x10FFFF};
      append_utf8(random() % 3 != 0 ? static_cast<char32_t>(0x20 + random() % 0x5F)
                                    : beyond[random() % std::size(beyond)],
                  text);
    }
    text = compose(text);
    auto encoder = CharacterEncoder::open("UTF-7");
    REQUIRE(encoder);
    std::string encoded;
    encoder->feed(text, encoded);
    encoder->finish(encoded);
    check(encoded, {text, 0});
  }
}

TEST_CASE("any octets as UTF-7 come out the same in any pieces") {
  std::mt19937 random(11);  // NOLINT: the same octets every time
  const std::string_view often = "++--/AB29dz \x80\xFF\n";
  for (int round = 0; round < 3'000; ++round) {
    std::string text;
    for (std::size_t i = random() % 60; i > 0; --i) text += often[random() % often.size()];
    check(text, decode(text, 1));
  }
}
