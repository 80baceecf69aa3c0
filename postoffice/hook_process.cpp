// Processes of hooks; see the header.
#include "postoffice/hook_process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

namespace smtpgate::postoffice {

namespace {

constexpr std::size_t longest_output = 4096;  // octets that are kept of it
constexpr auto before_kill = std::chrono::seconds(5);

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> result;
  for (std::string& word : words) result.push_back(word.data());
  result.push_back(nullptr);
  return result;
}

/// What posix_spawn() wants to know; freed in every case.
class SpawnPlan {
 public:
  SpawnPlan(int directory, int output) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, output, STDERR_FILENO);
    // Itself onto itself: it stays open, and with it the lock, as long as anything of the run
    // lives.
    posix_spawn_file_actions_adddup2(&actions_, directory, directory);
    posix_spawn_file_actions_addfchdir_np(&actions_, directory);
    posix_spawnattr_init(&attributes_);
    posix_spawnattr_setpgroup(&attributes_, 0);
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes_, &signals);
    sigfillset(&signals);
    posix_spawnattr_setsigdefault(&attributes_, &signals);
    posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    posix_spawnattr_destroy(&attributes_);
    posix_spawn_file_actions_destroy(&actions_);
  }
  int start(pid_t& child, std::vector<std::string> words,
            std::vector<std::string> environment) const {
    return ::posix_spawn(&child, words[0].c_str(), &actions_, &attributes_, pointers(words).data(),
                         pointers(environment).data());
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

Outcome cannot(std::string_view what, const std::string& path, int code) {
  return Outcome::temporary(
      fmt::format("cannot {} {}: {}", what, path, std::generic_category().message(code)));
}

}  // namespace

std::string HookEnd::str() const {
  if (is_timed_out) return "ended after its time";
  return exit_code >= 0 ? fmt::format("exit code {}", exit_code) : fmt::format("signal {}", signal);
}

Expected<HookProcess> HookProcess::start(
    const std::vector<std::string>& words, const std::string& directory,
    const std::vector<std::pair<std::string, std::string>>& environment,
    std::chrono::seconds limit) {
  const int place = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (place < 0) return failure(cannot("enter", directory, errno));
  // Where directories cannot be locked, the claim alone must do.
  if (::flock(place, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    ::close(place);
    return failure(Outcome::temporary("an earlier run in " + directory + " has not ended yet"));
  }
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
    const int code = errno;
    ::close(place);
    return failure(cannot("make a pipe for", words[0], code));
  }
  // Its own end waits, as programs expect of their output.
  ::fcntl(pipe[1], F_SETFL, 0);
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  pid_t child = -1;
  const int code = SpawnPlan(place, pipe[1]).start(child, words, std::move(variables));
  ::close(place);
  ::close(pipe[1]);
  if (code != 0) {
    ::close(pipe[0]);
    return failure(cannot("start", words[0], code));
  }
  return HookProcess(child, pipe[0], Clock::now() + limit);
}

HookProcess::HookProcess(HookProcess&& other) noexcept
    : child_(std::exchange(other.child_, -1)),
      output_(std::exchange(other.output_, -1)),
      deadline_(other.deadline_),
      kill_at_(other.kill_at_),
      is_timed_out_(other.is_timed_out_),
      tail_(std::move(other.tail_)) {}

HookProcess::~HookProcess() {
  if (child_ > 0) {
    ::kill(-child_, SIGKILL);
    while (::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  if (output_ >= 0) ::close(output_);
}

void HookProcess::read_output() {
  std::array<char, 4096> buffer{};
  // Bounded: who writes without end must not keep us from looking at the clock.
  for (int i = 0; i < 64; ++i) {
    const ssize_t count = ::read(output_, buffer.data(), buffer.size());
    if (count <= 0) return;
    tail_.append(buffer.data(), static_cast<std::size_t>(count));
    if (tail_.size() > longest_output) tail_.erase(0, tail_.size() - longest_output);
  }
}

void HookProcess::end() {
  if (kill_at_ || child_ <= 0) return;
  ::kill(-child_, SIGTERM);
  kill_at_ = Clock::now() + before_kill;
}

std::optional<HookEnd> HookProcess::poll() {
  read_output();
  const auto now = Clock::now();
  siginfo_t info{};
  // Not yet reaped: its number, and so its group's, is nobody else's.
  if (::waitid(P_PID, static_cast<id_t>(child_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
      info.si_pid == 0) {
    if (!kill_at_ && now >= deadline_) {
      is_timed_out_ = true;
      end();
    } else if (kill_at_ && now >= *kill_at_) {
      ::kill(-child_, SIGKILL);
    }
    return std::nullopt;
  }
  ::kill(-child_, SIGKILL);
  int status = 0;
  while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) {
  }
  child_ = -1;
  read_output();
  HookEnd end;
  end.is_timed_out = is_timed_out_;
  end.output = std::move(tail_);
  if (WIFEXITED(status)) {
    end.exit_code = WEXITSTATUS(status);
  } else {
    end.signal = WTERMSIG(status);
  }
  return end;
}

}  // namespace smtpgate::postoffice
