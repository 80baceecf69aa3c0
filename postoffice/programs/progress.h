// How far long work is, for a person who waits: one line on standard error that is drawn over, only
// if that is a terminal and only once the work has taken a while. Not for programs.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>

#include <unistd.h>

namespace smtpgate::postoffice {

class ProgressLine {
 public:
  ProgressLine() = default;
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine() { clear(); }

  /// What `text()` gives, if it is time to draw again.
  template <typename Text>
  void show(Text text) {
    if (!is_shown_) return;
    const auto now = std::chrono::steady_clock::now();
    if (now < next_) return;
    next_ = now + std::chrono::milliseconds(100);
    is_drawn_ = true;
    const std::string line = text();
    std::fprintf(stderr, "\r\x1b[K%s", line.c_str());
    std::fflush(stderr);
  }
  /// Wiped away: before something else is written, and at the end.
  void clear() {
    if (is_drawn_) std::fputs("\r\x1b[K", stderr);
    is_drawn_ = false;
  }

 private:
  bool is_shown_ = ::isatty(STDERR_FILENO) == 1;
  bool is_drawn_ = false;
  /// Short work is done before anybody asks.
  std::chrono::steady_clock::time_point next_ =
      std::chrono::steady_clock::now() + std::chrono::seconds(1);
};

/// "[=====     ] 12 of 50".
inline std::string progress_bar(std::size_t done, std::size_t total) {
  constexpr std::size_t width = 40;
  const std::size_t filled = total == 0 ? width : done * width / total;
  return "[" + std::string(filled, '=') + std::string(width - filled, ' ') + "] " +
         std::to_string(done) + " of " + std::to_string(total);
}

}  // namespace smtpgate::postoffice
