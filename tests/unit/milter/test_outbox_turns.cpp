// OutboxTurns: nobody waits for more than one turn of each of the others.
#include "milter/outbox_turns.h"
#include "unit/catch.h"

using namespace smtpgate::milter;

namespace {

const OutboxPlace anna{"/po", "anna"};
const OutboxPlace ben{"/po", "ben"};
const OutboxPlace carl{"/po", "carl"};

/// Whose turn it is, which is then done.
std::string take(OutboxTurns& turns) {
  const auto turn = turns.next();
  if (!turn) return "nobody";
  turns.end(*turn, std::nullopt);
  return turn->place.second + (turn->behind.empty() ? "" : " behind " + turn->behind);
}

}  // namespace

TEST_CASE("outboxes have their turns in the order in which they were added, each once") {
  OutboxTurns turns;
  CHECK(turns.is_empty());
  for (const auto& place : {anna, ben, anna, carl, ben}) turns.add(place);
  CHECK(take(turns) == "anna");
  CHECK(take(turns) == "ben");
  CHECK(take(turns) == "carl");
  CHECK(take(turns) == "nobody");
  CHECK(turns.is_empty());
}

TEST_CASE("an outbox with thousands of files waits for the others after each turn") {
  OutboxTurns turns;
  turns.add_news(anna);
  auto turn = turns.next();
  REQUIRE(turn);
  turns.end(*turn, "m10.API");
  turns.add_news(ben);
  turns.add(carl);
  CHECK(take(turns) == "anna behind m10.API");
  CHECK(take(turns) == "ben");
  CHECK(take(turns) == "carl");

  turns.add_news(anna);
  turn = turns.next();
  turns.end(*turn, "m20.API");
  turns.add_news(anna);  // more files come all the time
  turns.add_news(ben);
  std::string order;
  for (int i = 0; i < 2; ++i) order += take(turns) + ", ";
  CHECK(order.find("ben") != std::string::npos);
  CHECK(order.find("anna behind m20.API") != std::string::npos);
  CHECK(take(turns) == "anna");  // from the beginning again, for what has come
  CHECK(take(turns) == "nobody");
}

TEST_CASE("what is looked at from time to time does not hold up what has just come, nor starves") {
  OutboxTurns turns;
  for (int i = 0; i < 1000; ++i) turns.add({"/po", "m" + std::to_string(i)});
  turns.add_news(anna);
  turns.add_news({"/po", "m999"});
  std::string order;
  for (int i = 0; i < 5; ++i) order += take(turns) + " ";
  CHECK(order.find("anna") != std::string::npos);
  CHECK(order.find("m999") != std::string::npos);
  CHECK(order.find("m0 ") != std::string::npos);
  int rest = 0;
  while (turns.next()) ++rest;
  CHECK(rest == 1000 + 1 - 5);
}

TEST_CASE("an outbox that was added during its turn is begun again") {
  OutboxTurns turns;
  turns.add_news(anna);
  const auto turn = turns.next();
  turns.add_news(anna);
  turns.end(*turn, "x.API");
  CHECK(take(turns) == "anna");
  CHECK(take(turns) == "nobody");
}
