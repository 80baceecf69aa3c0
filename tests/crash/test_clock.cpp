// The C library's wall clock, replaced; see the header.
#include "tests/crash/test_clock.h"

#include <atomic>
#include <ctime>

#include <sys/syscall.h>
#include <unistd.h>

namespace {

std::atomic<std::int64_t> seconds_now = 1'795'300'000;

}  // namespace

extern "C" time_t time(time_t* result) noexcept {
  const auto now = static_cast<time_t>(seconds_now.load());
  if (result != nullptr) *result = now;
  return now;
}

extern "C" int clock_gettime(clockid_t clock, struct timespec* result) noexcept {
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) {
    *result = {static_cast<time_t>(seconds_now.load()), 0};
    return 0;
  }
  return static_cast<int>(::syscall(SYS_clock_gettime, clock, result));
}

namespace smtpgate::crash {

void set_clock(std::int64_t seconds) {
  seconds_now = seconds;
}

void move_clock(std::int64_t seconds) {
  seconds_now += seconds;
}

std::int64_t clock_now() {
  return seconds_now;
}

}  // namespace smtpgate::crash
