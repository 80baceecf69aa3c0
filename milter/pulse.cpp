// Pulse: see the header.
#include "milter/pulse.h"

#include <algorithm>

namespace smtpgate::milter {

void Pulse::beat(std::string_view who, std::chrono::seconds longest, Clock::time_point now) {
  const Clock::time_point due = now + longest;
  const std::lock_guard guard(mutex_);
  const auto found = due_.find(who);
  if (found == due_.end()) {
    due_.emplace(who, due);
  } else {
    // Of several under one name the one that allowed itself most time counts.
    found->second = std::max(found->second, due);
  }
}

std::vector<std::string> Pulse::late(Clock::time_point now) const {
  std::vector<std::string> result;
  const std::lock_guard guard(mutex_);
  for (const auto& [who, due] : due_) {
    if (now > due) result.push_back(who);
  }
  return result;
}

}  // namespace smtpgate::milter
