// DueMessages: which outgoing message is tried next.
#include "milter/due_messages.h"
#include "unit/catch.h"

using namespace smtpgate::milter;

TEST_CASE("new messages are due at once, each is in one hand only") {
  DueMessages due;
  due.replace("/po", {"b", "a"});
  CHECK(due.next_due() == 0);
  const auto first = due.begin(100);
  const auto second = due.begin(100);
  REQUIRE(first);
  REQUIRE(second);
  CHECK(first->second == "a");
  CHECK(second->second == "b");
  CHECK_FALSE(due.begin(100));
  CHECK(due.in_hand() == 2);
  CHECK(due.next_due() == DueMessages::never);
}

TEST_CASE("what was tried waits for its time, the longest due comes first") {
  DueMessages due;
  due.replace("/po", {"a", "b"});
  due.end(*due.begin(1), 500);
  due.end(*due.begin(1), 300);
  CHECK_FALSE(due.begin(299));
  CHECK(due.next_due() == 300);
  const auto next = due.begin(600);
  REQUIRE(next);
  CHECK(next->second == "b");
  due.end(*next, std::nullopt);
  CHECK(due.size() == 1);
}

TEST_CASE("a look at the folder forgets what is gone, but not what is in hand") {
  DueMessages due;
  due.replace("/po", {"a", "b", "c"});
  due.replace("/other", {"a"});
  const auto in_hand = due.begin(1);
  REQUIRE(in_hand);
  CHECK(in_hand->first == "/other");
  due.replace("/other", {});
  due.replace("/po", {"b"});
  CHECK(due.size() == 2);
  due.end(*in_hand, 10);
  CHECK(due.size() == 2);
  due.forget_postoffices_but({"/other"});
  CHECK(due.size() == 1);
}

TEST_CASE("a command makes everything due again, also what is in hand just now") {
  DueMessages due;
  due.replace("/po", {"a", "b"});
  const auto a = due.begin(1);
  const auto b = due.begin(1);
  due.end(*a, 1000);
  due.look_again("/po");
  due.end(*b, 1000);
  CHECK(due.begin(1));
  CHECK(due.begin(1));
  CHECK_FALSE(due.begin(1));
}

TEST_CASE("the same message heard of again changes nothing") {
  DueMessages due;
  due.add("/po", "a");
  due.end(*due.begin(1), 1000);
  due.add("/po", "a");
  CHECK_FALSE(due.begin(1));
  CHECK(due.size() == 1);
}

TEST_CASE("one message of which a command speaks is due at once, the others keep their time") {
  DueMessages due;
  due.replace("/po", {"a", "b", "c"});
  for (int i = 0; i < 3; ++i) due.end(*due.begin(1), 500);
  CHECK_FALSE(due.begin(1));
  due.look_again("/po", "b");
  const auto next = due.begin(1);
  REQUIRE(next);
  CHECK(next->second == "b");
  CHECK_FALSE(due.begin(1));
  due.look_again("/po", "b");  // while it is in hand: afterwards
  due.end(*next, 600);
  CHECK(due.begin(1)->second == "b");
  due.look_again("/po", "new");
  CHECK(due.begin(1)->second == "new");
  CHECK_FALSE(due.begin(499));
}

TEST_CASE("a message that a command had in its hands is not forgotten when the command is done") {
  DueMessages due;
  due.add("/po", "a");
  const auto taken = due.begin(1);
  due.look_again("/po", "a");
  due.end(*taken, std::nullopt);
  const auto again = due.begin(1);
  REQUIRE(again);
  due.end(*again, std::nullopt);
  CHECK(due.size() == 0);
}
