// Waits until something may have appeared in some directories: by inotify, and by a time limit for
// what inotify cannot see (another host's writes on a cluster file system, no watches left). Only a
// hint comes from here; whoever waits looks for himself.
//
// Not for outboxes of a daemon (milter/outbox_watch.h, which says what changed where). One thread.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace smtpgate::postoffice {

class DirectoryWatch {
 public:
  /// `stop` is a descriptor that becomes readable when waiting is to end for good (StopSignal);
  /// -1: none.
  explicit DirectoryWatch(const std::vector<std::string>& directories, int stop = -1);
  DirectoryWatch(const DirectoryWatch&) = delete;
  DirectoryWatch& operator=(const DirectoryWatch&) = delete;
  ~DirectoryWatch();

  enum class Reason { changed, time_is_over, stop };
  Reason wait(std::chrono::milliseconds limit);

  /// False: only the time limit tells.
  bool is_complete() const { return is_complete_; }

 private:
  int inotify_ = -1;
  int stop_ = -1;
  bool is_complete_ = true;
};

/// SIGINT and SIGTERM as something that can be waited for, for as long as the object lives; they
/// are blocked in this thread and in those that it starts. One for the process.
class StopSignal {
 public:
  StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;
  ~StopSignal();

  int descriptor() const { return descriptor_; }  ///< readable once a signal came, and from then on
  bool has_come() const;

 private:
  int descriptor_ = -1;
};

}  // namespace smtpgate::postoffice
