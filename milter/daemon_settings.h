// What of a running daemon is changed from outside: its configuration, read again, and the levels
// of its log (docs/changing.md). Logs what it does.
//
// Not for when, and on which thread: reloader.h; nor for reading: configuration_source.h.
#pragma once

#include <mutex>
#include <string>
#include <string_view>

#include "milter/configuration_source.h"
#include "milter/control_answers.h"
#include "milter/daemon_log.h"
#include "milter/discard_claim.h"
#include "milter/monitoring.h"
#include "milter/monitoring_service.h"
#include "milter/outbound_service.h"
#include "milter/service_manager.h"

namespace smtpgate::milter {

/// What a service manager is told, and the log says, of a configuration in force.
std::string start_line(const Configuration& configuration);

class DaemonSettings {
 public:
  /// All outlive it.
  struct Surroundings {
    CurrentConfiguration* configuration = nullptr;
    DaemonLog* logs = nullptr;
    OutboundService* outbound = nullptr;
    DiscardClaim* discard = nullptr;
    const ServiceManager* manager = nullptr;
    Monitoring* monitoring = nullptr;
    MonitoringService* service = nullptr;
  };
  explicit DaemonSettings(const Surroundings& surroundings) : with_(surroundings) {}

  /// Opens log and records anew and reads the configuration again. May take as long as a disk
  /// takes; one thread at a time.
  ReloadAnswer reload();
  /// `log` or `log AREA LEVEL`. Any thread, also beside a reload that hangs: touches the work
  /// folder alone.
  LevelsAnswer levels(std::string_view word);

 private:
  ReloadAnswer take_configuration();
  /// For door 2's processes, which nobody can tell otherwise.
  bool keep_levels();

  Surroundings with_;
  std::mutex levels_mutex_;  ///< one change of levels, with its file, at a time
};

}  // namespace smtpgate::milter
