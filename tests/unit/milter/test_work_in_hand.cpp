// What a stopping daemon waits for.
#include <memory>
#include <thread>

#include "milter/work_in_hand.h"
#include "unit/catch.h"

using namespace smtpgate::milter;
using namespace std::chrono_literals;

TEST_CASE("nothing in hand is idle after the quiet time") {
  WorkInHand work;
  CHECK(work.wait_until_idle(10s, 1ms));
}

TEST_CASE("work that does not end is not waited for longer than the limit") {
  WorkInHand work;
  const WorkInHand::Unit unit(work);
  CHECK_FALSE(work.wait_until_idle(10ms, 1ms));
}

TEST_CASE("work that ends in another thread is waited for") {
  WorkInHand work;
  auto unit = std::make_unique<WorkInHand::Unit>(work);
  std::jthread ender([&] { unit.reset(); });
  CHECK(work.wait_until_idle(10s, 1ms));
  CHECK(unit == nullptr);
}

TEST_CASE("work that begins in the quiet time is waited for too") {
  WorkInHand work;
  std::jthread beginner([&] {
    for (int i = 0; i < 100; ++i) const WorkInHand::Unit unit(work);
  });
  CHECK(work.wait_until_idle(10s, 1ms));
}
