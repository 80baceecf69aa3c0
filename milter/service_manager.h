// What the daemon tells the service manager that started it: ready, reading the configuration
// again, stopping, alive. The protocol is systemd's sd_notify(3): datagrams of KEY=value lines to
// the socket that NOTIFY_SOCKET names. Without a service manager nothing is said and nothing fails.
//
// Not for deciding whether the daemon is alive (watchdog.h). Safe from any thread.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace smtpgate::milter {

class ServiceManager {
 public:
  /// `socket`: a path, or an abstract name after @; empty: there is none. `watchdog`: how long it
  /// waits for a sign of life before it starts us anew; 0: for ever.
  ServiceManager(std::string socket, std::chrono::microseconds watchdog)
      : socket_(std::move(socket)), watchdog_(watchdog) {}

  /// As NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID say.
  static ServiceManager from_environment();

  bool is_there() const { return !socket_.empty(); }
  /// 0: no sign of life is waited for.
  std::chrono::microseconds watchdog() const {
    return is_there() ? watchdog_ : std::chrono::microseconds(0);
  }

  /// We serve now, or again. `status` is for people (systemctl status). The error is a sentence.
  tl::expected<void, std::string> ready(std::string_view status) const;
  /// Until the next ready().
  tl::expected<void, std::string> reloading() const;
  tl::expected<void, std::string> stopping() const;
  tl::expected<void, std::string> alive() const;

 private:
  tl::expected<void, std::string> tell(std::string_view lines) const;

  std::string socket_;
  std::chrono::microseconds watchdog_;
};

}  // namespace smtpgate::milter
