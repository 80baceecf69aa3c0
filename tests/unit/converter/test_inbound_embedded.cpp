// Files inside parts, whole messages: what is attached, under which names and marks, and what the
// text keeps. The kinds of blocks are tested in test_text_file_scanner.cpp.
#include <algorithm>
#include <string>

#include "unit/catch.h"
#include "unit/converter/conversion_fixture.h"
#include "unit/converter/outbound_fixture.h"
#include "unit/converter/text_file_fixture.h"

using Catch::Matchers::Contains;
using Catch::Matchers::VectorContains;
using namespace smtpgate::test;
using namespace std::string_literals;
namespace ext = smtpgate::postoffice::ext;

namespace {

const std::string head = "From: Bob <bob@example.com>\r\nTo: alice@example.net\r\nSubject: s\r\n";

std::vector<std::string> names(const ReadMessage& message) {
  std::vector<std::string> found;
  for (const auto& attachment : message.header.attachments) found.push_back(attachment.name);
  return found;
}

using Names = std::vector<std::string>;

std::string part(const std::string& fields, const std::string& body) {
  return "--b\r\n" + fields + "\r\n" + body + "\r\n";
}
std::string mixed(const std::string& parts, const std::string& subtype = "mixed") {
  return head + "MIME-Version: 1.0\r\nContent-Type: multipart/" + subtype + "; boundary=b\r\n\r\n" +
         parts + "--b--\r\n";
}

}  // namespace

TEST_CASE("a uuencoded file in the text is an attachment, the part as it came another",
          "[inbound][embedded]") {
  Converting converting;
  const std::string body =
      "Here it is:\r\n\r\n" + uuencoded("photo.jpg", "\xFF\xD8\xFF\xE0") + "\r\nRegards\r\n";
  const ReadMessage message = converting.read(head + "\r\n" + body);
  CHECK(message.text == "Here it is:\n\n\nRegards\n");
  CHECK(names(message) == Names{"photo.jpg", "text-as-sent.txt"});
  CHECK(message.contents == std::vector<std::string>{"\xFF\xD8\xFF\xE0", body});
  CHECK(message.header.attachments[0].content_type == "image/jpeg");
  CHECK(message.header.attachments[0].odd.empty());
  CHECK(message.header.attachments[1].odd == Names{"text-as-sent"});
  CHECK(message.marks().empty());
}

TEST_CASE("a text without files is not kept twice", "[inbound][embedded]") {
  Converting converting;
  const ReadMessage message = converting.read(head + "\r\nbegin the day\r\nend\r\n");
  CHECK(message.text == "begin the day\nend\n");
  CHECK(message.contents.empty());
}

TEST_CASE("files in a text that is encoded and in a part of a multipart", "[inbound][embedded]") {
  Converting converting;
  const std::string block = "begin 644 a=3Dname.txt\r\n#0V%T\r\n`\r\nend\r\n";
  const ReadMessage message = converting.read(
      mixed(part("Content-Type: text/plain; charset=iso-8859-1\r\n"
                 "Content-Transfer-Encoding: quoted-printable\r\n",
                 "Gr=FC=DFe\r\n" + block) +
            part("Content-Type: application/pdf; name=x.pdf\r\n", "%PDF") +
            part("Content-Type: text/plain; name=notes.txt\r\n", uuencoded("inner", "stays"))));
  CHECK(message.text == "Gr\xC3\xBC\xC3\x9F\x65\n");
  CHECK(names(message) == Names{"a=name.txt", "text-as-sent.txt", "x.pdf", "notes.txt"});
  CHECK(message.contents[0] == "Cat");
  CHECK(message.contents[1] == "Gr\xFC\xDF\x65\r\nbegin 644 a=name.txt\r\n#0V%T\r\n`\r\nend\r\n");
  CHECK(message.header.attachments[1].character_set == "iso-8859-1");
  // An attachment is never looked into.
  CHECK(message.contents[3].starts_with("begin 644 inner\n"));
}

TEST_CASE("names of files in texts are as hostile as others", "[inbound][embedded][hostile]") {
  Converting converting;
  const ReadMessage message = converting.read(
      head + "\r\n" + uuencoded("../../etc/passwd", "a") + uuencoded("CON", "b") +
      uuencoded("passwd", "c") + uuencoded("text-as-sent.txt", "d") +
      uuencoded("x\xE2\x80\xAEgpj.exe", "e") + uuencoded(std::string(400, 'n') + ".txt", "f"));
  REQUIRE(message.header.attachments.size() == 7);
  CHECK(message.header.attachments[0].name == "passwd");
  CHECK(message.header.attachments[0].original_name == "../../etc/passwd");
  CHECK(message.header.attachments[1].name == "_CON");
  CHECK(message.header.attachments[2].name == "passwd-2");
  CHECK(message.header.attachments[3].name == "text-as-sent.txt");
  CHECK(message.header.attachments[4].name.find("\xE2\x80\xAE") == std::string::npos);
  CHECK(message.header.attachments[5].name.size() <= 200);
  CHECK(message.header.attachments[6].name == "text-as-sent-2.txt");
  CHECK(message.header.attachments[6].odd == Names{"text-as-sent"});
}

TEST_CASE("a message of files alone has an empty text", "[inbound][embedded]") {
  Converting converting;
  const ReadMessage message = converting.read(head + "\r\n" + uuencoded("x", "abc"));
  CHECK(message.text.empty());
  CHECK(message.contents.size() == 2);
}

TEST_CASE("more files than the limit stay in the text", "[inbound][embedded][hostile]") {
  Converting converting;
  converting.settings.most_embedded_files = 2;
  const std::string third = uuencoded("3", "c");
  const std::string two = head + "\r\n" + uuencoded("1", "a") + uuencoded("2", "b");
  CHECK_THAT(converting.read(two).marks(), !VectorContains("limit:embedded-files"s));
  const ReadMessage beyond = converting.read(two + third);
  CHECK_THAT(beyond.marks(), VectorContains("limit:embedded-files"s));
  CHECK(names(beyond) == Names{"1", "2", "text-as-sent.txt"});
  CHECK(beyond.text == "begin 644 3\n!8P``\n`\nend\n");

  // Of the message, not of a part.
  const ReadMessage parts =
      converting.read(mixed(part("Content-Type: text/plain\r\n", uuencoded("1", "a")) +
                            part("Content-Type: text/plain\r\n", uuencoded("2", "b")) +
                            part("Content-Type: text/plain\r\n", third)));
  CHECK(names(parts) == Names{"1", "text-as-sent.txt", "2", "text-as-sent-2.txt"});
  CHECK_THAT(parts.marks(), VectorContains("limit:embedded-files"s));

  converting.settings.most_embedded_files = 0;
  CHECK(converting.read(two).contents.empty());
}

TEST_CASE("what goes out for peers without MIME comes back as it was", "[inbound][embedded]") {
  Sending sending;
  sending.settings.uuencode_domains = {"example.com"};
  sending.text = "The files.\n\n  Indented,\nand the end\n";
  sending.attach("my long name.doc", sample_octets(3000, 1));
  sending.attach("empty", "");
  sending.attach("one.bin", "\0"s);
  sending.attach("two.txt", "begin 644 x\nprose\nend\n");
  const SentMessage sent = sending.send();
  REQUIRE(sent.count("Encoding") == 1);
  // Relays sort fields (Q111857).
  std::string sorted = sent.content;
  const std::size_t encoding = sorted.find("Encoding:");
  const std::size_t length = sorted.find("\r\n", encoding) + 2 - encoding;
  const std::string field = sorted.substr(encoding, length);
  sorted.erase(encoding, length);
  sorted.insert(sorted.find("\r\n\r\n") + 2, field);
  for (const std::string& form : {sent.content, sorted}) {
    INFO(form);
    Converting converting;
    const ReadMessage message = converting.read(form);
    CHECK(message.text == sending.text);
    CHECK(names(message) ==
          Names{"my long name.doc", "empty", "one.bin", "two.txt", "text-as-sent.txt"});
    for (std::size_t index = 0; index < sending.contents.size(); ++index) {
      CHECK(message.contents[index] == sending.contents[index]);
    }
    CHECK_THAT(message.top, !Contains("Encoding") && !Contains("X-MS-Attachment"));
  }
}

TEST_CASE("X-MS-Attachment names files whose blocks do not", "[inbound][embedded]") {
  Converting converting;
  const ReadMessage message = converting.read(
      head +
      "X-MS-Attachment: Plan \xFC 1.doc 1 07-13-1993 13:20\r\nEncoding: 0 TEXT, 4 UUENCODE\r\n"
      "\r\n\r\n" +
      uuencoded("ATT1", "x"));
  CHECK(names(message) == Names{"Plan \xC3\xBC 1.doc", "text-as-sent.txt"});
  CHECK(message.text.empty());
}

TEST_CASE("uuencode as the encoding of a part", "[inbound][embedded]") {
  Converting converting;
  const std::string data = sample_octets(500, 7);
  for (const std::string& encoding : {"x-uuencode"s, "uuencode"s, "X-UUE"s}) {
    INFO(encoding);
    const ReadMessage message = converting.read(
        mixed(part("Content-Type: text/plain\r\n", "See.") +
              part("Content-Type: text/plain\r\nContent-Transfer-Encoding: " + encoding + "\r\n",
                   uuencoded("told.bin", data)) +
              part("Content-Type: application/x-y; name=own.bin\r\n"
                   "Content-Transfer-Encoding: " +
                       encoding + "\r\n",
                   "\r\n" + xxencoded("told.bin", data))));
    CHECK(message.text == "See.\n");
    CHECK(names(message) == Names{"told.bin", "own.bin"});
    CHECK(message.contents == std::vector<std::string>{data, data});
    CHECK(message.header.attachments[0].odd.empty());
  }
}

TEST_CASE("yEnc and BinHex as the encoding of a part", "[inbound][embedded]") {
  Converting converting;
  const std::string data = sample_octets(500, 8);
  const ReadMessage message = converting.read(
      mixed(part("Content-Type: a/b; name=1\r\nContent-Transfer-Encoding: x-yencode\r\n",
                 yencoded("y", data)) +
            part("Content-Type: a/b; name=2\r\nContent-Transfer-Encoding: mac-binhex40\r\n",
                 BinhexEncoder::encode("m", data, "")) +
            part("Content-Type: a/b; name=3\r\nContent-Transfer-Encoding: x-xxencode\r\n",
                 xxencoded("z", data))));
  CHECK(names(message) == Names{"1", "2", "3"});
  CHECK(message.contents == std::vector<std::string>{data, data, data});
}

TEST_CASE("what stands beside the block of such a part is not lost", "[inbound][embedded]") {
  Converting converting;
  const std::string body = "A word before.\r\n" + uuencoded("x", "one") + uuencoded("y", "two");
  const ReadMessage message = converting.read(
      mixed(part("Content-Type: a/b; name=n\r\nContent-Transfer-Encoding: x-uuencode\r\n", body)));
  REQUIRE(message.contents.size() == 2);
  CHECK(message.contents[0] == "one");
  CHECK(message.contents[1] == body);
  CHECK(names(message) == Names{"n", "n.encoded"});
  CHECK(message.header.attachments[1].odd == Names{"as-encoded"});
  REQUIRE(message.header.attachments[0].odd.size() == 1);
  CHECK(message.header.attachments[0].odd[0].starts_with("encoding-errors:"));

  const ReadMessage none = converting.read(mixed(part(
      "Content-Type: a/b; name=n\r\nContent-Transfer-Encoding: x-uuencode\r\n", "no block\r\n")));
  CHECK(none.contents == std::vector<std::string>{"no block\r\n"});
  CHECK(none.header.attachments[0].odd == Names{"encoding-unknown"});
}

TEST_CASE("an attachment in BinHex is kept, and its forks follow", "[inbound][embedded]") {
  Converting converting;
  const std::string data = sample_octets(70'000, 9);
  const std::string block = BinhexEncoder::encode("Read Me", data, "resource");
  const ReadMessage message = converting.read(
      mixed(part("Content-Type: application/mac-binhex40; name=\"me.hqx\"\r\n", block) +
            part("Content-Type: a/b; name=next\r\n", "next")));
  CHECK(names(message) == Names{"me.hqx", "Read Me", "Read Me.rsrc", "next"});
  REQUIRE(message.contents.size() == 4);
  CHECK(message.contents[0].starts_with("(This file must be converted with BinHex 4.0)\n\n:"));
  CHECK(message.contents[1] == data);
  CHECK(message.contents[2] == "resource");
  CHECK(message.contents[3] == "next");
  CHECK(message.header.attachments[1].odd == Names{"from:me.hqx"});
  CHECK(message.header.attachments[2].odd == Names{"from:me.hqx"});
}

TEST_CASE("flowed text is joined, or keeps its lines and says so", "[inbound][flowed]") {
  const std::string text =
      head + "Content-Type: text/plain; format=flowed\r\n\r\n one \r\ntwo\r\n-- \r\nme\r\n";
  Converting keep;
  keep.settings.joins_flowed = false;
  const ReadMessage kept = keep.read(text);
  CHECK(kept.text == " one \ntwo\n-- \nme\n");
  CHECK(kept.header.field(ext::text_format) == "flowed");
  CHECK(kept.contents.empty());

  Converting join;
  const ReadMessage joined = join.read(text);
  CHECK(joined.text == "one two\n-- \nme\n");
  CHECK_FALSE(joined.header.field(ext::text_format));
  CHECK(names(joined) == Names{"text-as-sent.txt"});
  CHECK(joined.contents[0] == " one \r\ntwo\r\n-- \r\nme\r\n");

  // Nothing is lost where our writer would break the lines in the same places.
  const std::string line = std::string(60, 'a') + " ";
  const std::string rest(60, 'b');
  const ReadMessage same = join.read(head + "Content-Type: text/plain; format=flowed\r\n\r\n" +
                                     line + "\r\n" + rest + "\r\n");
  CHECK(same.text == line + rest + "\n");
  CHECK(same.contents.empty());
}

TEST_CASE("only the first text part says whether the text is flowed", "[inbound][flowed]") {
  Converting converting;
  converting.settings.joins_flowed = false;
  const std::string fixed = part("Content-Type: text/plain\r\n", "fixed");
  const std::string flowed =
      part("Content-Type: text/plain; format=flowed; delsp=yes\r\n", "flowed \r\ntext");
  CHECK(converting.read(mixed(flowed + fixed)).header.field(ext::text_format) ==
        "flowed; delsp=yes");
  CHECK_FALSE(converting.read(mixed(fixed + flowed)).header.field(ext::text_format));
}

TEST_CASE("a piece of a message is kept, marked, and said", "[inbound][fragment]") {
  Converting converting;
  const std::string inner = "Subject: inner\r\n\r\nFirst half";
  const ReadMessage message = converting.read(
      head + "Content-Type: message/partial; id=\"x\x1B[2J@host\"; number=2; total=3\r\n\r\n" +
      inner);
  CHECK(message.contents == std::vector<std::string>{inner});
  CHECK(message.header.attachments[0].odd == Names{"partial:2 of 3"});
  CHECK_THAT(message.text, Contains("piece 2 of 3") && !Contains("\x1B"));
  CHECK(message.text.ends_with(".\n"));

  const ReadMessage odd =
      converting.read(head + "Content-Type: message/partial; number=\"1 of\"\r\n\r\nx");
  CHECK(odd.header.attachments[0].odd == Names{"partial:?"});
}

TEST_CASE("content that lies elsewhere is told, and never fetched", "[inbound][fragment]") {
  Converting converting;
  const std::string reference = "Content-Type: image/jpeg\r\nContent-ID: <a@b>\r\n\r\n";
  const std::string type =
      "Content-Type: message/external-body; access-type=ANON-FTP; site=\"ftp.example.org\";\r\n"
      " directory=pub; name=\"photo.jpg\"\r\n";
  const ReadMessage alone = converting.read(mixed(part(type, reference)));
  REQUIRE(alone.contents.size() == 1);
  CHECK(alone.contents[0].starts_with("Content-Type: image/jpeg\r\n"));
  CHECK(alone.header.attachments[0].odd == Names{"external-body"});
  CHECK_THAT(alone.text, Contains("elsewhere (access-type ANON-FTP, site ftp.example.org"));

  const ReadMessage beside = converting.read(
      mixed(part("Content-Type: text/plain\r\n", "Fetch it.") + part(type, reference)));
  CHECK(beside.text == "Fetch it.\n");
}

TEST_CASE("related parts keep the names that the text refers to them by", "[inbound][related]") {
  Converting converting;
  const ReadMessage message = converting.read(
      mixed(part("Content-Type: image/png\r\nContent-ID: <one@x>\r\n", "1") +
                part("Content-Type: text/html\r\nContent-ID: <root@x>\r\n",
                     "<p>Hi <img src=\"cid:one@x\">") +
                part("Content-Type: image/gif; name=two.gif\r\nContent-ID: two@x\r\n", "2"),
            "related; type=\"text/html\"; start=\"<root@x>\""));
  CHECK_THAT(message.text, Contains("Hi"));
  CHECK(names(message) == Names{"ATT1.png", "message.html", "two.gif"});
  CHECK(message.header.attachments[0].content_id == "one@x");
  CHECK(message.header.attachments[1].content_id == "root@x");
  CHECK(message.header.attachments[2].content_id == "two@x");
  CHECK_THAT(message.contents[1], Contains("cid:one@x"));
}

TEST_CASE("a full disk while files are taken out of a text is an error", "[inbound][embedded]") {
  Converting converting;
  smtpgate::converter::RawMessage raw(converting.place());
  REQUIRE(raw.feed(head + "\r\n" + uuencoded("x", sample_octets(300'000, 1))));
  smtpgate::converter::SpoolPlace gone = converting.place();
  gone.directory = converting.directory / "absent";
  const auto converted = smtpgate::converter::convert_inbound(
      raw, converting.envelope, converting.map, converting.target, converting.settings, gone);
  REQUIRE_FALSE(converted);
  CHECK(converted.error().is_temporary());
}
