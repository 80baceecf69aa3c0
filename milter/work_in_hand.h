// Counts what must not be cut off when the daemon stops: callbacks that run, and messages whose
// content has begun to arrive. libmilter's own stop returns while callbacks still run, so the
// daemon asks here. Safe from any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace smtpgate::milter {

class WorkInHand {
 public:
  void begin();
  void end();

  /// Holds one unit while it lives.
  class Unit {
   public:
    explicit Unit(WorkInHand& work) : work_(work) { work_.begin(); }
    ~Unit() { work_.end(); }
    Unit(const Unit&) = delete;
    Unit& operator=(const Unit&) = delete;

   private:
    WorkInHand& work_;
  };

  /// True when nothing was in hand for `quiet` on end (a callback's reply is sent after it
  /// returned); false when that did not happen within `limit`.
  bool wait_until_idle(std::chrono::milliseconds limit, std::chrono::milliseconds quiet);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  unsigned long count_ = 0;
  unsigned long begun_ = 0;
};

}  // namespace smtpgate::milter
