// Hears of files that appear in outboxes, and of messages that appear in SMTP/, by inotify: so that
// outgoing mail leaves at once. Only hints come from here: what lies in a folder is looked at by
// others, and where inotify cannot see (network file systems, another host's writes, no watches
// left) they look from time to time (docs/outgoing.md).
//
// Not for deciding or moving anything.
//
// One thread waits; wake() may be called from any.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace smtpgate::milter {

class OutboxWatch {
 public:
  /// What may have changed. A postoffice is its place in the list that set_postoffices() was given.
  struct Hint {
    bool everything = false;  ///< events were lost, or the list of mailboxes changed: look at all
    std::set<std::pair<std::size_t, std::string>> outboxes;  ///< postoffice and mailbox
    std::set<std::pair<std::size_t, std::string>> outgoing;  ///< postoffice, name in its SMTP/
    bool woken = false;
  };

  OutboxWatch();
  ~OutboxWatch();
  OutboxWatch(const OutboxWatch&) = delete;
  OutboxWatch& operator=(const OutboxWatch&) = delete;

  /// Watches these postoffice folders and no others.
  void set_postoffices(const std::vector<std::string>& directories);

  /// Waits until there is a hint, wake() was called, or `limit` is over (an empty hint).
  Hint wait(std::chrono::milliseconds limit);
  void wake();

  /// Outboxes that could not be watched; they are found only by looking.
  std::size_t unwatched() const { return unwatched_; }

 private:
  enum class Kind { mailboxes, outbox, outgoing };
  struct Watched {
    Kind kind = Kind::outbox;
    std::size_t postoffice = 0;
    std::string mailbox;
  };

  bool watch(const std::string& path, Watched what);
  void watch_mailboxes(std::size_t postoffice);
  void read_events(Hint& hint);

  int inotify_ = -1;
  int wake_ = -1;
  std::vector<std::string> directories_;
  std::map<int, Watched> watched_;  ///< by watch descriptor
  std::size_t unwatched_ = 0;
};

}  // namespace smtpgate::milter
