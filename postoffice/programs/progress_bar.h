// How far long work is, for a person who waits: one line on standard error that is drawn over, only
// if that is a terminal and only once the work has taken a while. Not for programs.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>

#include <unistd.h>

namespace smtpgate::postoffice {

class ProgressBar {
 public:
  explicit ProgressBar(std::size_t total)
      : total_(total), is_shown_(::isatty(STDERR_FILENO) == 1) {}
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  /// The line is wiped away.
  ~ProgressBar() {
    if (is_drawn_) std::fputs("\r\x1b[K", stderr);
  }

  void show(std::size_t done) {
    if (!is_shown_ || total_ == 0) return;
    const auto now = std::chrono::steady_clock::now();
    if (now < next_) return;
    next_ = now + std::chrono::milliseconds(100);
    is_drawn_ = true;
    constexpr std::size_t width = 40;
    const std::size_t filled = done * width / total_;
    const std::string bar = std::string(filled, '=') + std::string(width - filled, ' ');
    std::fprintf(stderr, "\r[%s] %zu of %zu", bar.c_str(), done, total_);
    std::fflush(stderr);
  }

 private:
  std::size_t total_;
  bool is_shown_;
  bool is_drawn_ = false;
  /// Short work is done before anybody asks.
  std::chrono::steady_clock::time_point next_ =
      std::chrono::steady_clock::now() + std::chrono::seconds(1);
};

}  // namespace smtpgate::postoffice
