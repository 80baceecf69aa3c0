// The encoders of the way out: what they write is legal, bounded, and read back by our decoders to
// the same octets, in pieces of any size.
#include <algorithm>
#include <random>
#include <string>

#include "converter/base64_encoder.h"
#include "converter/encoded_word.h"
#include "converter/encoded_word_encoder.h"
#include "converter/flowed_comparison.h"
#include "converter/flowed_join.h"
#include "converter/flowed_text.h"
#include "converter/media_type.h"
#include "converter/mime_parameters.h"
#include "converter/parameter_encoder.h"
#include "converter/quoted_printable_encoder.h"
#include "converter/text_survey.h"
#include "converter/transfer_decoder.h"
#include "converter/uuencode_encoder.h"
#include "converter/xtext.h"
#include "postoffice/character_set.h"
#include "unit/catch.h"
#include "unit/converter/outbound_fixture.h"

using namespace smtpgate::converter;
using namespace std::string_literals;

namespace {

template <typename Encoder>
std::string encoded(std::string_view octets, std::size_t piece = 0) {
  Encoder encoder;
  std::string out;
  if (piece == 0) piece = std::max<std::size_t>(octets.size(), 1);
  for (std::size_t at = 0; at < octets.size(); at += piece) {
    encoder.feed(octets.substr(at, piece), out);
  }
  encoder.finish(out);
  return out;
}

std::string decoded(TransferEncoding encoding, const std::string& text) {
  auto decoder = make_transfer_decoder(encoding, "\n");
  std::string out;
  decoder->feed(text, out);
  decoder->finish(out);
  CHECK(decoder->errors() == 0);
  return out;
}

std::size_t longest_line(const std::string& text) {
  std::size_t longest = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find("\r\n", at), text.size());
    longest = std::max(longest, end - at);
    at = end + 2;
  }
  return longest;
}

/// `alphabet` decides what kind of trouble there is.
std::string random_text(std::mt19937& random, std::size_t size,
                        const std::vector<std::string>& alphabet) {
  std::string text;
  while (text.size() < size) text += alphabet[random() % alphabet.size()];
  return text;
}

std::string joined(const std::vector<std::string>& words, const std::string& between) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += between;
    text += word;
  }
  return text;
}

std::string flowed(const std::string& text, std::size_t piece = 0) {
  FlowedWriter writer;
  std::string out;
  if (piece == 0) piece = std::max<std::size_t>(text.size(), 1);
  for (std::size_t at = 0; at < text.size(); at += piece) {
    writer.feed(std::string_view(text).substr(at, piece), out);
  }
  writer.finish(out);
  return out;
}

TextSurvey survey_of(std::string_view text) {
  TextSurvey survey("--=_b");
  survey.feed(text.substr(0, text.size() / 2));
  survey.feed(text.substr(text.size() / 2));
  survey.finish();
  return survey;
}

}  // namespace

TEST_CASE("base64: the examples of RFC 4648, 10", "[outbound][encoder]") {
  CHECK(base64("").empty());
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foo") == "Zm9v");
  CHECK(base64("foob") == "Zm9vYg==");
  CHECK(base64("fooba") == "Zm9vYmE=");
  CHECK(base64("foobar") == "Zm9vYmFy");
}

TEST_CASE("base64 comes in lines of 76 and goes back to its octets", "[outbound][encoder]") {
  std::mt19937 random(1);
  for (const std::size_t size : {0, 1, 2, 3, 56, 57, 58, 113, 114, 115, 1000, 5000}) {
    std::string octets;
    for (std::size_t at = 0; at < size; ++at) octets += static_cast<char>(random());
    const std::string whole = encoded<Base64Encoder>(octets);
    INFO(size);
    CHECK(longest_line(whole) <= 76);
    CHECK(decoded(TransferEncoding::base64, whole) == octets);
    for (const std::size_t piece : {1, 2, 56, 57, 58, 200}) {
      CHECK(encoded<Base64Encoder>(octets, piece) == whole);
    }
  }
}

TEST_CASE("quoted-printable: blanks at ends, soft breaks, lines that must not begin so",
          "[outbound][encoder]") {
  using Encoder = QuotedPrintableEncoder;
  CHECK(encoded<Encoder>("a=b\n") == "a=3Db\r\n");
  CHECK(encoded<Encoder>("a \nb\t\n") == "a=20\r\nb=09\r\n");
  CHECK(encoded<Encoder>("a ") == "a=20");
  CHECK(encoded<Encoder>("From me\nFrom \nFro\nFrom\n") ==
        "=46rom me\r\n=46rom=20\r\nFro\r\nFrom\r\n");
  CHECK(encoded<Encoder>(".\n..\n") == "=2E\r\n=2E.\r\n");
  CHECK(encoded<Encoder>("a\rb\n") == "a=0Db\r\n");
  CHECK(encoded<Encoder>("\xC3\xA9\0"s) == "=C3=A9=00");
  CHECK(encoded<Encoder>(std::string(75, 'x') + "From me") ==
        std::string(75, 'x') + "=\r\n=46rom me");
}

TEST_CASE("quoted-printable goes back to its octets, lines of at most 76", "[outbound][encoder]") {
  std::mt19937 random(2);
  const std::vector<std::string> alphabet = {"a",
                                             "bc",
                                             "=",
                                             " ",
                                             "\t",
                                             "\n",
                                             "From ",
                                             "F",
                                             "Fr",
                                             ".",
                                             "\r",
                                             "\xC3\xBC",
                                             std::string(40, 'y'),
                                             "\xFF"};
  for (int round = 0; round < 300; ++round) {
    const std::string text = random_text(random, random() % 400, alphabet);
    const std::string whole = encoded<QuotedPrintableEncoder>(text);
    CAPTURE(text);
    CHECK(longest_line(whole) <= 76);
    CHECK(("\r\n" + whole).find("\r\nFrom ") == std::string::npos);
    CHECK(("\r\n" + whole).find("\r\n.") == std::string::npos);
    CHECK(decoded(TransferEncoding::quoted_printable, whole) == text);
    CHECK(encoded<QuotedPrintableEncoder>(text, 1) == whole);
  }
}

TEST_CASE("encoded words: 75 octets, whole characters, the first fits its line",
          "[outbound][encoder]") {
  std::mt19937 random(3);
  const std::vector<std::string> alphabet = {
      "a", " ", "\xC3\xBC", "\xE2\x82\xAC", "\xF0\x9F\x93\x8E", "=", "?", "_", "\"", "("};
  for (int round = 0; round < 200; ++round) {
    const std::string text = "x" + random_text(random, random() % 300, alphabet);
    const std::size_t room = random() % 80;
    const auto words = encode_words(text, room);
    CAPTURE(text, room);
    for (const std::string& word : words) {
      CHECK(word.size() <= 75);
      CHECK(smtpgate::postoffice::is_utf8(decode_header_text(word).text));
      CHECK(decode_header_text(word).replaced == 0);
    }
    if (room >= 24) CHECK(words.front().size() <= room);
    CHECK(decode_header_text(joined(words, " ")).text == text);
    CHECK(decode_header_text(joined(words, "\r\n ")).text == text);
  }
}

TEST_CASE("encoded words use only what a phrase may hold", "[outbound][encoder]") {
  for (const std::string& word : encode_words("a.b,c;d\"e(f)<g>@[h]\\:\xC3\xA9 aaaaaaaaaaaaaaaa")) {
    CHECK(word.find_first_of("\"(),.:;<>@[\\] ") == std::string::npos);
  }
}

TEST_CASE("parameters: token, quoted, RFC 2231 and its continuations", "[outbound][encoder]") {
  CHECK(encode_parameter("name", "plan.pdf") == std::vector<std::string>{"name=plan.pdf"});
  CHECK(encode_parameter("name", "a \"b\" \\c") ==
        std::vector<std::string>{"name=\"a \\\"b\\\" \\\\c\""});
  CHECK(encode_parameter("name", "\xC3\xA9.txt") ==
        std::vector<std::string>{"name*=UTF-8''%C3%A9.txt"});
  CHECK(encode_parameter("name", "").front() == "name=\"\"");
  // Nothing can end the field, the quotes or the parameter.
  CHECK(encode_parameter("name", "a\r\nBcc: x@y") ==
        std::vector<std::string>{"name=\"a  Bcc: x@y\""});
}

TEST_CASE("parameters go back to their value, pieces of at most 72", "[outbound][encoder]") {
  std::mt19937 random(4);
  const std::vector<std::string> alphabet = {
      "a", " ", "\"", "\\", ";", "'", "%", "*", "=?", "\xC3\xBC", "\xF0\x9F\x93\x8E", "long-word"};
  for (int round = 0; round < 200; ++round) {
    const std::string value = "f" + random_text(random, random() % 250, alphabet) + ".x";
    const auto pieces = encode_parameter("filename", value);
    CAPTURE(value);
    for (const std::string& piece : pieces) CHECK(piece.size() <= 72);
    const auto parsed = parse_parameterized("attachment; " + joined(pieces, ";\r\n "));
    CHECK(parsed.parameter("filename") == value);
    CHECK_FALSE(parsed.odd);
  }
}

TEST_CASE("flowed: short lines stay, long ones break at blanks, trouble is indented",
          "[outbound][encoder]") {
  CHECK(flowed("short\n\n-- \nAnna\n") == "short\n\n-- \nAnna\n");
  CHECK(flowed(" indented\nFrom me\n--=_b\n> quoted\n") ==
        "  indented\n From me\n --=_b\n> quoted\n");
  const std::string long_line = std::string(60, 'a') + " " + std::string(30, 'b');
  CHECK(flowed(long_line) == std::string(60, 'a') + " \n" + std::string(30, 'b'));
  CHECK(flowed("> " + long_line) == "> " + std::string(60, 'a') + " \n> " + std::string(30, 'b'));
  CHECK(flowed(std::string(200, 'c') + "\n") == std::string(200, 'c') + "\n");
  // A soft break may not leave the mark of a signature in a line.
  CHECK(flowed("-- " + std::string(90, 'd') + " e\n") == "-- " + std::string(90, 'd') + " \ne\n");
}

TEST_CASE("flowed text joins to what it was", "[outbound][encoder]") {
  std::mt19937 random(5);
  const std::vector<std::string> alphabet = {"word ",
                                             "a ",
                                             "longer-word ",
                                             "  ",
                                             ">",
                                             "x\n",
                                             "\n",
                                             "-- ",
                                             "From ",
                                             "> ",
                                             "y",
                                             "\xC3\xBC ",
                                             std::string(30, 'z') + " "};
  int flowing = 0;
  for (int round = 0; round < 2000; ++round) {
    const std::string text = random_text(random, random() % 600, alphabet) + "end\n";
    const TextSurvey survey = survey_of(text);
    if (!survey.gains_by_flowing()) continue;
    ++flowing;
    const std::string result = flowed(text);
    CAPTURE(text, result);
    CHECK(smtpgate::test::unflowed(result) == text);
    FlowedJoin join(false);
    FlowedComparison comparison;
    std::string joined_again;
    join.feed(result, joined_again);
    join.finish(joined_again);
    CHECK(joined_again == text);
    comparison.feed(result, joined_again);
    comparison.finish();
    CHECK(comparison.is_same());
    CHECK(flowed(text, 1) == result);
    CHECK(("\n" + result).find("\nFrom ") == std::string::npos);
  }
  CHECK(flowing > 50);
}

TEST_CASE("the survey: what may go as 7bit, what flows, what base64 is for",
          "[outbound][encoder]") {
  CHECK(survey_of("plain\n").is_seven_bit(false));
  CHECK(survey_of(std::string(998, 'a') + "\n").is_seven_bit(false));
  CHECK_FALSE(survey_of(std::string(999, 'a') + "\n").is_seven_bit(false));
  CHECK_FALSE(survey_of("From me\n").is_seven_bit(false));
  CHECK(survey_of("x From me\n").is_seven_bit(false));
  CHECK_FALSE(survey_of("--=_b\n").is_seven_bit(false));
  CHECK_FALSE(survey_of("a\x1B\n").is_seven_bit(false));
  CHECK_FALSE(survey_of("a\0b"s).is_seven_bit(false));
  CHECK_FALSE(survey_of("\xC3\xA9").is_seven_bit(false));

  const std::string long_line = std::string(60, 'a') + " " + std::string(30, 'b') + "\n";
  CHECK(survey_of(long_line).gains_by_flowing());
  CHECK(survey_of(long_line + "-- \nAnna\n").gains_by_flowing());
  CHECK_FALSE(survey_of(long_line + "blank at the end \n").gains_by_flowing());
  CHECK_FALSE(survey_of(std::string(200, 'a')).gains_by_flowing());
  CHECK_FALSE(survey_of("short\n").gains_by_flowing());

  CHECK_FALSE(survey_of("Gr\xC3\xBC\xC3\x9F\x65 aus der Ferne\n").prefers_base64());
  CHECK(survey_of("\xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82\n").prefers_base64());
}

TEST_CASE("uuencode: the known example, and its lines are counted right", "[outbound][encoder]") {
  CHECK(encoded<UuencodeEncoder>("Cat") == "#0V%T\r\n`\r\nend\r\n");
  CHECK(encoded<UuencodeEncoder>("") == "`\r\nend\r\n");
  for (const std::size_t size : {0, 1, 44, 45, 46, 90, 1024}) {
    const std::string text =
        UuencodeEncoder::begin_line("x") + encoded<UuencodeEncoder>(std::string(size, '\xAB'), 7);
    CHECK(static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n')) ==
          UuencodeEncoder::lines_for(size));
    CHECK(text.find(' ', 12) == std::string::npos);
  }
}

TEST_CASE("xtext leaves nothing that could end a parameter", "[outbound][encoder]") {
  CHECK(xtext("a+b=c d\r\n\xC3") == "a+2Bb+3Dc+20d+0D+0A+C3");
}

TEST_CASE("types by name first, then by content", "[outbound][encoder]") {
  CHECK(media_type_of("PLAN.PDF", "") == "application/pdf");
  CHECK(media_type_of("x.docx", "PK\x03\x04") ==
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document");
  CHECK(media_type_of("x.zip", "") == "application/zip");
  CHECK(media_type_of("x.7z", "") == "application/x-7z-compressed");
  CHECK(media_type_of("noname", "%PDF-1.4") == "application/pdf");
  CHECK(media_type_of("x.unknown", "\x89PNG\r\n\x1A\n....") == "image/png");
  CHECK(media_type_of("a", "RIFF....WAVEfmt ") == "audio/x-wav");
  CHECK(media_type_of("a", std::string_view("II*\0", 4)) == "image/tiff");
  CHECK(media_type_of("", "") == "application/octet-stream");
  CHECK(media_type_of(".", "x") == "application/octet-stream");
}
