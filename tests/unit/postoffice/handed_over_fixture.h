// A postoffice in which one and the same message is handed over to SMTP/, with sight of what then
// lies where, for tests of the folder itself. With messages of many kinds: outgoing_fixture.h.
#pragma once

#include <ctime>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "postoffice/outgoing.h"
#include "postoffice/put.h"
#include "unit/catch.h"
#include "unit/postoffice/postoffice_fixture.h"

namespace smtpgate::postoffice {

inline const std::string key(64, 'a');
inline const std::string content = "VERSION:3.00\nTO:SMTP:bob@example.com\nFROM:A/B/c\nTEXT:2\nhi";

inline OutgoingState sample_state() {
  OutgoingState state;
  state.mailbox = "anna";
  state.created = 1'795'300'000;
  state.next_attempt = state.created;
  state.recipients.push_back(
      {TypedAddress::internet("bob@example.com"), RecipientState::waiting, {}, {}, {}});
  return state;
}

inline Outcome hand_over(const Postoffice& postoffice, std::string_view with_key = {},
                         const OutgoingState& state = sample_state()) {
  auto draft = OutgoingDraft::begin(postoffice, OutgoingContent::mmff);
  if (!draft) return draft.error();
  if (auto done = draft->content().write(content); !done) return done.error().outcome();
  return draft->hand_over(state, with_key);
}

struct OutgoingFixture : test::PostofficeFixture {
  OutgoingFixture() { add_mailbox("anna"); }

  /// Without the signs of life.
  std::vector<std::string> in_smtp() const {
    std::vector<std::string> names;
    for (const std::string& name : test::names_in(*this / "SMTP")) {
      if (name != "BAD" && name != "ids" && !name.starts_with(".alive-")) names.push_back(name);
    }
    return names;
  }
  std::vector<std::string> in_bad() const { return test::names_in(*this / "SMTP/BAD"); }
  std::vector<std::string> markers() const { return test::names_in(*this / "SMTP/ids"); }
  /// Without empty directories, which are left alone for a minute: somebody may be about to lock
  /// them.
  std::vector<std::string> in_work() const {
    std::vector<std::string> all;
    for (const std::string& host : test::names_in(*this / "P1")) {
      for (const std::string& name : test::names_in(*this / ("P1/" + host))) {
        if (!test::names_in(*this / ("P1/" + host + "/" + name)).empty()) all.push_back(name);
      }
    }
    return all;
  }
  /// Tried again after a crash: nothing that it left is waited for.
  void hand_over_again(const std::string& with_key) const {
    const Outcome again = hand_over(open(), with_key);
    INFO(again.sentence());
    CHECK(again.is_delivered());
    CHECK(in_smtp().size() == 1);
  }
  std::string only_id() const {
    const std::vector<std::string> names = in_smtp();
    REQUIRE(names.size() == 1);
    return names.front().substr(0, 32);
  }
  /// What a gateway does when it starts.
  void restart() const {
    const Postoffice postoffice = open();
    REQUIRE(clear_abandoned_work(postoffice).has_value());
    REQUIRE(OutgoingMail(postoffice).keep_alive(900).has_value());
  }
};

inline TakenMessage must_take(const Postoffice& postoffice, const std::string& id) {
  auto taken = OutgoingMail(postoffice).take(id);
  INFO((taken ? std::string() : taken.error().sentence()));
  REQUIRE(taken.has_value());
  REQUIRE(taken->has_value());
  return std::move(**taken);
}

inline OutgoingState all_sent(OutgoingState state) {
  for (OutgoingRecipient& recipient : state.recipients) recipient.state = RecipientState::sent;
  return state;
}

}  // namespace smtpgate::postoffice
