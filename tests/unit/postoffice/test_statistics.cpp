// Statistics: what is counted, once or in each mailbox, and what cannot be.
#include <filesystem>

#include "postoffice/statistics.h"
#include "unit/catch.h"
#include "unit/postoffice/program.h"
#include "unit/postoffice/put_test_support.h"

namespace smtpgate::postoffice {
namespace {

constexpr std::int64_t hour = 3600;

const MailboxCount& of(const Statistics& all, const std::string& name) {
  for (const MailboxCount& one : all.mailboxes) {
    if (one.name == name) return one;
  }
  FAIL("no mailbox " << name);
  return all.mailboxes.front();
}

Statistics count(const test::PostofficeFixture& fixture, std::int64_t now) {
  std::size_t calls = 0;
  auto all = count_all(fixture.open(), now, [&](std::size_t done, std::size_t total) {
    CHECK(done == calls++);
    CHECK(total == 3);
  });
  REQUIRE(all);
  return *all;
}

TEST_CASE("messages count in each mailbox, their files once") {
  test::PostofficeFixture fixture;
  for (const char* name : {"anna", "bernd"}) fixture.add_mailbox(name);
  const std::int64_t now = 1'764'000'000;
  const auto put = [&](const std::vector<std::string>& mailboxes, std::int64_t arrival,
                       const std::string& content) {
    REQUIRE(put_test::deliver(fixture.open(), mailboxes, {}, arrival, content).is_delivered());
  };
  put({"anna", "bernd"}, now - 10, std::string(100, 'x'));
  put({"anna"}, now - 2 * hour, std::string(10, 'x'));
  put({"anna"}, now - 25 * hour, std::string(1, 'x'));
  put({"bernd"}, now - 8 * 24 * hour, std::string(1000, 'x'));
  const std::string moved = test::names_in(fixture / "MBG/bernd/new").front();
  std::filesystem::rename(fixture / ("MBG/bernd/new/" + moved),
                          fixture / ("MBG/bernd/cur/" + moved));
  // Nobody's messages.
  test::write_file(fixture / "MBG/anna/new/.hidden", "xxxx");
  std::filesystem::create_directory(fixture / "MBG/anna/new/directory");
  std::filesystem::create_symlink("/etc/passwd", fixture / "MBG/anna/new/link");

  const Statistics all = count(fixture, now);
  REQUIRE(all.mailboxes.size() == 3);
  CHECK(all.mailboxes.front().name == "bernd");  // holds most
  const MailbagCount anna = of(all, "anna").count;
  CHECK(anna.messages == 3);
  CHECK(anna.unread == 3);
  CHECK(anna.octets == 111);
  CHECK(anna.last_hour == 1);
  CHECK(anna.last_day == 2);
  CHECK(anna.last_week == 3);
  CHECK(anna.newest == now - 10);
  const MailbagCount bernd = of(all, "bernd").count;
  CHECK(bernd.messages == 2);
  CHECK(bernd.unread == 1);
  CHECK(bernd.octets == 1100);
  CHECK(all.all.messages == 5);
  CHECK(all.all.octets == 1211);
  CHECK(all.files == 4);
  CHECK(all.octets_of_files == 1111);
  CHECK(of(all, "postmaster").count.newest == 0);
}

TEST_CASE("a mailbag that cannot be read is told, and the others are counted") {
  test::PostofficeFixture fixture;
  for (const char* name : {"anna", "bernd"}) fixture.add_mailbox(name);
  REQUIRE(put_test::deliver(fixture.open(), {"bernd"}, {}, 1000, "x").is_delivered());
  std::filesystem::remove_all(fixture / "MBG/anna/cur");
  const Statistics all = count(fixture, 2000);
  REQUIRE(of(all, "anna").trouble);
  CHECK(of(all, "anna").trouble->is_temporary());
  CHECK(all.all.messages == 1);
  const auto shown = test::run_program("postoffice", {"-d", fixture.path(), "stats"});
  CHECK(shown.code == 75);
  CHECK(shown.out.find("anna") != std::string::npos);
  CHECK(shown.out.find("cannot be read") != std::string::npos);
}

TEST_CASE("stats for people and for programs") {
  test::PostofficeFixture fixture;
  fixture.add_mailbox("anna");
  REQUIRE(
      put_test::deliver(fixture.open(), {"anna"}, {}, std::time(nullptr), "12345").is_delivered());
  const auto run = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"-d", fixture.path(), "stats"});
    return test::run_program("postoffice", words);
  };
  const auto text = run({"--top", "1"});
  CHECK(text.code == 0);
  CHECK(text.out.find("Postoffice  TESTNET/TESTPO, 2 mailboxes\n"
                      "Messages    1, 1 unread, 5\n"
                      "On disk     1 message files, 5\n"
                      "Arrived     1 in the last hour, 1 in 24 hours, 1 in 7 days\n"
                      "Outgoing    0 waiting, 0 held, 0 taken, 0 bad\n") == 0);
  CHECK(text.out.find("postmaster") == std::string::npos);
  CHECK(text.out.find("and 1 more\n") != std::string::npos);
  const auto json = run({"--json"});
  CHECK(json.code == 0);
  CHECK(json.out.find("\"octets_of_files\": 5") != std::string::npos);
  CHECK(json.out.find("\"oldest_waiting\": null") != std::string::npos);
}

}  // namespace
}  // namespace smtpgate::postoffice
