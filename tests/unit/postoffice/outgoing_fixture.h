// A postoffice with mailbox anna and messages that wait in SMTP/, for tests of what is done with
// them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "postoffice/outgoing.h"
#include "unit/postoffice/postoffice_fixture.h"

namespace smtpgate::test {

class OutgoingMailFixture : public PostofficeFixture {
 public:
  explicit OutgoingMailFixture(postoffice::PostofficeSettings settings = default_settings())
      : PostofficeFixture(std::move(settings)) {
    add_mailbox("anna");
  }

  static postoffice::OutgoingState state_for(const std::vector<std::string>& addresses) {
    postoffice::OutgoingState state;
    state.mailbox = "anna";
    state.created = 1'795'300'000;
    state.next_attempt = state.created;
    for (const std::string& address : addresses) {
      postoffice::OutgoingRecipient recipient;
      recipient.address = postoffice::TypedAddress::parse(address);
      state.recipients.push_back(std::move(recipient));
    }
    return state;
  }

  /// A message in LF form.
  static std::string mmff(const std::string& recipients, const std::string& text = "hello\n") {
    return "VERSION:3.00\n" + recipients + "FROM:CSI:TESTNET/TESTPO/anna\nDATE:2026-11-21\n" +
           "TIME:20:31\nSUBJECT:Plan\nTEXT:" + std::to_string(text.size()) + "\n" + text;
  }

  std::string hand_over(const postoffice::OutgoingState& state, const std::string& content,
                        postoffice::OutgoingContent kind = postoffice::OutgoingContent::mmff) {
    auto draft = postoffice::OutgoingDraft::begin(open(), kind);
    REQUIRE(draft.has_value());
    REQUIRE(draft->content().write(content).has_value());
    const std::string id = draft->id();
    const Outcome handed = draft->hand_over(state);
    INFO(handed.sentence());
    REQUIRE(handed.is_delivered());
    return id;
  }
  /// To bob@example.com.
  std::string hand_over_one() {
    return hand_over(state_for({"SMTP:bob@example.com"}), mmff("TO:SMTP:bob@example.com\n"));
  }

  std::vector<std::string> in_smtp() const {
    std::vector<std::string> names;
    for (const std::string& name : names_in(*this / "SMTP")) {
      if (name != "BAD" && name != "ids" && name.front() != '.') names.push_back(name);
    }
    return names;
  }
  std::vector<std::string> reports(const std::string& mailbox = "anna") const {
    return names_in(*this / ("MBG/" + mailbox + "/new"));
  }
  std::string only_report(const std::string& mailbox = "anna") const {
    const auto names = reports(mailbox);
    REQUIRE(names.size() == 1);
    return read_file(*this / ("MBG/" + mailbox + "/new/" + names.front()));
  }
};

}  // namespace smtpgate::test
