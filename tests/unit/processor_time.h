// What a piece of work costs this thread, whatever else the machine does meanwhile. For bounds that
// only work which grows too fast can pass (tests/growth/run measures growth itself), and for ratios
// within one run; a test is not decided by how fast a machine is.
#pragma once

#include <ctime>

namespace smtpgate::test {

/// Seconds of processor time of the calling thread since this was made.
class ProcessorTime {
 public:
  double seconds() const { return now() - begin_; }

 private:
  static double now() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
  }

  double begin_ = now();
};

}  // namespace smtpgate::test
