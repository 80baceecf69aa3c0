// The converter's way in: the content key, by which a message that comes again is known
// (docs/conversion.md).
#include <string>

#include "unit/catch.h"
#include "unit/converter/inbound_messages.h"

using namespace smtpgate::test;

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
