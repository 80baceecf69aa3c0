// The converter's way in as one call: what becomes of text, attachments, header and hostile input.
// The promises are in docs/conversion.md.
#include <string>

#include "postoffice/character_set.h"
#include "unit/catch.h"
#include "unit/converter/conversion_fixture.h"

using Catch::Matchers::Contains;
using Catch::Matchers::VectorContains;
using smtpgate::test::Converting;
using smtpgate::test::read_whole;
using smtpgate::test::ReadMessage;
namespace ext = smtpgate::postoffice::ext;

namespace {

const std::string head = "From: Bob <bob@example.com>\r\nTo: alice@example.net\r\nSubject: s\r\n";

std::string sample(const std::string& name) {
  return read_whole(std::string(SMTPGATE_TEST_DATA) + "/inbound/" + name + ".eml");
}

std::vector<std::string> names(const ReadMessage& message) {
  std::vector<std::string> found;
  for (const auto& attachment : message.header.attachments) found.push_back(attachment.name);
  return found;
}

}  // namespace

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
  const ReadMessage message = smtpgate::test::read_api(file);
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

TEST_CASE("a subject with line ends and tokens in it stays a subject", "[inbound][hostile]") {
  Converting converting;
  const std::string file = converting.convert(sample("hostile-names"));
  CHECK(file.find("\nTO:CSI:NET/PO/victim") == std::string::npos);
  const ReadMessage message = smtpgate::test::read_api(file);
  CHECK(message.header.subject == "first\r\nTO:CSI:NET/PO/victim\r\nTEXT:0");
  REQUIRE(message.header.to.size() == 1);
  CHECK(message.header.to[0].str() == "CSI:NET/PO/alice");
  CHECK_THAT(message.top, Contains("X-Odd: a  b\n"));
}

TEST_CASE("attachment names are safe and unique, the sender's own kept", "[inbound][hostile]") {
  Converting converting;
  const ReadMessage message = converting.read(sample("hostile-names"));
  REQUIRE(message.header.attachments.size() == 5);
  CHECK(message.header.attachments[0].name == "passwd");
  CHECK(message.header.attachments[0].original_name == "../../etc/passwd");
  CHECK(message.header.attachments[1].name == "_CON");
  CHECK(message.header.attachments[2].name == "passwd-2");
  CHECK(message.header.attachments[3].name.find("\xE2\x80\xAE") == std::string::npos);
  CHECK(message.header.attachments[4].name == "ATT5.jpg");
  CHECK(message.contents[0] == "root");
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

TEST_CASE("a boundary that never comes loses nothing", "[inbound][malformed]") {
  Converting converting;
  const ReadMessage message = converting.read(sample("boundary-never-comes"));
  CHECK(message.text == "The boundary is not here, the text is.\n");
  CHECK_THAT(message.marks(), VectorContains(std::string("boundary-not-found")));
}

TEST_CASE("a message that ends inside a part keeps what came", "[inbound][malformed]") {
  Converting converting;
  const ReadMessage message = converting.read(sample("not-closed"));
  CHECK(message.text == "Text.\n");
  REQUIRE(message.contents.size() == 1);
  CHECK(message.contents[0] == "ABCDEFGHIABCD");
}

TEST_CASE("no header at all: all of it is the text", "[inbound][malformed]") {
  Converting converting;
  const ReadMessage message = converting.read(sample("no-header"));
  CHECK(message.text == "Just a line without any header\nand another one.\n");
  CHECK(message.header.from.str() == "SMTP:sender@example.com");
  CHECK(message.header.to.at(0).str() == "SMTP:undisclosed-recipients:;");
}

TEST_CASE("an empty message is a message", "[inbound][malformed]") {
  Converting converting;
  const ReadMessage message = converting.read("");
  CHECK(message.text.empty());
  CHECK(message.contents.empty());
  CHECK(message.header.from.str() == "SMTP:sender@example.com");
}

TEST_CASE("undeclared 8-bit text is guessed and marked", "[inbound][malformed]") {
  Converting converting;
  const ReadMessage message = converting.read(sample("undeclared-eight-bit"));
  CHECK(message.text == "Sch\xC3\xB6ne Gr\xC3\xBC\xC3\x9F\x65\n");
  CHECK(message.header.subject == "Gr\xC3\xBC\xC3\x9F\x65");
  CHECK_THAT(message.marks(), VectorContains(std::string("charset-guessed")));
}

TEST_CASE("NUL octets pass through text and attachments", "[inbound][hostile]") {
  Converting converting;
  const ReadMessage message = converting.read(head + "X-N: a" + std::string(1, '\0') +
                                              "b\r\n\r\nx" + std::string(1, '\0') + "y\r\n");
  CHECK(message.text == std::string("x\0y\n", 4));
}

TEST_CASE("UTF-16 and UTF-32 that are not transfer-encoded survive the way through mail",
          "[inbound][malformed]") {
  // A program's text as it leaves it; a relay makes CR LF of each octet that is LF by value, except
  // where there is a CR before it, and ends what does not end in a line.
  const auto wide = [](std::string_view set, std::string_view line_end) {
    const std::string text = "Gr\xC3\xBC\xC3\x9F\x65" + std::string(line_end) + "zwei" +
                             std::string(line_end) + "\xE0\xA8\x8A \xF0\x9F\x90\x8E" +
                             std::string(line_end);
    auto encoder = smtpgate::postoffice::CharacterEncoder::open(std::string(set));
    REQUIRE(encoder.has_value());
    std::string out;
    encoder->feed(text, out);
    encoder->finish(out);
    return out;
  };
  const auto through_mail = [](const std::string& octets) {
    std::string out;
    for (const char c : octets) {
      if (c == '\n' && !out.ends_with('\r')) out += '\r';
      out += c;
    }
    return out.ends_with("\r\n") ? out : out + "\r\n";
  };
  const std::string expected = "Gr\xC3\xBC\xC3\x9F\x65\nzwei\n\xE0\xA8\x8A \xF0\x9F\x90\x8E\n";
  for (const char* set : {"UTF-16LE", "UTF-16BE", "UTF-32LE", "UTF-32BE"}) {
    for (const char* line_end : {"\n", "\r\n"}) {
      for (const char* encoding : {"binary", "8bit", "7bit", "unheard-of"}) {
        for (const std::size_t piece : {0, 1}) {
          INFO(set << ' ' << (line_end[0] == '\r' ? "CR LF " : "LF ") << encoding << ' ' << piece);
          Converting converting;
          converting.piece = piece;
          const std::string fields = "Content-Type: text/plain; charset=" + std::string(set) +
                                     "\r\nContent-Transfer-Encoding: " + encoding + "\r\n\r\n";
          const std::string body = through_mail(wide(set, line_end));
          const ReadMessage alone = converting.read(head + fields + body);
          CHECK(alone.text == expected);
          const bool is_unknown = std::string_view(encoding) == "unheard-of";
          CHECK(alone.marks() == std::vector<std::string>(is_unknown ? 1 : 0, "encoding-unknown"));
          converting.target.line_end = smtpgate::postoffice::LineEnd::crlf;
          const std::string other =
              "Content-Disposition: attachment; filename=list.txt\r\n" + fields + body;
          const ReadMessage parts =
              converting.read(head + "Content-Type: multipart/mixed; boundary=p\r\n\r\n--p\r\n" +
                              fields + body + "\r\n--p\r\n" + other + "\r\n--p--\r\n");
          CHECK_THAT(parts.text, Contains("zwei\r\n"));
          REQUIRE(parts.contents.size() == 1);
          CHECK(parts.contents[0].starts_with(wide(set, line_end)));
        }
      }
    }
  }
}

TEST_CASE("a text that only says UTF-16 is read as what it is", "[inbound][malformed]") {
  Converting converting;
  const ReadMessage message =
      converting.read(head + "Content-Type: text/plain; charset=utf-16\r\n\r\none\r\ntwo\r\n");
  CHECK(message.text == "one\ntwo\n");
  CHECK_THAT(message.marks(), VectorContains(std::string("charset-guessed")));
}

TEST_CASE("a header field of 1 MiB is carried whole", "[inbound][hostile]") {
  Converting converting;
  const std::string value(std::size_t{1} << 20, 'v');
  const ReadMessage message = converting.read(head + "X-Long: " + value + "\r\n\r\ntext\r\n");
  CHECK_THAT(message.top, Contains("X-Long: " + value.substr(0, 100)));
  CHECK(message.top.size() > value.size());
  CHECK(message.text == "text\n");
}

TEST_CASE("beyond a limit the message is attached whole, with a note", "[inbound][hostile]") {
  std::string nested = head;
  for (int depth = 0; depth < 10'000; ++depth) {
    const std::string boundary = "b" + std::to_string(depth);
    nested +=
        "Content-Type: multipart/mixed; boundary=" + boundary + "\r\n\r\n--" + boundary + "\r\n";
  }
  nested += "\r\ndeep inside\r\n";
  Converting converting;
  const ReadMessage message = converting.read(nested);
  CHECK_THAT(message.text, Contains("nested too deep"));
  CHECK(names(message) == std::vector<std::string>{"message.eml"});
  CHECK(message.contents.at(0) == nested);
  CHECK(message.header.subject == "s");
  CHECK_THAT(message.marks(), VectorContains(std::string("limit:depth")));
}

TEST_CASE("limits hold at their edge", "[inbound][hostile]") {
  const auto with_parts = [](int count) {
    std::string text = head + "Content-Type: multipart/mixed; boundary=p\r\n\r\n";
    for (int part = 0; part < count; ++part) text += "--p\r\n\r\n\r\n";
    return text + "--p--\r\n";
  };
  Converting converting;
  converting.settings.limits.parts = 50;  // the multipart itself is one
  CHECK_THAT(converting.read(with_parts(49)).marks(), !VectorContains(std::string("limit:parts")));
  CHECK_THAT(converting.read(with_parts(50)).marks(), VectorContains(std::string("limit:parts")));
}

TEST_CASE("a postoffice with its own set and line ends gets both", "[inbound]") {
  Converting converting;
  converting.target.character_set = "CP850";
  converting.target.line_end = smtpgate::postoffice::LineEnd::crlf;
  const std::string file = converting.convert(sample("latin1-quoted-printable"));
  CHECK(file.starts_with("VERSION:3.00\r\n"));
  const ReadMessage message = smtpgate::test::read_api(file);
  CHECK(message.header.subject == "Gr\x81\xE1\x65 aus K\x94ln");
  CHECK_THAT(message.text, Contains("Sch\x94ne Gr\x81\xE1\x65, das") && Contains("\r\n"));
  CHECK(message.header.attachments.at(0).name == "\x9A\x62\x65rsicht 2026.xls");
  CHECK(message.header.field(ext::character_set) == "CP850");
}

TEST_CASE("the content key ignores what relays add and sees everything else", "[inbound][key]") {
  const std::string body = "\r\nthe body\r\n";
  const auto key = [](const std::string& message, const std::string& sender = "a@B.example") {
    Converting converting;
    converting.envelope.sender = sender;
    converting.convert(message);
    return converting.content_key;
  };
  const std::string plain = key(head + body);
  CHECK(plain.size() == 64);
  CHECK(key("Received: from x by y; date\r\n" + head + "X-Spam-Score: 3\r\n" + body) == plain);
  CHECK(key(head + body, "a@b.EXAMPLE") == plain);
  CHECK(key("From: Bob\r\n <bob@example.com>\r\nTo:  alice@example.net\r\nSubject: s\r\n" + body) ==
        plain);
  CHECK(key(head + body, "other@b.example") != plain);
  CHECK(key(head + "\r\nthe bodY\r\n") != plain);
  CHECK(key(head + "\r\nthe body\r\n\r\n") != plain);
  CHECK(key(head + "Cc: x@example.com\r\n" + body) != plain);
  CHECK(key(head + "Resent-To: x@example.com\r\n" + body) != plain);
  CHECK(key(head + "Content-Type: text/plain; charset=utf-8\r\n" + body) != plain);
  // Messages without any header or empty line must not all be the same message.
  CHECK(key("one line\r\n") != key("another line\r\n"));
  CHECK(key("no header here\r\n\r\nsame\r\n") != key("nor is here\r\n\r\nsame\r\n"));
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

TEST_CASE("no character becomes a line of the header on top", "[inbound][hostile]") {
  for (const char* set : {"UTF-8", "ISO-8859-1", "CP437", "US-ASCII"}) {
    Converting converting;
    converting.target.character_set = set;
    const ReadMessage message =
        converting.read(head + "X-A: =?utf-8?B?4oCoeOKAqXk=?=\r\nX-B: q\r\n\r\nthe text\r\n");
    INFO(set);
    CHECK(message.header.header_lines == 3);
    CHECK(message.text == "the text\n");
  }
}

TEST_CASE("names are safe in the postoffice's own set too", "[inbound][hostile]") {
  for (const char* set : {"ISO-8859-1", "CP437", "US-ASCII"}) {
    Converting converting;
    converting.target.character_set = set;
    const ReadMessage message =
        converting.read(head +
                        "Content-Disposition: attachment;\r\n "
                        "filename*=utf-8''%E2%80%9CReport%E2%80%9D%20%E2%84%80.pdf\r\n\r\nx\r\n");
    INFO(set << ": " << names(message).at(0));
    CHECK(names(message).at(0).find_first_of("\"/\\:*?<>|") == std::string::npos);
  }
}

TEST_CASE("a message kept whole shows no blind recipient", "[inbound][hostile]") {
  Converting converting;
  converting.settings.limits.parts = 3;
  std::string message =
      head +
      "Bcc: secret@hidden.example,\r\n more@hidden.example\r\nX-After: stays\r\n"
      "Content-Type: multipart/mixed; boundary=p\r\n\r\nBcc: in the body stays\r\n";
  for (int part = 0; part < 5; ++part) message += "--p\r\n\r\nx\r\n";
  const std::string file = converting.convert(message);
  CHECK(file.find("hidden.example") == std::string::npos);
  const ReadMessage kept = smtpgate::test::read_api(file);
  CHECK_THAT(kept.contents.at(0),
             Contains("X-After: stays\r\n") && Contains("\r\n\r\nBcc: in the body stays\r\n"));
}

TEST_CASE("the content key is the same beyond a limit, without a body, by either door",
          "[inbound][key]") {
  const auto key = [](const std::string& message) {
    Converting converting;
    converting.settings.limits.parts = 3;
    converting.convert(message);
    return converting.content_key;
  };
  const std::string trace = "Received: from a by b; today\r\n";
  std::string parts = head + "Content-Type: multipart/mixed; boundary=p\r\n\r\n";
  for (int part = 0; part < 5; ++part) parts += "--p\r\n\r\nx\r\n";
  CHECK(key(trace + parts) == key(parts));
  CHECK(key(trace + head) == key(head));
  CHECK(key(head) == key(head + "\r\n"));
}

TEST_CASE("what looks like an empty line and is none hides no header from the key",
          "[inbound][key]") {
  const auto key = [](const std::string& from) {
    Converting converting;
    converting.convert("From: " + from + "\r\nSubject: s\r\n\r\r\nX-Fill: " +
                       std::string(300'000, 'y') + "\r\nTo: a@example.net\r\n\r\nbody\r\n");
    return converting.content_key;
  };
  CHECK(key("a@example.com") != key("b@example.com"));
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

TEST_CASE("what is kept whole has a short name too, and every name is one of DOS",
          "[inbound][hostile]") {
  Converting converting;
  converting.settings.attachment_names = smtpgate::converter::AttachmentNames::Form::short_8_3;
  const ReadMessage hostile = converting.read(sample("hostile-names"));
  for (const std::string& name : names(hostile)) {
    INFO(name);
    CHECK(name.size() <= 12);
    CHECK(std::min(name.find('.'), name.size()) <= 8);
    CHECK(name.find_first_of("abcdefghijklmnopqrstuvwxyz \\/:*?\"<>|") == std::string::npos);
  }
  converting.settings.limits.parts = 1;
  CHECK(names(converting.read(sample("hostile-names"))) == std::vector<std::string>{"MESSAGE.EML"});
}
