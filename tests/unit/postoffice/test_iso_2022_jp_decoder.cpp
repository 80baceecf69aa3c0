// ISO-2022-JP as it is really sent: what Windows and telephones write in it, lines that do not end
// in ASCII, and what is wrong.
#include <optional>
#include <string>

#include "postoffice/character_set.h"
#include "unit/catch.h"
#include "unit/postoffice/decoded_in_pieces.h"

using smtpgate::postoffice::CharacterDecoder;
using smtpgate::postoffice::to_utf8;
using namespace std::string_literals;

namespace {

const std::string lost = "\xEF\xBF\xBD";

std::string decoded(const std::string& octets) {
  return smtpgate::test::decoded_in_pieces("ISO-2022-JP", octets);
}

}  // namespace

TEST_CASE("ISO-2022-JP: JIS X 0208, JIS X 0212, Roman and ASCII", "[iso_2022_jp]") {
  CHECK(decoded("\x1B$BF|K\\\x1B(B abc \x1B$@8l\x1B(J") == "日本 abc 語");
  CHECK(decoded("\x1B$(BF|\x1B$(D0!\x1B(B") == "日丂");
  CHECK(decoded("\x1B(J\\~x\x1B(B\\~") == "¥‾x\\~");
  CHECK(decoded("\x1B$B!A!]!B!q!r\"L\x1B(B") == "〜−‖¢£¬");
}

TEST_CASE("ISO-2022-JP: what Windows and telephones write", "[iso_2022_jp]") {
  CHECK(decoded("\x1B$B-!-j-b\x1B(B") == "①㈱№");
  CHECK(decoded("\x1B(I1]J\x1B(B!") == "ｱﾝﾊ!");
  CHECK(decoded("\x1B$BF|K\\\nabc\r\n\x1B(I1\nd") == "日本\nabc\r\nｱ\nd");
  CHECK(decoded("\x1B$BF| K\\\tx\x1B(B") == "1:日 本\t" + lost);
}

TEST_CASE("ISO-2022-JP: damage", "[iso_2022_jp]") {
  CHECK(decoded("\x1B$BF") == "1:" + lost);
  CHECK(decoded("\x1B$BF\nx") == "1:" + lost + "\nx");
  CHECK(decoded("a\x1B") == "1:a" + lost);
  CHECK(decoded("\x1B$") == "1:" + lost);
  CHECK(decoded("\x1B(Zx") == "1:" + lost + "(Zx");
  CHECK(decoded("\x1B\x1B$BF|\x1B(B") == "1:" + lost + "日");
  CHECK(decoded("\x1B$\nx") == "1:" + lost + "$\nx");
  CHECK(decoded("\x1B$B\x7F\x1B(B") == "\x7F");
  // Octets beyond ASCII, which it does not have, are mostly EUC-JP.
  CHECK(decoded("\xC6\xFC\xCB\xDC x") == "日本 x");
  CHECK(decoded("\x1B$BF\xC6\xFC\x1B(B") == "1:" + lost + "日");
  CHECK(decoded("\xC6 \xC6\xFCx") == "1:" + lost + " 日x");
}

TEST_CASE("ISO-2022-JP: a decoder serves one text after the other", "[iso_2022_jp]") {
  std::optional<CharacterDecoder> decoder = CharacterDecoder::open("iso-2022-jp");
  REQUIRE(decoder);
  std::string text;
  decoder->feed("\x1B$BF|K", text);
  decoder->finish(text);
  decoder->feed("abc", text);
  decoder->finish(text);
  CHECK(text == "日" + lost + "abc");
  CHECK(to_utf8(std::string(100'000, '!'), "ISO-2022-JP").size() == 100'000);
}
