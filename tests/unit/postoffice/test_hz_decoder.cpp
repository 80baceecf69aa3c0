// HZ (RFC 1843): Chinese in ASCII, its tildes and line ends, and what is wrong.
#include <string>

#include "unit/catch.h"
#include "unit/postoffice/decoded_in_pieces.h"

namespace {

const std::string lost = "\xEF\xBF\xBD";

std::string decoded(const std::string& octets) {
  return smtpgate::test::decoded_in_pieces("HZ-GB-2312", octets);
}

}  // namespace

TEST_CASE("HZ: the examples of RFC 1843", "[hz]") {
  CHECK(decoded("The next sentence is in GB.~{<:Ky2;S{#,NpJ)l6HK!#~}Bye.") ==
        "The next sentence is in GB.己所不欲，勿施於人。Bye.");
  CHECK(decoded("a ~~ b") == "a ~ b");
  CHECK(decoded("one line ~\nand its end") == "one line and its end");
  CHECK(decoded("one line ~\r\nand its end") == "one line and its end");
}

TEST_CASE("HZ: a line ends Chinese, whatever it forgot", "[hz]") {
  CHECK(decoded("~{<:Ky\r\nplain\r\n~{2;~}.") == "己所\r\nplain\r\n不.");
  CHECK(decoded("~{<:~\nKy~}") == "己所");
}

TEST_CASE("HZ: damage", "[hz]") {
  CHECK(decoded("~{<:K~}.") == "1:己塔}" + lost);  // "K~" is a character
  CHECK(decoded("~{<:K\nx") == "1:己" + lost + "\nx");
  CHECK(decoded("~{<:K") == "1:己" + lost);
  CHECK(decoded("~") == "~");
  CHECK(decoded("~\r") == "~\r");
  CHECK(decoded("~\rx ~x ~") == "~\rx ~x ~");
  CHECK(decoded("~{~{<:~}~}x") == "己x");
  CHECK(decoded("~{ <:\x7F~}") == " 己\x7F");
  // Octets beyond ASCII, which it does not have, are what Chinese mail has otherwise.
  CHECK(decoded("\xBC\xBA~{Ky~}\xBC x") == "1:己所" + lost + " x");
  CHECK(decoded("") == "");
}
