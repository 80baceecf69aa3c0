// The converter's way in as one call: what becomes of text, attachments and header. The promises
// are in docs/conversion.md. Hostile and malformed messages: test_inbound_hostile.cpp; what makes
// two messages the same one: test_inbound_key.cpp.
#include <string>
#include <vector>

#include "postoffice/character_set.h"
#include "unit/catch.h"
#include "unit/converter/inbound_messages.h"

using Catch::Matchers::Contains;
using namespace smtpgate::test;
namespace ext = smtpgate::postoffice::ext;

TEST_CASE("a text and a base64 attachment come out decoded", "[inbound]") {
  Converting converting;
  const ReadMessage message = converting.read(sample("text-and-attachment"));
  CHECK(message.text == "The drawing is attached \xE2\x80\x93 2 sheets.\n");
  REQUIRE(message.contents.size() == 1);
  CHECK(names(message) == std::vector<std::string>{"drawing.pdf"});
  CHECK(message.contents[0].starts_with("%PDF-1.4\n"));
  CHECK(message.contents[0].size() == 9 + 256 * 3 + 7);
  CHECK(message.header.attachments[0].content_type == "application/pdf");
  CHECK(message.header.attachments[0].disposition == "attachment");
}

TEST_CASE("tokens come from the header, recipients of the envelope appear nowhere", "[inbound]") {
  Converting converting;
  converting.envelope.recipients.push_back({"<secret@example.net>", "", {{"NET", "PO"}, "secret"}});
  const std::string file = converting.convert(sample("plain-text"));
  const ReadMessage message = read_api(file);
  CHECK(message.header.from.str() == "SMTP:bob@example.com");
  CHECK(message.header.from.name == "Bob");
  REQUIRE(message.header.to.size() == 1);
  CHECK(message.header.to[0].str() == "CSI:NET/PO/alice");
  REQUIRE(message.header.cc.size() == 2);
  CHECK(message.header.cc[0].str() == "SMTP:carol@elsewhere.example");
  CHECK(message.header.cc[1].str() == "CSI:NET/PO/dave");
  CHECK(message.header.cc[1].name == "Dave, D.");
  CHECK(message.header.subject == "Order 4711");
  CHECK(message.header.date == "2025-11-20");
  CHECK(message.header.time == "08:40");
  CHECK(message.header.field(ext::sent) == "2026-11-20T09:30:00+01:00");
  CHECK(message.header.field(ext::envelope_from) == "sender@example.com");
  CHECK(file.find("secret") == std::string::npos);
  CHECK_THAT(read_whole(converting.directory / "SMTP_IN.ENV"),
             Contains("RCPT TO:<secret@example.net> XMAILBOX=NET/PO/secret\r\n"));
}

TEST_CASE("lines on top of the text: trace and signatures only with -T", "[inbound]") {
  Converting quiet;
  const ReadMessage message = quiet.read(sample("plain-text"));
  CHECK_THAT(message.top, Contains("Date: Fri, 20 Nov 2026 09:30:00 +0100\n"));
  CHECK_THAT(message.top, Contains("X-Order-Number: 4711\n"));
  CHECK_THAT(message.top, !Contains("Received") && !Contains("DKIM") && !Contains("Subject"));
  CHECK(message.top.ends_with("\n" + std::string(78, '-') + "\n"));
  CHECK(message.header.header_lines ==
        static_cast<std::uint64_t>(std::count(message.top.begin(), message.top.end(), '\n')));
  CHECK(message.text.starts_with("Please send:\n"));

  Converting traced;
  traced.settings.keep_trace = true;
  const ReadMessage with_trace = traced.read(sample("plain-text"));
  CHECK_THAT(with_trace.top, Contains("Received: from mail.example.com"));
  CHECK_THAT(with_trace.top, Contains("DKIM-Signature:"));
}

TEST_CASE("a Bcc field appears in no shared file", "[inbound]") {
  Converting converting;
  converting.settings.keep_trace = true;
  CHECK(converting.convert(sample("many-addresses")).find("secret@") == std::string::npos);
}

TEST_CASE("an outsider's From is never a native address", "[inbound]") {
  const std::string message =
      "From: The Boss <boss@example.net>\r\nTo: alice@example.net\r\n\r\npay\r\n";
  Converting outside;
  CHECK(outside.read(message).header.from.str() == "SMTP:boss@example.net");
  Converting inside;
  inside.envelope.sender_is_trusted = true;
  CHECK(inside.read(message).header.from.str() == "CSI:NET/PO/boss");
}

TEST_CASE("the original's way: FROM is the envelope sender", "[inbound]") {
  Converting converting;
  converting.settings.from_envelope = true;
  const ReadMessage message = converting.read(sample("plain-text"));
  CHECK(message.header.from.str() == "SMTP:sender@example.com");
  CHECK(message.header.field(ext::header_from) == "Bob <bob@example.com>");
  converting.envelope.sender = "";
  CHECK(converting.read(sample("plain-text")).header.from.str() == "CSI:NET/PO/postmaster");
}

TEST_CASE("alternative: plain text is the text, HTML and its picture are kept", "[inbound]") {
  Converting converting;
  const ReadMessage message = converting.read(sample("alternative-related"));
  CHECK(message.text == "Hello in plain text.\n");
  CHECK(names(message) == std::vector<std::string>{"message.html", "ATT2.png"});
  CHECK(message.header.attachments[1].content_id == "logo");
  CHECK_THAT(message.contents[0], Contains("\xE2\x80\x93 see <img src=\"cid:logo\">"));
}

TEST_CASE("alternative with a blank plain text shows the HTML", "[inbound]") {
  Converting converting;
  const ReadMessage message =
      converting.read(head +
                      "MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n"
                      "--a\r\nContent-Type: text/plain\r\n\r\n   \r\n"
                      "--a\r\nContent-Type: text/html\r\n\r\n<p>Only here</p>\r\n--a--\r\n");
  CHECK_THAT(message.text, Contains("Only here"));
  CHECK(message.contents.size() == 1);
}

TEST_CASE("HTML alone is rendered into the text and kept", "[inbound]") {
  Converting converting;
  const ReadMessage message = converting.read(sample("html-only"));
  CHECK_THAT(message.text,
             Contains("Gr\xC3\xBC\xC3\x9F\x65") && Contains("First paragraph.\nSecond line."));
  CHECK_THAT(message.text, !Contains("color: red"));
  CHECK(names(message) == std::vector<std::string>{"message.html"});
}

TEST_CASE("an enclosed message is one attachment, octet for octet", "[inbound]") {
  Converting converting;
  const ReadMessage message = converting.read(sample("forwarded-message"));
  CHECK(message.text == "See below.\n");
  REQUIRE(message.contents.size() == 1);
  CHECK(names(message) == std::vector<std::string>{"ATT1.eml"});
  CHECK(message.contents[0].starts_with("From: inner@example.org\r\n"));
  CHECK(message.contents[0].ends_with("AAEC\r\n--in--"));
  CHECK(message.header.attachments[0].content_type == "message/rfc822");
}

TEST_CASE("what a signature covers is kept raw beside its decoded form", "[inbound]") {
  Converting converting;
  const ReadMessage message = converting.read(sample("signed"));
  CHECK(message.text == "Signed text with trailing blank \nand \xC3\xA9.\n");
  CHECK(names(message) == std::vector<std::string>{"signed-entity.mime", "signature.asc"});
  CHECK(message.contents[0] ==
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "
        "quoted-printable\r\n\r\nSigned text with trailing blank=20\r\nand =C3=A9.");
}

TEST_CASE("a list's footer continues the text; what stands after the end is kept", "[inbound]") {
  Converting converting;
  const ReadMessage message = converting.read(sample("mailing-list-footer"));
  CHECK(message.text == "The post.\n-- \nlist footer\n");
  CHECK(names(message) == std::vector<std::string>{"ATT1.pdf", "outside-parts.txt"});
  CHECK(message.contents[1] == "appended after the end by a scanner\r\n");
}

TEST_CASE("a postoffice with its own set and line ends gets both", "[inbound]") {
  Converting converting;
  converting.target.character_set = "CP850";
  converting.target.line_end = smtpgate::postoffice::LineEnd::crlf;
  const std::string file = converting.convert(sample("latin1-quoted-printable"));
  CHECK(file.starts_with("VERSION:3.00\r\n"));
  const ReadMessage message = read_api(file);
  CHECK(message.header.subject == "Gr\x81\xE1\x65 aus K\x94ln");
  CHECK_THAT(message.text, Contains("Sch\x94ne Gr\x81\xE1\x65, das") && Contains("\r\n"));
  CHECK(message.header.attachments.at(0).name == "\x9A\x62\x65rsicht 2026.xls");
  CHECK(message.header.field(ext::character_set) == "CP850");
}

TEST_CASE("memory does not grow with an attachment", "[inbound]") {
  // The spools go to files beyond 64 KiB here; what counts is that the octets arrive whole.
  std::string encoded;
  for (int line = 0; line < 40'000; ++line) encoded += std::string(76, 'A') + "\r\n";
  Converting converting;
  const ReadMessage message =
      converting.read(head +
                      "Content-Type: application/octet-stream; name=big.bin\r\n"
                      "Content-Transfer-Encoding: base64\r\n\r\n" +
                      encoded);
  REQUIRE(message.contents.size() == 1);
  CHECK(message.contents[0].size() == 40'000u * 57);
  CHECK(message.contents[0].find_first_not_of('\0') == std::string::npos);
}

TEST_CASE("the chain is complete and says the same as the file", "[inbound][chain]") {
  Converting converting;
  const ReadMessage message = converting.read(sample("text-and-attachment"));
  const std::string raw = read_whole(converting.directory / "SMTP_IN.822");
  CHECK(raw.starts_with("Return-Path: <sender@example.com>\r\nReceived: from mail.example.com"));
  CHECK_THAT(raw, Contains("\r\n\r\nThis is a multi-part message in MIME format.\r\n"));
  CHECK(read_whole(converting.directory / "API_OUT.TMP") == message.top + message.text);
  CHECK(read_whole(converting.directory / "SMTP_IN.ENV") ==
        "MAIL FROM:<sender@example.com>\r\n"
        "RCPT TO:<alice@example.net> XMAILBOX=NET/PO/alice\r\n");
}

TEST_CASE("a name that the postoffice's set lacks is no native address", "[inbound]") {
  Converting converting;
  converting.target.character_set = "ISO-8859-1";
  const ReadMessage message = converting.read(
      "From: bob@example.com\r\nTo: \xE6\x97\xA5\xE6\x9C\xAC@example.net, "
      "j\xC3\xB6rg@example.net\r\n\r\ntext\r\n");
  REQUIRE(message.header.to.size() == 2);
  CHECK(message.header.to[0].type == "SMTP");
  CHECK(message.header.to[1].str() == "CSI:NET/PO/j\xF6rg");
}

TEST_CASE("two texts of one alternative's child stay together", "[inbound]") {
  Converting converting;
  const ReadMessage message =
      converting.read(head +
                      "Content-Type: multipart/alternative; boundary=a\r\n\r\n"
                      "--a\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n"
                      "--m\r\n\r\none\r\n--m\r\n\r\ntwo\r\n--m--\r\n"
                      "--a\r\nContent-Type: text/html\r\n\r\n<p>one two</p>\r\n--a--\r\n");
  CHECK(message.text == "one\ntwo\n");
  CHECK(names(message) == std::vector<std::string>{"message.html"});
}

TEST_CASE("the usual notices for old readers are no text of anybody's", "[inbound]") {
  for (const std::string notice :
       {"This is a multi-part message in MIME format.",
        "This is a multipart message in MIME format",
        "This is a MIME message. If you are reading this text, you may want to\r\nconsider "
        "changing to "
        "a mail reader or gateway that understands how to\r\nproperly handle MIME multipart "
        "messages.",
        "This is an S/MIME signed message",
        "This is an OpenPGP/MIME signed message (RFC 4880 and 3156)",
        "This is a MIME-encapsulated message.", "This is a MIME-encoded message.",
        "  This message is in MIME format.  The first part should be readable text,\r\n  while the "
        "remaining parts are likely unreadable without MIME-aware tools.",
        "This is a MIME-formatted message.  If you see this text it means that your\r\nE-mail "
        "software "
        "does not support MIME-formatted messages.",
        "Dies ist eine mehrteilige Nachricht im MIME-Format.",
        "Ceci est un message au format MIME.", "Este es un mensaje en formato MIME."}) {
    Converting converting;
    const ReadMessage message =
        converting.read(head + "Content-Type: multipart/mixed; boundary=p\r\n\r\n" + notice +
                        "\r\n--p\r\n\r\ntext\r\n--p--\r\n");
    INFO(notice);
    CHECK(message.contents.empty());
    CHECK(message.text == "text\n");
  }
}

TEST_CASE("what stands after the last part is never taken for the usual notice", "[inbound]") {
  Converting converting;
  const ReadMessage message =
      converting.read(head +
                      "Content-Type: multipart/mixed; boundary=p\r\n\r\n"
                      "Please pay order 4711. MIME\r\n--p\r\n\r\ntext\r\n--p--\r\n"
                      "This is a multi-part message in MIME format.\r\n");
  REQUIRE(message.contents.size() == 2);
  CHECK_THAT(message.contents[0], Contains("order 4711"));
}

TEST_CASE("attachments have names in the form 8.3 where that is wanted", "[inbound]") {
  Converting converting;
  converting.settings.attachment_names = smtpgate::converter::AttachmentNames::Form::short_8_3;
  const auto part = [](const std::string& name) {
    return "--b\r\nContent-Type: application/x-any; name=\"" + name + "\"\r\n" + "\r\nx\r\n";
  };
  const ReadMessage message = converting.read(
      head + "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
      part("Angebot f\xC3\xBCr \xC3\x96lheizung.pdf") + part("Angebot f\xC3\xBCr Gas.pdf") +
      part("PLAN.TXT") + part("plan.txt") + part("../con.tar.gz") +
      "--b\r\nContent-Type: image/png\r\n\r\nx\r\n--b--\r\n");
  CHECK(names(message) == std::vector<std::string>{"ANGEBO~1.PDF", "ANGEBO~2.PDF", "PLAN.TXT",
                                                   "PLAN~1.TXT", "_CONTA~1.GZ", "ATT6.PNG"});
  CHECK(message.header.attachments[0].original_name == "Angebot f\xC3\xBCr \xC3\x96lheizung.pdf");
  CHECK(message.header.attachments[2].original_name.empty());
  CHECK(message.header.attachments[3].original_name == "plan.txt");
  CHECK(message.header.attachments[4].original_name == "../con.tar.gz");
}

TEST_CASE("a postoffice may want short names where the gateway does not", "[inbound]") {
  Converting converting;
  converting.target.short_attachment_names = true;
  CHECK(names(converting.read(
            head + "MIME-Version: 1.0\r\nContent-Type: application/pdf; name=\"long name.pdf\"\r\n"
                   "\r\nx\r\n")) == std::vector<std::string>{"LONGNA~1.PDF"});
}

TEST_CASE("a text with a file name is the text where nothing else is", "[inbound]") {
  const auto multipart = [](std::string_view kind, std::string_view parts) {
    return head + "MIME-Version: 1.0\r\nContent-Type: multipart/" + std::string(kind) +
           "; boundary=q\r\n\r\n" + std::string(parts) + "--q--\r\n";
  };
  const std::string smil = "--q\r\nContent-Type: application/smil; name=a.smil\r\n\r\n<smil/>\r\n";
  const std::string phone =
      "--q\r\nContent-Type: text/plain; charset=iso-8859-1; name=text0.txt\r\n\r\nGr\xFC\xDF"
      "e\r\n";
  const std::string page =
      "--q\r\nContent-Type: text/html; name=p.html\r\n\r\n<p>The <b>page</b></p>\r\n";
  const std::string file =
      "--q\r\nContent-Type: text/plain; name=f.txt\r\nContent-Disposition: attachment\r\n\r\nf\r\n";
  const std::string body = "--q\r\nContent-Type: text/plain\r\n\r\nthe body\r\n";
  const std::string blank = "--q\r\nContent-Type: text/plain; name=b.txt\r\n\r\n \r\n\r\n";
  const auto text_of = [](const std::string& message) {
    Converting whole;
    const ReadMessage read = whole.read(message);
    const std::string expected = whole.convert(message);
    for (const std::size_t piece : {1, 2, 3, 50}) {
      Converting pieces;
      pieces.piece = piece;
      CHECK(pieces.convert(message) == expected);
    }
    return read.text;
  };
  CHECK(text_of(multipart("related", smil + phone)) == "Grüße\n");
  CHECK(text_of(multipart("mixed", file + blank + phone + page)) == "Grüße\n");
  CHECK(text_of(multipart("mixed", page)) == "The page\n");
  CHECK(text_of(head + "Content-Type: text/html; name=p.html\r\n\r\n<p>page</p>\r\n") == "page\n");
  CHECK(text_of(multipart("mixed", phone + body)) == "the body\n");
  CHECK(text_of(multipart("mixed", body + phone)) == "the body\n");
  CHECK(text_of(multipart("mixed", file)).empty());
  CHECK(text_of(multipart("digest", phone)).empty());
  CHECK(text_of(multipart("encrypted", phone)).empty());
  const std::string binary =
      "--q\r\nContent-Type: text/plain; name=a.doc\r\nContent-Transfer-Encoding: base64\r\n\r\n"
      "YWIKAAFi\r\n";
  CHECK(text_of(multipart("mixed", binary)).empty());
  CHECK(text_of(multipart("mixed", binary + phone)) == "Grüße\n");
  const std::string encoded =
      "--q\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\n"
      "begin 644 a.txt\r\n#86)C\r\n`\r\nend\r\n";
  CHECK(text_of(multipart("mixed", encoded)).empty());
  CHECK(text_of(multipart("appledouble", phone)).empty());

  Converting converting;
  const ReadMessage read = converting.read(multipart("related", smil + phone));
  CHECK(names(read) == std::vector<std::string>{"a.smil", "text0.txt"});
  CHECK(read.contents.at(1) ==
        "Gr\xFC\xDF"
        "e");
}

TEST_CASE("byte order marks before a text are none of it", "[inbound]") {
  for (const std::string type : {"text/plain", "text/html"}) {
    INFO(type);
    const std::string message =
        head + "Content-Type: " + type + "; charset=utf-8\r\n\r\n\xEF\xBB\xBF\xEF\xBB\xBFtext\r\n";
    for (const std::size_t piece : {1, 2, 3, 4, 1000}) {
      Converting converting;
      converting.piece = piece;
      CHECK(converting.read(message).text == "text\n");
    }
  }
}

TEST_CASE("a long text with a file name is a file", "[inbound]") {
  const std::string line = std::string(127, 'x') + "\n";
  std::string most;
  while (most.size() < std::size_t{1} << 20) most += line;
  const std::string start = head + "Content-Type: text/plain; name=long.txt\r\n\r\n";
  Converting converting;
  CHECK(converting.read(start + most).text == most);
  const ReadMessage more = Converting().read(start + most + "\n");
  CHECK(more.text.empty());
  CHECK(more.header.attachments.at(0).size == most.size() + 1);
}
