// Commands that are none; see the header.
#include "tests/crash/test_command.h"

#include <cstdlib>
#include <map>
#include <utility>

#include "postoffice/hook_process.h"

namespace smtpgate {

namespace {

crash::TestCommand test_command;
std::map<pid_t, postoffice::HookEnd> ends;
pid_t last_child = 0;

}  // namespace

namespace crash {

void set_test_command(TestCommand command) {
  test_command = std::move(command);
}

}  // namespace crash

namespace postoffice {

std::string HookEnd::str() const {
  return "exit code " + std::to_string(exit_code);
}

Expected<HookProcess> HookProcess::start(
    const std::vector<std::string>&, const std::string& directory,
    const std::vector<std::pair<std::string, std::string>>& environment, std::chrono::seconds) {
  int attempt = 0;
  for (const auto& [name, value] : environment) {
    if (name == "HOOK_ATTEMPT") attempt = std::atoi(value.c_str());
  }
  HookEnd& end = ends[++last_child];
  end.exit_code = test_command(directory, attempt);
  return HookProcess(last_child, -1, Clock::now());
}

HookProcess::HookProcess(HookProcess&& other) noexcept
    : child_(std::exchange(other.child_, -1)), deadline_(other.deadline_) {}

HookProcess::~HookProcess() {
  if (child_ > 0) ends.erase(child_);
}

std::optional<HookEnd> HookProcess::poll() {
  return ends.at(child_);
}

void HookProcess::end() {}

}  // namespace postoffice

}  // namespace smtpgate
