// Where tests kill a real daemon: in builds with tests, SMTPGATE_STOP_AT=N ends the process by
// SIGKILL just before the N-th change (from 1) that it makes or syncs below SMTPGATE_STOP_BELOW. In
// other builds nothing is compiled in. For t-42-stop-points; not for tests within a process, which
// replace the FileSystem. From any thread.
#pragma once

#include <string>

#ifdef SMTPGATE_STOP_POINTS
#include <atomic>
#include <csignal>
#include <cstdlib>

#include <unistd.h>
#endif

namespace smtpgate::postoffice {

#ifdef SMTPGATE_STOP_POINTS
inline void stop_point(const std::string& path) {
  static const long stop_at = [] {
    const char* text = std::getenv("SMTPGATE_STOP_AT");
    return text != nullptr ? std::strtol(text, nullptr, 10) : 0L;
  }();
  if (stop_at <= 0) return;
  static const std::string below = [] {
    const char* text = std::getenv("SMTPGATE_STOP_BELOW");
    return std::string(text != nullptr ? text : "/");
  }();
  static std::atomic<long> count = 0;
  // The sign of life comes when it comes; a count with it would never be the same twice.
  if (!path.starts_with(below) || path.find("/.alive-") != std::string::npos) return;
  if (++count == stop_at) ::kill(::getpid(), SIGKILL);
}
#else
inline void stop_point(const std::string&) {}
#endif

}  // namespace smtpgate::postoffice
