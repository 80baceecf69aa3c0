// HTML to text: what readers see, what is dropped, that cuts do not matter, and the pages that make
// other converters slow.
#include <random>
#include <string>
#include <vector>

#include "unit/catch.h"
#include "unit/converter/html_pages.h"
#include "unit/processor_time.h"

using namespace smtpgate::test;
using namespace std::string_literals;

TEST_CASE("white space is collapsed, paragraphs are separated by one blank line") {
  CHECK(text_of(
            "  <h1> Title\n</h1>\n<p>One\r\n  two\tthree </p><p> <b>Four</b>five <i>six</i></p>") ==
        "Title\n\nOne two three\n\nFourfive six\n");
  CHECK(text_of("a<div>b</div>c<p>d") == "a\nb\nc\n\nd\n");
  CHECK(text_of("") == "");
  CHECK(text_of("<p> </p>") == "");
}

TEST_CASE("line breaks") {
  CHECK(text_of("a<br>b<br/>c<br><br>d</br>e") == "a\nb\nc\n\nd\ne\n");
  CHECK(text_of("<div>a<br></div><div>b</div><div><br></div><div>c</div>") == "a\nb\n\nc\n");
  CHECK(text_of("a" + repeat("<br>", 50) + "b") == "a\n\n\nb\n");
  CHECK(text_of("<br><br>a<br><br>") == "a\n");
}

TEST_CASE("paragraphs without margins are lines, as Word and web mail write them") {
  CHECK(text_of("<p class=MsoNormal>a</p><p class='MsoNormal x'>b<p class=MsoNormal>&nbsp;</p>"
                "<p class=MsoNormal>c</p><p>d</p>e") == "a\nb\n\nc\n\nd\n\ne\n");
  for (const std::string style :
       {"margin:0", "margin: 0cm 0cm .0001pt", "MARGIN-TOP:0px; margin-bottom : 0", "margin:00 9px",
        "margin:5px;margin:0 1px 0", "margin:0.0pt !important", "x;margin:0;", "margin:.5px"}) {
    INFO(style);
    CHECK(text_of("<p style='" + style + "'>a</p><p style='" + style + "'>b</p>") == "a\nb\n");
  }
  for (const std::string style :
       {"margin:", "margin:1px", "margin:0 0 10px", "margin:auto", "margin:05px", "margin-top:0",
        "margin:0;margin-bottom:1em", "padding:0", "margin:."}) {
    INFO(style);
    CHECK(text_of("<p style='" + style + "'>a</p><p style='" + style + "'>b</p>") == "a\n\nb\n");
  }
  CHECK(text_of("<p class=MsoNormal style='margin-bottom:12pt'>a</p>b") == "a\n\nb\n");
  CHECK(text_of("<p class=xMso>a</p>b") == "a\n\nb\n");
  CHECK(text_of("<h1 style='margin:0'>a</h1>b") == "a\n\nb\n");
}

TEST_CASE("a no-break space on a line of its own is a blank line") {
  CHECK(text_of("<div>a</div><div>&nbsp;</div><div>b</div>") == "a\n\nb\n");
  CHECK(text_of("<p>a</p><p>&nbsp;</p><p>\xc2\xa0 &nbsp;</p><p>b</p>") == "a\n\nb\n");
  CHECK(text_of("<div>a&nbsp;</div><div>&nbsp;b</div>c") == "a\nb\nc\n");
  CHECK(text_of("<div>&nbsp;</div>a<div>&nbsp;<br></div>b") == "a\n\nb\n");
  CHECK(text_of("<table><tr><td>a<tr><td><p>&nbsp;</p><tr><td>b<tr><td>&nbsp;<td>c</table>") ==
        "a\nb\nc\n");
}

TEST_CASE("lists have bullets or numbers and are indented") {
  CHECK(text_of("x<ul><li>a<li>b<br>c<ul><li>d</li></ul></li></ul>y") ==
        "x\n\n* a\n* b\n  c\n  * d\n\ny\n");
  CHECK(text_of("<ol start='9'><li>a</li><li><p>b</p><p>c</p></li></ol>") ==
        "9. a\n10. b\n\n    c\n");
  CHECK(text_of("<li>without a list</ul></ol>") == "* without a list\n");
  CHECK(text_of("<ol start=x><li>a</ol><ol start=99999999999><li>b</ol>") ==
        "0. a\n\n999999999. b\n");
  CHECK(text_of("<ul><li></li></ul>a") == "a\n");
  CHECK(text_of("<dl><dt>a<dd>b<dt>c<dd>d</dl>e") == "a\n    b\nc\n    d\n\ne\n");
}

TEST_CASE("lists are numbered as they ask for") {
  const auto list = [](const std::string& attributes) {
    return text_of("<ol " + attributes + "><li>x<li>y</ol>");
  };
  CHECK(list("type=a") == "a. x\nb. y\n");
  CHECK(list("type=A start=26") == "Z. x\nAA. y\n");
  CHECK(list("type=i start=4") == "iv. x\nv. y\n");
  CHECK(list("type=I start=1999") == "MCMXCIX. x\nMM. y\n");
  CHECK(list("type=I start=3999") == "MMMCMXCIX. x\n4000. y\n");
  CHECK(list("type=a start=0") == "0. x\na. y\n");
  CHECK(list("type=a start=703") == "aaa. x\naab. y\n");
  CHECK(list("type=x") == "1. x\n2. y\n");
  CHECK(list("style='list-style-type: lower-alpha'") == "a. x\nb. y\n");
  CHECK(list("type=a style='list-style:UPPER-ROMAN inside'") == "I. x\nII. y\n");
  CHECK(list("type=a style='list-style-type: decimal'") == "1. x\n2. y\n");
  CHECK(text_of("<ol><li>x<li value=5>y<li>z</ol><ul><li value=5>u</ul>") ==
        "1. x\n5. y\n6. z\n\n* u\n");
}

TEST_CASE("a table row is a line, its cells beside each other") {
  CHECK(
      text_of("<table><tr><th>a</th><th>b</th></tr><tr><td>c<td><td><p>d</p></td></tr></table>e") ==
      "a  b\nc     d\n\ne\n");
  CHECK(text_of("<table><tr><td>a<br>b</td><td>c</td></tr></table>") == "a\nb\nc\n");
}

TEST_CASE("a table inside a cell lays out the page: its rows are lines") {
  CHECK(
      text_of("<table><tr><td><table><tr><td>a</td></tr><tr><td>b</td><td>c</td></tr></table></td>"
              "<td><table><tr><td>d</td></tr></table></td></tr></table>") == "a\nb  c\nd\n");
}

TEST_CASE("quotes have their prefix on each line, blank ones too") {
  CHECK(text_of("a<blockquote>b<br>c<p>d</p><blockquote>e</blockquote></blockquote>f") ==
        "a\n\n> b\n> c\n>\n> d\n>\n> > e\n\nf\n");
}

TEST_CASE("preformatted text stays as it is") {
  CHECK(text_of("a<pre>\r\n  b\r\n\r\n\tc  d &lt;\n</pre>e") == "a\n\n  b\n\n\tc  d <\n\ne\n");
  CHECK(text_of("<blockquote><pre>a\n\nb</pre></blockquote>") == "> a\n>\n> b\n");
}

TEST_CASE("links are numbered and listed at the end") {
  CHECK(
      text_of("<a href=\"http://a.example/?x=1&amp;y=2\">one</a>, <a href=http://b.example>two</a> "
              "<a href='http://a.example/?x=1&amp;y=2'>again</a>.") ==
      "one [1], two [2] again [1].\n\n"
      "[1] http://a.example/?x=1&y=2\n[2] http://b.example\n");
}

TEST_CASE("links that say nothing new have no number") {
  CHECK(
      text_of(
          "<a href=http://a.example/>http://a.example</a> <a href=https://a.example>A.example</a> "
          "<a href='mailto:me@a.example?subject=x'>me@a.example</a> <a href=#x>below</a> "
          "<a href='javascript:x()'>run</a> <a name=x>anchor</a> <a href=http://b.example> "
          "<img src=x></a><a href=''>empty</a>") ==
      "http://a.example A.example me@a.example below run anchor empty\n");
  CHECK(text_of("<a href=mailto:me@a.example>write</a>") ==
        "write [1]\n\n[1] mailto:me@a.example\n");
}

TEST_CASE("a link stays with its text when that is a block") {
  CHECK(text_of("<a href=http://a.example><div>text</div></a><p>more") ==
        "text [1]\n\nmore\n\n[1] http://a.example\n");
  CHECK(text_of("<a href=http://a.example>one<a href=http://b.example>two") ==
        "one [1]two [2]\n\n[1] http://a.example\n[2] http://b.example\n");
}

TEST_CASE("a link cannot forge lines and is left out if it is too long") {
  CHECK(text_of("<a href='http://a\r\n.example/ x\x01'>a</a>") ==
        "a [1]\n\n[1] http://a.example/%20x\n");
  const std::string longest = "http://a.example/" + std::string(1983, 'x');
  CHECK(convert_page("<a href=" + longest + ">a</a>") == "a [1]\n\n[1] " + longest + "\n");
  CHECK(convert_page("<a href=" + longest + "x>a</a>") == "a\n");
}

TEST_CASE("raised digits stay apart from the number before them") {
  CHECK(text_of("12<sup>99</sup> &euro;, 10<sup>-6+345</sup>, 1<sup>st</sup>, x<sup>078</sup>9") ==
        "12\xE2\x81\xB9\xE2\x81\xB9 \xE2\x82\xAC, 10\xE2\x81\xBB\xE2\x81\xB6\xE2\x81\xBA\xC2\xB3"
        "\xE2\x81\xB4\xE2\x81\xB5, 1st, x\xE2\x81\xB0\xE2\x81\xB7\xE2\x81\xB8"
        "9\n");
  // One that is left open ends with its line.
  CHECK(text_of("a<sup>1<p>2") == "a\xC2\xB9\n\n2\n");
  CHECK(text_of("<table><tr><td>a<sup>1<td>2<tr><td>b<td>12<sup>50</sup></table>") ==
        "a\xC2\xB9  2\nb   12\xE2\x81\xB5\xE2\x81\xB0\n");
}

TEST_CASE("quotations in a line have quotation marks") {
  CHECK(text_of("he said <q>no</q>.") == "he said \"no\".\n");
}

TEST_CASE("pictures are their alternative text") {
  CHECK(text_of("a <img src=x alt=' the\n logo '>b<img src=y><img alt=''>") == "a [the logo]b\n");
  const std::string many = repeat("\xc3\xa9", 400);
  CHECK(convert_page("<img alt='" + many + "'>") == "[" + many.substr(0, 500) + "]\n");
}

TEST_CASE("script, style, title, template, comments and declarations are dropped") {
  CHECK(text_of("<!DOCTYPE html><title>t</title><style>p { }</style>a<script>if (a<b) '</p>' "
                "</scripty></SCRIPT >b<template><p>c<template></template></template>d"
                "<!-- e > -- ><p> -->f<!-->g<!--->h<!--x--!>i<?xml j?>k<![CDATA[l]]>m</>n</ o>p") ==
        "abdfghikmnp\n");
}

TEST_CASE("conditional comments: the hidden ones are dropped, the others' content is shown") {
  CHECK(text_of("<!--[if mso]><p>a</p><![endif]-->b<!--[if !mso]><!-->c<!--<![endif]-->"
                "<![if !mso]>d<![endif]>") == "bcd\n");
}

TEST_CASE("named references") {
  CHECK(text_of("caf&eacute;&nbsp;&amp;&lt;&gt;&quot;&apos; "
                "&Alpha;&euro;&hellip;&zwj;&Scaron;&thetasym;") ==
        "caf\xc3\xa9 &<>\"' \xce\x91\xe2\x82\xac\xe2\x80\xa6\xe2\x80\x8d\xc5\xa0\xcf\x91\n");
  CHECK(text_of("&copy 1 &copyx &eacutes AT&T &unknown; &; & &euro x&amp") ==
        "\xc2\xa9 1 \xc2\xa9x \xc3\xa9s AT&T &unknown; &; & &euro x&\n");
}

TEST_CASE("numbered references") {
  CHECK(text_of("&#65;&#x42;&#X43;&#68 &#x20AC &#128512;") ==
        "ABCD \xe2\x82\xac \xf0\x9f\x98\x80\n");
  CHECK(text_of("&#128;&#150;&#x9f;&#129;") == "\xe2\x82\xac\xe2\x80\x93\xc5\xb8\xc2\x81\n");
  CHECK(text_of("&#0;&#xD800;&#x110000;&#99999999999999999999;") ==
        repeat("\xef\xbf\xbd", 4) + "\n");
  CHECK(text_of("&#;&#x;&#xg &#") == "&#;&#x;&#xg &#\n");
}

TEST_CASE("references in attributes keep query strings whole") {
  CHECK(text_of("<a href='http://a.example/?a=1&copy=2&copyx&eacute;&lt'>a</a>") ==
        "a [1]\n\n[1] http://a.example/?a=1&copy=2&copyx\xc3\xa9<\n");
}

TEST_CASE("no-break spaces are spaces, invisible marks and controls are nothing") {
  CHECK(text_of("a\xc2\xa0\xc2\xa0"
                "b\xc2\xad"
                "c&shy;d&#8203;e\0f\x07g\x7fh\xc3\xa9"s) == "a bcdefgh\xc3\xa9\n");
  CHECK(text_of("\xEF\xBB\xBF<p>x\xC2\xADy\xCD\x8Fz\xE2\x80\x8Bx\xEF\xBB\xBFy "
                "\xE2\x82\xAC\xE2\x80\x8A\xEF\xBC\x81\xCD\xBE") ==
        "xyzxy \xE2\x82\xAC\xE2\x80\x8A\xEF\xBC\x81\xCD\xBE\n");
}

TEST_CASE("text that only looks like markup stays") {
  CHECK(text_of("1 < 2 > 0 <3 <-- a <") == "1 < 2 > 0 <3 <-- a <\n");
  CHECK(text_of("a </") == "a </\n");
}

TEST_CASE("odd tags and attributes") {
  CHECK(text_of("<P\nCLASS=x>a<a/href='http://a.example'>b</a \n x>c<a href = \"http://b.example\" "
                "href=x =y 'z'>d</a><unknownelementwithalongname>e") ==
        "ab [1]cd [2]e\n\n[1] http://a.example\n[2] http://b.example\n");
  CHECK(text_of("a<b") == "a\n");
  CHECK(text_of("a<p title='never closed>b") == "a\n");
  CHECK(text_of("a<!-- never closed") == "a\n");
}

TEST_CASE("end tags of what was never opened do no harm") {
  CHECK(text_of("</ul></blockquote></table></pre></template></a></td></li>a") == "a\n");
}

TEST_CASE("cuts make no difference, random pages") {
  std::mt19937 random(4);  // NOLINT: the same pages every time
  const std::vector<std::string> words = {"<p>",
                                          "</p>",
                                          "<table>",
                                          "</table>",
                                          "<tr>",
                                          "<td>",
                                          "<th>",
                                          "<tr><td>a<td>12<td>b",
                                          "<td colspan=2>",
                                          "<td rowspan=2>",
                                          "<div hidden>",
                                          "<div>",
                                          "</div>",
                                          "<span style='display: none'>",
                                          "</span>",
                                          "</td>",
                                          "<li>",
                                          "<ul>",
                                          "</ul>",
                                          "<ol>",
                                          "</ol>",
                                          "<pre>",
                                          "\n",
                                          " ",
                                          "word",
                                          "</pre>",
                                          "<a href=http://a.example/>",
                                          "</a>",
                                          "<br>",
                                          "&amp;",
                                          "&#x",
                                          "41;",
                                          "&copy",
                                          "<!--",
                                          "-->",
                                          "<script",
                                          ">",
                                          "</script>",
                                          "<",
                                          "=",
                                          "'",
                                          "\xc2",
                                          "\xa0",
                                          "<img alt=x>",
                                          "<blockquote>",
                                          "</blockquote>"};
  for (int round = 0; round < 300; ++round) {
    std::string page;
    for (std::size_t count = random() % 40; count > 0; --count)
      page += words[random() % words.size()];
    text_of(page);
  }
}

TEST_CASE("pages that make other converters slow") {
  const std::size_t mebibyte = std::size_t{1} << 20;
  std::string attributes = "<p ";
  for (int number = 0; number < 100'000; ++number)
    attributes += "a" + std::to_string(number) + "=1 ";
  std::string links;
  for (int number = 0; number < 100'000; ++number) {
    links += "<a href=http://a.example/" + std::to_string(number) + ">x</a> ";
  }
  const std::vector<std::string> pages = {
      attributes + ">end",
      repeat("<div>", 100'000) + "end",
      repeat("<b>x", 100'000) + "end",
      repeat("<blockquote>x", 100'000) + "end",
      repeat("<ul><li>x", 100'000) + "end",
      repeat("<table><tr><td>x", 20'000) + "end",
      repeat("<td>", 100'000) + "end",
      "<table>" + repeat("<tr><td>x<td>y", 100'000) + "</table>end",
      repeat("<table><tr><td>x<td>y<tr><td>x<td>y</table>", 30'000) + "end",
      repeat("<div hidden></p>", 50'000) + repeat("</div>", 50'000) + "end",
      repeat("<tr hidden><td>", 100'000) + "<tr>end",
      "<p title=\"" + std::string(20 * mebibyte, 'x') + "\">end",
      "<" + std::string(20 * mebibyte, 'x') + ">end",
      "<p " + std::string(20 * mebibyte, 'x') + ">end",
      "<!--" + repeat("-", 2 * mebibyte) + ">end",
      "<script>" + repeat("</scrip", 300'000) + "</script>end",
      repeat("<!--", 500'000) + "-->end",
      repeat("&", 2 * mebibyte) + "end",
      repeat("&#", mebibyte) + "end",
      repeat("<", 2 * mebibyte) + " end",
      links + "end",
      repeat("<ol start=999999999><li>", 10) + repeat("<blockquote>", 10) +
          repeat("<br>x", 100'000) + "end",
      "<pre>" + repeat("\n", 2 * mebibyte) + "end",
  };
  for (const std::string& page : pages) {
    CAPTURE(page.substr(0, 30));
    const ProcessorTime took;
    const std::string text = convert_page(page, 65'536);
    // Linear work takes a small part of this, also on slow and instrumented machines.
    CHECK(took.seconds() < 5);
    CHECK(text.find("end") != std::string::npos);
    CHECK(text.size() < 3 * page.size() + 3 * mebibyte);
  }
}

TEST_CASE("no more than a thousand links are listed") {
  std::string page;
  for (int number = 0; number < 1'500; ++number) {
    page += "<a href=http://a.example/" + std::to_string(number) + ">x</a>\n";
  }
  const std::string text = convert_page(page);
  CHECK(text.find("\n[1000] http://a.example/999\n") != std::string::npos);
  CHECK(text.find("[1001]") == std::string::npos);
}
