// All signals blocked for the thread that holds one, and so for ever in the threads that it starts
// meanwhile: signals are for the one thread that waits for them.
#pragma once

#include <csignal>

#include <pthread.h>

namespace smtpgate::milter {

class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockedSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_;
};

}  // namespace smtpgate::milter
