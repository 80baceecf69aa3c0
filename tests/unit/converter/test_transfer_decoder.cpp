// The transfer decoders: what good and bad encodings become, and that cuts do not matter.
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "converter/base64_decoder.h"
#include "converter/transfer_decoder.h"
#include "unit/catch.h"

using namespace smtpgate::converter;
using namespace std::string_literals;

namespace {

struct Decoded {
  std::string text;
  std::uint64_t errors;

  bool operator==(const Decoded&) const = default;
};

Decoded decode(TransferEncoding encoding, std::string_view input, std::string_view line_end = "\n",
               std::size_t piece = std::string_view::npos) {
  const auto decoder = make_transfer_decoder(encoding, line_end);
  Decoded result{};
  for (std::size_t at = 0; at < input.size();) {
    const std::string_view next = input.substr(at, piece);
    const std::vector<char> copy(next.begin(), next.end());
    decoder->feed(std::string_view(copy.data(), copy.size()), result.text);
    at += next.size();
  }
  decoder->finish(result.text);
  result.errors = decoder->errors();
  return result;
}

/// By one of the two loops, in pieces.
Decoded decode_base64(Base64Quanta quanta, std::string_view input, std::size_t piece) {
  Base64Decoder decoder(quanta);
  Decoded result{};
  for (std::size_t at = 0; at < input.size(); at += piece) {
    const std::string_view next = input.substr(at, piece);
    const std::vector<char> copy(next.begin(), next.end());
    decoder.feed(std::string_view(copy.data(), copy.size()), result.text);
  }
  decoder.finish(result.text);
  result.errors = decoder.errors();
  return result;
}

/// Decodes whole, and in pieces of every size, which must not matter.
Decoded decode_all_ways(TransferEncoding encoding, std::string_view input,
                        std::string_view line_end = "\n") {
  Decoded whole = decode(encoding, input, line_end);
  for (std::size_t piece = 1; piece < input.size(); ++piece) {
    if (decode(encoding, input, line_end, piece) == whole) continue;
    FAIL("pieces of " << piece << " of: " << input);
  }
  return whole;
}

Decoded base64(std::string_view input) {
  return decode_all_ways(TransferEncoding::base64, input);
}
Decoded quoted(std::string_view input, std::string_view line_end = "\n") {
  return decode_all_ways(TransferEncoding::quoted_printable, input, line_end);
}

std::string encode_base64(std::string_view data) {
  const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string result;
  std::size_t column = 0;
  for (std::size_t at = 0; at < data.size(); at += 3) {
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      bits = bits << 8 | (at + i < data.size() ? static_cast<unsigned char>(data[at + i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      result += at + i > data.size() ? '=' : alphabet[bits >> (18 - 6 * i) & 63];
    }
    if ((column += 4) == 76) {
      result += "\r\n";
      column = 0;
    }
  }
  return result;
}

}  // namespace

TEST_CASE("base64 of every length and octet") {
  std::string data;
  for (int octet = 0; octet < 300; ++octet) {
    CHECK(base64(encode_base64(data)) == Decoded{data, 0});
    data += static_cast<char>(octet * 7);
  }
}

TEST_CASE("base64 longer than the decoder's block") {
  std::mt19937 random(1);  // NOLINT: the same data every time
  std::string data(100'000, '\0');
  for (char& c : data) c = static_cast<char>(random());
  const std::string encoded = encode_base64(data);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{77}, std::size_t{8191},
                                  std::size_t{8192}, std::size_t{8193}, encoded.size()}) {
    CHECK(decode(TransferEncoding::base64, encoded, "\n", piece) == Decoded{data, 0});
  }
}

TEST_CASE("the processor's own base64 loop takes and refuses each octet as the portable one does") {
  for (int octet = 0; octet < 256; ++octet) {
    for (std::size_t place = 0; place < 70; ++place) {
      std::string input(70, 'q');
      input[place] = static_cast<char>(octet);
      const Decoded portable = decode_base64(&decode_quanta_portably, input, input.size());
      if (decode_base64(fastest_base64_quanta(), input, input.size()) == portable) continue;
      FAIL("octet " << octet << " at " << place);
    }
  }
}

TEST_CASE("the processor's own base64 loop gives what the portable one gives, mutated input") {
  std::mt19937 random(7);  // NOLINT: the same input every time
  const std::string strange = "AZaz09+/====  \t\r\r\n\n-_!\xff\x80\0"s;
  for (int round = 0; round < 1500; ++round) {
    std::string data(random() % 9000, '\0');
    for (char& c : data) c = static_cast<char>(random());
    std::string input;
    const std::string encoded = encode_base64(data);
    // Lines of other lengths than 76 too, and pieces glued on.
    const std::size_t line = round % 3 == 0 ? 1 + random() % 150 : 78;
    for (const char c : encoded) {
      if (line != 78 && (c == '\r' || c == '\n')) continue;
      input += c;
      if (line != 78 && input.size() % line == 0) input += round % 2 == 0 ? "\r\n" : "\n";
    }
    if (random() % 4 == 0) input += "\r\n" + encoded.substr(0, encoded.size() / 2);
    for (std::size_t changes = input.empty() ? 0 : random() % 6; changes > 0; --changes) {
      const std::size_t at = random() % input.size();
      const char c =
          random() % 2 == 0 ? strange[random() % strange.size()] : static_cast<char>(random());
      switch (random() % 3) {
        case 0:
          input[at] = c;
          break;
        case 1:
          input.insert(at, 1, c);
          break;
        default:
          if (input.size() > 1) input.erase(at, 1 + random() % 3);
      }
    }
    const std::size_t piece =
        round % 2 == 0 ? std::max<std::size_t>(input.size(), 1) : 1 + random() % 300;
    const Decoded portable = decode_base64(&decode_quanta_portably, input, piece);
    if (decode_base64(fastest_base64_quanta(), input, piece) == portable) continue;
    FAIL("round " << round << ", pieces of " << piece << " of: " << input);
  }
}

TEST_CASE("base64 with blanks and line ends anywhere is no error") {
  CHECK(base64(" S G\tV\r\ns\nb G\r8 = \r\n") == Decoded{"Hello", 0});
}

TEST_CASE("glued base64 pieces are all decoded") {
  CHECK(base64("SGVs=bG8=") == Decoded{"Hello"s, 0});
  CHECK(base64("SGU=bGxv") == Decoded{"Hello"s, 0});
  CHECK(base64("SA==ZWxsbw==\r\nSA==") == Decoded{"HelloH"s, 0});
  CHECK(base64("====SA=======") == Decoded{"H"s, 0});
}

TEST_CASE("base64 without its padding, or cut, gives what is there") {
  CHECK(base64("SGVsbG8") == Decoded{"Hello"s, 0});
  CHECK(base64("SGVsbA") == Decoded{"Hell"s, 0});
  CHECK(base64("SGVsb") == Decoded{"Hel"s, 1});
  CHECK(base64("S=") == Decoded{""s, 1});
  CHECK(base64("") == Decoded{""s, 0});
}

TEST_CASE("octets that are not base64 are skipped and counted") {
  CHECK(base64("SG!Vs\0bG\xff"
               "8=-_"s) == Decoded{"Hello"s, 5});
  CHECK(base64("SGVs-- \r\n!bG8").text == "Hello");
}

TEST_CASE("base64 goes on behind its padding, up to the first line that is something else") {
  CHECK(base64("SGVsbG8=\r\n-- \r\nlist footer\r\n") == Decoded{"Hello"s, 12});
  CHECK(base64("SGVsbG8= \r\n \r\n = \r\n SGVsbG8= \r\nSA==\r\n") == Decoded{"HelloHelloH"s, 0});
  CHECK(base64("SA==SA==SA==\r\nSA==SA==x\r\nSA==") == Decoded{"HHH"s, 13});
  // What follows is not looked at again: it may be another part, or words.
  CHECK(base64("SGVsbG8=\r\nThanks\r\nSGVsbG8=\r\n--x-->\r\nSGVs\r\nbG8\r\n") ==
        Decoded{"Hello"s, 27});
  CHECK(base64("VGVzdA==\r\nlist\r\nhttp://list.example/\r\n") == Decoded{"Test"s, 24});
  CHECK(base64("VGVzdA==\r\nabsentmindednessabcd\r\nQUJD\r\n") == Decoded{"Test"s, 24});
  CHECK(base64("VGVzdA==\r\nQUJDREVGR0hJSktMTU5PUFFS\r\nU1RV\r\n") ==
        Decoded{"TestABCDEFGHIJKLMNOPQRSTU"s, 0});
}

TEST_CASE("a long line behind the padding is not held in memory") {
  const std::string data = encode_base64(std::string(3000, 'x'));
  std::string line;
  for (const char c : data) {
    if (c != '\r' && c != '\n') line += c;
  }
  for (const std::size_t piece : {std::size_t{1}, std::size_t{1000}, std::size_t{10'000}}) {
    CHECK(decode(TransferEncoding::base64, "SA==\r\n" + line + line, "\n", piece) ==
          Decoded{"H" + std::string(6000, 'x'), 0});
    CHECK(decode(TransferEncoding::base64, "SA==\r\n!" + line + "\r\nSA==", "\n", piece) ==
          Decoded{"H", line.size() + 5});
  }
}

TEST_CASE("quoted-printable escapes in both cases") {
  CHECK(quoted("caf=C3=A9 caf=c3=a9 =3D =00=FF") ==
        Decoded{"caf\xc3\xa9 caf\xc3\xa9 = \0\xff"s, 0});
}

TEST_CASE("quoted-printable line breaks, soft and hard") {
  CHECK(quoted("one=\r\ntwo\r\nthree= \t \r\nfour\r\n") == Decoded{"onetwo\nthreefour\n"s, 0});
  CHECK(quoted("a\r\n\r\nb\r\n", "\r\n") == Decoded{"a\r\n\r\nb\r\n"s, 0});
  CHECK(quoted("a\r\nb", "\r") == Decoded{"a\rb"s, 0});
  CHECK(quoted("a=\nb\nc") == Decoded{"ab\nc"s, 0});
}

TEST_CASE("quoted-printable: blanks stay, also at the end of a line") {
  CHECK(quoted("a  b \t\r\n \r\n c =20\r\nend \t") == Decoded{"a  b \t\n \n c  \nend \t"s, 0});
  CHECK(quoted("-- \r\nJo") == Decoded{"-- \nJo"s, 0});
  CHECK(quoted("-- \nJo") == Decoded{"-- \nJo"s, 0});
  CHECK(quoted("a =\r\n b") == Decoded{"a  b"s, 0});
  CHECK(quoted("a \rb \r\r\n") == Decoded{"a \rb \r\n"s, 0});
}

TEST_CASE("quoted-printable: encoded line ends are octets, not lines") {
  CHECK(quoted("a=0D=0Ab=0A", "\r") == Decoded{"a\r\nb\n"s, 0});
}

TEST_CASE("quoted-printable: what is no escape stays and is counted") {
  CHECK(quoted("=XY=4") == Decoded{"=XY=4"s, 2});
  CHECK(quoted("==41 =4=41 =G1 = x") == Decoded{"=A =4A =G1 = x"s, 4});
  CHECK(quoted("a= \rb") == Decoded{"a= \rb"s, 1});
}

TEST_CASE("quoted-printable: an equals sign at the very end is a cut soft break") {
  CHECK(quoted("abc=") == Decoded{"abc"s, 0});
  CHECK(quoted("abc=  ") == Decoded{"abc"s, 0});
  CHECK(quoted("abc=\r") == Decoded{"abc"s, 0});
  CHECK(quoted("abc=\r\n") == Decoded{"abc"s, 0});
}

TEST_CASE("quoted-printable: a line of a megabyte of blanks is not held in memory") {
  const std::string blanks(std::size_t{1} << 20, ' ');
  const Decoded decoded = decode(TransferEncoding::quoted_printable, "a" + blanks + "\r\nb");
  CHECK(decoded.text.starts_with("a  "));
  CHECK(decoded.text.ends_with("\nb"));
  CHECK(decode(TransferEncoding::quoted_printable, "a" + blanks + "\r\nb", "\n", 13) == decoded);
}

TEST_CASE("text that is labelled base64 and is none stays as it is") {
  const auto decode_text = [](std::string_view input, std::size_t step) {
    TransferEncoding encoding = TransferEncoding::base64;
    const auto decoder = make_text_decoder(encoding, "\n");
    std::string out;
    for (; !input.empty(); input.remove_prefix(std::min(step, input.size()))) {
      decoder->feed(input.substr(0, step), out);
    }
    decoder->finish(out);
    return std::pair(out, encoding);
  };
  for (const std::size_t step : {1U, 7U, 5000U}) {
    CHECK(decode_text("This is plain text, (really).\r\nTwo.\r\n", step) ==
          std::pair("This is plain text, (really).\nTwo.\n"s, TransferEncoding::eight_bit));
    // Odd octets in what is base64 are skipped and counted, as ever.
    CHECK(decode_text("aGVs*!bG8gd29y\r\nbGQgYW5kIGFsbCBvZiBpdA==\r\n", step) ==
          std::pair("hello world and all of it"s, TransferEncoding::base64));
    CHECK(decode_text("aGVsbG8=   \r\n\r\n", step) ==
          std::pair("hello"s, TransferEncoding::base64));
    CHECK(decode_text("", step) == std::pair(""s, TransferEncoding::base64));
    // Little base64 with much text behind it; and text that begins with what could be some.
    CHECK(decode_text("aGVsbG8=\r\n\r\n-- \r\nA footer, and more of it (much).\r\n", step) ==
          std::pair("hello"s, TransferEncoding::base64));
    const std::string behind = "to you, and to all: (this) is text.\r\n";
    const std::string unpadded = "aGVs\r\nbG8gaGVsbG8gaGVsbG8gaGVsbG8gaGVsbG8gaGVsbG8h\r\n";
    CHECK(decode_text(unpadded + behind, step) ==
          std::pair("hello hello hello hello hello hello!"s, TransferEncoding::base64));
    for (const std::string& begin :
         {"SGVsbG8gV29ybGQh\r\n"s, "SGVsbG8g\r\nV29y\r\nbGQh\r\n"s, "SGVsbG8gV29yb\r\nGQh\r\n"s}) {
      CHECK(decode_text(begin + "____\r\nList (mailing) list\r\n", step) ==
            std::pair("Hello World!"s, TransferEncoding::base64));
    }
    // A rule of slashes, a checksum.
    const std::string rule = std::string(60, '/') + "\r\n";
    const std::string checksum =
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\r\n";
    for (const std::string& begin :
         {"Note\r\n"s, "========\r\n"s, "a=b\r\n"s, "abc==\r\n"s, rule, checksum}) {
      CHECK(decode_text(begin + behind, step).second == TransferEncoding::eight_bit);
    }
    const std::string words = [] {
      std::string all;
      for (int line = 0; line < 500; ++line) all += "nothing but words\r\n";
      return all;
    }();
    CHECK(decode_text(words, step).second == TransferEncoding::eight_bit);
    CHECK(decode_text(words, step).first.size() == 500 * 18);
  }
}

TEST_CASE("cuts make no difference to any decoder, random input") {
  std::mt19937 random(3);  // NOLINT: the same input every time
  const std::string octets = "AZaz09+/====  \t\r\r\n\n4F!\xff";
  for (int round = 0; round < 300; ++round) {
    std::string input;
    for (std::size_t count = random() % 60; count > 0; --count) {
      input += octets[random() % octets.size()];
      if (random() % 4 == 0) input += "\r\n";
    }
    for (const auto encoding : {TransferEncoding::base64, TransferEncoding::quoted_printable,
                                TransferEncoding::eight_bit, TransferEncoding::binary}) {
      decode_all_ways(encoding, input, "\n");
      decode_all_ways(encoding, input, "\r\n");
    }
  }
}

TEST_CASE("identity encodings change CRLF alone") {
  const std::string input = "a\r\nb\nc\rd\r\r\n\0\xff\r"s;
  for (const auto encoding :
       {TransferEncoding::seven_bit, TransferEncoding::eight_bit, TransferEncoding::unknown}) {
    CHECK(decode_all_ways(encoding, input, "\n") == Decoded{"a\nb\nc\rd\r\n\0\xff\r"s, 0});
    CHECK(decode_all_ways(encoding, input, "\r") == Decoded{"a\rb\nc\rd\r\r\0\xff\r"s, 0});
    CHECK(decode_all_ways(encoding, input, "\r\n") == Decoded{input, 0});
  }
  CHECK(decode_all_ways(TransferEncoding::binary, input, "\n") == Decoded{input, 0});
}

TEST_CASE("names of transfer encodings as mail writes them") {
  using enum TransferEncoding;
  const std::vector<std::pair<std::string, TransferEncoding>> names = {
      {"", seven_bit},
      {" 7bit", seven_bit},
      {"7-Bit", seven_bit},
      {"8BIT", eight_bit},
      {"8-bit;", eight_bit},
      {"8 bit", eight_bit},
      {"binary", binary},
      {"base64", base64},
      {" BASE64 ; charset=utf-8", base64},
      {"base-64", base64},
      {"\"base64\"", base64},
      {"base64 (a (nested \\) one) comment)", base64},
      {"(first)\r\n base64", base64},
      {"base64 boundary=x", base64},
      {"base64, 8bit", base64},
      {"x-base64?", base64},
      {"Quoted-Printable", quoted_printable},
      {"quotedprintable", quoted_printable},
      {"quoted_printable", quoted_printable},
      {"quoted printable", quoted_printable},
      {"x-uuencode", file_in_text},
      {"uuencode", file_in_text},
      {"X-UUE", file_in_text},
      {"x-xxencode", file_in_text},
      {"x-yencode", file_in_text},
      {"mac-binhex40", file_in_text},
      {"utf-8", unknown},
      {"base", unknown},
      {"(unclosed base64", seven_bit},
  };
  for (const auto& [name, encoding] : names) {
    CAPTURE(name);
    CHECK(parse_transfer_encoding(name) == encoding);
  }
}
