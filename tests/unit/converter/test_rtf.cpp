// RTF: MAPI's compression, and what becomes text. The two samples are those of MS-OXRTFCP 3.1.
#include "converter/compressed_rtf.h"
#include "converter/rtf_to_text.h"
#include "unit/catch.h"
#include "unit/converter/tnef_builder.h"

using smtpgate::converter::CompressedRtfDecoder;
using smtpgate::converter::RtfToText;
using namespace smtpgate::test;
using namespace std::string_literals;

namespace {

struct Decompressed {
  std::string rtf;
  bool is_damaged;
  bool is_checksum_wrong;
  bool operator==(const Decompressed&) const = default;
};

Decompressed decompress(std::string_view octets, std::size_t piece = std::string_view::npos) {
  CompressedRtfDecoder decoder;
  Decompressed result{};
  for (std::size_t at = 0; at < octets.size(); at += std::min(piece, octets.size())) {
    decoder.feed(octets.substr(at, piece), result.rtf);
  }
  decoder.finish();
  result.is_damaged = decoder.is_damaged();
  result.is_checksum_wrong = decoder.is_checksum_wrong();
  return result;
}

std::string convert(std::string_view rtf, std::size_t piece, bool& is_html) {
  RtfToText converter;
  std::string result;
  for (std::size_t at = 0; at < rtf.size(); at += std::min(piece, rtf.size())) {
    const std::string_view next = rtf.substr(at, piece);
    const std::vector<char> copy(next.begin(), next.end());
    std::string out;
    converter.feed({copy.data(), copy.size()}, out);
    if (!out.empty()) is_html = converter.is_html();
    result += out;
  }
  converter.finish(result);
  is_html = converter.is_html();
  return result;
}

/// Whole and in pieces of every size, which must not matter.
std::string text_of(std::string_view rtf) {
  bool is_html = false;
  std::string whole = convert(rtf, std::string_view::npos, is_html);
  for (std::size_t piece = 1; piece <= 100 && piece < rtf.size(); ++piece) {
    bool is_html_too = false;
    if (convert(rtf, piece, is_html_too) == whole && is_html == is_html_too) continue;
    FAIL("pieces of " << piece << " of: " << rtf);
  }
  return whole;
}

const std::string hello(
    "\x2d\x00\x00\x00\x2b\x00\x00\x00\x4c\x5a\x46\x75\xf1\xc5\xc7\xa7\x03\x00\x0a\x00\x72\x63\x70"
    "\x67\x31\x32\x35\x42\x32\x0a\xf3\x20\x68\x65\x6c\x09\x00\x20\x62\x77\x05\xb0\x6c\x64\x7d\x0a"
    "\x80\x0f\xa0",
    49);
const std::string wxyz(
    "\x1a\x00\x00\x00\x1c\x00\x00\x00\x4c\x5a\x46\x75\xe2\xd4\x4b\x51\x41\x00\x04\x20\x57\x58\x59"
    "\x5a\x0d\x6e\x7d\x01\x0e\xb0",
    30);

}  // namespace

TEST_CASE("compressed RTF: the samples of its specification", "[rtf]") {
  CHECK(decompress(hello) ==
        Decompressed{"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n", false, false});
  CHECK(decompress(wxyz) == Decompressed{"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}", false, false});
  for (std::size_t piece = 1; piece < hello.size(); ++piece) {
    CHECK(decompress(hello, piece) == decompress(hello));
    CHECK(decompress(wxyz, piece) == decompress(wxyz));
  }
}

TEST_CASE("compressed RTF: not compressed", "[rtf]") {
  const std::string stored = number(12 + 6, 4) + number(6, 4) + "MELA" + number(0, 4) + "{\\rtf}";
  CHECK(decompress(stored) == Decompressed{"{\\rtf}", false, false});
  CHECK(decompress(stored.substr(0, 20)) == Decompressed{"{\\rt", true, false});
}

TEST_CASE("compressed RTF: cut, wrong, or none", "[rtf]") {
  const std::string whole = decompress(hello).rtf;
  for (std::size_t size = 0; size < hello.size(); ++size) {
    const Decompressed cut = decompress(hello.substr(0, size));
    CHECK(cut.is_damaged);
    CHECK(whole.starts_with(cut.rtf));
  }
  std::string wrong = hello;
  wrong[30] ^= 1;
  CHECK(decompress(wrong).is_checksum_wrong);
  wrong = hello;
  wrong[8] = 'X';
  CHECK(decompress(wrong) == Decompressed{"", true, false});
  // A reference to a place where nothing was ever written.
  const std::string nowhere =
      number(12 + 3, 4) + number(5, 4) + "LZFu" + number(0, 4) + "\x01\xFF\x00"s;
  CHECK(decompress(nowhere).is_damaged);
  CHECK(decompress(nowhere).rtf.empty());
}

TEST_CASE("compressed RTF gives at most eight times its size", "[rtf]") {
  std::string contents;
  for (int i = 0; i < 1000; ++i) contents += "\xFF" + std::string(16, '\x0F');
  const std::string bomb =
      number(contents.size() + 12, 4) + number(0xFFFFFFFF, 4) + "LZFu" + number(0, 4) + contents;
  CHECK(decompress(bomb).rtf.size() <= 8 * bomb.size());
}

TEST_CASE("paragraphs, tabs, special characters", "[rtf]") {
  CHECK(text_of("{\\rtf1\\ansi One\\par\r\nTwo\\line three\\tab four\\par}") ==
        "One\nTwo\nthree\tfour\n");
  CHECK(text_of("{\\rtf1 a\\~b\\_c\\-d\\{e\\}\\\\f}") == "a b-cd{e}\\f\n");
  CHECK(text_of("{\\rtf1 \\lquote a\\rquote  \\ldblquote b\\rdblquote \\emdash\\endash\\bullet}") ==
        "\xE2\x80\x98"
        "a\xE2\x80\x99 \xE2\x80\x9C"
        "b\xE2\x80\x9D\xE2\x80\x94\xE2\x80\x93\xE2\x80\xA2\n");
  CHECK(text_of("{\\rtf1 a\\\nb}") == "a\nb\n");
  CHECK(text_of("") == "");
  CHECK(text_of("{\\rtf1}") == "");
}

TEST_CASE("what is no text is left out", "[rtf]") {
  CHECK(text_of("{\\rtf1{\\fonttbl{\\f0 Arial;}}{\\colortbl;\\red0;}{\\stylesheet{\\s0 Normal;}}"
                "{\\info{\\title No}}{\\*\\generator X;}{\\header h}{\\footer f}"
                "{\\pict\\wmetafile8 0102ff}{\\object{\\*\\objdata 00}{\\result shown}}"
                "{\\*\\unknown{deep}er} yes {\\v hidden}\\v no\\v0 end}") == "shown yes end\n");
  CHECK(text_of("{\\rtf1 a{\\pict\\bin5 {}{}}b}c}") == "ac\n");
  CHECK(text_of("{\\rtf1 a}\r\n"s + std::string(3, '\0') + " ") == "a\n");
}

TEST_CASE("characters of code pages and fonts", "[rtf]") {
  CHECK(text_of("{\\rtf1\\ansi\\ansicpg1252 caf\\'e9 \\'80}") == "caf\xC3\xA9 \xE2\x82\xAC\n");
  CHECK(text_of("{\\rtf1\\ansi\\ansicpg1251 \\'e4\\'E0}") == "\xD0\xB4\xD0\xB0\n");
  CHECK(text_of("{\\rtf1\\mac \\'8e}") == "\xC3\xA9\n");
  CHECK(text_of("{\\rtf1\\pc \\'82}") == "\xC3\xA9\n");
  CHECK(
      text_of("{\\rtf1\\ansi\\deff1{\\fonttbl{\\f0\\fcharset204 A;}{\\f1\\fcharset0 B;}"
              "{\\f2\\fcharset128 C;}}\\'e9{\\f0\\'e9}\\f2\\'93\\'fa\\'96{\\par}{\\plain\\'e9}}") ==
      "\xC3\xA9\xD0\xB9\xE6\x97\xA5\xEF\xBF\xBD\n\xC3\xA9\n");
  // The second octet of a character may be written as itself.
  CHECK(text_of("{\\rtf1\\ansi\\ansicpg932 \\'93\\'fa\\'96{}}").find("\xE6\x97\xA5") == 0);
  CHECK(text_of("{\\rtf1\\ansi\\ansicpg932 \\'83A}") == "\xE3\x82\xA2\n");
  CHECK(text_of("{\\rtf1\\ansi\\ansicpg99999 \\'e9}") == "\xC3\xA9\n");
  // Sets that hold a letter back until they know that no mark follows.
  CHECK(text_of("{\\rtf1\\ansi\\ansicpg1255 \\'e0a\\'e0\\par}") ==
        "\xD7\x90"
        "a\xD7\x90\n");
  CHECK(text_of("{\\rtf1\\ansi\\ansicpg1258 ab\\'f2c\\u65?}").ends_with("cA\n"));
}

TEST_CASE("characters by number, with their fallbacks left out", "[rtf]") {
  CHECK(text_of("{\\rtf1\\ansi\\u8364?x\\u8364 ?\\u-257\\'3f}") ==
        "\xE2\x82\xACx\xE2\x82\xAC\xEF\xBB\xBF\n");
  CHECK(text_of("{\\rtf1\\uc2\\u8364??a{\\uc0\\u8364 b}\\u8364\\'3f\\'3fc}") ==
        "\xE2\x82\xAC"
        "a\xE2\x82\xAC"
        "b\xE2\x82\xAC"
        "c\n");
  CHECK(text_of("{\\rtf1\\u-10179?\\u-8704?}") == "\xF0\x9F\x98\x80\n");
  CHECK(text_of("{\\rtf1\\u-10179?a\\u-8704?}") ==
        "\xEF\xBF\xBD"
        "a\xEF\xBF\xBD\n");
  CHECK(text_of("{\\rtf1\\u8364{}?\\u8364\\par ?}") == "\xE2\x82\xAC?\xE2\x82\xAC?\n");
}

TEST_CASE("tables are lines with tabs", "[rtf]") {
  CHECK(
      text_of("{\\rtf1\\trowd\\intbl a\\cell b\\cell\\row\\intbl c\\cell\\cell d\\cell\\row e}") ==
      "a\tb\nc\t\td\ne\n");
  CHECK(text_of("{\\rtf1 x\\nestcell y\\nestcell{\\*\\nesttableprops\\trowd\\nestrow}"
                "{\\nonesttables\\par}\\cell\\row}") == "x\ty\n");
}

TEST_CASE("links show where they lead", "[rtf]") {
  CHECK(text_of("{\\rtf1 See {\\field{\\*\\fldinst HYPERLINK \"http://a.example/\" }"
                "{\\fldrslt{\\ul here}}}.}") == "See here <http://a.example/>.\n");
  CHECK(text_of("{\\rtf1 {\\field{\\*\\fldinst{HYPERLINK \"mailto:a@b.example\"}}"
                "{\\fldrslt a@b.example}}}") == "a@b.example\n");
  CHECK(text_of("{\\rtf1 {\\field{\\*\\fldinst PAGE}{\\fldrslt 7}}}") == "7\n");
}

TEST_CASE("a link's address and text are taken alike in pieces of any size", "[rtf]") {
  // As many octets as are looked at, which make three times as many in UTF-8.
  const auto octets = [](std::size_t count) { return std::string(count, '\xFF'); };
  for (const std::size_t count : {700, 1960, 1990, 2000, 3000}) {
    CHECK(text_of("{\\rtf1\\ansicpg932 {\\field{\\*\\fldinst HYPERLINK \"http://" + octets(count) +
                  "\"}{\\fldrslt here" + octets(count) + "}}}")
              .starts_with("here"));
  }
  const std::string address = "http://a.example/" + std::string(1900, 'a');
  CHECK(text_of("{\\rtf1 {\\field{\\*\\fldinst HYPERLINK \"" + address + "\"}{\\fldrslt " +
                address + "}}}") == address + "\n");
}

TEST_CASE("a character that a link's instruction cuts is not one of the text", "[rtf]") {
  CHECK(text_of("\\ansicpg932 \\fldinst x\x86") == "");
  CHECK(text_of("{\\rtf1\\ansicpg932 a\x82\\fldinst \xA0}") == "a\xEF\xBF\xBD\n");
}

TEST_CASE("the HTML in an RTF comes out as the page it was", "[rtf]") {
  const std::string rtf =
      "{\\rtf1\\ansi\\ansicpg1252\\fromhtml1 \\deff0{\\fonttbl{\\f0\\fswiss Arial;}}"
      "{\\*\\generator Microsoft Exchange Server;}\r\n{\\*\\htmltag19 <html>}{\\*\\htmltag2 \\par }"
      "{\\*\\htmltag64 <p>}\\htmlrtf {\\par\\htmlrtf0 Caf\\'e9 {\\*\\htmltag84 &amp;}\\htmlrtf &"
      "\\htmlrtf0  \\u8364 ?{\\*\\mhtmltag84 no}{\\*\\htmltag72 </p>}\\htmlrtf\\par}\\htmlrtf0 "
      "{\\*\\htmltag27 </html>}}";
  CHECK(text_of(rtf) == "<html>\n<p>Caf\xC3\xA9 &amp; \xE2\x82\xAC</p></html>\n");
  bool is_html = false;
  convert(rtf, 10, is_html);
  CHECK(is_html);
  convert("{\\rtf1 a\\fromhtml1 b}", 100, is_html);
  CHECK_FALSE(is_html);
}

TEST_CASE("RTF nested and broken in any way stays in proportion", "[rtf]") {
  const std::string deep(2'000'000, '{');
  CHECK(text_of("{\\rtf1 a") == "a\n");
  CHECK(text_of("plain text") == "plain text\n");
  bool is_html = false;
  CHECK(convert("{\\rtf1 a" + deep + "b" + std::string(2'000'000, '}') + "c}", 65536, is_html) ==
        "abc\n");
  CHECK(convert("{\\rtf1 " + std::string(1'000'000, '}') + "x", 65536, is_html).size() < 10);
  std::string words = "{\\rtf1 ";
  for (int i = 0; i < 100'000; ++i) words += "\\f" + std::to_string(i) + "\\'e9";
  CHECK(convert(words + "}", 65536, is_html).size() < 300'000);
  std::string pages = "{\\rtf1 ";
  for (int i = 1; i < 20'000; ++i) pages += "\\ansicpg" + std::to_string(i) + "\\'e9";
  CHECK(convert(pages + "}", 65536, is_html).size() < 200'000);
  CHECK(text_of("{\\rtf1 a\\bin99999999999 b}") == "a\n");
  CHECK(text_of("{\\rtf1\\" + std::string(40, 'p') + " a\\'zzb\\'4}") == "azzb\n");
}
