// The one delivery routine of both doors: a message with its resolved envelope becomes one durable
// file in each recipient's mailbag (docs/flow.md, "Delivery"), and goes on to whom groups and
// forwards name elsewhere (docs/groups.md). Recipients of one postoffice share one conversion and
// one file; of one mailbox, one filing and its outcome.
//
// Not for replies, claims or log lines: the doors have those. Not for who the recipients are:
// recipient_resolver.h.
#pragma once

#include <chrono>
#include <functional>
#include <vector>

#include "converter/envelope.h"
#include "converter/inbound.h"
#include "milter/configuration.h"
#include "milter/message_record.h"
#include "postoffice/file_system.h"
#include "postoffice/outcome.h"

namespace smtpgate::milter {

using Clock = std::chrono::steady_clock;

/// Until when work may be begun, and the clock that says so (tests have their own).
struct Deadline {
  Clock::time_point end;
  std::function<Clock::time_point()> now = [] { return Clock::now(); };

  static Deadline in(std::chrono::seconds seconds) { return {Clock::now() + seconds}; }
  bool passed() const { return now() >= end; }
};

/// How far a delivery may go.
enum class Reach {
  mailboxes,  ///< of the postoffices here; a recipient that reaches beyond them is temporary
  beyond,     ///< groups and forwards may pass the message on, through SMTP/
};

/// One Outcome per recipient of the envelope, in its order: delivered means durable, in mailbags or
/// in SMTP/. Groups and forwards are followed here, at the moment of delivery. The deadline
/// is looked at before the conversion, before sealing and before each mailbox; what is not begun by
/// then is temporary. `record` (may be null) gets the times of the stages and what the message was
/// converted to. Never throws: what libraries throw becomes temporary 4.3.0. Safe from many
/// threads at once, each with its own message.
std::vector<Outcome> deliver_inbound(
    const Configuration& configuration, const converter::Envelope& envelope,
    converter::RawMessage& raw, const Deadline& deadline, Reach reach,
    postoffice::FileSystem& files = postoffice::FileSystem::posix(),
    MessageRecord* record = nullptr);

/// Makes <work>/spool and <work>/chain where they are missing. <work> itself must exist: that it
/// does not is a sign of a disk that is not mounted.
Outcome prepare_work_directory(const Configuration& configuration,
                               postoffice::FileSystem& files = postoffice::FileSystem::posix());

}  // namespace smtpgate::milter
