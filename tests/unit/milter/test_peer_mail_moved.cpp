// A message from a peer that is tried again after one of its recipients has moved to another
// postoffice: everybody has it once. The same of an outbox: test_outbox_moved.cpp.
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <string>

#include "postoffice/mailbox_move.h"
#include "unit/catch.h"
#include "unit/milter/peer_fixture.h"

namespace smtpgate::test {
namespace {

/// anna writes to carl and dora. The first try reaches one of them; carl moves to a third
/// postoffice before the next.
struct Moving {
  Moving() {
    Gateway::must(main.open().add_mailbox("anna"));
    Gateway::must(branch.open().add_mailbox("carl"));
    Gateway::must(branch.open().add_mailbox("dora"));
    hand_over(
        main,
        "VERSION:3.00\nTO:CSI:ACME/BRANCH/carl\nTO:CSI:ACME/BRANCH/dora\n"
        "FROM:CSI:ACME/MAIN/anna\nDATE:2026-11-21\nTIME:22:00\nSUBJECT:Offer\nTEXT:6\nhello\n",
        {"CSI:ACME/BRANCH/carl", "CSI:ACME/BRANCH/dora"});
    const auto submitted = submit_all(main);
    REQUIRE(submitted.size() == 1);
    mail = submitted.front();
  }

  Outcome try_while_broken(const std::string& part_of_path) {
    FaultFileSystem files;
    files.fault = [&](const std::string&, const std::string& path) {
      return path.find(part_of_path) != std::string::npos ? EIO : 0;
    };
    return take_in(branch, mail, std::time(nullptr), files);
  }
  void move_carl() {
    REQUIRE(postoffice::move_mailbox(branch.open(), annex.open(), "carl"));
    REQUIRE(branch.filed("carl").empty());
  }
  /// Whom messages wait for to go on beyond the branch.
  std::vector<std::string> going_on() const {
    const postoffice::Postoffice office = branch.open();
    std::vector<std::string> all;
    const auto entries = postoffice::OutgoingMail(office).list();
    REQUIRE(entries);
    for (const auto& entry : *entries) {
      for (const auto& one : entry.state.recipients) all.push_back(one.address.str());
    }
    return all;
  }

  Site main{main_names};
  Site branch{branch_names};
  Site annex{{"ACME/ANNEX", "annex.test", "ACME/MAIN", "main.test"}};
  Submitted mail;
};

TEST_CASE("who got it from a peer before he moved does not get it again when it is tried again") {
  Moving sites;
  REQUIRE(sites.try_while_broken("/MBG/dora/new").is_temporary());
  REQUIRE(sites.branch.filed("carl").size() == 1);
  sites.move_carl();
  const Outcome again = take_in(sites.branch, sites.mail);
  INFO(again.sentence());
  CHECK(again.is_delivered());
  CHECK(sites.branch.filed("dora").size() == 1);
  CHECK(sites.annex.filed("carl").size() == 1);
  CHECK(sites.going_on().empty());
}

TEST_CASE("who did not get it from a peer before he moved gets it by his forward, once") {
  Moving sites;
  REQUIRE(sites.try_while_broken("/MBG/carl/new").is_temporary());
  REQUIRE(sites.branch.filed("dora").size() == 1);
  sites.move_carl();
  for (int round = 0; round < 2; ++round) {
    const Outcome again = take_in(sites.branch, sites.mail);
    INFO(again.sentence());
    CHECK(again.is_delivered());
    CHECK(sites.branch.filed("dora").size() == 1);
    CHECK(sites.going_on() == std::vector<std::string>{"CSI:ACME/ANNEX/carl"});
  }
}

TEST_CASE("mail of a peer waits where a disk does not say whether he got it before he moved") {
  Moving sites;
  REQUIRE(sites.try_while_broken("/MBG/dora/new").is_temporary());
  sites.move_carl();
  CHECK(sites.try_while_broken("/MBG/carl/ids/").is_temporary());
  CHECK(sites.going_on().empty());
  CHECK(take_in(sites.branch, sites.mail).is_delivered());
  CHECK(sites.branch.filed("dora").size() == 1);
  CHECK(sites.annex.filed("carl").size() == 1);
  CHECK(sites.going_on().empty());
}

}  // namespace
}  // namespace smtpgate::test
