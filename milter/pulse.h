// Which of the daemon's threads go on. Each that works in a loop says at every turn that it goes
// round, and within which time it will have come round again; whoever is late stands still.
//
// Not for what is done about it (watchdog.h). Safe from any thread.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace smtpgate::milter {

class Pulse {
 public:
  using Clock = std::chrono::steady_clock;

  /// `who` goes round now, and again within `longest`. Several threads may share a name: then one
  /// that goes on is enough.
  void beat(std::string_view who, std::chrono::seconds longest,
            Clock::time_point now = Clock::now());
  /// Everybody who is late.
  std::vector<std::string> late(Clock::time_point now = Clock::now()) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Clock::time_point, std::less<>> due_;
};

}  // namespace smtpgate::milter
