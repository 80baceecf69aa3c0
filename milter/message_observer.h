// Who is told what happened to each message: the daemon's monitoring (monitoring.h), door 2's
// notes (delivery_notes.h), a test. And the helpers with which the doors and the delivery fill a
// record.
//
// A note must cost the message next to nothing, and can never fail it.
#pragma once

#include <chrono>
#include <utility>
#include <vector>

#include "converter/envelope.h"
#include "converter/inbound.h"
#include "milter/message_record.h"

namespace smtpgate::milter {

/// All functions are called from any thread and never throw.
class MessageObserver {
 public:
  virtual ~MessageObserver() = default;
  /// A message, or a try of an outgoing one, has ended.
  virtual void note(MessageRecord record) noexcept = 0;
  /// Postfix has made or ended a connection to door 1.
  virtual void session_began() noexcept {}
  virtual void session_ended() noexcept {}
};

/// Adds the time of its life to a stage. Without a record it does nothing.
class StageTimer {
 public:
  StageTimer(MessageRecord* record, Stage stage)
      : record_(record), stage_(stage), began_(Clock::now()) {}
  ~StageTimer() {
    if (record_ == nullptr) return;
    record_->add(stage_, std::chrono::duration<double>(Clock::now() - began_).count());
  }
  StageTimer(const StageTimer&) = delete;
  StageTimer& operator=(const StageTimer&) = delete;

 private:
  using Clock = std::chrono::steady_clock;
  MessageRecord* record_;
  Stage stage_;
  Clock::time_point began_;
};

/// Sizes and marks of what a message was converted to. Of a message for several postoffices those
/// of the first.
void note_conversion(MessageRecord& record, const converter::ConvertedMessage& converted);

/// Who it came from, and what became of each recipient of the envelope.
void note_envelope(MessageRecord& record, const converter::Envelope& envelope);
void note_outcomes(MessageRecord& record, const converter::Envelope& envelope,
                   const std::vector<Outcome>& outcomes);

}  // namespace smtpgate::milter
