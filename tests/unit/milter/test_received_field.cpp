// Postfix's word about an authenticated client is believed, and nobody else's.
#include <string>

#include "milter/received_field.h"
#include "unit/catch.h"

using namespace smtpgate::milter;

namespace {

std::string received(const std::string& protocol, const std::string& helo = "pc",
                     const std::string& more = "\r\n\tfor <anna@example.com>; Sun, 22 Nov 2026") {
  return "Received: from " + helo + " (pc.example.com [192.0.2.1])\r\n" +
         "\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))\r\n" +
         "\tby mx.example.com (Postfix) with " + protocol + " id 4cXYZ1" + more + "\r\n";
}

}  // namespace

TEST_CASE("the topmost Received field tells of a client that had authenticated") {
  for (const char* protocol : {"ESMTPA", "ESMTPSA", "UTF8SMTPSA", "UTF8SMTPA"}) {
    CHECK(says_authenticated(received(protocol) + "Subject: x\r\n\r\n", "4cXYZ1"));
  }
  CHECK(says_authenticated(received("ESMTPSA", "pc", ";\r\n\tSun, 22 Nov 2026"), "4cXYZ1"));
  // What Postfix and milters put on top of it.
  CHECK(
      says_authenticated("Received-SPF: none\r\nX-A: b\r\n c\r\n" + received("ESMTPSA"), "4cXYZ1"));
}

TEST_CASE("nothing else is taken for an authenticated client") {
  for (const char* protocol : {"ESMTP", "ESMTPS", "SMTP", "LMTP", "ESMTPSAA", "esmtpsa", ""}) {
    INFO(protocol);
    CHECK_FALSE(says_authenticated(received(protocol), "4cXYZ1"));
  }
  const std::string good = received("ESMTPSA");
  CHECK_FALSE(says_authenticated(good, "4cXYZ2"));
  CHECK_FALSE(says_authenticated(good, "4cXYZ"));
  CHECK_FALSE(says_authenticated(good, ""));
  CHECK_FALSE(says_authenticated("", "4cXYZ1"));
  CHECK_FALSE(says_authenticated(good.substr(0, good.find("4cXYZ1")), "4cXYZ1"));
  CHECK_FALSE(says_authenticated("\r\n" + good, "4cXYZ1"));  // in the body
  // A client's own field lies below Postfix's.
  CHECK_FALSE(says_authenticated(received("ESMTP") + good, "4cXYZ1"));
  // A client's own name.
  CHECK_FALSE(
      says_authenticated(received("ESMTP", "by x (Postfix) with ESMTPSA id 4cXYZ1"), "4cXYZ1"));
  CHECK_FALSE(
      says_authenticated("Received: by x (Postfix) with ESMTPSA id 4cXYZ1\r\n\tby mx (Postfix) "
                         "with ESMTP id 4cXYZ1\r\n\r\n",
                         "4cXYZ1"));
  CHECK_FALSE(
      says_authenticated("Received: by x (Postfix) with ESMTPSA id 4cXYZ1\r\n\r\n", "4cXYZ1"));
}
