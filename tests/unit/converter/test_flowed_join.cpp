// format=flowed read: RFC 3676's rules, and that cuts do not matter.
#include <string>

#include "converter/flowed_join.h"
#include "converter/flowed_text.h"
#include "unit/catch.h"

using namespace smtpgate::converter;

namespace {

std::string join_in(std::string_view input, std::size_t piece, bool deletes_space) {
  FlowedJoin join(deletes_space);
  std::string out;
  for (std::size_t at = 0; at < input.size(); at += piece) {
    join.feed(input.substr(at, piece), out);
  }
  join.finish(out);
  return out;
}

std::string join(const std::string& input, bool deletes_space = false) {
  const std::string whole = join_in(input, input.size() + 1, deletes_space);
  for (std::size_t piece = 1; piece < input.size(); ++piece) {
    if (join_in(input, piece, deletes_space) == whole) continue;
    FAIL("pieces of " << piece << " of: " << input);
  }
  return whole;
}

}  // namespace

TEST_CASE("lines that end in a blank go on in the next", "[flowed]") {
  CHECK(join("one \r\ntwo \r\nthree\r\nfour\r\n") == "one two three\r\nfour\r\n");
  CHECK(join("one \ntwo\n") == "one two\n");
  CHECK(join("") == "");
  CHECK(join("\n\n") == "\n\n");
  CHECK(join("fixed") == "fixed");
}

TEST_CASE("DelSp takes the blank off", "[flowed]") {
  CHECK(join("\xE4\xB8\x80 \n\xE4\xBA\x8C\n", true) == "\xE4\xB8\x80\xE4\xBA\x8C\n");
  CHECK(join("two  \nblanks\n", true) == "two blanks\n");
}

TEST_CASE("a blank that protects the beginning of a line is taken off", "[flowed]") {
  CHECK(join(" From here\n  indented\n >no quote\n") == "From here\n indented\n>no quote\n");
  CHECK(join(" \n") == "\n");
}

TEST_CASE("quotes join at the same depth only", "[flowed]") {
  CHECK(join("> a \n> b\n>> c \n> d\ne\n") == "> a b\n>> c \n> d\ne\n");
  CHECK(join(">a \n>b\n") == ">a b\n");
  CHECK(join(">a \n> b\n") == ">a b\n");
  CHECK(join("> > a \n> > b\n") == "> > a > b\n");
  CHECK(join("a \n> b\n") == "a \n> b\n");
  CHECK(join(">\n>>\n> x\n") == ">\n>>\n> x\n");
}

TEST_CASE("a signature's line stays alone", "[flowed]") {
  CHECK(join("text \n-- \nMe \nhere\n") == "text \n-- \nMe here\n");
  CHECK(join("> text \n> -- \n> Me\n") == "> text \n> -- \n> Me\n");
  CHECK(join("-- \n", true) == "-- \n");
  CHECK(join("-- x \ny\n") == "-- x y\n");
  CHECK(join("--\n- \nx\n") == "--\n- x\n");
}

TEST_CASE("a paragraph whose last line ends in a blank ends at the empty line", "[flowed]") {
  CHECK(join("one \n\ntwo\n") == "one \n\ntwo\n");
  CHECK(join("one \n") == "one \n");
  CHECK(join("one ") == "one ");
}

TEST_CASE("a CR that ends no line is text", "[flowed]") {
  CHECK(join("a\rb \r\nc\r\r\nd\r") == "a\rb c\r\r\nd\r");
  CHECK(join("-\r-\n\r") == "-\r-\n\r");
}

TEST_CASE("what our writer broke is joined to what it was", "[flowed]") {
  std::string text = "Short.\n\n From stays.\n";
  for (int i = 0; i < 50; ++i) text += "word" + std::to_string(i) + (i % 7 == 0 ? ", " : " ");
  text += "end.\n> quoted\n";
  FlowedWriter writer;
  std::string flowed;
  writer.feed(text, flowed);
  writer.finish(flowed);
  REQUIRE(flowed != text);
  CHECK(join(flowed) == text);
}
