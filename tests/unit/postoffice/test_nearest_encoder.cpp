// Characters that a set lacks: the answers are the same with the table as without, and what is
// looked up grows with the different characters, not with the text.
#include "postoffice/character_set.h"
#include "postoffice/nearest_encoder.h"
#include "postoffice/utf8.h"
#include "unit/catch.h"

namespace smtpgate::postoffice {
namespace {

std::string utf8_of(char32_t code) {
  std::string text;
  append_utf8(code, text);
  return text;
}

TEST_CASE("a character that repeats is looked up once, however long the text") {
  Iconv iconv = *Iconv::open("ISO-8859-1", "UTF-8");
  NearestEncoder nearest(true);
  std::string out;
  for (int n = 0; n < 100'000; ++n) {
    nearest.append(0x4E00 + static_cast<char32_t>(n % 1000), iconv, out);
  }
  CHECK(nearest.lookups() == 1000);
  CHECK(out == std::string(100'000, '?'));
}

TEST_CASE("characters that share a place in the table do not take each other's answer") {
  Iconv iconv = *Iconv::open("US-ASCII", "UTF-8");
  NearestEncoder nearest(true);
  std::string out;
  // U+2014, a dash, and U+3014, 4096 further on.
  for (int n = 0; n < 3; ++n) {
    nearest.append(0x2014, iconv, out);
    CHECK_FALSE(nearest.append_known(0x3014, out));
    nearest.append(0x3014, iconv, out);
    CHECK(nearest.append_known(0x3014, out));
  }
  CHECK(out ==
        "-?"
        "?-?"
        "?-?"
        "?");
  CHECK(nearest.lookups() == 6);
}

TEST_CASE("nothing is kept for a set in which octets depend on what stands before") {
  Iconv iconv = *Iconv::open("ISO-2022-JP", "UTF-8");
  NearestEncoder nearest(false);
  std::string out;
  nearest.append(0x2713, iconv, out);
  CHECK_FALSE(nearest.append_known(0x2713, out));
  CHECK(out == "v");
}

TEST_CASE("text that a set lacks is encoded alike in one piece and character by character") {
  const std::string set = GENERATE("ISO-8859-1", "CP850", "KOI8-R", "BIG5-HKSCS", "ISO-2022-JP");
  std::string text;
  for (const char32_t code :
       {0x4E2D, 0x6587, 0x20AC, 0x00E9, 0x4E2D, 0x4E2D, 0x00EA, 0x2026, 0x1F600, 0xE0041, 0x1F600,
        0x200B, 0x0416, 0xFDFA, 0xFDFA, 0x00CA, 0x4E2D, 0x0078, 0x4E2D, 0x00EA,  0x1F600}) {
    text += utf8_of(code);
  }
  text += text + "and letters " + text;
  std::uint64_t whole_replaced = 0;
  const std::string whole = from_utf8(text, set, &whole_replaced);
  std::optional<CharacterEncoder> encoder = CharacterEncoder::open(set);
  REQUIRE(encoder);
  std::string pieces;
  for (const char c : text) encoder->feed(std::string_view(&c, 1), pieces);
  encoder->finish(pieces);
  CHECK(pieces == whole);
  CHECK(encoder->replaced() == whole_replaced);
  // What comes back is the same text again: each answer is of the set.
  std::uint64_t replaced = 0;
  CHECK(from_utf8(to_utf8(whole, set), set, &replaced) == whole);
  CHECK(replaced == 0);
}

TEST_CASE("a letter that a set holds back for an accent comes before the text behind it") {
  const std::string text = "\xC3\xAA and then plain letters";
  CHECK(to_utf8(from_utf8(text, "BIG5-HKSCS"), "BIG5-HKSCS") == text);
}

}  // namespace
}  // namespace smtpgate::postoffice
