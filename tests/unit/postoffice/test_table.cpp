// Columns for a terminal: widths of characters, cutting, aligning, shrinking.
#include <sstream>

#include "postoffice/table.h"
#include "unit/catch.h"

namespace smtpgate::postoffice {
namespace {

TEST_CASE("width counts columns, not octets") {
  CHECK(display_width("") == 0);
  CHECK(display_width("abc") == 3);
  CHECK(display_width("m\xc3\xbcller") == 6);
  CHECK(display_width("mu\xcc\x88ller") == 6);  // a combining mark takes none
  CHECK(display_width("\xe6\x97\xa5\xe6\x9c\xac") == 4);
}

TEST_CASE("cutting never splits a character and never exceeds the width") {
  CHECK(cut_to_width("abc", 3) == "abc");
  CHECK(cut_to_width("abcd", 3) == "ab\xe2\x80\xa6");
  CHECK(cut_to_width("abcd", 0).empty());
  CHECK(cut_to_width("abcd", 1) == "\xe2\x80\xa6");
  const std::string wide = "\xe6\x97\xa5\xe6\x9c\xac\xe6\x97\xa5";
  for (std::size_t width = 0; width < 8; ++width) {
    CHECK(display_width(cut_to_width(wide, width)) <= width);
  }
}

TEST_CASE("columns are aligned; only those that may shrink do, the widest first") {
  Table table({{"A", false, 4}, {"B", true}, {"C", false, 4}});
  table.add({"aaaaaaaaaa", "1", "cccccc"});
  table.add({"a", "22", ""}, true);
  std::ostringstream wide;
  table.print(wide, 0, false);
  CHECK(wide.str() == "A            B  C\naaaaaaaaaa   1  cccccc\na           22\n");
  std::ostringstream narrow;
  table.print(narrow, 16, true);
  CHECK(narrow.str() ==
        "A       B  C\naaaa\xe2\x80\xa6   1  cccc\xe2\x80\xa6\n\033[1ma      22\033[0m\n");
  std::ostringstream hopeless;
  table.print(hopeless, 3, false);
  CHECK(hopeless.str() == "A      B  C\naaa\xe2\x80\xa6   1  ccc\xe2\x80\xa6\na     22\n");
}

}  // namespace
}  // namespace smtpgate::postoffice
