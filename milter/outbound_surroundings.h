// What the parts of the way out have in common: where they get their configuration, their log and
// their disk from. Not for state: each part has its own.
//
// Two clocks: what is written down and told (when a message came, when its next try is) is in
// seconds since 1970, by the wall clock, which people and NTP set; what is only waited for is in
// seconds since the machine started, which nobody sets, sleep included.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <functional>
#include <memory>
#include <string_view>

#include "milter/configuration.h"
#include "milter/log.h"
#include "milter/message_observer.h"
#include "milter/pulse.h"
#include "postoffice/file_system.h"

namespace smtpgate::milter {

struct OutboundSurroundings {
  /// The one that counts now; from any thread.
  std::function<std::shared_ptr<const Configuration>()> configuration;
  Log* log = nullptr;
  postoffice::FileSystem* files = &postoffice::FileSystem::posix();
  MessageObserver* observer = nullptr;  ///< told of each try; may be null

  /// The wall clock; tests have their own.
  std::function<std::int64_t()> now = wall_clock;

  /// Where its threads say that they go on; none: nobody asks.
  Pulse* pulse = nullptr;
  void beat(std::string_view who, std::chrono::seconds longest) const {
    if (pulse != nullptr) pulse->beat(who, longest);
  }

  static std::int64_t wall_clock() { return static_cast<std::int64_t>(std::time(nullptr)); }
  static std::int64_t seconds_since_boot() {
    timespec now{};
    (void)::clock_gettime(CLOCK_BOOTTIME, &now);  // it cannot fail with a clock that there is
    return now.tv_sec;
  }
  /// When `moment` of the wall clock comes, in seconds since boot, as far as the wall clock says
  /// now; what has passed is due now. A clock that is set back later changes nothing any more.
  std::int64_t waiting_end(std::int64_t moment) const {
    return seconds_since_boot() + std::max<std::int64_t>(moment - now(), 0);
  }
};

}  // namespace smtpgate::milter
