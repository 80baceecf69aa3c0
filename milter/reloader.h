// The thread on which a daemon reads its configuration again. What is read may lie on a disk that
// does not answer, and whoever asks - a signal, the control socket - must not stand still with it:
// a question is answered in time, if only by "still reading", and what came of it is in the log.
//
// Not for what a reload does: daemon_settings.h.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include "milter/control_answers.h"

namespace smtpgate::milter {

/// One reading at a time. All who ask while one is under way share the next one: what is under way
/// may have passed over what they have just written. Safe from any thread but run(), which is one
/// thread's.
class Reloader {
 public:
  using Clock = std::chrono::steady_clock;
  /// `reload` does it; what it throws is the answer's error.
  explicit Reloader(std::function<ReloadAnswer()> reload) : reload_(std::move(reload)) {}

  /// Until stop(), or with the process.
  void run();
  /// For tests: run() returns after what it has in hand.
  void stop();

  /// Soon; waits for nothing.
  void ask();
  /// The same, and waits for a reading that began after the call. Nothing: it is not through within
  /// `limit`, or so many wait already that one more would leave nobody to answer other questions.
  std::optional<ReloadAnswer> ask_and_wait(std::chrono::milliseconds limit);

  /// How many may wait at once.
  static constexpr std::size_t most_waiting = 3;

 private:
  std::function<ReloadAnswer()> reload_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t asked_ = 0;  ///< questions so far
  std::uint64_t done_ = 0;   ///< those that are answered
  std::size_t waiting_ = 0;
  bool stopping_ = false;
  ReloadAnswer last_;
};

}  // namespace smtpgate::milter
