// The streaming MIME parser: which events it makes of multiparts, good and bad ones, and what it
// repeats for a signature. Header blocks: test_mime_parser_header.cpp; pieces of any size, limits
// and cost: test_mime_parser_bounds.cpp.
#include <string>

#include "unit/catch.h"
#include "unit/converter/parser_events.h"

using namespace smtpgate::test;
using namespace std::string_literals;

TEST_CASE("a plain message is one leaf with its body as it came") {
  CHECK(fields_of("Subject: hello\r\nX-Fold: a\r\n b\r\n\r\nline\r\n\r\nlast") ==
        "(text/plain 0.0 default{Subject: hello}{X-Fold: a\r\n b}\nbody[line\r\n\r\nlast]\n)\n");
}

TEST_CASE("an empty message is an empty leaf") {
  CHECK(log_of("") == "(text/plain 0.0 default\n)\n");
  CHECK(log_of("\r\n") == "(text/plain 0.0 default\n)\n");
}

TEST_CASE("NUL octets and lone CR or LF pass through header and body") {
  CHECK(fields_of("A: b\0c\rd\nE: f\n\nx\0y\rz\nw"s) ==
        "(text/plain 0.0 default{A: b\0c\rd}{E: f}\nbody[x\0y\rz\nw]\n)\n"s);
}

TEST_CASE("parts, preamble and epilogue of a multipart") {
  CHECK(log_of(multipart("pre\r\n--b\r\n\r\none\r\n--b\r\nContent-Type: image/x\r\n\r\ntwo\r\n\r\n"
                         "--b--\r\npost\r\n")) ==
        "(multipart/mixed 0.0 multipart\n"
        "before[pre]\n"
        "(text/plain 1.0 default\nbody[one]\n)\n"
        "(image/x 1.1\nbody[two\r\n]\n)\n"
        "after[post\r\n]\n)\n");
}

TEST_CASE("lines that only look like boundaries are body") {
  const std::string body = "--b-\r\n--bb\r\n --b\r\n--B\r\n-\r\n--\r\n---b\r\n--b--x";
  CHECK(log_of(multipart("--b\r\n\r\n" + body + "\r\n--b--\r\n")) ==
        "(multipart/mixed 0.0 multipart\n(text/plain 1.0 default\nbody[" + body + "]\n)\n)\n");
}

TEST_CASE("the last boundary needs no line end and may have blanks after it") {
  CHECK(log_of(multipart("--b \t\r\n\r\none\r\n--b-- ")) ==
        "(multipart/mixed 0.0 multipart\n(text/plain 1.0 default\nbody[one]\n)\n)\n");
}

TEST_CASE("a multipart that ends inside a part says so") {
  CHECK(log_of(multipart("--b\r\n\r\none\r\n")) ==
        "(multipart/mixed 0.0 multipart\n(text/plain 1.0 default\nbody[one\r\n]\n) open\n) open\n");
}

TEST_CASE("a multipart whose boundary never comes is all preamble") {
  CHECK(log_of(multipart("one\r\ntwo\r\n")) ==
        "(multipart/mixed 0.0 multipart\nbefore[one\r\ntwo\r\n]\n) open\n");
}

TEST_CASE("a multipart without a usable boundary is a leaf") {
  for (const std::string& parameter :
       {std::string(), std::string("; boundary=\"\""), std::string("; boundary=\"  \""),
        "; boundary=\"" + std::string(999, 'x') + "\""}) {
    CHECK(log_of("Content-Type: multipart/mixed" + parameter + "\r\n\r\n--\r\nx\r\n") ==
          "(multipart/mixed 0.0\nbody[--\r\nx\r\n]\n)\n");
  }
}

TEST_CASE("a boundary of 998 octets works, and so do blanks at the end of the parameter") {
  const std::string boundary(998, 'x');
  CHECK(log_of("Content-Type: multipart/mixed; boundary=\"" + boundary + " \"\r\n\r\n--" +
               boundary + "\r\n\r\none\r\n--" + boundary + "--\r\n") ==
        "(multipart/mixed 0.0 multipart\n(text/plain 1.0 default\nbody[one]\n)\n)\n");
}

TEST_CASE("a boundary inside a header block ends the entity") {
  CHECK(log_of(multipart("--b\r\nContent-Type: image/x\r\n--b\r\n--b--\r\n")) ==
        "(multipart/mixed 0.0 multipart\n(image/x 1.0 cut\n)\n(text/plain 1.1 cut default\n)\n)\n");
}

TEST_CASE("a part after the close-delimiter is still a part") {
  CHECK(log_of(multipart("--b\r\n\r\none\r\n--b--\r\nx\r\n--b\r\n\r\ntwo\r\n--b--\r\n")) ==
        "(multipart/mixed 0.0 multipart\n(text/plain 1.0 default\nbody[one]\n)\nafter[x]\n"
        "(text/plain 1.1 default\nbody[two]\n)\n)\n");
}

TEST_CASE("an outer boundary ends all that is inside") {
  const std::string inner = "Content-Type: multipart/alternative; boundary=i\r\n\r\n";
  CHECK(log_of(multipart("--b\r\n" + inner +
                         "--i\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--i\r\n--b--\r\n")) ==
        "(multipart/mixed 0.0 multipart\n"
        "(multipart/alternative 1.0 multipart\n(text/plain 2.0 default\nbody[one]\n)\n) open\n"
        "(text/plain 1.1 default\nbody[two\r\n--i]\n)\n)\n");
}

TEST_CASE("a multipart inside one with the same boundary gives it back when it is closed") {
  const std::string inner = "Content-Type: multipart/alternative; boundary=b\r\n\r\n";
  CHECK(log_of(multipart("--b\r\n" + inner +
                         "--b\r\n\r\none\r\n--b--\r\n--b\r\n\r\ntwo\r\n--b--\r\n")) ==
        "(multipart/mixed 0.0 multipart\n"
        "(multipart/alternative 1.0 multipart\n(text/plain 2.0 default\nbody[one]\n)\n)\n"
        "(text/plain 1.1 default\nbody[two]\n)\n)\n");
}

TEST_CASE("parts of a digest are messages unless they say otherwise") {
  CHECK(log_of(multipart("--b\r\n\r\nA: b\r\n\r\nx\r\n--b\r\nContent-Type: text/html\r\n\r\ny\r\n"
                         "--b--\r\n",
                         "digest")) ==
        "(multipart/digest 0.0 multipart\n(message/rfc822 1.0 default\nbody[A: b\r\n\r\nx]\n)\n"
        "(text/html 1.1\nbody[y]\n)\n)\n");
}

TEST_CASE("a nested message is a leaf: what looks like boundaries in it is still found outside") {
  CHECK(log_of(
            multipart("--b\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: "
                      "multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\none\r\n--i--\r\n--b--\r\n")) ==
        "(multipart/mixed 0.0 multipart\n(message/rfc822 1.0\nbody[Content-Type: multipart/mixed; "
        "boundary=i\r\n\r\n--i\r\n\r\none\r\n--i--]\n)\n)\n");
}

TEST_CASE("raw repeats a part octet by octet, without the line end of its boundary") {
  const std::string part =
      "Content-Type: multipart/x; boundary=i\r\n\r\npre\r\n--i\r\nA: b\r\n\r\n"
      "one\r\n--i--  \r\npost\r\n";
  const std::string message =
      multipart("--b\r\n" + part + "\r\n--b\r\nA: b\r\n\r\nsignature\r\n--b--\r\n", "signed");
  CHECK(parse(message, std::string_view::npos, 1).raw == part + "|");
  CHECK(parse(message, std::string_view::npos, 2).raw == part + "|A: b\r\n\r\nsignature");
}

TEST_CASE("raw of parts without body, without header, and cut by the end") {
  const auto raw_of = [](std::string_view parts) {
    return parse(multipart(parts), std::string_view::npos, 9).raw;
  };
  CHECK(raw_of("--b\r\nA: b\r\n--b--\r\n") == "A: b");
  CHECK(raw_of("--b\r\nA: b\r\n\r\n--b--\r\n") == "A: b\r\n");
  CHECK(raw_of("--b\r\n\r\n\r\n--b--\r\n") == "\r\n");
  CHECK(raw_of("--b\r\nno field\r\n--b--\r\n") == "no field");
  CHECK(raw_of("--b\r\nA: b") == "A: b");
  CHECK(raw_of("--b\r\nA: b\r\n\r\nx\r\n") == "A: b\r\n\r\nx\r\n");
  CHECK(raw_of("--b\r\nA: b\r\n\r\nx\r\n--") == "A: b\r\n\r\nx\r\n--");
}

TEST_CASE("a signed part inside a signed part is in the outer one's raw octets") {
  const std::string inner =
      "Content-Type: multipart/signed; boundary=i\r\n\r\n--i\r\n\r\none\r\n--i--";
  const std::string message = multipart("--b\r\n" + inner + "\r\n--b--\r\n", "signed");
  Recorder recorder(message);
  recorder.raw_children = 9;
  MimeParser parser(recorder, {});
  parser.feed(message);
  parser.finish();
  CHECK(recorder.asked_for_raw == 1);
  CHECK(recorder.raw_octets() == inner);
}
