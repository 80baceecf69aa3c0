// WorkInHand: see the header.
#include "milter/work_in_hand.h"

namespace smtpgate::milter {

void WorkInHand::begin() {
  const std::lock_guard guard(mutex_);
  ++count_;
  ++begun_;
}

void WorkInHand::end() {
  const std::lock_guard guard(mutex_);
  if (--count_ == 0) changed_.notify_all();
}

bool WorkInHand::wait_until_idle(std::chrono::milliseconds limit, std::chrono::milliseconds quiet) {
  const auto end = std::chrono::steady_clock::now() + limit;
  std::unique_lock lock(mutex_);
  for (;;) {
    if (!changed_.wait_until(lock, end, [this] { return count_ == 0; })) return false;
    const unsigned long begun = begun_;
    if (!changed_.wait_for(lock, quiet, [&] { return begun_ != begun; })) return true;
    if (std::chrono::steady_clock::now() >= end) return false;
  }
}

}  // namespace smtpgate::milter
