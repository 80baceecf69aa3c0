// The senders: threads that take what is due in SMTP/ of the postoffices served and try it through
// the designated host, several at once; and how long they leave a host alone that cannot be spoken
// to (docs/outgoing.md, "Failure").
//
// Not for finding what waits (outbound_scout.h) nor for one try (outbound_message.h). What is in
// memory here can be lost at any moment, but for results that could not be written.
//
// All functions may be called from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "milter/due_messages.h"
#include "milter/outbound_message.h"
#include "milter/outbound_surroundings.h"
#include "milter/submission.h"
#include "postoffice/outgoing.h"

namespace smtpgate::milter {

class OutboundSenders {
 public:
  explicit OutboundSenders(OutboundSurroundings surroundings);

  /// The body of each sender's thread: until ask_stop(), then until the try in hand is done.
  void run();
  void ask_stop();
  /// False if something was still in hand after `limit`.
  bool wait_until_idle(std::chrono::milliseconds limit);

  /// Before run() and whenever the configuration was read: the host may be another one now. Tries
  /// that run keep the old one until they end.
  void use(const DesignatedHost& host);
  /// Messages of other postoffices are forgotten; those of these are due at once.
  void serve(const std::vector<std::string>& postoffices);

  /// As those of DueMessages.
  void replace(const std::string& postoffice, const std::vector<std::string>& ids);
  void add(const std::string& postoffice, const std::string& id);
  void look_again(const std::string& postoffice);
  void look_again(const std::string& postoffice, const std::string& id);

 private:
  using Clock = std::chrono::steady_clock;
  using Key = DueMessages::Key;

  /// A message that cannot be taken is told of once, and again when that changes.
  struct Trouble {
    std::string sentence;
    unsigned times = 0;
  };

  std::optional<Key> wait_for_due();
  Expected<std::optional<postoffice::TakenMessage>> take(const postoffice::Postoffice& postoffice,
                                                         const Key& key);
  TryResult try_one(const Key& key);
  TryResult not_taken(const Key& key, const Outcome& problem, TryResult result);
  void note_host(HostState host);
  void finish(const Key& key, const TryResult& result);

  OutboundSurroundings surroundings_;
  std::atomic<bool> stopping_ = false;

  std::mutex mutex_;
  std::condition_variable changed_;
  DueMessages due_;
  std::shared_ptr<Submitter> submitter_;
  std::map<Key, postoffice::OutgoingState> unsaved_;  ///< results not yet on disk
  std::map<Key, Trouble> trouble_;
  std::map<std::string, std::int64_t> signs_;  ///< of life, in each postoffice: seconds since boot
  Clock::time_point host_pause_end_{};
  std::chrono::seconds host_pause_;
  std::optional<Key> probe_;  ///< the one try that shows whether the host is back
};

}  // namespace smtpgate::milter
