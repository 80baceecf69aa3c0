// Where the daemon's lines go, by area. Not for how lines are written: log.h, nor for what the
// areas are: log_area.h.
#pragma once

#include <memory>
#include <utility>

#include "milter/log.h"
#include "milter/log_area.h"

namespace smtpgate::milter {

/// Safe from any thread, as each of its parts is.
struct DaemonLog {
  DaemonLog(std::unique_ptr<LogDestination> main_lines, std::unique_ptr<LogDestination> outgoing,
            const AreaLevels& areas)
      : main(std::move(main_lines)), out(std::move(outgoing)), levels(areas) {}
  void reopen() {
    main->reopen();
    out->reopen();
  }

  std::unique_ptr<LogDestination> main;
  /// Postfix's own lines count what goes out; these have a tag that pflogsumm does not count.
  std::unique_ptr<LogDestination> out;
  LogLevels levels;
  AreaLog daemon{LogArea::daemon, *main, levels};
  AreaLog configuration{LogArea::configuration, *main, levels};
  AreaLog door_1{LogArea::door_1, *main, levels};
  AreaLog status{LogArea::status, *main, levels};
  AreaLog outbound{LogArea::outbound, *out, levels};
};

}  // namespace smtpgate::milter
