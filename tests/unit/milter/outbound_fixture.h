// A gateway with messages that wait in SMTP/ or lie in outboxes, for tests of the parts of the way
// out; and waiting for what their threads do.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include "milter/outbound_surroundings.h"
#include "postoffice/outgoing.h"
#include "unit/catch.h"
#include "unit/milter/gateway_fixture.h"

namespace smtpgate::test {

/// Looks again and again until `is_so`; false after a time that no machine needs.
inline bool wait_until(const std::function<bool()>& is_so) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!is_so()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

struct OutboundGateway : Gateway {
  using Gateway::Gateway;

  milter::OutboundSurroundings surroundings(
      postoffice::FileSystem& files = postoffice::FileSystem::posix()) {
    return {.configuration = [this] { return configuration; }, .log = &log, .files = &files};
  }

  static std::string mmff(const std::string& recipient, const std::string& from = "anna") {
    return "VERSION:3.00\nTO:" + recipient + "\nFROM:CSI:ACME/MAIN/" + from + "\nTEXT:3\nhi\n";
  }
  std::string outbox(const std::string& mailbox) const {
    return open().mailbag_directory(mailbox) + "/outbox";
  }
  /// To bob@example.net.
  std::string hand_over_one() const {
    const postoffice::Postoffice office = open();
    auto draft = postoffice::OutgoingDraft::begin(office, postoffice::OutgoingContent::mmff);
    REQUIRE(draft);
    REQUIRE(draft->content().write(mmff("SMTP:bob@example.net")));
    postoffice::OutgoingState state;
    state.mailbox = "anna";
    state.created = milter::OutboundSurroundings::wall_clock();
    postoffice::OutgoingRecipient bob;
    bob.address = postoffice::TypedAddress::parse("SMTP:bob@example.net");
    state.recipients.push_back(bob);
    must(draft->hand_over(state));
    return draft->id();
  }
};

}  // namespace smtpgate::test
