// What a person sees of hostile octets: one line, valid UTF-8, nothing hidden.
#include <algorithm>
#include <random>
#include <string>

#include "postoffice/character_set.h"
#include "postoffice/printable.h"
#include "unit/catch.h"

using namespace smtpgate;
using namespace std::string_literals;

TEST_CASE("ordinary text is shown as it is") {
  CHECK(printable("") == "");
  CHECK(printable("user@example.com: no such mailbox") == "user@example.com: no such mailbox");
  CHECK(printable("Grüße, 日本 €") == "Grüße, 日本 €");
}

TEST_CASE("nothing can end a line, move the cursor or ring") {
  CHECK(printable("a\r\nb\tc\033[2Jd\0e\x7F"s) == "a\\x0D\\x0Ab\\x09c\\x1B[2Jd\\x00e\\x7F");
  CHECK(printable("\xC2\x85\xC2\x9B") == "\\xC2\\x85\\xC2\\x9B");                    // C1
  CHECK(printable("\xE2\x80\xA8\xE2\x80\xA9") == "\\xE2\\x80\\xA8\\xE2\\x80\\xA9");  // U+2028, 9
}

TEST_CASE("direction and zero-width characters are made visible") {
  CHECK(printable("a\xE2\x80\xAE"
                  "b") == "a\\xE2\\x80\\xAEb");           // right-to-left override
  CHECK(printable("\xE2\x81\xA6") == "\\xE2\\x81\\xA6");  // isolate
  CHECK(printable("a\xE2\x80\x8B"
                  "b") == "a\\xE2\\x80\\x8Bb");                    // zero-width space
  CHECK(printable("\xEF\xBB\xBF") == "\\xEF\\xBB\\xBF");           // byte order mark
  CHECK(printable("\xC2\xAD") == "\\xC2\\xAD");                    // soft hyphen
  CHECK(printable("\xE3\x85\xA4") == "\\xE3\\x85\\xA4");           // Hangul filler
  CHECK(printable("\xF3\xA0\x81\x81") == "\\xF3\\xA0\\x81\\x81");  // tag
}

TEST_CASE("octets that are no UTF-8 are shown as octets, a backslash doubled") {
  CHECK(printable("\xFF"
                  "a\xC3") == "\\xFFa\\xC3");
  CHECK(printable("\xED\xA0\x80") == "\\xED\\xA0\\x80");
  CHECK(printable("C:\\x41") == "C:\\\\x41");  // cannot be mistaken for an escape
}

TEST_CASE("a limit counts what comes out and cuts between characters") {
  CHECK(printable("abcdef", 6) == "abcdef");
  CHECK(printable("abcdefg", 6) == "abc...");
  CHECK(printable("ab\xFF\xFF", 8) == "ab...");
  CHECK(printable("ab\xFF", 6) == "ab\\xFF");
  CHECK(printable("日本語", 9) == "日本語");
  CHECK(printable("日本語x", 9) == "日本...");
  CHECK(printable("日本語", 8) == "日...");
  CHECK(printable("abcdef", 3) == "...");
  CHECK(printable("abcdef", 2) == "..");
  CHECK(printable("ab", 2) == "ab");
  CHECK(printable(std::string(1000, 'x'), 100).size() == 100);
}

TEST_CASE("the ASCII form has nothing beyond ASCII") {
  CHECK(printable_ascii("Grüße\r\n") == "Gr\\xC3\\xBC\\xC3\\x9Fe\\x0D\\x0A");
  CHECK(printable_ascii("日本", 8) == "...");
}

TEST_CASE("the text form keeps line ends and tabs, and nothing else") {
  CHECK(printable_text("a\r\nb\n\tc\rd\033") == "a\nb\n\tc\\x0Dd\\x1B");
}

TEST_CASE("whatever comes in, one valid line within the limit comes out") {
  std::mt19937 random(3);
  for (int round = 0; round < 2000; ++round) {
    std::string noise;
    for (std::size_t i = random() % 40; i > 0; --i) {
      noise += static_cast<char>(random() % 3 == 0 ? 'a' : random());
    }
    const std::size_t limit = random() % 30;
    for (const std::string& shown : {printable(noise, limit), printable_ascii(noise, limit)}) {
      INFO(shown);
      CHECK(postoffice::is_utf8(shown));
      CHECK((limit == 0 || shown.size() <= limit));
      CHECK(std::none_of(shown.begin(), shown.end(), [](char c) {
        return static_cast<unsigned char>(c) < ' ' || c == '\x7F';
      }));
    }
  }
}
