// Mail on its way out in the world of the crash tests: outboxes looked at, tries of what waits in
// SMTP/, and the designated host. See world.h; what comes in is in world_inbound.cpp.
#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "milter/outbound_message.h"
#include "postoffice/outbox.h"
#include "postoffice/outgoing.h"
#include "tests/crash/message_digest.h"
#include "tests/crash/test_clock.h"
#include "tests/crash/world.h"

namespace smtpgate::crash {

using postoffice::OutgoingMail;
using postoffice::Postoffice;

namespace {

constexpr std::int64_t between_looks = 1300;  // seconds

/// A receipt says when it was made.
bool is_receipt(const std::string& message) {
  return message.find("message/disposition-notification") != std::string::npos;
}

}  // namespace

/// What the daemon's threads tell of trouble with a folder.
template <typename T>
bool World::tells(const Expected<T>& result) {
  if (!result && !disk_.has_stopped()) log_.warning("ACME/MAIN: " + result.error().sentence());
  return result.has_value();
}

/// A sender is told of a message as soon as it has its name in SMTP/, and has it once it is free.
void World::send_what_is_free() {
  for (const std::string& name : disk_.names(folder() + "/SMTP")) {
    if (!postoffice::is_outgoing_id(name)) continue;
    if (!disk_.is_locked(folder() + "/SMTP/" + name)) return try_waiting();
  }
}

void World::send_outgoing() {
  const auto opened = Postoffice::open(folder(), disk_);
  if (!tells(opened)) return;
  const auto told = [this](const postoffice::OutboxNote& note) {
    log_.info(note.mailbox + "/" + note.file + ": " + note.outcome.sentence());
  };
  const std::vector<std::string> watched = watched_outboxes();
  for (const std::string& mailbox : watched) {
    (void)tells(postoffice::pick_up_outbox(*opened, mailbox, {}, told));
    if (disk_.has_stopped()) return;
  }
  if (!watched.empty()) {
    (void)tells(postoffice::resume_taken_files(*opened, {}, told));
    if (disk_.has_stopped()) return;
  }
  if (scenario_->sends) try_waiting();
}

std::vector<std::string> World::watched_outboxes() const {
  std::vector<std::string> result = scenario_->watched;
  for (const OutboxFile& file : scenario_->outbox) result.push_back(file.mailbox);
  return result;
}

void World::try_waiting() {
  const auto opened = Postoffice::open(folder(), disk_);
  if (!tells(opened)) return;
  const OutgoingMail mail(*opened);
  const auto ids = mail.waiting();
  if (!tells(ids)) return;
  const milter::OutboundContext context{
      .configuration = *configuration_,
      .postoffice = *opened,
      .files = disk_,
      .log = log_,
      .submit =
          [this](const converter::OutboundEnvelope& envelope, converter::Spool& content,
                 const std::function<void()>& before_end) {
            return submit(envelope, content, before_end);
          },
      // Each look comes after the first pauses between tries.
      .now = [this] { return clock_now() + looks_ * between_looks; }};
  ++looks_;
  for (const std::string& id : *ids) {
    auto taken = mail.take(id);
    if (disk_.has_stopped()) return;
    if (!tells(taken) || !*taken) continue;
    submitted_in_try_ = 0;
    // What could not be written down is kept in memory, as the daemon does.
    std::optional<postoffice::OutgoingState> unsaved;
    if (const auto kept = unsaved_.find(id); kept != unsaved_.end()) {
      unsaved = kept->second.first;
      submitted_in_try_ = kept->second.second;
      unsaved_.erase(kept);
    }
    auto result = milter::try_message(std::move(**taken), context, std::move(unsaved));
    if (disk_.has_stopped()) return;
    if (result.unsaved) unsaved_[id] = {std::move(*result.unsaved), submitted_in_try_};
    // A disk that takes neither the removal nor the state, and says so.
    if (log_.has("bring it back and send it twice")) in_doubt_ += submitted_in_try_;
    submitted_in_try_ = 0;
  }
}

milter::SubmissionResult World::submit(const converter::OutboundEnvelope& envelope,
                                       converter::Spool& content,
                                       const std::function<void()>& before_end) {
  milter::SubmissionResult result;
  std::string octets;
  postoffice::StringSink sink(octets);
  const bool is_read = content.copy_to(sink).has_value();
  if (is_read) before_end();
  if (!is_read || disk_.has_stopped()) {
    for (std::size_t i = 0; i < envelope.recipients.size(); ++i) {
      result.recipients.push_back({Outcome::temporary("cannot read the content"), {}});
    }
    return result;
  }
  result.host = "127.0.0.1[127.0.0.1]:25";
  for (const converter::OutboundRecipient& recipient : envelope.recipients) {
    const auto& refused = scenario_->refused_recipients;
    if (std::find(refused.begin(), refused.end(), recipient.address) != refused.end()) {
      result.recipients.push_back({Outcome::permanent("550 5.1.1 no such user", "5.1.1"), {}});
      continue;
    }
    const auto& later = scenario_->refused_later;
    if (std::find(later.begin(), later.end(), recipient.address) != later.end()) {
      const bool is_first = tried_.insert(recipient.address).second;
      result.recipients.push_back({is_first ? Outcome::temporary("450 4.2.1 not now", "4.2.1")
                                            : Outcome::permanent("550 5.1.1 no user", "5.1.1"),
                                   {}});
      continue;
    }
    submitted_.push_back(
        "submitted to " + recipient.address + " from " + envelope.sender + ": " +
        (is_receipt(octets) ? "a receipt" : without_random_parts(without_trace(octets))));
    ++submitted_in_try_;
    result.recipients.push_back({Outcome::delivered("queued as 4F3A1"), "4F3A1"});
  }
  return result;
}

}  // namespace smtpgate::crash
