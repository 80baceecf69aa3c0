// SMTP_IN.ENV: one line a command whatever the peer sent.
#include "converter/envelope.h"
#include "unit/catch.h"

using smtpgate::converter::Envelope;
using smtpgate::converter::render_envelope;

TEST_CASE("the envelope file has all parameters and our mailbox", "[envelope]") {
  Envelope envelope;
  envelope.sender = "bob@example.com";
  envelope.sender_parameters = "SIZE=1024 BODY=8BITMIME";
  envelope.recipients.push_back(
      {"<alice@example.net>", "NOTIFY=FAILURE ORCPT=rfc822;a", {{"NET", "PO"}, "alice"}});
  envelope.recipients.push_back({"bare@example.net", "", {{"NET", "PO"}, "b are+=\xC3\xA9"}});
  CHECK(render_envelope(envelope) ==
        "MAIL FROM:<bob@example.com> SIZE=1024 BODY=8BITMIME\r\n"
        "RCPT TO:<alice@example.net> NOTIFY=FAILURE ORCPT=rfc822;a XMAILBOX=NET/PO/alice\r\n"
        "RCPT TO:<bare@example.net> XMAILBOX=NET/PO/b+20are+2B+3D+C3+A9\r\n");
}

TEST_CASE("the null return path is <>", "[envelope]") {
  CHECK(render_envelope(Envelope()) == "MAIL FROM:<>\r\n");
}

TEST_CASE("no octet of an address ends a line", "[envelope][hostile]") {
  Envelope envelope;
  envelope.sender = "a\r\nRCPT TO:<victim@example.net>";
  envelope.recipients.push_back({"<b\n>", "X=\r\nMAIL FROM:<x>", {{"N", "P"}, "m\r\nRCPT"}});
  const std::string text = render_envelope(envelope);
  CHECK(std::count(text.begin(), text.end(), '\n') == 2);
  CHECK(std::count(text.begin(), text.end(), '\r') == 2);
}
