// The one delivery routine: outcomes per recipient, the deadline, faults, kept chains.
#include <cerrno>
#include <ctime>
#include <filesystem>

#include "fault_file_system.h"
#include "gateway_fixture.h"
#include "milter/inbound_delivery.h"
#include "milter/kept_chain.h"
#include "postoffice/mailbox_settings.h"
#include "postoffice/put.h"
#include "unit/catch.h"
#include "unit/postoffice/faulty_file_system.h"

using namespace smtpgate;
using namespace smtpgate::milter;

namespace {

constexpr std::string_view message =
    "From: Carol <carol@remote.example>\r\nTo: anna@example.com\r\nSubject: Hello\r\n"
    "Message-ID: <1@remote.example>\r\n\r\nGood day.\r\n";

converter::Envelope envelope_for(std::initializer_list<const char*> mailboxes,
                                 const char* po = "MAIN") {
  converter::Envelope envelope;
  envelope.sender = "carol@remote.example";
  envelope.queue_id = "4F3A1";
  envelope.protocol = "ESMTP";
  envelope.arrival = 1'700'000'000;
  for (const char* mailbox : mailboxes) {
    envelope.recipients.push_back(
        {"<" + std::string(mailbox) + "@example.com>", "", {{"ACME", po}, mailbox}});
  }
  return envelope;
}

std::vector<Outcome> deliver(const test::Gateway& gateway, const converter::Envelope& envelope,
                             postoffice::FileSystem& files = postoffice::FileSystem::posix(),
                             const Deadline& deadline = Deadline::in(std::chrono::seconds(60)),
                             std::string_view content = message) {
  converter::RawMessage raw(gateway.configuration->spool_place(files));
  REQUIRE(raw.feed(content));
  return deliver_inbound(*gateway.configuration, envelope, raw, deadline, Reach::beyond, files);
}

/// Passes after it was looked at `looks` times.
Deadline after_looks(int looks) {
  Deadline deadline;
  deadline.end = Clock::time_point{} + std::chrono::seconds(1);
  deadline.now = [left = std::make_shared<int>(looks)] {
    return --*left < 0 ? Clock::time_point{} + std::chrono::seconds(2) : Clock::time_point{};
  };
  return deadline;
}

std::size_t chains(const test::Gateway& gateway) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator(gateway.configuration->chain_directory())) {
    ++count;
  }
  return count;
}

}  // namespace

TEST_CASE("a message is filed once for each mailbox, as one file") {
  test::Gateway gateway;
  const auto outcomes = deliver(gateway, envelope_for({"anna", "ben"}));
  REQUIRE(outcomes.size() == 2);
  CHECK(outcomes[0].is_delivered());
  CHECK(outcomes[1].is_delivered());
  CHECK(outcomes[0].sentence().starts_with("filed as "));
  REQUIRE(gateway.filed("anna").size() == 1);
  REQUIRE(gateway.filed("ben").size() == 1);
  CHECK(std::filesystem::equivalent(gateway.filed("anna")[0], gateway.filed("ben")[0]));
  const std::string content = test::read_whole(gateway.filed("anna")[0]);
  CHECK(content.find("Good day.") != std::string::npos);
  CHECK(content.find("SUBJECT") != std::string::npos);
}

TEST_CASE("a mailbox that keeps originals has the message as it came, before it has the message") {
  test::Gateway gateway;
  const postoffice::Postoffice office = gateway.open();
  postoffice::MailboxSettings settings;
  settings.keep_original = true;
  for (const char* name : {"anna", "ben"}) {
    test::Gateway::must(postoffice::write_mailbox_settings(office, name, settings));
  }
  REQUIRE(deliver(gateway, envelope_for({"anna", "ben"}))[0].is_delivered());
  const auto original = [&](const std::string& mailbox) {
    REQUIRE(gateway.filed(mailbox).size() == 1);
    const std::string id = std::filesystem::path(gateway.filed(mailbox)[0]).filename().string();
    return office.mailbag_directory(mailbox) + "/original/" + id + ".eml";
  };
  CHECK(test::read_whole(original("anna")) == message);
  CHECK(std::filesystem::equivalent(original("anna"), original("ben")));
  // Once its message has gone, it goes with the tidying.
  const std::string path = original("anna");
  REQUIRE(postoffice::expire_markers(office, std::time(nullptr)).has_value());
  CHECK(std::filesystem::exists(path));
  std::filesystem::remove(gateway.filed("anna")[0]);
  REQUIRE(postoffice::expire_markers(office, std::time(nullptr)).has_value());
  CHECK_FALSE(std::filesystem::exists(path));
  CHECK(std::filesystem::exists(original("ben")));
}

TEST_CASE("an original that cannot be kept keeps the message from being filed, until it can") {
  for (int n = 0;; ++n) {
    INFO("operation " << n);
    REQUIRE(n < 200);
    test::Gateway gateway;
    postoffice::MailboxSettings settings;
    settings.keep_original = true;
    test::Gateway::must(postoffice::write_mailbox_settings(gateway.open(), "anna", settings));
    postoffice::FaultyFileSystem files;
    files.fail_at(static_cast<std::uint64_t>(n), EIO);
    const Outcome outcome = deliver(gateway, envelope_for({"anna"}), files)[0];
    const bool is_over = files.faults() == 0;
    const std::string originals = gateway.folder() + "/MBG/anna/original";
    if (!gateway.filed("anna").empty()) {
      CHECK(std::distance(std::filesystem::directory_iterator(originals), {}) == 1);
    }
    if (!outcome.is_delivered()) {
      CHECK(outcome.is_temporary());
      CHECK(deliver(gateway, envelope_for({"anna"}))[0].is_delivered());
    }
    CHECK(gateway.filed("anna").size() == 1);
    CHECK(std::distance(std::filesystem::directory_iterator(originals), {}) == 1);
    if (is_over) break;
  }
}

TEST_CASE("two recipients of one mailbox share one filing and its outcome") {
  test::Gateway gateway;
  const auto outcomes = deliver(gateway, envelope_for({"anna", "ben", "anna"}));
  REQUIRE(outcomes.size() == 3);
  CHECK(outcomes[0].sentence() == outcomes[2].sentence());
  CHECK(outcomes[2].sentence().starts_with("filed as "));
  CHECK(gateway.filed("anna").size() == 1);
}

TEST_CASE("the same message again is a duplicate, and delivered") {
  test::Gateway gateway;
  REQUIRE(deliver(gateway, envelope_for({"anna"}))[0].is_delivered());
  const auto again = deliver(gateway, envelope_for({"anna", "ben"}));
  CHECK(again[0].is_delivered());
  CHECK(again[0].sentence().starts_with("duplicate of "));
  CHECK(again[1].sentence().starts_with("filed as "));
  CHECK(gateway.filed("anna").size() == 1);
}

TEST_CASE("a postoffice that is gone or not served is temporary for its recipients only") {
  test::Gateway gateway;
  converter::Envelope envelope = envelope_for({"anna"});
  envelope.recipients.push_back({"<x@lost.example>", "", {{"ACME", "LOST"}, "x"}});
  envelope.recipients.push_back({"<x@other.example>", "", {{"ACME", "OTHER"}, "x"}});
  const auto outcomes = deliver(gateway, envelope);
  CHECK(outcomes[0].is_delivered());
  CHECK(outcomes[1].is_temporary());
  CHECK(outcomes[2].is_temporary());
  CHECK(outcomes[2].status() == "4.3.5");
}

TEST_CASE("a mailbox that vanished is not delivered, the others are") {
  test::Gateway gateway;
  const auto outcomes = deliver(gateway, envelope_for({"gone", "ben"}));
  CHECK_FALSE(outcomes[0].is_delivered());
  CHECK(outcomes[1].is_delivered());
}

TEST_CASE("what is not begun by the deadline is temporary, what is filed by then stays delivered") {
  // Looked at before the conversion, before sealing, and before each mailbox.
  for (int looks = 0; looks <= 4; ++looks) {
    INFO("passes after " << looks << " looks");
    test::Gateway gateway;
    const auto outcomes = deliver(gateway, envelope_for({"anna", "ben"}),
                                  postoffice::FileSystem::posix(), after_looks(looks));
    CHECK(outcomes[0].is_delivered() == (looks >= 3));
    CHECK(outcomes[1].is_delivered() == (looks >= 4));
    CHECK(gateway.filed("anna").size() == (looks >= 3 ? 1 : 0));
    CHECK(gateway.filed("ben").size() == (looks >= 4 ? 1 : 0));
    for (const Outcome& outcome : outcomes) {
      if (outcome.is_delivered()) continue;
      CHECK(outcome.is_temporary());
      CHECK(outcome.status() == "4.4.7");
    }
  }
}

TEST_CASE("the deadline passing among many mailboxes: what was begun is filed, and no more") {
  constexpr int many = 70;
  test::Gateway gateway;
  const postoffice::Postoffice office = gateway.open();
  converter::Envelope envelope = envelope_for({});
  for (int i = 0; i < many; ++i) {
    // In the order of their names, which is that of the filing.
    const std::string mailbox = "box" + std::to_string(100 + i);
    test::Gateway::must(office.add_mailbox(mailbox));
    envelope.recipients.push_back(
        {"<" + mailbox + "@example.com>", "", {{"ACME", "MAIN"}, mailbox}});
  }
  const int begun = GENERATE(1, 63, 64, 65, 69);
  const auto outcomes =
      deliver(gateway, envelope, postoffice::FileSystem::posix(), after_looks(2 + begun));
  for (int i = 0; i < many; ++i) {
    const auto place = static_cast<std::size_t>(i);
    INFO(outcomes[place].sentence());
    CHECK(outcomes[place].is_delivered() == (i < begun));
    if (i >= begun) CHECK(outcomes[place].status() == "4.4.7");
    const std::string bag = office.mailbag_directory("box" + std::to_string(100 + i));
    CHECK(std::filesystem::is_empty(bag + "/ids") == (i >= begun));
  }
  for (const Outcome& outcome : deliver(gateway, envelope)) CHECK(outcome.is_delivered());
  CHECK(gateway.filed("box100").size() == 1);
  CHECK(gateway.filed("box169").size() == 1);
}

TEST_CASE("a failure at any disk operation is temporary, and a retry files everything once") {
  std::size_t operations = 0;
  {
    test::Gateway gateway;
    test::FaultFileSystem files;
    files.fault = [&](const std::string&, const std::string&) {
      ++operations;
      return 0;
    };
    for (const Outcome& outcome : deliver(gateway, envelope_for({"anna", "ben"}), files)) {
      REQUIRE(outcome.is_delivered());
    }
  }
  REQUIRE(operations > 10);
  for (std::size_t failing = 0; failing < operations; ++failing) {
    INFO("operation " << failing);
    test::Gateway gateway;
    test::FaultFileSystem files;
    std::size_t at = 0;
    files.fault = [&](const std::string&, const std::string&) {
      return at++ == failing ? ENOSPC : 0;
    };
    const auto outcomes = deliver(gateway, envelope_for({"anna", "ben"}), files);
    const char* boxes[] = {"anna", "ben"};
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      CHECK_FALSE(outcomes[i].is_permanent());
      if (outcomes[i].is_delivered()) CHECK(gateway.filed(boxes[i]).size() == 1);
    }
    for (const Outcome& outcome : deliver(gateway, envelope_for({"anna", "ben"}))) {
      CHECK(outcome.is_delivered());
    }
    CHECK(gateway.filed("anna").size() == 1);
    CHECK(gateway.filed("ben").size() == 1);
  }
}

TEST_CASE("an exception becomes temporary at the edge") {
  test::Gateway gateway;
  test::FaultFileSystem files;
  files.fault = [](const std::string& operation, const std::string& path) -> int {
    if (operation == "link" && path.find("/ben/") != std::string::npos) throw std::bad_alloc();
    return 0;
  };
  const auto outcomes = deliver(gateway, envelope_for({"anna", "ben"}), files);
  CHECK(outcomes[0].is_delivered());
  CHECK(outcomes[1].is_temporary());
  CHECK(outcomes[1].status() == "4.3.0");
  CHECK(outcomes[1].sentence().find("out of memory") != std::string::npos);
}

TEST_CASE("the chain is kept for what failed, once, and complete") {
  test::Gateway gateway;
  deliver(gateway, envelope_for({"anna"}));
  CHECK(chains(gateway) == 0);
  for (int retry = 0; retry < 3; ++retry) deliver(gateway, envelope_for({"gone"}));
  REQUIRE(chains(gateway) == 1);
  const auto kept = std::filesystem::directory_iterator(gateway.configuration->chain_directory())
                        ->path()
                        .string();
  for (const char* name : {"SMTP_IN.ENV", "SMTP_IN.822", "API_OUT.TMP", "TO_NC.API"}) {
    INFO(name);
    CHECK(std::filesystem::file_size(kept + "/" + name) > 0);
  }
  const std::string raw = test::read_whole(kept + "/SMTP_IN.822");
  CHECK(raw.starts_with("Return-Path: <carol@remote.example>\r\n"));
  CHECK(raw.ends_with(std::string(message)));
}

TEST_CASE("the chain is kept never or always when it is so wished") {
  test::Gateway never("keep_chain = \"never\"");
  deliver(never, envelope_for({"gone"}));
  CHECK(chains(never) == 0);
  test::Gateway always("keep_chain = \"always\"");
  deliver(always, envelope_for({"anna"}));
  deliver(always, envelope_for({"anna"}));
  CHECK(chains(always) == 1);
}

TEST_CASE("what a dead process left of a chain is removed once it is old") {
  test::Gateway gateway;
  const std::string fresh = gateway.configuration->chain_directory() + "/.incomplete-1";
  const std::string old = gateway.configuration->chain_directory() + "/.incomplete-2";
  for (const std::string& directory : {fresh, old}) {
    std::filesystem::create_directory(directory);
    test::write_whole(directory + "/SMTP_IN.ENV", "x");
  }
  std::filesystem::last_write_time(
      old, std::filesystem::file_time_type::clock::now() - std::chrono::hours(2));
  CHECK(clear_incomplete_chains(*gateway.configuration, postoffice::FileSystem::posix()) == 1);
  CHECK(std::filesystem::exists(fresh));
  CHECK_FALSE(std::filesystem::exists(old));
}

TEST_CASE("a work directory that is not there is temporary") {
  test::Gateway gateway;
  std::filesystem::remove_all(gateway.work());
  const Outcome outcome = prepare_work_directory(*gateway.configuration);
  CHECK(outcome.is_temporary());
}
