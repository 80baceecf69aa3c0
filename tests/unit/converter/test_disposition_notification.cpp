// A file with DISPOSITION goes out as an answer that nothing can answer, or as an ordinary message.
#include "converter/disposition_notification.h"
#include "postoffice/ascii.h"
#include "unit/catch.h"
#include "unit/converter/outbound_fixture.h"

using namespace smtpgate;
using test::received;
using test::Sending;
using test::SentMessage;
namespace ext = postoffice::ext;

namespace {

constexpr const char* displayed = "manual-action/MDN-sent-manually; displayed";

/// Like a message of `Sending`, but an answer.
struct Answering : Sending {
  explicit Answering(const std::string& disposition = displayed) {
    header.add_field(ext::disposition, disposition);
    header.add_field(ext::report_for, "<kept.1@example.com>");
  }
};

}  // namespace

TEST_CASE("an answer is a report with the null sender, and asks for nothing", "[disposition]") {
  Answering sending;
  sending.header.priority = "R";
  sending.header.add_field(ext::receipt_to, "anna@example.net");
  sending.header.add_field(ext::original_recipient, "rfc822;sales@example.net");
  const SentMessage sent = sending.send();
  CHECK(sent.envelope.sender.empty());
  CHECK(sent.envelope.parameters == "SIZE=" + std::to_string(sent.content.size()));
  CHECK(sent.envelope.recipients.at(0).parameters.find("NOTIFY") == std::string::npos);
  CHECK(sent.field("Auto-Submitted") == "auto-replied");
  CHECK(sent.count("Disposition-Notification-To") == 0);
  CHECK(sent.field("From") == "anna@example.net");
  CHECK(sent.field("Content-Type")
            .starts_with("multipart/report; report-type=disposition-notification; boundary="));
  CHECK(sent.body().find("Content-Type: message/disposition-notification\r\n\r\n"
                         "Reporting-UA: gateway.example.net; smtpgate\r\n"
                         "Original-Recipient: rfc822;sales@example.net\r\n"
                         "Final-Recipient: rfc822;anna@example.net\r\n"
                         "Original-Message-ID: <kept.1@example.com>\r\n"
                         "Disposition: manual-action/MDN-sent-manually; displayed\r\n\r\n--") !=
        std::string::npos);
  // Our own way in knows it for what it is.
  const auto back = received(sent);
  CHECK(back.header.field(ext::report_kind) == "disposition");
  CHECK(back.header.field(ext::report_for) == "<kept.1@example.com>");
  CHECK(back.header.field(ext::report_recipient) == "displayed - sales@example.net");
  CHECK(back.header.field(ext::auto_submitted) == "auto-replied");
  CHECK(back.text == "Hello.\n");
}

TEST_CASE("a disposition is written as the RFC spells it", "[disposition]") {
  const auto written = [](const std::string& disposition) -> std::string {
    const SentMessage sent = Answering(disposition).send();
    const std::size_t at = sent.content.find("\r\nDisposition: ");
    if (at == std::string::npos) return {};
    return sent.content.substr(at + 15, sent.content.find("\r\n", at + 2) - at - 15);
  };
  CHECK(written("MANUAL-action / mdn-SENT-manually;DELETED") ==
        "manual-action/MDN-sent-manually; deleted");
  CHECK(written("automatic-action/MDN-sent-automatically; processed/error, x-odd") ==
        "automatic-action/MDN-sent-automatically; processed/error,x-odd");
  for (const char* odd :
       {"", "displayed", "manual-action; displayed", "manual-action/MDN-sent-manually",
        "manual-action/MDN-sent-manually; eaten", "x/MDN-sent-manually; displayed",
        "manual-action/MDN-sent-manually; displayed/a b",
        "manual-action/MDN-sent-manually; displayed/\r\nBcc: x",
        "manual-action/MDN-sent-manually; displayed/a,,b"}) {
    INFO(odd);
    const SentMessage sent = Answering(odd).send();
    CHECK(sent.envelope.sender == "anna@example.net");
    CHECK(sent.field("Content-Type").starts_with("text/plain"));
    CHECK(sent.count("Auto-Submitted") == 0);
  }
}

TEST_CASE("with something attached it is an ordinary message", "[disposition]") {
  Answering sending;
  sending.attach("a.txt", "x");
  const SentMessage sent = sending.send();
  CHECK(sent.envelope.sender == "anna@example.net");
  CHECK(sent.field("Content-Type").starts_with("multipart/mixed"));
}

TEST_CASE("what the file says of the message cannot add a field", "[disposition][hostile]") {
  Answering sending;
  sending.header.fields.back().value = "<a@b>\r\nX-Evil: 1";
  sending.header.add_field(ext::original_recipient, "rfc822;a@b\r\nX-Evil: 1");
  const SentMessage sent = sending.send();
  CHECK(sent.content.find("X-Evil") == std::string::npos);
  for (const char* odd : {"a@b", "rfc822;", ";a@b", "rf c;a@b"}) {
    Answering other;
    other.header.add_field(ext::original_recipient, odd);
    CHECK(other.send().content.find("Original-Recipient") == std::string::npos);
  }
}

TEST_CASE("a sender beyond ASCII is named in seven bits", "[disposition]") {
  Answering sending;
  sending.header.from = postoffice::TypedAddress::parse("CSI:NET/PO/j\xc3\xb6rg+x");
  const SentMessage sent = sending.send();
  CHECK(sent.envelope.needs_smtputf8);
  CHECK(sent.body().find("Final-Recipient: utf-8;j\\x{F6}rg\\x{2B}x@example.net\r\n") !=
        std::string::npos);
  CHECK(is_ascii(sent.body()));
  CHECK(received(sent).header.field(ext::report_recipient) ==
        "displayed - j\xc3\xb6rg+x@example.net");
}

TEST_CASE("a peer without MIME gets the text, with the null sender all the same", "[disposition]") {
  Answering sending;
  sending.settings.uuencode_domains = {"example.com"};
  const SentMessage sent = sending.send();
  CHECK(sent.envelope.sender.empty());
  CHECK(sent.body() == "Hello.\r\n");
  CHECK(sent.field("Auto-Submitted") == "auto-replied");
}

TEST_CASE("a program's own word that it wrote the message goes out with it", "[outbound]") {
  Sending sending;
  sending.header.priority = "R";
  sending.header.add_field(ext::auto_submitted, "auto-generated");
  const SentMessage sent = sending.send();
  CHECK(sent.field("Auto-Submitted") == "auto-generated");
  CHECK(sent.count("Disposition-Notification-To") == 0);
  CHECK(sent.envelope.sender == "anna@example.net");
  sending.header.fields.back().value = "No";
  CHECK(sending.send().count("Auto-Submitted") == 0);
  CHECK(sending.send().count("Disposition-Notification-To") == 1);
  sending.header.fields.back().value = "x\r\nBcc: y";
  CHECK(sending.send().count("Auto-Submitted") == 0);
}

TEST_CASE("the Message-ID and ENVID are told apart", "[outbound]") {
  Sending sending;
  sending.request.message_id = "a1";
  sending.request.envelope_id = "b+2";
  const SentMessage sent = sending.send();
  CHECK(sent.field("Message-ID") == "<a1@example.net>");
  CHECK(sent.envelope.parameters.ends_with("ENVID=b+2B2"));
  sending.request.envelope_id.clear();
  CHECK(sending.send().envelope.parameters.find("ENVID") == std::string::npos);
}

TEST_CASE("every RECEIPT-TO of a file is asked for", "[outbound]") {
  Sending sending;
  sending.header.add_field(ext::receipt_to, "Anna <anna@example.net>, b@example.com");
  sending.header.add_field(ext::receipt_to, "CSI:NET/PO/carl");
  CHECK(sending.send().field("Disposition-Notification-To") ==
        "Anna <anna@example.net>, b@example.com, carl@example.net");
}
