// What the tests of the way in build their messages from, and ask of the files.
#pragma once

#include <string>
#include <vector>

#include "unit/converter/conversion_fixture.h"

namespace smtpgate::test {

inline const std::string head =
    "From: Bob <bob@example.com>\r\nTo: alice@example.net\r\nSubject: s\r\n";

inline std::string sample(const std::string& name) {
  return read_whole(std::string(SMTPGATE_TEST_DATA) + "/inbound/" + name + ".eml");
}

inline std::vector<std::string> names(const ReadMessage& message) {
  std::vector<std::string> found;
  for (const auto& attachment : message.header.attachments) found.push_back(attachment.name);
  return found;
}

}  // namespace smtpgate::test
