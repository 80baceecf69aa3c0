// Bare LF becomes CRLF, whatever the cuts; what is CRLF already is not copied.
#include <string>

#include "converter/mime_parser.h"
#include "unit/catch.h"

using smtpgate::converter::CrlfNormalizer;

namespace {

std::string normalized(std::string_view text, std::size_t piece) {
  CrlfNormalizer normalizer;
  std::string result;
  for (std::size_t at = 0; at < text.size(); at += piece) {
    result += normalizer.feed(text.substr(at, piece));
  }
  return result;
}

}  // namespace

TEST_CASE("bare LF becomes CRLF wherever the pieces are cut") {
  const std::string text = "a\nb\r\nc\rd\r\r\n\n\n\r\n\r";
  const std::string expected = "a\r\nb\r\nc\rd\r\r\n\r\n\r\n\r\n\r";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    CAPTURE(piece);
    CHECK(normalized(text, piece) == expected);
  }
}

TEST_CASE("a bare LF is found wherever it stands in a long text") {
  std::string text;
  while (text.size() < 3200) text += "line of 18 chars\r\n";
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string input = text;
    std::string expected = text;
    input.insert(at, "\n");
    expected.insert(at, text[at] == '\n' ? "\n" : "\r\n");
    // Between CR and LF it takes the place of the LF, which is bare then.
    if (text[at] == '\n') expected.insert(at + 1, "\r");
    if (normalized(input, input.size()) != expected) FAIL("a bare LF at " << at);
  }
}

TEST_CASE("CRLF text passes without a copy") {
  CrlfNormalizer normalizer;
  const std::string text = "one\r\ntwo\r\n\rthree";
  CHECK(normalizer.feed(text).data() == text.data());
  CHECK(normalizer.feed(text) == text);
  CHECK(normalizer.feed("").empty());
}

TEST_CASE("a line end cut between CR and LF stays one") {
  CrlfNormalizer normalizer;
  CHECK(normalizer.feed("a\r") == "a\r");
  CHECK(normalizer.feed("\nb") == "\nb");
  CHECK(normalizer.feed("") == "");
  CHECK(normalizer.feed("\n") == "\r\n");
}
