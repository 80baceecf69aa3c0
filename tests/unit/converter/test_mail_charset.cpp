// Labels, guesses, and text whose label is missing or not true.
#include <string>

#include "converter/mail_charset.h"
#include "converter/mail_text_decoder.h"
#include "unit/catch.h"

using namespace smtpgate::converter;
using namespace std::string_literals;

namespace {

std::string set_of(std::string_view label) {
  const MailCharset charset = charset_for_label(label);
  if (!charset.set.empty()) CHECK(smtpgate::postoffice::CharacterDecoder::open(charset.set));
  return charset.set;
}

struct Text {
  std::string text;
  std::uint64_t replaced;
  std::string set;
  bool guessed;
};

Text decode(std::string_view label, std::string_view octets, std::size_t piece) {
  MailTextDecoder decoder(label);
  Text result{};
  for (std::size_t at = 0; at < octets.size(); at += piece) {
    decoder.feed(octets.substr(at, piece), result.text);
  }
  decoder.finish(result.text);
  result.replaced = decoder.replaced();
  result.set = decoder.set();
  result.guessed = decoder.guessed();
  return result;
}

}  // namespace

TEST_CASE("labels mean the sets that mail uses them for") {
  for (std::string_view label :
       {"ks_c_5601-1987", "KS_C_5601", "euc_kr", "EUC-KR", "korean", "x-windows-949", "ksc5601"}) {
    INFO(label);
    CHECK(set_of(label) == "CP949");
  }
  for (std::string_view label : {"x-sjis", "shift-jis", "Shift_JIS", "windows-31j", "ms_kanji"}) {
    INFO(label);
    CHECK(set_of(label) == "CP932");
  }
  for (std::string_view label : {"gb2312", "GBK", "x-gbk", "cp936", "GB_2312-80", "windows-936"}) {
    INFO(label);
    CHECK(set_of(label) == "GB18030");
  }
  for (std::string_view label : {"iso-8859-1", "ISO_8859-1:1987", "latin1", "Latin-1", "iso8859-1",
                                 "iso88591", "8859-1", "x-iso-8859-1", "l1"}) {
    INFO(label);
    CHECK(set_of(label) == "windows-1252");
  }
  CHECK(set_of("big5") == "BIG5-HKSCS");
  CHECK(set_of("cp950") == "BIG5-HKSCS");
  CHECK(set_of("unicode-1-1-utf-7") == "UTF-7");
  CHECK(set_of("utf7") == "UTF-7");
  CHECK(set_of("iso-8859-8-i") == "ISO-8859-8");
  CHECK(set_of("iso-8859-8-e") == "ISO-8859-8");
  CHECK(set_of("visual") == "ISO-8859-8");
  CHECK(set_of("iso-8859-9") == "windows-1254");
  CHECK(set_of("iso-8859-11") == "windows-874");
  CHECK(set_of("tis-620") == "windows-874");
  CHECK(set_of("cp-850") == "CP850");
  CHECK(set_of("ibm850") == "CP850");
  CHECK(set_of("CP850") == "CP850");
  CHECK(set_of("x-mac-roman") == "MACINTOSH");
  CHECK(set_of("macintosh") == "MACINTOSH");
  CHECK(set_of("cp1252") == "CP1252");
  CHECK(set_of("windows1252") == "CP1252");
  CHECK(set_of("win-1251") == "CP1251");
  CHECK(set_of("x-cp1250") == "CP1250");
  CHECK(set_of("1251") == "CP1251");
  CHECK(set_of("windows-cp1251") == "CP1251");
  CHECK(set_of("Microsoft-cp1251") == "CP1251");
  CHECK(set_of("Latin-2") == "latin2");
  CHECK(set_of("koi8-ru") == "KOI8-U");
  CHECK(set_of("932") == "CP932");
  CHECK(set_of("csBig5") == "BIG5-HKSCS");
  CHECK(set_of("x-mac-japanese") == "CP932");
  CHECK(set_of("x-mac-ukrainian") == "MAC-UK");
  CHECK(set_of("utf-16-le") == "UTF-16LE");
  CHECK(set_of("UTF-16") == "UTF-16");
  CHECK(set_of("ptcp154") == "PT154");
  CHECK(set_of("iso2022-jp-3") == "ISO-2022-JP-3");
  CHECK(set_of("iso2022jp") == "ISO-2022-JP");
  CHECK(set_of("utf8") == "UTF-8");
  CHECK(set_of("utf-8mb4") == "UTF-8");
  CHECK(set_of("koi8-r") == "KOI8-R");  // iconv's own name
  CHECK(set_of("iso-8859-15") == "ISO-8859-15");
}

TEST_CASE("ASCII and a missing label leave the text to be looked at") {
  for (std::string_view label :
       {"", "us-ascii", "US-ASCII", "ansi_x3.4-1968", "646", "ascii", "cp367", "iso646-us"}) {
    INFO(label);
    const MailCharset charset = charset_for_label(label);
    CHECK(charset.set.empty());
    CHECK_FALSE(charset.guessed);
  }
}

TEST_CASE("unknown labels are guessed") {
  for (std::string_view label : {"x-unknown", "default", "unknown-8bit", "unknown", "%", "\"\"",
                                 "../../x", "char", "x-user-defined"}) {
    INFO(label);
    const MailCharset charset = charset_for_label(label);
    CHECK(charset.set.empty());
    CHECK(charset.guessed);
  }
  CHECK(charset_for_label(std::string(100'000, 'a')).guessed);
  CHECK(charset_for_label("utf\0-8"s).set == "UTF-8");  // cut at the NUL: "utf"
}

TEST_CASE("quotes, blanks, comments and trailing garbage around a label are forgiven") {
  CHECK(set_of("\"utf-8\"") == "UTF-8");
  CHECK(set_of(" 'utf-8' ") == "UTF-8");
  CHECK(set_of("Windows 1251") == "CP1251");
  CHECK(set_of("ISO 8859 2") == "ISO-8859-2");
  CHECK(set_of("x-hz-gb-2312") == "HZ");
  CHECK(set_of("utf-8;") == "UTF-8");
  CHECK(set_of("utf-8; format=flowed") == "UTF-8");
  CHECK(set_of("iso-8859-2 (Latin 2)") == "ISO-8859-2");
  CHECK(set_of("charset=iso-8859-2") == "ISO-8859-2");
  CHECK(set_of("utf-8//TRANSLIT") == "UTF-8");
  CHECK(set_of("utf-8.") == "UTF-8");
}

TEST_CASE("text without a label is guessed from its octets") {
  CHECK(guess_charset("") == "UTF-8");
  CHECK(guess_charset("plain") == "UTF-8");
  CHECK(guess_charset("Grüße") == "UTF-8");
  CHECK(guess_charset("Gr\xC3\xBC\xC3") == "UTF-8");  // cut by whoever holds it
  CHECK(guess_charset("Gr\xFC\xDF"
                      "e") == "windows-1252");
  CHECK(guess_charset("\x1B$BF|K\\\x1B(B") == "ISO-2022-JP");
  CHECK(guess_charset("\x1B$BF|K\\\x1B(B\xFF") == "windows-1252");
}

TEST_CASE("short labelled text goes to UTF-8") {
  bool odd = false;
  std::uint64_t replaced = 0;
  CHECK(decode_labelled("Gr\xFC\xDF"
                        "e",
                        "iso-8859-1", &replaced, &odd) == "Grüße");
  CHECK_FALSE(odd);
  CHECK(decode_labelled("Gr\xFC\xDF"
                        "e",
                        "utf-8", &replaced, &odd) == "Grüße");
  CHECK(odd);
  CHECK(replaced == 0);
  odd = false;
  CHECK(decode_labelled("é\xFF", "utf-8", &replaced, &odd) == "é\xEF\xBF\xBD");
  CHECK(odd);
  CHECK(replaced == 1);
}

TEST_CASE("a last letter of another set is no character of UTF-8 that was cut") {
  for (std::string_view label : {"", "x-unknown", "utf-8"}) {
    INFO(label);
    CHECK(decode_labelled("caf\xE9", label) == "café");
    CHECK(decode_labelled("caf\xC3", label) == "caf\xEF\xBF\xBD");
    CHECK(decode_labelled("\xE4\xBD", label) == "\xEF\xBF\xBD");
    CHECK(decode_labelled("é\xE4", label) == "é\xEF\xBF\xBD");
    for (const std::size_t piece : {1, 2, 100})
      CHECK(decode(label, "caf\xE9", piece).text == "café");
  }
  CHECK(decode("utf-8", "caf\xC3", 2).text == "caf\xEF\xBF\xBD");
}

TEST_CASE("text parts decode the same in pieces of any size") {
  for (std::size_t piece : {1U, 3U, 100U, 1U << 20}) {
    INFO(piece);
    CHECK(decode("iso-8859-1",
                 "Gr\xFC\xDF"
                 "e",
                 piece)
              .text == "Grüße");
    CHECK(decode("", "Grüße", piece).text == "Grüße");
    CHECK(decode("", "Grüße", piece).set == "UTF-8");
    CHECK_FALSE(decode("", "Grüße", piece).guessed);
    CHECK(decode("us-ascii",
                 "Gr\xFC\xDF"
                 "e",
                 piece)
              .text == "Grüße");
    CHECK(decode("us-ascii",
                 "Gr\xFC\xDF"
                 "e",
                 piece)
              .set == "windows-1252");
    CHECK(decode("x-unknown",
                 "Gr\xFC\xDF"
                 "e",
                 piece)
              .guessed);
    CHECK(decode("", "\x1B$BF|K\\\x1B(B", piece).text == "日本");
    CHECK(decode("", "", piece).text == "");
    CHECK(decode("", "cut \xE2\x82", piece).text == "cut â‚");
    CHECK(decode("utf-16", "\xFF\xFEh\0i\0"s, piece).text == "hi");
    CHECK(decode("utf-16", "it is plain", piece).text == "it is plain");
    CHECK(decode("utf-16", "it is plain", piece).guessed);
  }
}

TEST_CASE("guessed UTF-8 that turns out wrong late goes on as windows-1252") {
  std::string octets = "é";
  while (octets.size() < 70'000) octets += "plain text ";
  std::string expected = octets;
  octets +=
      "Gr\xFC\xDF"
      "e";
  expected += "Grüße";
  for (std::size_t piece : {1U, 1000U, 1U << 20}) {
    const Text text = decode("", octets, piece);
    CHECK((text.text == expected));
    CHECK(text.guessed);
    CHECK(text.replaced == 0);
  }
}

TEST_CASE("what is held back for the guess has a bound") {
  MailTextDecoder decoder("");
  std::string out;
  const std::string piece(1000, 'a');
  std::size_t fed = 0;
  while (out.empty() && fed < 10'000'000) {
    decoder.feed(piece, out);
    fed += piece.size();
  }
  CHECK(fed <= 64 * 1024 + piece.size());
  CHECK(out.size() == fed);
}

TEST_CASE("EUC-JP has what Windows writes in it, and its own signs", "[mail_charset]") {
  // Circled one, half-width kana, wave dash, minus.
  CHECK(decode_labelled("\xAD\xA1\x8E\xB1\xA1\xC1\xA1\xDD", "EUC-JP") ==
        "\xE2\x91\xA0\xEF\xBD\xB1\xE3\x80\x9C\xE2\x88\x92");
  CHECK(decode_labelled("\xA1\xC1", "cp51932") == "\xEF\xBD\x9E");
  for (const std::string_view label : {"x-euc-jp", "EUC_JP", "csEUCPkdFmtJapanese"}) {
    CHECK(set_of(label) == "EUC-JP-MS");
  }
  for (const std::string_view label : {"koi8_r", "x-koi8-r", "KOI-8-R", "koi8"}) {
    CHECK(set_of(label) == "KOI8-R");
  }
  CHECK(set_of("koi8_u") == "KOI8-U");
  CHECK(set_of("chinese") == "GB18030");
}

TEST_CASE("Shift_JIS has the signs of JIS X 0208, Windows-31J those of Windows", "[mail_charset]") {
  const std::string octets = "\x81\x60 \x81\x7C \x87\x40";  // wave dash, minus, circled one
  CHECK(decode_labelled(octets, "Shift_JIS") == "\xE3\x80\x9C \xE2\x88\x92 \xE2\x91\xA0");
  CHECK(decode_labelled(octets, "windows-31j") == "\xEF\xBD\x9E \xEF\xBC\x8D \xE2\x91\xA0");
  MailTextDecoder decoder("x-sjis");
  std::string text;
  for (const char c : octets) decoder.feed(std::string_view(&c, 1), text);
  decoder.finish(text);
  CHECK(text == "\xE3\x80\x9C \xE2\x88\x92 \xE2\x91\xA0");
}

TEST_CASE("text without a label is a guess unless it is ASCII or UTF-8", "[mail_charset]") {
  const auto is_guess = [](std::string_view octets) {
    MailTextDecoder decoder("");
    std::string text;
    decoder.feed(octets, text);
    decoder.finish(text);
    return decoder.guessed();
  };
  CHECK_FALSE(is_guess("plain"));
  CHECK(is_guess("Gr\xFC\xDF"));
  CHECK_FALSE(is_guess("Gr\xC3\xBC"));
}

TEST_CASE("text without a label that is UTF-8 but for little, or UTF-16 by its mark",
          "[mail_charset]") {
  const std::string ten =
      "\xC3\xA4\xC3\xB6\xC3\xBC\xC3\x9F\xC3\xA9\xC3\xA4\xC3\xB6\xC3\xBC\xC3\x9F\xC3\xA9";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{1000}}) {
    const Text damaged = decode("", "a\xE9 " + ten, piece);
    CHECK(damaged.text == "a\xEF\xBF\xBD " + ten);
    CHECK(damaged.guessed);
    CHECK(damaged.replaced == 1);
    CHECK(decode("", "a\xE9 " + ten.substr(2), piece).set == "windows-1252");
    const Text wide = decode("", std::string("\xFF\xFEG\0\xFC\0\n\0x\0", 10), piece);
    CHECK(wide.text == "G\xC3\xBC\nx");
    CHECK(wide.guessed);
    CHECK(decode("", std::string("\xFE\xFF\0G\0\xFC", 6), piece).text == "G\xC3\xBC");
  }
  CHECK(guess_charset("\xC3\xA4\xC3") == "UTF-8");
  CHECK(guess_charset("\xFF\xFA") == "windows-1252");
}

TEST_CASE("a page without a label may say its own set", "[mail_charset]") {
  const auto decode_page = [](const std::string& page, std::string_view label = "") {
    std::string first;
    for (const std::size_t piece : {std::size_t{100'000}, std::size_t{1}}) {
      MailTextDecoder decoder(label, smtpgate::converter::TextKind::html);
      std::string text;
      for (std::size_t at = 0; at < page.size(); at += piece) {
        decoder.feed(std::string_view(page).substr(at, piece), text);
      }
      decoder.finish(text);
      text += decoder.guessed() ? " guessed" : " sure";
      if (piece != 1) first = text;
      CHECK(text == first);
    }
    return first;
  };
  const std::string cyrillic = "\xCF\xF0";
  const std::string read = "\xD0\x9F\xD1\x80";
  CHECK(decode_page("<META charset=windows-1251>" + cyrillic) ==
        "<META charset=windows-1251>" + read + " guessed");
  const std::string old_form =
      "<meta name=x><meta http-equiv='Content-Type' content='text/html; charset = \"cp1251\"'>";
  CHECK(decode_page(old_form + cyrillic) == old_form + read + " guessed");
  CHECK(decode_page(old_form + cyrillic, "us-ascii") == old_form + read + " guessed");
  CHECK(decode_page(old_form + cyrillic, "no-such-set") == old_form + read + " guessed");
  CHECK(decode_page(old_form + "abc") == old_form + "abc sure");
  // What stands behind what is looked at for the guess, too.
  const std::string much = old_form + std::string(70'000, 'x');
  CHECK(decode_page(much + cyrillic) == much + read + " guessed");
  // The label counts before it, and so does the text; a page cannot be UTF-16 and be read so.
  const std::string latin = "\xC3\x8F\xC3\xB0";
  CHECK(decode_page(old_form + cyrillic, "iso-8859-1") == old_form + latin + " sure");
  CHECK(decode_page(old_form + read) == old_form + read + " sure");
  for (const std::string tag : {"<meta charset=utf-8>", "<meta charset=utf-16>", "<meta charset>",
                                "<meta charset=x-none>", "<p charset=cp1251>"}) {
    CHECK(decode_page(tag + cyrillic) == tag + latin + " guessed");
  }
  const std::string far = std::string(1024, ' ') + old_form;
  CHECK(decode_page(far + cyrillic) == far + latin + " guessed");
  CHECK(decode_labelled(old_form + cyrillic, "") == old_form + latin);
}

TEST_CASE("text labelled UTF-8 whose first odd octet is none of UTF-8 is windows-1252") {
  const auto decode = [](std::string_view input, std::size_t step) {
    smtpgate::converter::MailTextDecoder decoder("utf-8");
    std::string out;
    for (; !input.empty(); input.remove_prefix(std::min(step, input.size()))) {
      decoder.feed(input.substr(0, step), out);
    }
    decoder.finish(out);
    return std::tuple(out, decoder.guessed(), decoder.replaced());
  };
  const std::string replacement = "\xEF\xBF\xBD";
  for (const std::size_t step : {1U, 2U, 100U}) {
    CHECK(decode("gr\xFC\xDF"
                 "e",
                 step) == std::tuple(std::string("gr\xC3\xBC\xC3\x9F"
                                                 "e"),
                                     true, 0U));
    // Behind a good character it is damage.
    CHECK(decode("\xC3\xBC \xFC", step) == std::tuple("\xC3\xBC " + replacement, false, 1U));
    CHECK(decode("all of it ASCII", step) == std::tuple(std::string("all of it ASCII"), false, 0U));
    // Cut inside a character: the label is not wrong.
    CHECK(decode("cut \xE2\x82", step) == std::tuple("cut " + replacement, false, 1U));
  }
}
