// How long one message may keep the converter busy. Everything it does is linear in the octets of
// the message, so this is for what nobody thought of, and for a machine that is too slow for what
// it is sent. Looked at between pieces of work, never a signal or a thread. Not for the time that
// disks and peers may take elsewhere.
#pragma once

#include <chrono>
#include <functional>
#include <utility>

namespace smtpgate::converter {

/// What time it is, for measuring how much has gone by; empty: std::chrono::steady_clock. Tests put
/// their own in its place.
using SteadyClock = std::function<std::chrono::steady_clock::time_point()>;

class TimeLimit {
 public:
  /// Begins now.
  TimeLimit(std::chrono::seconds most, SteadyClock clock)
      : clock_(clock ? std::move(clock) : SteadyClock(std::chrono::steady_clock::now)),
        end_(clock_() + most) {}

  /// More than `most` has gone by; remains so once it was.
  bool is_over() {
    is_over_ = is_over_ || clock_() > end_;
    return is_over_;
  }
  /// It was over when somebody looked last.
  bool was_over() const { return is_over_; }

 private:
  SteadyClock clock_;
  std::chrono::steady_clock::time_point end_;
  bool is_over_ = false;
};

}  // namespace smtpgate::converter
