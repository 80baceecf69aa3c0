// What people do with outgoing mail: list, hold, release, retry, delete, and what lies in BAD.
#include <cerrno>
#include <ctime>
#include <filesystem>

#include "unit/postoffice/faulty_file_system.h"
#include "unit/postoffice/handed_over_fixture.h"

namespace smtpgate::postoffice {
namespace {

using Names = std::vector<std::string>;

TEST_CASE("BAD keeps what was set aside, with the reason, until it is retried or deleted") {
  OutgoingFixture fixture;
  const Postoffice postoffice = fixture.open();
  const OutgoingMail mail(postoffice);
  REQUIRE(hand_over(postoffice).is_delivered());
  const std::string id = fixture.only_id();
  {
    TakenMessage taken = must_take(postoffice, id);
    REQUIRE(taken.set_aside(taken.state(), "cannot be converted").is_delivered());
  }
  CHECK(fixture.in_smtp().empty());
  CHECK(fixture.in_bad() == Names{id});
  const auto entry = mail.find(id.substr(0, 10));
  REQUIRE(entry.has_value());
  CHECK(entry->is_bad);
  CHECK(entry->state.reason == "cannot be converted");
  CHECK(mail.waiting()->empty());
  CHECK(mail.hold(id, true).is_permanent());
  CHECK_FALSE(mail.take(id)->has_value());

  SECTION("retried") {
    CHECK(mail.retry(id).is_delivered());
    CHECK(fixture.in_bad().empty());
    CHECK(must_take(postoffice, id).state().reason.empty());
  }
  SECTION("deleted") {
    CHECK(mail.remove(id).is_delivered());
    CHECK(fixture.in_bad().empty());
    CHECK(mail.remove(id).is_permanent());
  }
  SECTION("taken out of it by who reports and finishes it") {
    auto taken = mail.take_bad(id);
    REQUIRE((taken && *taken));
    CHECK((*taken)->finish(all_sent((*taken)->state())).is_delivered());
    CHECK(fixture.in_bad().empty());
  }
  SECTION("looked at and given back, it stays") {
    {
      CHECK(mail.take_bad(id)->has_value());
    }
    CHECK(fixture.in_bad() == Names{id});
  }
}

TEST_CASE("commands hold, release, retry and delete what nobody has") {
  OutgoingFixture fixture;
  const Postoffice postoffice = fixture.open();
  const OutgoingMail mail(postoffice);
  OutgoingState later = sample_state();
  later.next_attempt = std::time(nullptr) + 10'000;
  REQUIRE(hand_over(postoffice, {}, later).is_delivered());
  const std::string id = fixture.only_id();
  CHECK(mail.hold(id, true).sentence() == "message " + id + " is held");
  CHECK(mail.find(id)->state.held);
  CHECK(mail.retry(id).sentence().find("once it is released") != std::string::npos);
  CHECK(mail.find(id)->state.next_attempt <= std::time(nullptr));
  CHECK(mail.hold(id, false).is_delivered());
  CHECK_FALSE(mail.find(id)->state.held);
  {
    const TakenMessage taken = must_take(postoffice, id);
    CHECK(mail.remove(id).is_permanent());
    CHECK(mail.hold(id, true).is_permanent());
    CHECK(mail.retry(id).is_permanent());
  }
  // Whoever watches the folder hears of each, after the message is free again.
  FaultyFileSystem watched;
  const Postoffice heard = fixture.open(watched);
  REQUIRE(OutgoingMail(heard).retry(id).is_delivered());
  Names order;
  for (const Operation& operation : watched.operations()) {
    if (operation.name == "rename" && operation.to.ends_with(id)) order.push_back("free");
    if (operation.name == "create" && operation.path.find("/.look") != std::string::npos) {
      order.push_back(operation.path.substr(operation.path.rfind('/') + 1));
    }
  }
  CHECK(order == Names{"free", ".look-" + id});
  CHECK(attention_id(".look-" + id) == id);
  for (const std::string& none : {std::string(".look"), ".look-" + id + "0", ".look_" + id, id}) {
    CHECK(attention_id(none).empty());
  }
  CHECK(mail.remove(id).is_delivered());
  CHECK(fixture.in_smtp().empty());
  for (const std::string& none : {id, std::string("../x"), std::string()}) {
    CHECK(mail.remove(none).is_permanent());
    CHECK(mail.hold(none, true).is_permanent());
    CHECK(mail.find(none).error().is_permanent());
  }
}

TEST_CASE("listing leaves nothing out, not even what cannot be read") {
  OutgoingFixture fixture;
  const Postoffice postoffice = fixture.open();
  const OutgoingMail mail(postoffice);
  for (int i = 0; i < 4; ++i) REQUIRE(hand_over(postoffice).is_delivered());
  const Names ids = fixture.in_smtp();
  test::write_file(fixture / ("SMTP/" + ids[1] + "/STATE.json"), "{\"version\": 2}");
  std::filesystem::remove(fixture / ("SMTP/" + ids[2] + "/FROM_NC.API"));
  std::filesystem::rename(fixture / ("SMTP/" + ids[3]), fixture / ("SMTP/" + ids[3] + ".other"));
  std::filesystem::create_directory(fixture / "SMTP/no-id");
  const auto list = mail.list();
  REQUIRE(list.has_value());
  REQUIRE(list->size() == 4);
  CHECK((*list)[0].size == content.size());
  CHECK((*list)[0].state.reason.empty());
  CHECK((*list)[1].state.id == ids[1]);
  CHECK((*list)[1].state.reason.find("newer smtpgate") != std::string::npos);
  CHECK((*list)[2].state.reason.find("FROM_NC.API") != std::string::npos);
  CHECK((*list)[3].host == "other");
  CHECK(mail.look(ids[3]).value()->host == "other");
  CHECK_FALSE(mail.look(std::string(32, '0'))->has_value());
  // It is given back, and can be deleted all the same.
  CHECK(mail.take(ids[1]).error().is_temporary());
  CHECK(mail.waiting().value() == Names{ids[0], ids[1], ids[2]});
  CHECK(mail.remove(ids[1]).is_delivered());
  CHECK(mail.find(ids[0].substr(0, 2)).error().is_permanent());
}

TEST_CASE("a half removed message is removed for good, and what a dead command left") {
  OutgoingFixture fixture;
  std::filesystem::create_directories(fixture / ("SMTP/.gone-" + std::string(32, '1')));
  test::write_file(fixture / ("SMTP/.gone-" + std::string(32, '1') + "/STATE.json"), "x");
  test::write_file(fixture / ("SMTP/.look-" + std::string(32, '1')), "");
  CHECK(OutgoingMail(fixture.open()).list()->empty());
  CHECK(OutgoingMail(fixture.open()).keep_alive(900).value() == 0);
  CHECK(fixture.in_smtp().empty());
}

TEST_CASE("nothing is cleared of a removed message while a power cut could bring it back") {
  OutgoingFixture fixture;
  const std::string state = fixture / ("SMTP/.gone-" + std::string(32, '1') + "/STATE.json");
  std::filesystem::create_directories(std::filesystem::path(state).parent_path());
  test::write_file(state, "x");
  FaultyFileSystem faulty;
  faulty.fail_if(
      [](const Operation& operation) {
        return operation.name == "sync_directory" && operation.path.ends_with("/SMTP");
      },
      EIO);
  CHECK(OutgoingMail(fixture.open(faulty)).keep_alive(900).error().is_temporary());
  CHECK(std::filesystem::exists(state));
  CHECK(OutgoingMail(fixture.open()).keep_alive(900).has_value());
  CHECK_FALSE(std::filesystem::exists(state));
}

}  // namespace
}  // namespace smtpgate::postoffice
