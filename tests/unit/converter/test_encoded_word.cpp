// Encoded words as the world sends them, and that no value costs more than its length.
#include <string>

#include "converter/encoded_word.h"
#include "postoffice/character_set.h"
#include "unit/catch.h"
#include "unit/processor_time.h"

using smtpgate::converter::decode_header_text;
using smtpgate::converter::DecodedText;

namespace {

std::string text_of(std::string_view value) {
  const DecodedText decoded = decode_header_text(value);
  CHECK(smtpgate::postoffice::is_utf8(decoded.text));
  return decoded.text;
}

bool is_odd(std::string_view value) {
  return decode_header_text(value).odd;
}

}  // namespace

TEST_CASE("the examples of RFC 2047, section 8, decode as they say") {
  CHECK(text_of("=?ISO-8859-1?Q?a?=") == "a");
  CHECK(text_of("=?ISO-8859-1?Q?a?= b") == "a b");
  CHECK(text_of("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=") == "ab");
  CHECK(text_of("=?ISO-8859-1?Q?a?=    =?ISO-8859-1?Q?b?=") == "ab");
  CHECK(text_of("=?ISO-8859-1?Q?a_b?=") == "a b");
  CHECK(text_of("=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=") == "a b");
  CHECK(text_of("=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?= "
                "=?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=") ==
        "If you can read this you understand the example.");
  CHECK_FALSE(is_odd("=?ISO-8859-1?Q?a?= b =?utf-8?b?w6k=?= c"));
}

TEST_CASE("plain text passes unchanged") {
  CHECK(text_of("") == "");
  CHECK(text_of("Re: plain = text? =?") == "Re: plain = text? =?");
  CHECK(text_of("a =?b?= c =?utf-8?x?no?=") == "a =?b?= c =?utf-8?x?no?=");
  CHECK(text_of("=??q?a?=") == "=??q?a?=");
  CHECK(text_of("  two  blanks ") == "  two  blanks ");
  CHECK_FALSE(is_odd("Re: plain = text? =?"));
}

TEST_CASE("characters cut between words of one set are put together") {
  CHECK(text_of("=?utf-8?Q?=E2=82?= =?utf-8?Q?=AC?=") == "€");
  CHECK(text_of("=?utf-8?B?4oI=?= =?UTF-8?B?rA==?=") == "€");
  CHECK(text_of("=?utf-8?B?4oI=?= =?utf-8?Q?=AC?=") == "€");
  CHECK(decode_header_text("=?utf-8?Q?=E2=82?= x =?utf-8?Q?=AC?=").replaced >= 1);
}

TEST_CASE("base64 cut inside a group of four goes on in the next word") {
  CHECK(text_of("=?utf-8?B?SGVsb?= =?utf-8?B?G8gd29ybGQ=?=") == "Hello world");
  CHECK(is_odd("=?utf-8?B?SGVsb?= =?utf-8?B?G8gd29ybGQ=?="));
  CHECK(text_of("=?utf-8?B?YWI?= =?utf-8?B?Y2Q=?=") == "abcd");  // only padding was missing
  CHECK(text_of("=?utf-8?B?YQ?=") == "a");
  CHECK(text_of("=?utf-8?B?Y!W J?=") == "ab");  // stray octets
}

TEST_CASE("stateful sets and sets with their own start decode word by word or joined") {
  CHECK(text_of("=?ISO-2022-JP?B?GyRCRnxLXBsoQg==?=") == "日本");
  CHECK(text_of("=?ISO-2022-JP?B?GyRCRnw=?= =?ISO-2022-JP?B?S1wbKEI=?=") == "日本");
  CHECK(text_of("=?utf-7?Q?+AOk?= =?utf-7?Q?+AOk-?=") == "éé");
  CHECK(text_of("\x1B$BF|K\\\x1B(B raw") == "日本 raw");
}

TEST_CASE("a language behind the set is left out") {
  CHECK(text_of("=?US-ASCII*EN?Q?Keith_Moore?=") == "Keith Moore");
  CHECK(text_of("=?utf-8*de-AT?Q?Gr=C3=BC=C3=9Fe?=") == "Grüße");
}

TEST_CASE("words where none may stand are decoded too") {
  CHECK(text_of("a=?utf-8?q?b?=c") == "abc");
  CHECK(text_of("=?utf-8?q?a?==?utf-8?q?b?=") == "ab");
  CHECK(is_odd("=?utf-8?q?a?==?utf-8?q?b?="));
  CHECK(text_of("=?utf-8?Q?with blanks in it?=") == "with blanks in it");
  CHECK(is_odd("=?utf-8?Q?with blanks in it?="));
  CHECK(text_of("=?utf-8?Q?What?\?=") == "What?");
  CHECK(text_of("=?utf-8?Q?50=_of =41?=") == "50= of A");
}

TEST_CASE("a missing end is forgiven") {
  CHECK(text_of("=?utf-8?Q?Hello_w=C3=B6rld") == "Hello wörld");
  CHECK(text_of("=?utf-8?Q?Hello?") == "Hello");
  CHECK(text_of("=?utf-8?B?YWJj and more") == "abc and more");
  CHECK(text_of("=?utf-8?Q?abc =?utf-8?Q?def?=") == "abcdef");
  CHECK(text_of("=?utf-8?Q?abc=?utf-8?Q?def?=") == "abcdef");
  CHECK(text_of("=?no-such-set?Q?abc") == "=?no-such-set?Q?abc");
  CHECK(is_odd("=?utf-8?Q?Hello"));
}

TEST_CASE("sets that are unknown or wrong are guessed") {
  CHECK(text_of("=?x-unknown?Q?Gr=C3=BC=C3=9Fe?=") == "Grüße");
  CHECK(text_of("=?x-unknown?Q?Gr=FC=DFe?=") == "Grüße");
  CHECK(is_odd("=?x-unknown?Q?a?="));
  CHECK(text_of("=?utf-8?Q?Gr=FC=DFe?=") == "Grüße");  // mislabelled
  CHECK(is_odd("=?utf-8?Q?Gr=FC=DFe?="));
  CHECK(text_of("=?us-ascii?Q?Gr=FC=DFe?=") == "Grüße");
  CHECK(text_of("=?iso-8859-1?Q?=80?=") == "€");
  CHECK(text_of("=?gb2312?B?1tDOxA==?=") == "中文");
  CHECK(text_of("=?ks_c_5601-1987?B?x9Gx2w==?=") == "한글");
}

TEST_CASE("raw octets are UTF-8 or CP1252") {
  CHECK(text_of("Grüße") == "Grüße");
  CHECK_FALSE(is_odd("Grüße"));
  CHECK(text_of("Gr\xFC\xDF"
                "e") == "Grüße");
  CHECK(
      is_odd("Gr\xFC\xDF"
             "e"));
  CHECK(text_of("\x93quoted\x94 =?utf-8?q?=C3=A9?=") == "“quoted” é");
  const DecodedText undefined = decode_header_text("a\x81");
  CHECK(undefined.text == "a\xEF\xBF\xBD");
  CHECK(undefined.replaced == 1);
}

TEST_CASE("what a decoded word holds is not looked at again") {
  CHECK(text_of("=?utf-8?Q?=3D=3Futf-8=3FQ=3Fa=3F=3D?=") == "=?utf-8?Q?a?=");
  CHECK(text_of("=?utf-8?Q?a=0D=0ATO:CSI:X/Y/Z?=") == "a\r\nTO:CSI:X/Y/Z");
}

TEST_CASE("hostile encoded words take time in proportion") {
  for (std::string_view unit :
       {"=?", "=?a?q?", "=?utf-8?q?", "=?utf-8?q?x ", "=?utf-8?q?x?= ", "=?utf-8?b?YQ ",
        "?=", "=?x-unknown?q?", "=?x-unknown?q?a ", "=?a?q?=",
        "\xFF"
        "a",
        "=?utf-8?q?=FF?= \xFF ", "=?=?", "=? ?q?"}) {
    std::string value;
    while (value.size() < (1U << 18)) value += unit;
    INFO(unit);
    const smtpgate::test::ProcessorTime took;
    decode_header_text(value);
    // Quadratic work would be minutes; the bound leaves room for busy machines and sanitizers.
    CHECK(took.seconds() < 10);
  }
}
