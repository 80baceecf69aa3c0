// The threads and sockets around the monitoring: the control socket, the status listener, door 2's
// notes each second, a look around every ten, the slow look every hour.
//
// Nothing here may stop mail: what cannot be started is logged, and the daemon goes on.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "milter/configuration.h"
#include "milter/control_socket.h"
#include "milter/http_listener.h"
#include "milter/log.h"
#include "milter/monitoring.h"

namespace smtpgate::milter {

class MonitoringService {
 public:
  /// The answer to a word that is not of the monitoring; nothing: nobody knows it.
  using FurtherWords = std::function<std::optional<std::string>(std::string_view word)>;
  /// All outlive it.
  MonitoringService(Monitoring& monitoring, Log& log, FurtherWords further_words = {})
      : monitoring_(monitoring), log_(log), further_words_(std::move(further_words)) {}
  ~MonitoringService();

  /// All signals should be blocked in the caller, whose mask the threads inherit.
  void start(const Configuration& configuration);
  /// Soon, and again: the configuration was read.
  void look_again();
  /// Removes the sockets; does not wait for a look that hangs with its disk.
  void close();

 private:
  void open_control_socket(const Configuration& configuration);
  void open_listener(const StatusSettings& settings);
  void watch();
  void watch_slowly();
  /// False when it is time to stop.
  bool pause(std::chrono::seconds length, unsigned long& known);

  Monitoring& monitoring_;
  Log& log_;
  FurtherWords further_words_;
  std::unique_ptr<ControlSocket> control_;
  std::unique_ptr<HttpListener> listener_;
  bool listens_ = false;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable changed_;
  unsigned long asked_ = 0;  ///< how often look_again() was called
  std::atomic<bool> stopping_ = false;
};

}  // namespace smtpgate::milter
