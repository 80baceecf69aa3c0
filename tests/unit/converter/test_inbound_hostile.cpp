// The converter's way in: hostile and malformed messages, and its limits. The promises are in
// docs/conversion.md and docs/malformed.md.
#include <string>
#include <vector>

#include "postoffice/character_set.h"
#include "unit/catch.h"
#include "unit/converter/inbound_messages.h"

using Catch::Matchers::Contains;
using Catch::Matchers::VectorContains;
using namespace smtpgate::test;

TEST_CASE("a subject with line ends and tokens in it stays a subject", "[inbound][hostile]") {
  Converting converting;
  const std::string file = converting.convert(sample("hostile-names"));
  CHECK(file.find("\nTO:CSI:NET/PO/victim") == std::string::npos);
  const ReadMessage message = read_api(file);
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
  const ReadMessage kept = read_api(file);
  CHECK_THAT(kept.contents.at(0),
             Contains("X-After: stays\r\n") && Contains("\r\n\r\nBcc: in the body stays\r\n"));
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
