// One run of a command for a message: started without a shell, in the message's directory, with an
// environment of fixed names, in a process group of its own that is ended as a whole.
//
// Not for deciding when, or what its end means (hook_runner.h). One thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "postoffice/outcome.h"

namespace smtpgate::postoffice {

struct HookEnd {
  int exit_code = -1;  ///< -1: ended by a signal
  int signal = 0;      ///< that ended it
  bool is_timed_out = false;
  std::string output;       ///< the last of what it wrote, standard output and error; hostile
  std::string str() const;  ///< "exit code 3", "signal 9", "ended after its time"
};

class HookProcess {
 public:
  using Clock = std::chrono::steady_clock;

  /// `words`: the program and its arguments; `environment`: names and values. The directory is
  /// locked (flock) as long as anything of the run lives, also when we do not any more. Temporary
  /// if it cannot be started, or an earlier run in that directory still lives.
  static Expected<HookProcess> start(
      const std::vector<std::string>& words, const std::string& directory,
      const std::vector<std::pair<std::string, std::string>>& environment,
      std::chrono::seconds limit);

  HookProcess(HookProcess&& other) noexcept;
  HookProcess& operator=(HookProcess&&) = delete;
  /// A group that still runs is killed.
  ~HookProcess();

  /// What it has written, read; whether it has ended. Past its time its group gets SIGTERM, and 5
  /// seconds later SIGKILL. Once it has ended, what is left of its group is killed.
  std::optional<HookEnd> poll();
  /// SIGTERM to its group now, as at the end of its time.
  void end();

 private:
  HookProcess(pid_t child, int output, Clock::time_point deadline)
      : child_(child), output_(output), deadline_(deadline) {}
  void read_output();

  pid_t child_ = -1;
  int output_ = -1;
  Clock::time_point deadline_;
  std::optional<Clock::time_point> kill_at_;
  bool is_timed_out_ = false;
  std::string tail_;
};

}  // namespace smtpgate::postoffice
