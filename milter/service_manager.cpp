// ServiceManager: see the header. The protocol is stable by promise (sd_notify(3), "Notes"), and
// these datagrams are all of it, so no library.
#include "milter/service_manager.h"

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include <fmt/format.h>
#include <unistd.h>

#include "milter/local_socket.h"
#include "postoffice/printable.h"

namespace smtpgate::milter {

namespace {

/// The manager's socket has a long queue; if it is full for so long, it has other troubles.
constexpr std::chrono::milliseconds send_limit{1000};

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : value;
}

/// 0 if it is no number.
std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : 0;
}

}  // namespace

ServiceManager ServiceManager::from_environment() {
  const std::string_view process = variable("WATCHDOG_PID");
  const bool is_for_us = process.empty() || number(process) == ::getpid();
  const std::int64_t microseconds = is_for_us ? number(variable("WATCHDOG_USEC")) : 0;
  return {std::string(variable("NOTIFY_SOCKET")), std::chrono::microseconds(microseconds)};
}

tl::expected<void, std::string> ServiceManager::tell(std::string_view lines) const {
  if (!is_there()) return {};
  auto socket = LocalSocket::connect(LocalSocket::Kind::datagrams, socket_, send_limit);
  if (socket && socket->send(lines)) return {};
  return tl::unexpected(fmt::format(
      "cannot tell the service manager on {} (NOTIFY_SOCKET) how we are: {}; it may start us anew",
      printable(socket_), std::strerror(errno)));
}

tl::expected<void, std::string> ServiceManager::ready(std::string_view status) const {
  return tell(fmt::format("READY=1\nSTATUS={}\n", printable(status)));
}

tl::expected<void, std::string> ServiceManager::reloading() const {
  timespec now{};
  (void)::clock_gettime(CLOCK_MONOTONIC, &now);  // it cannot fail with a clock that there is
  const std::int64_t microseconds = std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
  return tell(fmt::format("RELOADING=1\nMONOTONIC_USEC={}\n", microseconds));
}

tl::expected<void, std::string> ServiceManager::stopping() const {
  return tell("STOPPING=1\nSTATUS=finishing what is in hand\n");
}

tl::expected<void, std::string> ServiceManager::alive() const {
  return tell("WATCHDOG=1\n");
}

}  // namespace smtpgate::milter
