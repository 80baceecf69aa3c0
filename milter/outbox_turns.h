// In which order outboxes are looked at: in turns, so that thousands of files in one of them do not
// hold up the others. There are two queues, served alternately: outboxes in which something has
// just appeared, and those that are looked at from time to time or were not done with in their
// turn.
//
// Not for when an outbox is to be looked at, nor for threads: one thread has it.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace smtpgate::milter {

/// A postoffice's folder and a mailbox; without one: what was taken from outboxes already.
using OutboxPlace = std::pair<std::string, std::string>;

class OutboxTurns {
 public:
  struct Turn {
    OutboxPlace place;
    std::string behind;  ///< the name behind which it goes on; empty: from the beginning
    bool again = false;  ///< it was added meanwhile: afterwards from the beginning
  };

  /// It is to be looked at some time. Once, however often it is added.
  void add(const OutboxPlace& place) { add_to(place, false); }
  /// Something has just appeared there: sooner.
  void add_news(const OutboxPlace& place) { add_to(place, true); }
  /// Whose turn it is; nothing if none waits. To be given to end().
  std::optional<Turn> next();
  /// `behind`: the turn was not enough, and goes on behind that name when the others have had
  /// theirs.
  void end(const Turn& turn, const std::optional<std::string>& behind);

  bool is_empty() const { return waiting_.empty(); }

 private:
  struct Waiting {
    bool is_news = false;
    std::string behind;
    bool again = false;
  };

  void add_to(const OutboxPlace& place, bool is_news);
  std::optional<Turn> pop(std::deque<OutboxPlace>& queue, bool is_news);

  std::map<OutboxPlace, Waiting> waiting_;
  // One that was put from one queue into the other, or served from there, is passed over.
  std::deque<OutboxPlace> news_;
  std::deque<OutboxPlace> others_;
  bool were_news_last_ = false;
};

}  // namespace smtpgate::milter
