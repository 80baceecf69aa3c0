// The streaming MIME parser: where a header block ends, and what becomes of lines in it that are no
// fields.
#include <string>

#include "unit/catch.h"
#include "unit/converter/parser_events.h"

using namespace smtpgate::test;

TEST_CASE("a header that ends with the message needs no blank line") {
  CHECK(fields_of("A: b") == "(text/plain 0.0 default{A: b}\n)\n");
  CHECK(fields_of("A: b\r\n c") == "(text/plain 0.0 default{A: b\r\n c}\n)\n");
}

TEST_CASE("a line that is no field ends the header and begins the body") {
  CHECK(fields_of("A: b\r\nno field\r\nC: d\r\n\r\nx") ==
        "(text/plain 0.0 cut default{A: b}\nbody[no field\r\nC: d\r\n\r\nx]\n)\n");
  CHECK(fields_of("hello world\r\nA: b\r\n") ==
        "(text/plain 0.0 cut default\nbody[hello world\r\nA: b\r\n]\n)\n");
  CHECK(fields_of("hello") == "(text/plain 0.0 cut default\nbody[hello]\n)\n");
  CHECK(fields_of(" blank first\r\n") ==
        "(text/plain 0.0 cut default\nbody[ blank first\r\n]\n)\n");
  CHECK(fields_of(": x\r\n\r\n") == "(text/plain 0.0 cut default\nbody[: x\r\n\r\n]\n)\n");
}

TEST_CASE("a fold that lost its blank is the rest of its field if fields go on behind it") {
  CHECK(fields_of("A: b;\r\nname=x\r\n y\r\nX-C: d\r\n\r\nbody") ==
        "(text/plain 0.0 mended default{A: b;\r\nname=x\r\n y}{X-C: d}\nbody[body]\n)\n");
  CHECK(fields_of("A:\r\njunk\r\nSubject: c\r\n\r\nbody") ==
        "(text/plain 0.0 mended default{A:\r\njunk}{Subject: c}\nbody[body]\n)\n");
  CHECK(fields_of("From: Bob\r\n<b@c.example>\r\nSubject: c\r\n\r\nbody") ==
        "(text/plain 0.0 mended default{From: Bob\r\n<b@c.example>}{Subject: c}\nbody[body]\n)\n");
  // Somebody who was hidden stays so.
  CHECK(fields_of("Bcc: a@b.example\r\nc@d.example\r\nSubject: c\r\n\r\nbody") ==
        "(text/plain 0.0 mended default{Bcc: a@b.example\r\nc@d.example}{Subject: "
        "c}\nbody[body]\n)\n");
}

TEST_CASE("a line in a header that is no field changes nothing that a whole field says") {
  CHECK(fields_of("A: b\r\njunk\r\nmore: junk\r\nSubject: c\r\n\r\nbody") ==
        "(text/plain 0.0 mended stray[junk\r\nmore: junk\r\n] default{A: b}{Subject: c}\n"
        "body[body]\n)\n");
  CHECK(fields_of("From: a@b.example\r\n<evil@b.example>\r\nTo: c\r\n\r\nbody") ==
        "(text/plain 0.0 mended stray[<evil@b.example>\r\n] default{From: a@b.example}{To: c}\n"
        "body[body]\n)\n");
  CHECK(fields_of("A: b\r\none\r\nSubject: c\r\ntwo\r\nTo: d\r\n\r\nbody") ==
        "(text/plain 0.0 mended stray[one\r\ntwo\r\n] default{A: b}{Subject: c}{To: d}\n"
        "body[body]\n)\n");
}

TEST_CASE("a last line of a header that is neither a field nor base64 is none of a body in it") {
  const std::string base64 = "Content-Transfer-Encoding: base64\r\n";
  const std::string begin = "(text/plain 0.0 mended stray[garbage\r\n] default\nbody[QUJD]\n)\n";
  CHECK(log_of(base64 + "garbage\r\n\r\nQUJD") == begin);
  CHECK(log_of(base64 + "X: y\r\ngarbage\r\n\r\nQUJD") == begin);
  CHECK(log_of(base64 + "QUJD\r\n\r\nQUJD") ==
        "(text/plain 0.0 cut default\nbody[QUJD\r\n\r\nQUJD]\n)\n");
  CHECK(log_of("X: y\r\ngarbage\r\n\r\nQUJD") ==
        "(text/plain 0.0 cut default\nbody[garbage\r\n\r\nQUJD]\n)\n");
}

TEST_CASE(
    "a fold that lost its blank at the end of a header belongs to a field that is unfinished") {
  CHECK(log_of("Content-Type: multipart/mixed;\r\nboundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n") ==
        "(multipart/mixed 0.0 multipart mended\n(text/plain 1.0 default\nbody[x]\n)\n)\n");
  CHECK(fields_of("A: \"b\r\nc\"\r\n\r\nx") ==
        "(text/plain 0.0 mended default{A: \"b\r\nc\"}\nbody[x]\n)\n");
  CHECK(fields_of("A: b\r\nHello,\r\n\r\nx") ==
        "(text/plain 0.0 cut default{A: b}\nbody[Hello,\r\n\r\nx]\n)\n");
}

TEST_CASE("text behind a header without a blank line is text, whatever looks like a field in it") {
  CHECK(fields_of("A: b\r\nHello\r\nAgenda: one\r\n\r\nx") ==
        "(text/plain 0.0 cut default{A: b}\nbody[Hello\r\nAgenda: one\r\n\r\nx]\n)\n");
  const std::string text = std::string(900, 'x') + "\r\n";
  std::string body;
  for (int line = 0; line < 5; ++line) body += text;
  CHECK(fields_of("A: b\r\n" + body + "Subject: c\r\n") ==
        "(text/plain 0.0 cut default{A: b}\nbody[" + body + "Subject: c\r\n]\n)\n");
  CHECK(log_of(multipart("--b\r\nA: b\r\nHello\r\n--b--\r\nSubject: x\r\n")) ==
        "(multipart/mixed 0.0 multipart\n(text/plain 1.0 cut default\nbody[Hello]\n)\n"
        "after[Subject: x\r\n]\n)\n");
}

TEST_CASE("lines after a boundary that itself ended the header are the part's, none is lost") {
  CHECK(log_of("Content-Type: multipart/mixed; boundary=b\r\n"
               "--b\r\ntwo lines\r\nof text\r\n\r\none\r\n--b--\r\n") ==
        "(multipart/mixed 0.0 multipart cut\n(text/plain 1.0 cut default\n"
        "body[two lines\r\nof text\r\n\r\none]\n)\n)\n");
  CHECK(log_of("Content-Type: multipart/mixed; boundary=b\r\n--b\r\ntwo lines\r\nof text") ==
        "(multipart/mixed 0.0 multipart cut\n(text/plain 1.0 cut default\n"
        "body[two lines\r\nof text]\n) open\n) open\n");
}

TEST_CASE("a byte order mark or a blank before the first field of a message is forgiven") {
  CHECK(fields_of("\xEF\xBB\xBF"
                  "A: b\r\n\r\nx") == "(text/plain 0.0 default{A: b}\nbody[x]\n)\n");
  CHECK(fields_of(" \tA: b\r\n\r\nx") == "(text/plain 0.0 default{A: b}\nbody[x]\n)\n");
  CHECK(fields_of(" \r\nA: b\r\n") == "(text/plain 0.0 cut default\nbody[ \r\nA: b\r\n]\n)\n");
  CHECK(fields_of("\xEF\xBB"
                  "A: b") ==
        "(text/plain 0.0 cut default\nbody[\xEF\xBB"
        "A: b]\n)\n");
  CHECK(
      log_of(multipart("--b\r\n A: b\r\n\r\nx\r\n--b--\r\n")) ==
      "(multipart/mixed 0.0 multipart\n(text/plain 1.0 cut default\nbody[ A: b\r\n\r\nx]\n)\n)\n");
}

TEST_CASE("lines before the first field of a part are told beside it, and are not its body") {
  CHECK(log_of(multipart("--b\r\n\tcharset=x\r\nContent-Type: image/x\r\n\r\none\r\n--b--\r\n")) ==
        "(multipart/mixed 0.0 multipart\n"
        "(image/x 1.0 mended stray[\tcharset=x\r\n]\nbody[one]\n)\n)\n");
  CHECK(log_of(multipart("--b\r\n\r\nx\r\n--b\r\nno field\r\n: none\r\nContent-ID: a\r\n"
                         "Content-Type: image/x\r\n\r\none\r\n--b--\r\n")) ==
        "(multipart/mixed 0.0 multipart\n(text/plain 1.0 default\nbody[x]\n)\n"
        "(image/x 1.1 mended stray[no field\r\n: none\r\n]\nbody[one]\n)\n)\n");
  // Only MIME's own fields say that a header follows: text has colons too.
  CHECK(log_of(multipart("--b\r\nHi,\r\nSubject: x\r\nContents: y\r\n\r\none\r\n--b--\r\n")) ==
        "(multipart/mixed 0.0 multipart\n(text/plain 1.0 cut default\n"
        "body[Hi,\r\nSubject: x\r\nContents: y\r\n\r\none]\n)\n)\n");
  CHECK(log_of(multipart("--b\r\n Content-Type: image/x;\r\n name=y\r\n\r\none\r\n--b--\r\n")) ==
        "(multipart/mixed 0.0 multipart\n(image/x 1.0\nbody[one]\n)\n)\n");
  const std::string text = std::string(900, 'x') + "\r\n";
  std::string lines;
  for (int line = 0; line < 5; ++line) lines += text;
  CHECK(log_of(multipart("--b\r\n" + lines + "Content-Type: image/x\r\n\r\none\r\n--b--\r\n")) ==
        "(multipart/mixed 0.0 multipart\n(text/plain 1.0 cut default\nbody[" + lines +
            "Content-Type: image/x\r\n\r\none]\n)\n)\n");
}

TEST_CASE("a multipart's parts may begin straight behind its header") {
  const std::string parts = "--b\r\nContent-Type: image/x\r\n\r\none\r\n--b--\r\n";
  const std::string events = "(multipart/mixed 0.0 multipart cut\n(image/x 1.0\nbody[one]\n)\n)\n";
  CHECK(log_of("Content-Type: multipart/mixed; boundary=b\r\n" + parts) == events);
  CHECK(log_of("Content-Type: multipart/mixed;\r\n boundary=b\r\n" + parts) == events);
  CHECK(log_of("Content-Type: multipart/mixed; boundary=b\r\nSubject: x\r\n" + parts) == events);
  CHECK(log_of(multipart("--b\r\nContent-Type: multipart/mixed; boundary=i\r\n--i\r\n"
                         "Content-Type: image/x\r\n\r\none\r\n--i--\r\n--b--\r\n")) ==
        "(multipart/mixed 0.0 multipart\n(multipart/mixed 1.0 multipart cut\n"
        "(image/x 2.0\nbody[one]\n)\n)\n)\n");
  // A boundary may have a colon, and then looks like a field.
  CHECK(
      log_of("Content-Type: multipart/mixed; boundary=\"a:b\"\r\n--a:b\r\nContent-Type: image/x\r\n"
             "\r\none\r\n--a:b--\r\n") == events);
  // Another line of dashes is a line as any other.
  CHECK(log_of("Content-Type: multipart/mixed; boundary=b\r\nX: y\r\n--c\r\nSubject: x\r\n\r\n" +
               parts) ==
        "(multipart/mixed 0.0 multipart mended stray[--c\r\n]\n(image/x 1.0\nbody[one]\n)\n)\n");
}

TEST_CASE("an mbox line before the first field is no part of the message") {
  CHECK(fields_of("From a@b.example Mon Jan 1\r\nA: b\r\n\r\nx") ==
        "(text/plain 0.0 default{A: b}\nbody[x]\n)\n");
  CHECK(fields_of(">From a\r\nA: b\r\n\r\nx") == "(text/plain 0.0 default{A: b}\nbody[x]\n)\n");
  CHECK(fields_of("From : a\r\n\r\nx") == "(text/plain 0.0 default{From: a}\nbody[x]\n)\n");
  CHECK(fields_of("A: b\r\nFrom x\r\n") ==
        "(text/plain 0.0 cut default{A: b}\nbody[From x\r\n]\n)\n");
}
