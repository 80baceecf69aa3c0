// The messages; see the header.
#include "tests/crash/scenario_parts.h"

#include <utility>

namespace smtpgate::crash {

namespace {

std::string headers(const std::string& subject) {
  return "From: Carol <carol@remote.example>\r\nTo: somebody@example.com\r\nSubject: " + subject +
         "\r\nDate: Sat, 21 Nov 2026 10:00:00 +0100\r\nMessage-ID: <" + subject +
         "@remote.example>\r\n";
}

}  // namespace

std::string text_message(const std::string& subject) {
  return headers(subject) + "\r\nGood day.\r\n.\r\nA line, and a dot before it.\r\n";
}

std::string message_with_request(const std::string& subject) {
  return "Disposition-Notification-To: carol@remote.example\r\n" + text_message(subject);
}

std::string message_with_attachments(const std::string& subject, std::size_t lines) {
  std::string part;
  for (std::size_t i = 0; i < lines; ++i) {
    part += "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0NTY3\r\n";
  }
  return headers(subject) +
         "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b\"\r\n\r\n"
         "--b\r\n\r\nThe text.\r\n"
         "--b\r\nContent-Type: application/octet-stream; name=\"order.bin\"\r\n"
         "Content-Transfer-Encoding: base64\r\n\r\n" +
         part +
         "\r\n--b\r\nContent-Type: image/png; name=\"scan.png\"\r\n"
         "Content-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--b--\r\n";
}

InboundMail to(std::vector<std::string> recipients, std::string content, bool by_door_1) {
  return {std::move(content), "carol@remote.example", std::move(recipients), by_door_1};
}

std::string file_to(const std::string& recipients, const std::string& subject,
                    const std::string& from) {
  return "VERSION:3.00\n" + recipients + "FROM:" + from +
         "\nDATE:2026-11-21\nTIME:10:00\nSUBJECT:" + subject + "\nTEXT:12\nthe message\n";
}

}  // namespace smtpgate::crash
