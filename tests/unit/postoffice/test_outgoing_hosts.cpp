// Outgoing mail and several hosts: signs of life, leases, and each message in one pair of hands.
#include <algorithm>
#include <ctime>
#include <filesystem>

#include <sys/wait.h>
#include <unistd.h>

#include "unit/postoffice/handed_over_fixture.h"

namespace smtpgate::postoffice {
namespace {

using Names = std::vector<std::string>;

TEST_CASE("of processes on several hosts each message is finished by exactly one") {
  OutgoingFixture fixture;
  constexpr int messages = 60;
  for (int i = 0; i < messages; ++i) REQUIRE(hand_over(fixture.open()).is_delivered());
  int results[2];
  REQUIRE(::pipe(results) == 0);
  std::vector<pid_t> children;
  for (int child = 0; child < 4; ++child) {
    const pid_t process = ::fork();
    REQUIRE(process >= 0);
    if (process == 0) {
      auto opened = Postoffice::open(fixture.path());
      if (!opened) ::_exit(1);
      const Postoffice postoffice = opened->on_host(child % 2 == 0 ? "one" : "two");
      const OutgoingMail mail(postoffice);
      for (;;) {
        auto ids = mail.waiting();
        if (!ids) ::_exit(2);
        if (ids->empty()) ::_exit(0);
        for (const std::string& id : *ids) {
          auto taken = mail.take(id);
          if (!taken || !*taken) continue;
          if (!(*taken)->finish(all_sent((*taken)->state())).is_delivered()) ::_exit(3);
          if (::write(results[1], id.data(), id.size()) != 32) ::_exit(4);
        }
      }
    }
    children.push_back(process);
  }
  ::close(results[1]);
  std::string all;
  char buffer[4096];
  for (ssize_t count = 0; (count = ::read(results[0], buffer, sizeof buffer)) > 0;) {
    all.append(buffer, static_cast<std::size_t>(count));
  }
  ::close(results[0]);
  for (const pid_t process : children) {
    int status = 0;
    REQUIRE(::waitpid(process, &status, 0) == process);
    CHECK(status == 0);
  }
  Names finished;
  for (std::size_t at = 0; at < all.size(); at += 32) finished.push_back(all.substr(at, 32));
  std::sort(finished.begin(), finished.end());
  CHECK(finished.size() == messages);
  CHECK(std::unique(finished.begin(), finished.end()) == finished.end());
  CHECK(fixture.in_smtp().empty());
}

TEST_CASE("what a dead process of this host had is taken up, what a living one has is not") {
  OutgoingFixture fixture;
  const Postoffice postoffice = fixture.open();
  REQUIRE(hand_over(postoffice).is_delivered());
  const std::string id = fixture.only_id();
  std::filesystem::rename(fixture / ("SMTP/" + id),
                          fixture / ("SMTP/" + id + "." + postoffice.host()));
  const OutgoingMail mail(postoffice);
  CHECK(mail.waiting().value() == Names{id});
  {
    const TakenMessage taken = must_take(postoffice, id);
    CHECK(mail.waiting()->empty());
    CHECK_FALSE(mail.take(id)->has_value());
    CHECK(mail.adopt(postoffice.host()).value() == 0);
  }
  CHECK(fixture.in_smtp() == Names{id});
}

TEST_CASE("what another host has is taken over after the lease, by its sign of life and ours") {
  OutgoingFixture fixture;
  const Postoffice one = fixture.open().on_host("One");
  const Postoffice two = fixture.open().on_host("two");
  REQUIRE(hand_over(one).is_delivered());
  const std::string id = fixture.only_id();
  (void)OutgoingMail(one).keep_alive(900);
  const std::string had = fixture / ("SMTP/" + id + ".one");
  std::filesystem::rename(fixture / ("SMTP/" + id), had);
  const std::string taken = fixture / ("P1/one/" + std::string(32, '2'));
  const std::string busy = fixture / ("P1/one/" + std::string(32, '3'));
  const std::string other = fixture / ("P1/one/" + std::string(32, '4'));
  for (const std::string& directory : {taken, busy, other}) {
    std::filesystem::create_directories(directory);
  }
  test::write_file(taken + "/TAKEN.API", "x");
  test::write_file(busy + "/FROM_NC.API", "x");
  test::write_file(other + "/TO_NC.API", "inbound mail, which its sender has");
  const std::int64_t now = std::time(nullptr);
  test::set_modified(taken, now - 2000);
  test::set_modified(other, now - 2000);

  CHECK(OutgoingMail(two).keep_alive(900).value() == 0);
  CHECK(OutgoingMail(two).waiting()->empty());
  test::set_modified(fixture / "SMTP/.alive-one", now - 800);
  CHECK(OutgoingMail(two).keep_alive(900).value() == 0);
  test::set_modified(fixture / "SMTP/.alive-one", now - 1000);
  CHECK(OutgoingMail(two).keep_alive(900).value() == 2);
  CHECK(OutgoingMail(two).waiting().value() == Names{id});
  CHECK(test::names_in(fixture / "P1/two") == Names{std::string(32, '2')});
  CHECK(test::names_in(fixture / "P1/one") == Names{std::string(32, '3'), std::string(32, '4')});
  CHECK(OutgoingMail(two).keep_alive(900).value() == 0);
}

TEST_CASE("a host that never said that it lives gets its lease from now on") {
  OutgoingFixture fixture;
  const Postoffice two = fixture.open().on_host("two");
  REQUIRE(hand_over(two).is_delivered());
  const std::string id = fixture.only_id();
  std::filesystem::rename(fixture / ("SMTP/" + id), fixture / ("SMTP/" + id + ".one"));
  CHECK(OutgoingMail(two).keep_alive(900).value() == 0);
  CHECK(std::filesystem::exists(fixture / "SMTP/.alive-one"));
  test::set_modified(fixture / "SMTP/.alive-one", std::time(nullptr) - 1000);
  CHECK(OutgoingMail(two).keep_alive(900).value() == 1);
}

TEST_CASE("by command a host's messages are adopted though it lives") {
  OutgoingFixture fixture;
  const Postoffice two = fixture.open().on_host("two");
  REQUIRE(hand_over(two).is_delivered());
  const std::string id = fixture.only_id();
  std::filesystem::rename(fixture / ("SMTP/" + id), fixture / ("SMTP/" + id + ".one"));
  CHECK(OutgoingMail(two).hold(id, true).sentence().find("adopt one") != std::string::npos);
  CHECK(OutgoingMail(two).adopt("nobody").value() == 0);
  CHECK(OutgoingMail(two).adopt("ONE").value() == 1);
  CHECK(fixture.in_smtp() == Names{id});
}

TEST_CASE("taking is a sign of life") {
  OutgoingFixture fixture;
  const Postoffice postoffice = fixture.open().on_host("one");
  REQUIRE(hand_over(postoffice).is_delivered());
  (void)OutgoingMail(postoffice).keep_alive(900);
  test::set_modified(fixture / "SMTP/.alive-one", 1000);
  must_take(postoffice, fixture.only_id());
  CHECK(FileSystem::posix().status(fixture / "SMTP/.alive-one")->modified > 1'000'000);
}

TEST_CASE("a message that another host took over is not called finished") {
  OutgoingFixture fixture;
  const Postoffice one = fixture.open().on_host("one");
  REQUIRE(hand_over(one).is_delivered());
  const std::string id = fixture.only_id();
  TakenMessage taken = must_take(one, id);
  std::filesystem::rename(fixture / ("SMTP/" + id + ".one"), fixture / ("SMTP/" + id + ".two"));
  const Outcome finished = taken.finish(all_sent(taken.state()));
  CHECK(finished.is_temporary());
  CHECK(finished.sentence().find("taken over") != std::string::npos);
  CHECK(taken.save(taken.state()).is_temporary());
}

}  // namespace
}  // namespace smtpgate::postoffice
