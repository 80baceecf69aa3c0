// `postoffice queue` as an administrator meets it.
#include <ctime>

#include <nlohmann/json.hpp>

#include "unit/catch.h"
#include "unit/postoffice/outgoing_fixture.h"
#include "unit/postoffice/program.h"

namespace smtpgate::postoffice {
namespace {

using Words = std::vector<std::string>;

struct QueueFixture : test::OutgoingMailFixture {
  test::ProgramResult queue(Words words) const {
    words.insert(words.begin(), {"-d", path(), "queue"});
    return test::run_program("postoffice", words);
  }
};

bool has(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

TEST_CASE("the queue is listed with who waits, when, and the last answer") {
  QueueFixture fixture;
  CHECK(fixture.queue({"list"}).out == "no outgoing mail\n");
  OutgoingState state =
      QueueFixture::state_for({"SMTP:bob@example.com", "SMTP:c@example.com", "SMTP:d@example.com"});
  state.created = std::time(nullptr) - 7200;
  state.next_attempt = std::time(nullptr) + 1000;
  state.attempts = 4;
  state.recipients[0].reason = "451 \x1b[2J later";
  state.recipients[1].state = RecipientState::sent;
  state.recipients[1].queue_id = "4XYZ";
  const std::string id = fixture.hand_over(state, QueueFixture::mmff("TO:SMTP:bob@example.com\n"));
  const auto list = fixture.queue({"list"});
  CHECK(list.code == 0);
  CHECK(
      has(list.out, "ID        Age  Size  From  Waiting  Sent  Failed  Next       Last reason\n"));
  CHECK(has(list.out, id.substr(0, 8) + "  2 h   "));
  CHECK(has(list.out, "  anna        2     1       0  in 16 min  451 \\x1B[2J later\n1 message\n"));
  CHECK_FALSE(has(list.out, "\x1b"));

  const auto json = nlohmann::json::parse(fixture.queue({"list", "--json"}).out);
  REQUIRE(json["messages"].size() == 1);
  CHECK(json["messages"][0]["id"] == id);
  CHECK(json["messages"][0]["status"] == "waiting");
  CHECK(json["messages"][0]["sender"].is_null());
  CHECK(json["messages"][0]["recipients"][1]["queue_id"] == "4XYZ");

  const auto show = fixture.queue({"show", id.substr(0, 14), "--message"});
  CHECK(show.code == 0);
  CHECK(has(show.out, "Message    " + id + "\n"));
  CHECK(has(show.out, "SMTP:c@example.com    sent"));
  CHECK(has(show.out, "hello\n"));
  CHECK(nlohmann::json::parse(fixture.queue({"show", id, "--json"}).out)["attempts"] == 4);
  CHECK(fixture.queue({"show", "ffff"}).code == 65);
  CHECK(fixture.queue({"show"}).code == 64);
  CHECK(fixture.in_smtp() == Words{id});
}

TEST_CASE("messages are held, released, retried, returned and deleted, one or all") {
  QueueFixture fixture;
  const std::string one = fixture.hand_over_one();
  const std::string two = fixture.hand_over_one();
  const std::string three = fixture.hand_over_one();
  CHECK(fixture.queue({"hold", one, two}).code == 0);
  CHECK(nlohmann::json::parse(fixture.queue({"list", "--json"}).out)["messages"][1]["status"] ==
        "held");
  CHECK(has(fixture.queue({"release", "--all"}).out, "message " + three + " is released\n"));
  CHECK(fixture.queue({"retry", one}).code == 0);
  CHECK(fixture.queue({"retry"}).code == 64);
  CHECK(fixture.queue({"retry", one, "--all"}).code == 64);
  CHECK(fixture.queue({"delete", one, "ffff"}).code == 65);
  CHECK(fixture.in_smtp().size() == 3);
  CHECK(fixture.queue({"delete", one}).out == "message " + one + " is deleted\n");
  CHECK(fixture.reports().empty());
  const auto returned = fixture.queue({"return", two});
  INFO(returned.err);
  CHECK(returned.code == 0);
  CHECK(has(returned.out, "message " + two + " is returned: report filed as "));
  CHECK(has(fixture.only_report(), "\nIt was returned by the administrator of this postoffice.\n"));
  CHECK(fixture.in_smtp() == Words{three});
}

TEST_CASE("what lies in BAD is listed, retried and returned; what a dead host had is adopted") {
  QueueFixture fixture;
  const Postoffice postoffice = fixture.open();
  const std::string id = fixture.hand_over_one();
  const auto set_aside = [&] {
    auto taken = OutgoingMail(postoffice).take(id);
    REQUIRE((taken && *taken));
    REQUIRE((*taken)->set_aside((*taken)->state(), "it cannot be converted").is_delivered());
  };
  set_aside();
  CHECK(has(fixture.queue({"list"}).out, "  BAD   it cannot be converted\n"));
  CHECK(fixture.queue({"hold", id}).code == 65);
  CHECK(fixture.queue({"retry", id}).code == 0);
  set_aside();
  CHECK(fixture.queue({"return", id}).code == 0);
  CHECK(fixture.reports().size() == 1);
  CHECK(test::names_in(fixture / "SMTP/BAD").empty());

  const std::string other = fixture.hand_over_one();
  std::filesystem::rename(fixture / ("SMTP/" + other), fixture / ("SMTP/" + other + ".mx2"));
  CHECK(has(fixture.queue({"list"}).out, "  at mx2"));
  CHECK(fixture.queue({"delete", other}).code == 65);
  CHECK(fixture.queue({"adopt", "mx2"}).out == "1 message of host mx2 adopted\n");
  CHECK(fixture.in_smtp() == Words{other});
}

}  // namespace
}  // namespace smtpgate::postoffice
