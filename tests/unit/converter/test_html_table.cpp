// HTML to text: tables that hold data have their columns one below another, those that lay out a
// page do not. The rules are in docs/conversion.md, "HTML as text".
#include <string>

#include "unit/catch.h"
#include "unit/converter/html_pages.h"

using namespace smtpgate::test;

namespace {

const std::string of_two = "<tr><td>a<td>b";

std::string table(const std::string& rows) {
  return "<table>" + rows + "</table>";
}

}  // namespace

TEST_CASE("columns stand one below another, and an empty cell keeps its place") {
  CHECK(text_of(table("<tr><th>Item<th>For<th>Note<tr><td>Ball valve<td><td>brass"
                      "<tr><td>Hose<td>Anna<td>")) ==
        "Item        For   Note\nBall valve        brass\nHose        Anna\n");
}

TEST_CASE("numbers below a title end at the same column") {
  CHECK(text_of(table("<tr><td>Pos<td>Qty<td>Price<td>Sum<tr><td>1<td>2<td>&euro; 9.50"
                      "<td>19.00 EUR<tr><td>10<td>-12%<td>$1,125.00<td>1.-")) ==
        "Pos   Qty      Price        Sum\n"
        "  1     2     \xE2\x82\xAC 9.50  19.00 EUR\n"
        " 10  -12%  $1,125.00        1.-\n");
  CHECK(text_of(table("<tr><td>No<td>x<tr><td>1a<td>y<tr><td>12<td>z")) == "No  x\n1a  y\n12  z\n");
}

TEST_CASE("wide characters count twice, combining ones not") {
  CHECK(text_of(table("<tr><td>\xE6\x97\xA5\xE6\x9C\xAC<td>b<tr><td>e\xCC\x81<td>d")) ==
        "\xE6\x97\xA5\xE6\x9C\xAC  b\ne\xCC\x81     d\n");
}

TEST_CASE("cells of several lines, and long ones") {
  CHECK(text_of(table("<tr><td>To:<td>Anna Berg<br>Harbour Street 5<tr><td>By<br>sea:<td>no")) ==
        "To:   Anna Berg\n      Harbour Street 5\nBy    no\nsea:\n");
  const std::string words = repeat("word ", 20);
  CHECK(text_of(table("<tr><td>" + words + "<td>b<tr><td>c<td>d")) ==
        repeat("word ", 11) + "word" + "  b\n" + repeat("word ", 7) + "word\n" + "c" +
            std::string(60, ' ') + "d\n");
  // The last column has room.
  CHECK(text_of(table("<tr><td>Note:<td>" + words + "<tr><td>b<td>c")) ==
        "Note:  " + repeat("word ", 19) + "word\nb      c\n");
}

TEST_CASE("cells over several columns and rows") {
  CHECK(text_of(table("<tr><td>a<td>b<td>c<tr><td colspan=2>sum of both<td>3")) ==
        "a  b         c\nsum of both  3\n");
  CHECK(
      text_of(table("<tr><td colspan=3>a long title over all<tr><td>a<td>b<td>c<tr><td>d<td>e")) ==
      "a long title over all\na  b  c\nd  e\n");
  CHECK(text_of(table("<tr><td rowspan=2>Mon<td>9:00<td>x<tr><td>11:00<td>y<tr><td>Tue<td>8:00")) ==
        "Mon  9:00   x\n     11:00  y\nTue  8:00\n");
}

TEST_CASE("columns in which nothing stands take no place") {
  CHECK(text_of(table("<tr><td>&nbsp;<td>a<td> <td>b<tr><td><td>ccc<td><td>d")) ==
        "a    b\nccc  d\n");
}

TEST_CASE("links and pictures in a table") {
  CHECK(text_of("<a href=http://z.example>z</a>" +
                table("<tr><td><a href=http://a.example>a</a><td>b<tr><td><img alt=c><td>"
                      "<a href=http://a.example>d</a>")) ==
        "z [1]\n\na [2]  b\n[c]    d [2]\n\n[1] http://z.example\n[2] http://a.example\n");
}

TEST_CASE("a table of data inside quotes, lists and tables that lay out a page") {
  CHECK(text_of("<blockquote>x" + table("<tr><td>aa<td>b<tr><td>c<td>d") + "y</blockquote>") ==
        "> x\n>\n> aa  b\n> c   d\n>\n> y\n");
  CHECK(text_of("<ul><li>x" + table("<tr><td>aa<td>b<tr><td>c<td>d") + "</ul>") ==
        "* x\n\n  aa  b\n  c   d\n");
  CHECK(text_of(table("<tr><td>left<td>" + table("<tr><td>aa<td>b<tr><td>c<td>d") + "<td>right") +
                "z") == "left\naa  b\nc   d\nright\n\nz\n");
}

TEST_CASE("a table that never ends is one all the same") {
  CHECK(text_of("<table><tr><td>aa<td>b<tr><td>c<td>d") == "aa  b\nc   d\n");
}

TEST_CASE("what lays out a page is no table of data") {
  // One row, or one column.
  CHECK(text_of(table("<tr><td>a<td>b<tr><td>ccc")) == "a  b\nccc\n");
  CHECK(text_of(table("<tr><td>a<td><tr><td>ccc<td>")) == "a\nccc\n");
  // Paragraphs, lists, text outside of the cells, a link around it.
  CHECK(text_of(table("<tr><td>a<td>b<tr><td><p>c<p>d<td>e")) == "a  b\nc\n\nd\ne\n");
  CHECK(text_of(table("<tr><td>aa<td>b<tr><td>c<td><ul><li>d</ul>")) == "aa  b\nc\n* d\n");
  CHECK(text_of(table("<caption>x</caption><tr><td>aa<td>b<tr><td>c<td>d")) == "x\naa  b\nc  d\n");
  CHECK(text_of("<a href=http://a.example>" + table("<tr><td>aa<td>b<tr><td>c<td>d") + "</a>") ==
        "aa  b\nc  d [1]\n\n[1] http://a.example\n");
}

TEST_CASE("the limits of a table of data") {
  const auto is_data = [](const std::string& rows) {
    const std::string text = convert_page(table("<tr><td>in<td>line" + rows));
    return text.starts_with("in  line\n") ? std::string("no") : std::string("yes");
  };
  const std::string next = "<tr><td>wide enough<td>";
  CHECK(is_data(next + "x") == "yes");
  CHECK(is_data(next + repeat("x<br>", 5)) == "yes");
  CHECK(is_data(next + repeat("x<br>", 6)) == "no");
  CHECK(is_data("<tr>" + repeat("<td>xxx", 20)) == "yes");
  CHECK(is_data("<tr>" + repeat("<td>xxx", 21)) == "no");
  CHECK(is_data(next + "x<td colspan=18>y") == "yes");
  CHECK(is_data(next + "x<td colspan=19>y") == "no");
  const auto columns = [](std::size_t last) {
    return "<tr><td>" + std::string(56, 'x') + "<td>" + std::string(last, 'y') + "<td>z";
  };
  CHECK(is_data(columns(60)) == "yes");
  CHECK(is_data(columns(60) + "<tr><td><td>x<td>y<td>z") == "no");  // would begin at 123
  CHECK(is_data(columns(59)) == "yes");
  const std::string long_word = "<tr><td>" + std::string(120, 'x');
  CHECK(is_data(long_word + "<td>z") == "yes");
  CHECK(is_data(long_word + "x<td>z") == "no");
  CHECK(is_data(next + std::string((std::size_t{1} << 20) - 20, 'x')) == "yes");
  CHECK(is_data(next + std::string(std::size_t{1} << 20, 'x')) == "no");
  CHECK(is_data(next + "x" + repeat("<tr><td><td>", 6'660)) == "yes");
  CHECK(is_data(next + "x" + repeat("<tr><td><td>", 6'670)) == "no");
}

TEST_CASE("a table does not grow beyond proportion") {
  std::string rows = "<tr><td>" + std::string(55, 'x') + "<td>" + std::string(60, 'y') + "<td>z";
  for (int count = 0; count < 4'000; ++count) rows += "<tr><td><td><td>z";
  const std::string page = table(rows);
  CHECK(convert_page(page).size() < 10 * page.size());
}
