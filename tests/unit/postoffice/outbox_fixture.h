// A postoffice with the mailboxes anna and bernd whose outboxes are picked up, for tests of what is
// dropped there.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "postoffice/outbox.h"
#include "postoffice/outgoing.h"
#include "postoffice/put.h"
#include "unit/catch.h"
#include "unit/postoffice/mmff_test_support.h"
#include "unit/postoffice/postoffice_fixture.h"

namespace smtpgate::postoffice {

inline std::string message(const std::string& tokens, const std::string& text = "text\n",
                           const std::string& from = "CSI:TESTNET/TESTPO/anna") {
  return "VERSION:3.00\n" + tokens + "FROM:" + from + "\nTEXT:" + std::to_string(text.size()) +
         "\n" + text;
}

inline const std::string to_bernd = "TO:CSI:TESTNET/TESTPO/bernd\n";
inline const std::string to_jo = "TO:SMTP:jo@example.com\n";

struct OutboxFixture : test::PostofficeFixture {
  OutboxFixture() {
    for (const char* name : {"anna", "bernd"}) add_mailbox(name);
    test::write_file(*this / "GLB/ALIAS", "ann anna\n");
  }

  std::string outbox() const { return *this / "MBG/anna/outbox"; }
  void drop(const std::string& name, const std::string& contents) const {
    test::write_file(outbox() + "/" + name, contents);
  }

  std::function<void(const OutboxNote&)> teller() {
    return [this](const OutboxNote& note) {
      if (!note.outcome.is_delivered()) notes.push_back(note.outcome.sentence());
    };
  }
  OutboxResult pick_up(FileSystem& files = FileSystem::posix()) {
    notes.clear();
    auto result = pick_up_outbox(open(files), "anna", options, teller());
    return result ? *result : OutboxResult{};
  }
  OutboxResult resume(FileSystem& files = FileSystem::posix()) {
    auto result = resume_taken_files(open(files), options, teller());
    return result ? *result : OutboxResult{};
  }

  std::vector<std::string> in(const std::string& part) const {
    return test::names_in(*this / part);
  }
  std::vector<MessageHeader> filed(const std::string& part) const {
    std::vector<MessageHeader> headers;
    for (const std::string& name : in(part)) {
      auto all = mmff_test::read_all(test::read_file(*this / (part + "/" + name)));
      REQUIRE(all);
      REQUIRE(all->size() == 1);
      headers.push_back(all->front().header);
    }
    return headers;
  }
  /// The recipients of all that waits in SMTP, a message each.
  std::vector<std::string> waiting() const {
    std::vector<std::string> all;
    const Postoffice postoffice = open();
    const auto entries = OutgoingMail(postoffice).list();
    REQUIRE(entries);
    for (const OutgoingEntry& entry : *entries) {
      CHECK(entry.state.mailbox == "anna");
      std::string line;
      for (const auto& one : entry.state.recipients) line += one.address.str() + " ";
      all.push_back(line.empty() ? "nobody" : line.substr(0, line.size() - 1));
    }
    std::sort(all.begin(), all.end());
    return all;
  }
  /// Text of the only report in anna's mailbag.
  std::string report() const {
    const std::vector<std::string> names = in("MBG/anna/new");
    REQUIRE(names.size() == 1);
    return test::read_file(*this / ("MBG/anna/new/" + names.front()));
  }
  /// Of work in flight. Empty directories are left alone for a minute.
  bool is_nothing_left() const {
    const Postoffice postoffice = open();
    REQUIRE(clear_abandoned_work(postoffice));
    const std::string host = "P1/" + postoffice.host();
    const std::vector<std::string> names = in(host);
    return std::all_of(names.begin(), names.end(),
                       [&](const std::string& name) { return in(host + "/" + name).empty(); });
  }
  /// What a crash left half written in SMTP/ids is looked at after a minute only.
  void let_a_minute_pass() const {
    for (const std::string& name : in("SMTP/ids")) {
      if (name.front() == '.') test::set_modified(*this / ("SMTP/ids/" + name), 1'000'000'000);
    }
  }

  OutboxOptions options;
  std::vector<std::string> notes;
};

}  // namespace smtpgate::postoffice
