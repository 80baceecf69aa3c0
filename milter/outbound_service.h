// Outgoing mail in the daemon: watches outboxes and SMTP/ of the postoffices served, picks up what
// is dropped, and submits what is due, several at once (docs/outgoing.md).
//
// Not for how one outbox is dealt with (postoffice/outbox.h) or one message is tried
// (outbound_message.h). Shares nothing with the doors but configuration and log, so that a flood in
// one direction does not stop the other (Q137043).
#pragma once

#include <chrono>
#include <memory>

#include "milter/outbound_surroundings.h"

namespace smtpgate::milter {

class OutboundService {
 public:
  using Surroundings = OutboundSurroundings;

  explicit OutboundService(Surroundings surroundings);
  /// Stops, waiting as long as it takes.
  ~OutboundService();

  /// Starts its threads; all signals should be blocked in the caller. Nothing happens where
  /// [outbound] enabled = false.
  void start();
  /// The configuration was read again.
  void reload();
  /// As stop(), without waiting.
  void ask_stop();
  /// No new message is begun; tries that have not ended their data are given up, others wait for
  /// their reply. False if something was still in hand after `limit`.
  bool stop(std::chrono::milliseconds limit);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace smtpgate::milter
