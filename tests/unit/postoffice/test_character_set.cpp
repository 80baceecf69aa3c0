// Character sets: exactness in whole and in pieces, what is counted, and that hostile octets cost
// time in proportion to their number.
#include <functional>
#include <random>
#include <string>

#include "postoffice/character_set.h"
#include "postoffice/utf8.h"
#include "unit/catch.h"
#include "unit/processor_time.h"

using namespace smtpgate::postoffice;
using namespace std::string_literals;

namespace {

const std::string fffd = "\xEF\xBF\xBD";

struct Result {
  std::string text;
  std::uint64_t replaced = 0;
  friend bool operator==(const Result&, const Result&) = default;
  friend std::ostream& operator<<(std::ostream& stream, const Result& result) {
    return stream << '"' << result.text << "\" with " << result.replaced << " replaced";
  }
};

Result decode(std::string_view set, std::string_view text, std::size_t piece = 1 << 30) {
  std::optional<CharacterDecoder> decoder = CharacterDecoder::open(set);
  REQUIRE(decoder);
  Result result;
  for (std::size_t at = 0; at < text.size(); at += piece) {
    decoder->feed(text.substr(at, piece), result.text);
  }
  decoder->finish(result.text);
  result.replaced = decoder->replaced();
  CHECK(is_utf8(result.text));
  return result;
}

Result encode(std::string_view set, std::string_view text, std::size_t piece = 1 << 30) {
  std::optional<CharacterEncoder> encoder = CharacterEncoder::open(set);
  REQUIRE(encoder);
  Result result;
  for (std::size_t at = 0; at < text.size(); at += piece) {
    encoder->feed(text.substr(at, piece), result.text);
  }
  encoder->finish(result.text);
  result.replaced = encoder->replaced();
  return result;
}

void check_all_pieces(std::string_view set, std::string_view text, const Result& expected) {
  for (std::size_t piece : {1U, 2U, 3U, 5U, 7U, 31U, 33U, 1U << 20}) {
    INFO(set << " in pieces of " << piece);
    CHECK(decode(set, text, piece) == expected);
  }
}

double seconds_of(const std::function<void()>& work) {
  const smtpgate::test::ProcessorTime took;
  work();
  return took.seconds();
}

std::string repeated(std::string_view unit, std::size_t octets) {
  std::string text;
  while (text.size() < octets) text += unit;
  return text;
}

}  // namespace

TEST_CASE("UTF-8 is told from what only looks like it") {
  CHECK(is_utf8(""));
  CHECK(is_utf8("plain"));
  CHECK(is_utf8("gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x93\xA7"));
  CHECK(is_utf8("\x00\x7F"s));
  CHECK(is_utf8("\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF"));
  CHECK_FALSE(is_utf8("\x80"));
  CHECK_FALSE(is_utf8("\xC0\xAF"));          // overlong slash
  CHECK_FALSE(is_utf8("\xE0\x80\xAF"));      // overlong
  CHECK_FALSE(is_utf8("\xED\xA0\x80"));      // surrogate
  CHECK_FALSE(is_utf8("\xF4\x90\x80\x80"));  // beyond U+10FFFF
  CHECK_FALSE(is_utf8("\xF5\x80\x80\x80"));
  CHECK_FALSE(is_utf8("12345678\xC3"));  // cut
}

TEST_CASE("each maximal subpart of bad UTF-8 is one replacement") {
  std::uint64_t replaced = 0;
  // The example of Unicode 15, table 3-8.
  CHECK(repair_utf8("a\xF1\x80\x80\xE1\x80\xC2"
                    "b\x80"
                    "c\x80\xBF"
                    "d",
                    &replaced) == "a" + fffd + fffd + fffd + "b" + fffd + "c" + fffd + fffd + "d");
  CHECK(replaced == 6);
  CHECK(repair_utf8("\xED\xA0\x80") == fffd + fffd + fffd);
  CHECK(repair_utf8("good") == "good");
  check_all_pieces(
      "UTF-8",
      "a\xF1\x80\x80\xE1\x80\xC2"
      "b\x80"
      "c\x80\xBF"
      "d\xE2\x82\xAC!\xE2\x82",
      {"a" + fffd + fffd + fffd + "b" + fffd + "c" + fffd + fffd + "d\xE2\x82\xAC!" + fffd, 7});
}

TEST_CASE("sets are known by the names iconv takes, and only safe names reach it") {
  CHECK(is_known_character_set("UTF-8"));
  CHECK(is_known_character_set("windows-1252"));
  CHECK(is_known_character_set("CP437"));
  CHECK(is_known_character_set("ISO-2022-JP"));
  CHECK_FALSE(is_known_character_set(""));  // iconv would take the locale's
  CHECK_FALSE(is_known_character_set("no-such-set"));
  CHECK_FALSE(is_known_character_set("UTF-8//TRANSLIT"));
  CHECK_FALSE(is_known_character_set("UTF-8,TRANSLIT"));
  CHECK_FALSE(is_known_character_set("../../etc/passwd"));
  CHECK_FALSE(is_known_character_set("UTF-8 "));
  CHECK_FALSE(is_known_character_set("UTF-8\0"s));
  CHECK_FALSE(is_known_character_set("WCHAR_T"));
  CHECK_FALSE(is_known_character_set("internal"));
  CHECK_FALSE(is_known_character_set(std::string(65, 'a')));
  CHECK_FALSE(CharacterDecoder::open("x-unknown"));
  CHECK_FALSE(CharacterEncoder::open("x-unknown"));
}

TEST_CASE("single-byte sets decode exactly") {
  CHECK(decode("CP437", "caf\x82 \xC4\xB3") == Result{"café ─│", 0});
  CHECK(decode("windows-1252", "\x93quoted\x94 \x80") == Result{"“quoted” €", 0});
  CHECK(decode("KOI8-R", "\xF0\xD2\xC9\xD7\xC5\xD4") == Result{"Привет", 0});
  // Five octets of windows-1252 mean nothing.
  CHECK(decode("windows-1252", "\x81-\x8D-\x8F-\x90-\x9D") ==
        Result{fffd + "-" + fffd + "-" + fffd + "-" + fffd + "-" + fffd, 5});
}

TEST_CASE("multi-byte and stateful sets decode in pieces of any size") {
  check_all_pieces("CP932", "\x93\xFA\x96\x7B and a long run of ASCII \x8C\xEA",
                   {"日本 and a long run of ASCII 語", 0});
  check_all_pieces("ISO-2022-JP", "\x1B$BF|K\\\x1B(B abc \x1B$B8l\x1B(B", {"日本 abc 語", 0});
  check_all_pieces("GB18030", "\xC4\xE3\xBA\xC3 \x81\x30\x81\x30 ok", {"你好 \xC2\x80 ok", 0});
  check_all_pieces("EUC-KR", "\xC7\xD1\xB1\xDB text text text text text \xC7\xD1",
                   {"한글 text text text text text 한", 0});
  check_all_pieces("UTF-16LE", "a\0\x3D\xD8\xE7\xDC"s, {"a\xF0\x9F\x93\xA7", 0});
  // CP1258 holds a letter back to see whether an accent follows.
  check_all_pieces("CP1258", "a\xEC and \xF2 this is a long run",
                   {"á and \xCC\xA3 this is a long run", 0});
  // BIG5-HKSCS holds back letters that may take a mark; the ASCII behind must not overtake them.
  check_all_pieces("BIG5-HKSCS",
                   "\x88\x66"
                   "abcdefghijklmnopqrstuvwxyz0123456789\x88\x66\x88\x66",
                   {"Ê"
                    "abcdefghijklmnopqrstuvwxyz0123456789ÊÊ",
                    0});
}

TEST_CASE("UTF-16 and UTF-32 take the order of their mark, else big-endian") {
  check_all_pieces("UTF-16", "\xFE\xFF\0h\0i"s, {"hi", 0});
  check_all_pieces("UTF-16", "\xFF\xFEh\0i\0"s, {"hi", 0});
  check_all_pieces("UTF-16", "\0h\0i"s, {"hi", 0});
  check_all_pieces("ucs-2", "\0h\0i"s, {"hi", 0});
  check_all_pieces("UTF-32", "\0\0\0h\0\0\0i"s, {"hi", 0});
  check_all_pieces("UTF-32", "\xFF\xFE\0\0h\0\0\0"s, {"h", 0});
  check_all_pieces("UTF-16", "\0h\0"s, {"h" + fffd, 1});
  check_all_pieces("UTF-16", "\xFE"s, {fffd, 1});
  check_all_pieces("UTF-16BE", "\0a\xDC\0\0b"s, {"a" + fffd + "b", 1});  // lone surrogate
  check_all_pieces("UTF-16", "", {"", 0});
  check_all_pieces("UTF-32BE", "\0\x11\0\0\0\0\0a"s, {fffd + "a", 1});  // beyond U+10FFFF
}

TEST_CASE("a decoder goes on behind what it cannot decode") {
  check_all_pieces("CP932",
                   "a\x81\xFF"
                   "b",
                   {"a" + fffd + fffd + "b", 2});
  check_all_pieces("US-ASCII",
                   "a\xE9"
                   "b",
                   {"a" + fffd + "b", 1});
  check_all_pieces("CP932", "abc\x93", {"abc" + fffd, 1});
  CHECK(decode("ISO-2022-JP", "\x1B$").replaced == 1);
  CHECK(decode("EUC-JP", "\x8F\xFF\xFF tail").text.find(" tail") != std::string::npos);
}

TEST_CASE("a decoder can be used again after finish") {
  std::optional<CharacterDecoder> decoder = CharacterDecoder::open("ISO-2022-JP");
  std::string out;
  decoder->feed("\x1B$BF|", out);
  decoder->finish(out);
  decoder->feed("plain", out);
  decoder->finish(out);
  CHECK(out == "日plain");
}

TEST_CASE("what is said about a decoder holds for random octets in every family of sets") {
  std::mt19937 random(7);
  std::string noise;
  for (int i = 0; i < 4096; ++i) noise += static_cast<char>(random());
  for (std::string_view set :
       {"UTF-8",  "UTF-7",       "UTF-16",      "UTF-16LE",     "UTF-32",  "UCS-2",        "CP932",
        "EUC-JP", "ISO-2022-JP", "ISO-2022-KR", "ISO-2022-CN",  "GB18030", "BIG5-HKSCS",   "EUC-TW",
        "JOHAB",  "CP1258",      "TCVN5712-1",  "windows-1252", "IBM930",  "EUC-JISX0213", "HZ"}) {
    if (!CharacterDecoder::open(set)) continue;
    INFO(set);
    const Result whole = decode(set, noise);
    CHECK(is_utf8(whole.text));
    CHECK(decode(set, noise, 1) == whole);
    CHECK(decode(set, noise, 37) == whole);
  }
}

TEST_CASE("hostile octets cost time in proportion to their number") {
  struct Attack {
    std::string_view set;
    std::string_view unit;
  };
  for (const Attack& attack :
       {Attack{"US-ASCII", "\xFF"}, Attack{"UTF-7", "+2AA-"}, Attack{"UTF-16BE", "\xDC\xDC"},
        Attack{"CP932", "\xFF"}, Attack{"ISO-2022-JP", "\x1B$"}, Attack{"UTF-8", "\xF0\x9F\x93"},
        Attack{"UTF-32BE", "\x7F\xFF\xFF\xFF"}, Attack{"GB18030", std::string_view("\0", 1)}}) {
    INFO(attack.set);
    const std::string text = repeated(attack.unit, 1 << 18);
    Result result;
    CHECK(seconds_of([&] { result = decode(attack.set, text); }) < 5.0);
    CHECK(is_utf8(result.text));
  }
  CHECK(seconds_of([] { encode("ISO-8859-1", repeated("日本", 1 << 18)); }) < 5.0);
  // A run of marks that alternates their classes is the worst case of ordering them.
  const std::string marks = repeated("\xCC\x81\xCC\xA3", 1 << 18);
  CHECK(seconds_of([&] { encode("CP850", marks); }) < 5.0);
  CHECK(seconds_of([&] { compose("a" + marks); }) < 5.0);
}

TEST_CASE("text is composed before it is encoded, also over a border of pieces") {
  const std::string decomposed = "cafe\xCC\x81 u\xCC\x88 A\xCC\x8A";
  for (std::size_t piece : {1U, 2U, 3U, 4U, 5U, 6U, 100U}) {
    INFO(piece);
    CHECK(encode("ISO-8859-1", decomposed, piece) == Result{"caf\xE9 \xFC \xC5", 0});
  }
  CHECK(compose("cafe\xCC\x81") == "caf\xC3\xA9");
  CHECK(compose("\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB") == "한");
  CHECK(compose("") == "");
  CHECK(compose("\xFF"
                "e\xCC\x81") ==
        "\xFF"
        "e\xCC\x81");  // no UTF-8: left alone
}

TEST_CASE("long text is composed the same as short text") {
  std::string text;
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    text += "e\xCC\x81\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB";
    expected += "é한";
  }
  CHECK(compose(text) == expected);
}

TEST_CASE("what a set lacks becomes the nearest it has, and is counted") {
  CHECK(encode("ISO-8859-1", "“don’t” – 5 € … ™") == Result{"\"don't\" - 5 EUR ... (TM)", 7});
  CHECK(encode("CP1252", "“don’t” – €") == Result{"\x93"
                                                  "don\x92t\x94 \x96 \x80",
                                                  0});
  CHECK(encode("CP437", "Łódź Ørsted ß") == Result{"L\xA2"
                                                   "dz Orsted \xE1",
                                                   3});
  CHECK(encode("US-ASCII", "Žižek naïve") == Result{"Zizek naive", 3});
  CHECK(encode("CP437", "日") == Result{"?", 1});
  CHECK(encode("ISO-8859-1",
               "a\xE2\x80\x8B"
               "b") == Result{"ab", 1});
  CHECK(encode("CP850", "ﬁne") == Result{"fine", 1});
  CHECK(encode("CP850",
               "a\xC2\xA0"
               "b") == Result{"a\xFF"
                              "b",
                              0});
  // Tag characters, which iconv drops in silence.
  CHECK(encode("ISO-8859-1", "x\xF3\xA0\x81\x81y") == Result{"xy", 1});
}

TEST_CASE("bad input is counted once when it is encoded") {
  CHECK(encode("ISO-8859-1",
               "a\xFF"
               "b") == Result{"a?b", 1});
  CHECK(encode("GB18030",
               "a\xFF"
               "b")
            .replaced == 1);
  CHECK(encode("UTF-8", "a\xFF\xE2\x82") == Result{"a" + fffd + fffd, 2});
  CHECK(encode("ISO-8859-1", "a\xE2\x82") == Result{"a?", 1});
}

TEST_CASE("stateful sets return to ASCII at the end and between") {
  CHECK(encode("ISO-2022-JP", "日本 a") == Result{"\x1B$BF|K\\\x1B(B a", 0});
  CHECK(encode("ISO-2022-JP", "日本") == Result{"\x1B$BF|K\\\x1B(B", 0});
  CHECK(encode("ISO-2022-JP", "日€本").replaced == 1);
  CHECK(decode("ISO-2022-JP", encode("ISO-2022-JP", "日€本").text).text == "日EUR本");
}

TEST_CASE("whole strings go to a set and back") {
  const std::string text = "Grüße aus Zürich, and then a rather long run of ASCII; ça va?";
  for (std::string_view set :
       {"CP850", "CP437", "ISO-8859-1", "windows-1252", "UTF-16LE", "UTF-8", "GB18030", "UTF-7"}) {
    INFO(set);
    std::uint64_t replaced = 0;
    CHECK(to_utf8(from_utf8(text, set, &replaced), set, &replaced) == text);
    CHECK(replaced == 0);
  }
  CHECK(to_utf8("a\xFF", "no-such-set") == "a" + fffd);
  CHECK(from_utf8("a\xFF", "no-such-set") == "a" + fffd);
}
