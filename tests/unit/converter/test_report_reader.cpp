// Reports about one's own mail: which messages are recognised, what is read from them, and that a
// hostile one gives bounded fields of one line. The shapes of the world are golden files.
#include "converter/report_reader.h"
#include "converter/xtext.h"
#include "postoffice/character_set.h"
#include "unit/catch.h"
#include "unit/converter/conversion_fixture.h"

using namespace smtpgate;
using converter::ContentType;
using converter::Report;
using converter::ReportReader;
using test::Converting;
using test::ReadMessage;
using Lines = std::vector<std::string>;
namespace ext = postoffice::ext;

namespace {

ContentType type_of(const std::string& value) {
  return converter::parse_content_type(&value);
}

/// What a report of that kind says whose status part is `octets`.
Report read(const std::string& kind, const std::string& octets, std::size_t piece = 1000) {
  ReportReader reader(type_of("multipart/report; report-type=" + kind));
  REQUIRE(reader.begin_part(type_of("message/" + kind)));
  for (std::size_t at = 0; at < octets.size(); at += piece) reader.feed(octets.substr(at, piece));
  reader.end_part();
  return reader.finish();
}
Report delivery(const std::string& octets) {
  return read("delivery-status", octets);
}

Lines values(const postoffice::MessageHeader& header, std::string_view name) {
  Lines found;
  for (const auto& field : header.fields) {
    if (field.name == name) found.push_back(field.value);
  }
  return found;
}

std::string report(const std::string& type, const std::string& parts) {
  return "From: a@example.com\nContent-Type: " + type + "; boundary=b\n\n" + parts + "--b--\n";
}

const std::string status_part =
    "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n"
    "Final-Recipient: rfc822;bob@example.com\nAction: failed\nStatus: 5.1.1\n";

}  // namespace

TEST_CASE("what may be a report: multipart/report of the two kinds, or of none", "[report]") {
  const auto may = [](const std::string& type) {
    return ReportReader::may_be_report(type_of(type));
  };
  CHECK(may("multipart/report; report-type=delivery-status"));
  CHECK(may("Multipart/Report; Report-Type=\"Disposition-Notification\""));
  CHECK(may("multipart/report"));
  CHECK_FALSE(may("multipart/report; report-type=feedback-report"));
  CHECK_FALSE(may("multipart/mixed; report-type=delivery-status"));
  CHECK_FALSE(may("message/delivery-status"));
}

TEST_CASE("an ordinary message is no report, whatever it holds", "[report]") {
  Converting converting;
  CHECK(values(converting.read(report("multipart/mixed", status_part)).header, ext::report_kind)
            .empty());
  const std::string no_status = "--b\nContent-Type: text/plain\n\nhello\n";
  CHECK(values(converting.read(report("multipart/report", no_status)).header, ext::report_kind)
            .empty());
  // A report that was forwarded is about somebody else's mail.
  const std::string forwarded = "--b\nContent-Type: multipart/report; boundary=c\n\n--c\n" +
                                status_part.substr(4) + "--c--\n";
  CHECK(values(converting.read(report("multipart/mixed", forwarded)).header, ext::report_kind)
            .empty());
}

TEST_CASE("a report stays the text and the attachments that it is", "[report]") {
  Converting converting;
  const std::string parts = "--b\n\nIt failed.\n" + status_part;
  const ReadMessage as_report =
      converting.read(report("multipart/report; report-type=delivery-status", parts));
  CHECK(values(as_report.header, ext::report_kind) == Lines{"delivery"});
  CHECK(values(as_report.header, ext::report_recipient) == Lines{"failed 5.1.1 bob@example.com"});
  CHECK(values(as_report.header, ext::report_for).empty());
  CHECK(values(as_report.header, ext::report_id).empty());
  const ReadMessage other =
      converting.read(report("multipart/report; report-type=feedback-report", parts));
  CHECK(values(other.header, ext::report_kind).empty());
  CHECK(as_report.text == other.text);
  CHECK(as_report.contents == other.contents);
}

TEST_CASE("a report without its status part is one of its kind, with what the rest says",
          "[report]") {
  Converting converting;
  const auto header =
      converting
          .read(report("multipart/report; report-type=delivery-status",
                       "--b\n\nIt failed.\n--b\nContent-Type: message/rfc822\n\nMessage-ID: "
                       "<a@b>\n\nMessage-ID: <c@d>\n"))
          .header;
  CHECK(values(header, ext::report_kind) == Lines{"delivery"});
  CHECK(values(header, ext::report_for) == Lines{"<a@b>"});
}

TEST_CASE("a message that is kept whole says nothing as a report", "[report]") {
  Converting converting;
  converting.settings.limits.parts = 3;
  const auto header = converting
                          .read(report("multipart/report; report-type=delivery-status",
                                       status_part + "--b\n\n1\n--b\n\n2\n--b\n\n3\n"))
                          .header;
  CHECK(values(header, ext::report_kind).empty());
}

TEST_CASE("the first status part of the kind counts, and the first returned message", "[report]") {
  ReportReader reader(type_of("multipart/report; report-type=disposition-notification"));
  CHECK_FALSE(reader.begin_part(type_of("message/delivery-status")));
  CHECK_FALSE(reader.begin_part(type_of("text/plain")));
  CHECK(reader.begin_part(type_of("message/disposition-notification")));
  reader.end_part();
  CHECK_FALSE(reader.begin_part(type_of("message/disposition-notification")));
  CHECK(reader.begin_part(type_of("text/rfc822-headers")));
  reader.end_part();
  CHECK_FALSE(reader.begin_part(type_of("message/rfc822")));
  CHECK(reader.finish().kind == "disposition");
}

TEST_CASE("a disposition says what was done, by whom, and with which message", "[report]") {
  const Report said =
      read("disposition-notification",
           "Final-Recipient: rfc822; bob@example.com\r\n"
           "Original-Message-ID: <a@b>\r\n"
           "Disposition: automatic-action/MDN-sent-automatically; Deleted/error\r\n");
  CHECK(said.recipients == Lines{"deleted - bob@example.com"});
  CHECK(said.message_id == "<a@b>");
  CHECK(read("disposition-notification", "Disposition: nonsense\n").recipients.empty());
  CHECK(read("disposition-notification", "Disposition: x/y; 12 34\nFinal-Recipient: a@b\n")
            .recipients == Lines{"- - a@b"});
}

TEST_CASE("the fields of a delivery report are read as people write them", "[report]") {
  const std::string block = "Final-Recipient: rfc822; a@b\nAction: failed\nStatus: 5.0.0\n";
  for (const std::string end : {"\n", "\r\n", "\r"}) {
    std::string octets = "Original-Envelope-Id: x+2By\n\n" + block + " \n\n" + block;
    for (std::size_t at = 0; (at = octets.find('\n', at)) != std::string::npos; at += end.size()) {
      octets.replace(at, 1, end);
    }
    for (const std::size_t piece : {1, 2, 1000}) {
      const Report said = read("delivery-status", octets, piece);
      CHECK(said.recipients == Lines{"failed 5.0.0 a@b", "failed 5.0.0 a@b"});
      CHECK(said.envelope_id == "x+y");
    }
  }
  CHECK(delivery("Final-Recipient: a@b\nAction: made up\nStatus: five\n").recipients ==
        Lines{"made - a@b"});
  CHECK(delivery("action:\n failed\nFINAL-RECIPIENT : rfc822;\n\t<a@b>\n").recipients ==
        Lines{"failed - a@b"});
  CHECK(delivery("Action: failed\n").recipients == Lines{"failed - -"});
  CHECK(delivery("Status: 5.1.1\n").recipients.empty());
  for (const char* status : {"5", "5.1", "5.1.", "5..1", "51.1.1", "5.1.1.1", "5.1234567.1"}) {
    INFO(status);
    CHECK(delivery("Final-Recipient: a@b\nStatus: " + std::string(status) + "\n").recipients ==
          Lines{"- - a@b"});
  }
}

TEST_CASE("embedded characters of an address are characters, others stay", "[report]") {
  const auto address = [](const std::string& written) {
    return delivery("Final-Recipient: utf-8; " + written + "\n").recipients.at(0).substr(4);
  };
  CHECK(address("j\\x{F6}rg@b") == "j\xc3\xb6rg@b");
  CHECK(address("\\x{1F600}@b") == "\xf0\x9f\x98\x80@b");
  for (const char* odd : {"\\x{}@b", "\\x{0}@b", "\\x{D800}@b", "\\x{110000}@b", "\\x{F6@b",
                          "\\x{FFFFFFFFFF}@b", "\\x@b"}) {
    CHECK(address(odd) == odd);
  }
}

TEST_CASE("a hostile report gives bounded fields of one line", "[report][hostile]") {
  std::string many = "Original-Envelope-Id: +0D+0A+41\n\n";
  for (int i = 0; i < 5000; ++i) many += "Final-Recipient: rfc822;a@b\nAction: failed\n\n";
  CHECK(delivery(many).recipients.size() == ReportReader::most_recipients);
  CHECK(delivery(many).envelope_id.empty());
  CHECK(delivery("Original-Envelope-Id: " + std::string(101, 'x')).envelope_id.empty());

  // Nothing behind the first 256 KiB is read, and one line may be all of it.
  const std::string late =
      "X: " + std::string(ReportReader::largest, 'x') + "\n\nFinal-Recipient: a@b\n";
  CHECK(delivery(late).recipients.empty());
  CHECK(delivery("Final-Recipient: rfc822;" + std::string(200'000, 'a') + "@b\n").recipients ==
        Lines{"- - -"});
  CHECK(delivery("Action: " + std::string(21, 'a') + "\nFinal-Recipient: a@b\n").recipients ==
        Lines{"- - a@b"});
  for (const std::string& one :
       delivery(std::string("Final-Recipient: rfc822;a\0b\x1b[2J\xff =?utf-8?q?=0A=0D?=@b\n", 55))
           .recipients) {
    CHECK(one.find_first_of(std::string("\0\r\n\x1b", 4)) == std::string::npos);
    CHECK(postoffice::is_utf8(one));
  }
  for (const char* id : {"<a b@c>", "a@b", "<a@b", "<>", "", "<@>"}) {
    INFO(id);
    CHECK(read("disposition-notification", "Original-Message-ID: " + std::string(id) + "\n")
              .message_id.empty());
  }
}

TEST_CASE("many short lines take linear time", "[report][hostile]") {
  std::string octets;
  while (octets.size() < ReportReader::largest) octets += "a:\n b\n\n";
  CHECK(delivery(octets).recipients.empty());
  std::string braces = "Final-Recipient: utf-8; ";
  while (braces.size() < 500) braces += "\\x{";
  CHECK(delivery(braces).recipients.size() == 1);
}

TEST_CASE("xtext is undone, and what is none stays as it is", "[report]") {
  CHECK(converter::decode_xtext("a+2Bb+3db", 20) == "a+b=b");
  CHECK(converter::decode_xtext("a+", 20) == "a+");
  CHECK(converter::decode_xtext("a+4", 20) == "a+4");
  CHECK(converter::decode_xtext("a+zz", 20) == "a+zz");
  CHECK(converter::decode_xtext("a+-1", 20) == "a+-1");
  CHECK(converter::decode_xtext("+00", 20).empty());
  CHECK(converter::decode_xtext("+FF", 20).empty());
  CHECK(converter::decode_xtext("abc", 2).empty());
  CHECK(converter::decode_xtext(converter::xtext("x y+z="), 100) == "x y+z=");
}
