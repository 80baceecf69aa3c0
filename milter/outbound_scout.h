// The scout: one thread that hears of changes, picks up what lies in outboxes, outbox by outbox in
// turns, and tells the senders what waits in SMTP/ (docs/outgoing.md).
//
// Not for how one outbox is dealt with (postoffice/outbox.h), whose turn it is (outbox_turns.h), or
// for sending (outbound_senders.h). What is in memory here can be lost at any moment.
//
// run() is the body of the one thread; the other functions may be called from any.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "milter/outbound_senders.h"
#include "milter/outbound_surroundings.h"
#include "milter/outbox_turns.h"
#include "milter/outbox_watch.h"
#include "postoffice/outbox.h"
#include "postoffice/postoffice.h"

namespace smtpgate::milter {

class OutboundScout {
 public:
  /// `senders` outlive it.
  OutboundScout(OutboundSurroundings surroundings, OutboundSenders& senders)
      : surroundings_(std::move(surroundings)), senders_(senders) {}

  void run();
  void ask_stop();
  /// The configuration was read again.
  void reload();
  /// Something may lie anywhere.
  void look_at_everything();

 private:
  using Clock = std::chrono::steady_clock;
  using Office = converter::ServedPostoffice;

  Log& log() { return *surroundings_.log; }
  void take_configuration();
  void step(Clock::time_point& next_poll);
  void look_at_all();
  void add_outboxes(const Office& office);
  void look_at_outgoing(const Office& office);
  /// A shadow where a postoffice should be: nothing of it is sent.
  std::optional<Outcome> why_not_ours(const Office& office) const;
  void take_turn();
  void take_turn_at(const Office& office, const OutboxTurns::Turn& turn);
  void note_again(const OutboxPlace& place, const postoffice::OutboxResult& result);
  void add_ready();
  void act_on(const OutboxWatch::Hint& hint);
  std::chrono::milliseconds until(Clock::time_point next_poll) const;
  void tell(const Office& office, const postoffice::OutboxNote& note);
  void observe(const Office& office, const postoffice::OutboxNote& note);

  OutboundSurroundings surroundings_;
  OutboundSenders& senders_;
  OutboxWatch watch_;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> reload_asked_ = true;  ///< for the first time at the start
  std::atomic<bool> look_asked_ = false;

  std::vector<Office> served_;
  OutboxTurns turns_;
  bool is_after_poll_ = false;  ///< all outboxes are having their turns
  postoffice::GrowingFiles growing_;
  /// When an outbox is to be looked at again: seconds since boot.
  std::map<OutboxPlace, std::int64_t> look_again_;
};

}  // namespace smtpgate::milter
