// X-Smtpgate-Part: what is written is read again, and what strangers write in it changes nothing
// that anybody could have judged the part by.
#include <string>

#include "converter/part_note.h"
#include "unit/catch.h"
#include "unit/converter/conversion_fixture.h"

using namespace smtpgate;
using namespace std::string_literals;
using converter::PartNote;
using test::Converting;

namespace {

std::string written(const PartNote& note) {
  std::string out;
  converter::write_part_note(out, note);
  return out;
}

/// Of an attachment with these fields.
postoffice::Attachment attached(const std::string& fields) {
  Converting converting;
  const auto message = converting.read(
      "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; "
      "boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n" +
      fields + "\r\n\r\noctets\r\n--b--\r\n");
  REQUIRE(message.header.attachments.size() == 1);
  return message.header.attachments.front();
}

const std::string octets =
    "Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=";

}  // namespace

TEST_CASE("a note is read as it was written", "[part-note]") {
  const PartNote note{true, "win mail.dat", "..\\\x01\n\0\xE2\x80\xAE \"a\".txt "s,
                      "message/rfc822"};
  const std::string field = written(note);
  CHECK(field.starts_with("X-Smtpgate-Part: container; from=\"win mail.dat\";"));
  CHECK(field.ends_with("\r\n"));
  const PartNote read = converter::read_part_note(
      std::string_view(field).substr(converter::part_note_field.size() + 1));
  CHECK(read.is_expanded);
  CHECK(read.from == note.from);
  CHECK(read.name == note.name);
  CHECK(read.type == note.type);
  CHECK(written({}).empty());
  PartNote text;
  text.is_text = true;
  CHECK(written(text) == "X-Smtpgate-Part: text\r\n");
  CHECK(converter::read_part_note("text").is_text);
  CHECK(written({false, "a", "", ""}) == "X-Smtpgate-Part: file; from=a\r\n");
}

TEST_CASE("a note says nothing of an attachment that has no marks and no other name",
          "[part-note]") {
  postoffice::Attachment attachment;
  attachment.name = "C:\\private\\a.txt";
  attachment.odd = {"not-closed"};
  CHECK(written(converter::note_of(attachment, "UTF-8")).empty());
  attachment.original_name = "\xE4";
  attachment.odd = {"expanded", "from:outer"};
  CHECK(converter::note_of(attachment, "ISO-8859-1").name == "\xC3\xA4");
  CHECK(converter::note_of(attachment, "ISO-8859-1").is_expanded);
  CHECK(converter::note_of(attachment, "ISO-8859-1").from == "outer");
}

TEST_CASE("a note gives back the sender's own name, but no other", "[part-note][hostile]") {
  const auto good = attached(octets + "passwd\r\nX-Smtpgate-Part: file; name=\"../../etc/passwd\"");
  CHECK(good.name == "passwd");
  CHECK(good.original_name == "../../etc/passwd");
  for (const std::string other : {"passwd.exe", "../other", "Passwd"}) {
    const auto same = attached(octets + "passwd\r\nX-Smtpgate-Part: file; name=\"" + other + "\"");
    CHECK(same.name == "passwd");
    CHECK(same.original_name.empty());
  }
  CHECK(attached("Content-Type: a/b\r\nX-Smtpgate-Part: file; name=x.exe").name == "ATT1.bin");
}

TEST_CASE("a note gives back only types that go as octets", "[part-note][hostile]") {
  const auto type = [](const std::string& fields) { return attached(fields).content_type; };
  CHECK(type(octets + "a.eml\r\nX-Smtpgate-Part: file; type=\"Message/RFC822\"") ==
        "message/rfc822");
  CHECK(type(octets + "a\r\nX-Smtpgate-Part: file; type=\"text/html\"") ==
        "application/octet-stream");
  CHECK(type("Content-Type: text/html; name=a\r\nX-Smtpgate-Part: file; type=\"message/rfc822\"") ==
        "text/html");
}

TEST_CASE("a note's container must have a name that can be one", "[part-note][hostile]") {
  using Marks = std::vector<std::string>;
  CHECK(attached(octets + "a\r\nX-Smtpgate-Part: file; from=\"winmail.dat\"").odd ==
        Marks{"from:winmail.dat"});
  CHECK(attached(octets + "a\r\nX-Smtpgate-Part: file; from=\"../winmail.dat\"").odd.empty());
  CHECK(attached(octets + "a\r\nX-Smtpgate-Part: nothing").odd.empty());
}
