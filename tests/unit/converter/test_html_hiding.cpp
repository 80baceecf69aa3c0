// HTML to text: what a page hides from its reader is not shown, and where it ends.
#include <string>

#include "unit/catch.h"
#include "unit/converter/html_pages.h"

using namespace smtpgate::test;

TEST_CASE("hidden elements show nothing") {
  CHECK(text_of("a<div hidden>b</div>c") == "ac\n");
  CHECK(text_of("a<span style='display:none'>b</span>c") == "ac\n");
  CHECK(text_of("a<SPAN STYLE=\"color: red; DISPLAY : None !important;\">b</SPAN>c") == "ac\n");
  CHECK(text_of("a<p style='visibility: hidden'>b<br>c</p>d") == "ad\n");
  CHECK(text_of("a<img style='display:none' alt=x>b<br hidden>c<input hidden>d") == "abcd\n");
  CHECK(text_of("a<template><p>b<template></template></template>c") == "ac\n");
  CHECK(text_of("<a href=http://a.example style='display:none'>b</a>c") == "c\n");
}

TEST_CASE("what only looks hidden is shown") {
  for (const std::string style :
       {"display:block", "display:none;display:inline", "font-size:0", "x-display:none", "display",
        "visibility:visible", "mso-hide:all", "/*display:none*/color:red", "", ";;:"}) {
    CHECK(text_of("<span style='" + style + "'>a</span>") == "a\n");
  }
  // A page that is hidden as a whole is shown by a script or a style sheet.
  CHECK(text_of("<html hidden><body style='display:none'>a") == "a\n");
  CHECK(text_of("<unknownelementwithalongname hidden>a") == "a\n");
}

TEST_CASE("a hidden element ends with its own end tag") {
  CHECK(text_of("<div hidden>a<div>b</div>c<p>d<span>e</div>f") == "f\n");
  CHECK(text_of("<div hidden>a<br>b<img alt=x>c<hr></div>d") == "d\n");
  CHECK(text_of("<div hidden>a<title>b</title><style>c</style></div>d") == "d\n");
  CHECK(text_of("<div hidden>a<div hidden>b</div>c</div>d") == "d\n");
  CHECK(text_of("<span hidden>a") == "");
}

TEST_CASE("a hidden element ends where one around it ends") {
  CHECK(text_of("<section><div hidden>a<b>b</section>c") == "c\n");
  CHECK(text_of("<table><tr><td hidden>a</table>b") == "b\n");
  CHECK(text_of("<b><span hidden>a</b>b") == "b\n");
  // These end nothing.
  CHECK(text_of("<div hidden>a</p>b</br>c</span>d</div>e") == "e\n");
}

TEST_CASE("a hidden element ends where its end tag may be left out") {
  CHECK(text_of("<p hidden>a<p>b") == "b\n");
  CHECK(text_of("<p hidden>a<div>b") == "b\n");
  CHECK(text_of("<ul><li hidden>a<ul><li>b</ul><li>c</ul>") == "* c\n");
  CHECK(text_of("<table><tr><td><span hidden>a<td>b<tr><td><p hidden>c<td>d</table>") == "b\nd\n");
  CHECK(text_of("<ul><li><span hidden>a<li>b</ul>") == "* b\n");
  CHECK(text_of("<div hidden><table><tr><td>a<td>b</table><ul><li>c</ul></div>d") == "d\n");
  CHECK(text_of("<dl><dt hidden>a<dd>b</dl>") == "    b\n");
  CHECK(text_of(
            "<table><tr><td hidden>a<td>b<tr><td hidden>c<table><tr><td>d</table><td>e</table>") ==
        "b\ne\n");
  CHECK(text_of("<table><tr hidden><td>a<tr><td>b</table>") == "b\n");
  CHECK(text_of("<table><tbody hidden><tr><td>a<tr><td>b<tbody><tr><td>c</table>") == "c\n");
  CHECK(text_of("<select><option hidden>a<option>b</select>") == "b\n");
}

TEST_CASE("a hidden cell is no column") {
  CHECK(
      text_of("<table><tr><td>aa<td hidden>x<td>b<tr><td>c<td style=display:none>x<td>d</table>") ==
      "aa  b\nc   d\n");
}

TEST_CASE("more elements than are counted end what is hidden too early, not too late") {
  std::string names;
  for (int number = 0; number < 200; ++number) names += "<x" + std::to_string(number) + ">";
  CHECK(convert_page("<div hidden>" + names + "a</div>b") == "b\n");
  CHECK(convert_page("<div hidden>" + names + "<section>a</section>b</div>c") == "b\nc\n");
}
