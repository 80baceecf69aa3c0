// The reloading thread: see the header.
#include "milter/reloader.h"

#include <exception>
#include <string>
#include <utility>

namespace smtpgate::milter {

void Reloader::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || asked_ != done_; });
    if (stopping_) return;
    const std::uint64_t covered = asked_;
    lock.unlock();
    ReloadAnswer answer;
    try {
      answer = reload_();
    } catch (const std::exception& exception) {
      answer.errors = {std::string("the configuration could not be read: ") + exception.what()};
    }
    lock.lock();
    last_ = std::move(answer);
    done_ = covered;
    changed_.notify_all();
  }
}

void Reloader::stop() {
  const std::lock_guard guard(mutex_);
  stopping_ = true;
  changed_.notify_all();
}

void Reloader::ask() {
  const std::lock_guard guard(mutex_);
  ++asked_;
  changed_.notify_all();
}

std::optional<ReloadAnswer> Reloader::ask_and_wait(std::chrono::milliseconds limit) {
  const auto until = Clock::now() + limit;
  std::unique_lock lock(mutex_);
  const std::uint64_t mine = ++asked_;
  changed_.notify_all();
  if (waiting_ >= most_waiting) return std::nullopt;
  ++waiting_;
  const bool is_through =
      changed_.wait_until(lock, until, [&] { return stopping_ || done_ >= mine; });
  --waiting_;
  if (!is_through || done_ < mine) return std::nullopt;
  return last_;
}

}  // namespace smtpgate::milter
