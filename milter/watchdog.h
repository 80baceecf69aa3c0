// Signs of life for a service manager that waits for them and starts the daemon anew when they stay
// away. None is given because a timer says so: each time the door is asked as Postfix asks it, and
// every thread of the way out must have gone round (pulse.h).
#pragma once

#include <atomic>
#include <chrono>
#include <string>

#include <tl/expected.hpp>

#include "milter/log.h"
#include "milter/pulse.h"
#include "milter/service_manager.h"

namespace smtpgate::milter {

/// Negotiates with the milter on the Unix socket at `path`, as Postfix does when a session begins:
/// a thread accepts, another one answers. The error is a sentence.
tl::expected<void, std::string> ask_milter(const std::string& path,
                                           std::chrono::milliseconds limit);

struct WatchdogSurroundings {
  const ServiceManager* manager = nullptr;
  const Pulse* pulse = nullptr;
  Log* log = nullptr;
  std::string socket;  ///< the door's
  /// Then the door is gone, and the service manager has a limit of its own for that.
  const std::atomic<bool>* stopping = nullptr;
};

/// One look: gives the sign, or says once what stands still and gives none. `told` keeps what was
/// said last.
void look_for_life(const WatchdogSurroundings& surroundings, std::string& told);

/// The body of a thread: looks again and again, three times in the manager's time. Never returns;
/// at once if no manager waits.
void watch_for_life(const WatchdogSurroundings& surroundings);

}  // namespace smtpgate::milter
