// One try of one outgoing message: see the header.
#include "milter/outbound_message.h"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "milter/outbound_preparation.h"
#include "postoffice/reports.h"

namespace smtpgate::milter {

using postoffice::OutgoingRecipient;
using postoffice::OutgoingState;
using postoffice::RecipientState;
using postoffice::TakenMessage;

namespace {

constexpr std::int64_t hour = 3600;
constexpr std::int64_t look_at_held = 600;
/// Recipients that are submitted between two writes of STATE.json: as many as a transaction has.
constexpr std::size_t most_at_once = 1000;

}  // namespace

std::int64_t retry_pause(const OutboundGatewaySettings& settings, unsigned attempts) {
  std::int64_t pause = settings.retry_min.count();
  for (unsigned i = 1; i < attempts && pause < settings.retry_max.count(); ++i) pause *= 2;
  return std::min<std::int64_t>(pause, settings.retry_max.count());
}

namespace {

class Try {
 public:
  Try(TakenMessage message, const OutboundContext& context, std::optional<OutgoingState> unsaved)
      : message_(std::move(message)),
        context_(context),
        was_unsaved_(unsaved.has_value()),
        state_(unsaved ? std::move(*unsaved) : message_.state()),
        now_(context.now()) {}

  TryResult run();
  /// run(), and the observer is told.
  TryResult run_observed();

 private:
  Outcome prepare();
  std::optional<TryResult> submit_all();
  void submit(PreparedSubmission& submission, std::size_t first);
  void take_result(const std::vector<std::size_t>& places, bool is_encapsulated,
                   const std::string& asked, const RecipientResult& result, std::string_view host,
                   const DeliveryDelays& delays);
  void set(OutgoingRecipient& recipient, const Outcome& outcome);
  std::string shown_address(const OutgoingRecipient& recipient) const;
  void fail_waiting(const std::string& status, const std::string& why);
  TryResult settle();
  bool save();
  bool tell_sender();
  Outcome report();
  TryResult set_aside(const Outcome& why);
  TryResult keep_what_failed();
  TryResult set_aside_later(OutgoingState kept);
  TryResult result() const {
    TryResult made;
    made.host = host_;
    return made;
  }
  TryResult later(std::int64_t when) const {
    TryResult made = result();
    made.next_attempt = when;
    return made;
  }
  TryResult later_unsaved() const {
    TryResult made = later(soon());
    made.unsaved = state_;
    return made;
  }
  TryResult gone() const {
    TryResult made = result();
    made.gone = true;
    return made;
  }
  std::int64_t soon() const { return now_ + context_.configuration.outbound.retry_min.count(); }
  std::vector<std::size_t> waiting() const;

  TakenMessage message_;
  const OutboundContext& context_;
  bool was_unsaved_;
  OutgoingState state_;
  std::int64_t now_;
  std::vector<PreparedSubmission> submissions_;
  HostState host_ = HostState::not_asked;
  std::string host_name_;  ///< of the last transaction
  MessageRecord record_;
  std::map<std::size_t, RecipientRecord> results_;  ///< by place; the last word of this try
};

std::vector<std::size_t> Try::waiting() const {
  std::vector<std::size_t> result;
  for (std::size_t i = 0; i < state_.recipients.size(); ++i) {
    if (state_.recipients[i].state == RecipientState::waiting) result.push_back(i);
  }
  return result;
}

TryResult Try::run() {
  // A crash between the results and the report, or between the last result and the removal; or
  // results that could not be written down.
  if (state_.is_done() || was_unsaved_) return settle();
  if (message_.was_left_in_doubt()) {
    context_.log.warning(fmt::format(
        "{}: a process that sent it was ended after the data and before their reply was written "
        "down: if the host took the message, the next try sends it twice (RFC 1047)",
        state_.id));
    if (!save()) return later(soon());
  }
  // Commands call for a look; should that not be heard, this one is not far away.
  if (state_.held) return later(now_ + look_at_held);
  // No pause is longer than retry_max: a time beyond that was written by a clock that has been set
  // back since.
  const bool is_due =
      now_ >= state_.next_attempt ||
      state_.next_attempt - now_ > context_.configuration.outbound.retry_max.count();
  if (!is_due) return later(state_.next_attempt);
  if (const Outcome prepared = prepare(); !prepared.is_delivered()) {
    if (prepared.is_permanent()) return set_aside(prepared);
    ++state_.attempts;
    for (const std::size_t place : waiting()) set(state_.recipients[place], prepared);
    context_.log.warning(fmt::format("{}: {}", state_.id, prepared.sentence()));
    return settle();
  }
  context_.log.debug([&] {
    return fmt::format("{}: try {}: {} recipients in {} transactions", state_.id,
                       state_.attempts + 1, waiting().size(), submissions_.size());
  });
  try {
    if (auto broken_off = submit_all()) return std::move(*broken_off);
    // Trouble with the host is no try of this message, or a long outage would make all wait
    // longest.
    if (host_ != HostState::down && !context_.stopping()) ++state_.attempts;
    return settle();
  } catch (const std::exception& exception) {
    context_.log.error(fmt::format("{}: {}", state_.id, exception.what()));
    return later_unsaved();
  }
}

Outcome Try::prepare() {
  auto prepared = prepare_submissions(context_.configuration, context_.postoffice, context_.files,
                                      message_, state_);
  if (!prepared) return prepared.error();
  submissions_ = std::move(prepared->submissions);
  for (const Preparation::Result& one : prepared->results) {
    set(state_.recipients[one.place], one.outcome);
    context_.log.info(
        delivery_line(state_.id, shown_address(state_.recipients[one.place]), "", {}, one.outcome));
  }
  return Outcome::delivered("ready");
}

void Try::set(OutgoingRecipient& recipient, const Outcome& outcome) {
  recipient.status = outcome.status();
  recipient.reason = outcome.sentence();
  if (outcome.is_delivered()) recipient.state = RecipientState::sent;
  if (outcome.is_permanent()) recipient.state = RecipientState::failed;
  if (context_.observer == nullptr) return;
  results_.insert_or_assign(
      static_cast<std::size_t>(&recipient - state_.recipients.data()),
      RecipientRecord{shown_address(recipient), host_name_, std::string(sending_result(outcome)),
                      outcome.status(), outcome.sentence()});
}

TryResult Try::run_observed() {
  TryResult result = run();
  if (context_.observer == nullptr || (results_.empty() && !result.gone)) return result;
  try {
    record_.way = Way::out;
    record_.id = state_.id;
    record_.ended = milliseconds_now();
    record_.result = result.gone ? "gone" : result.host == HostState::down ? "host_down" : "later";
    for (auto& [place, one] : results_) record_.recipients.push_back(std::move(one));
    context_.observer->note(std::move(record_));
  } catch (const std::exception& exception) {
    // What was sent must never be tried again because it could not be noted.
    context_.log.error(fmt::format("{}: not noted: {}", state_.id, exception.what()));
  }
  return result;
}

/// In pieces, with the results of each on disk before the next is begun: a crash sends none of them
/// again but the piece that it came in. A result only if they cannot be written.
std::optional<TryResult> Try::submit_all() {
  bool is_unsaved = false;
  for (PreparedSubmission& submission : submissions_) {
    const auto recipients = std::move(submission.envelope.recipients);
    for (std::size_t first = 0; first < recipients.size(); first += most_at_once) {
      if (host_ == HostState::down || context_.stopping()) return std::nullopt;
      if (is_unsaved && !save()) return later_unsaved();
      const auto begin = recipients.begin() + static_cast<std::ptrdiff_t>(first);
      const std::size_t count = std::min(most_at_once, recipients.size() - first);
      submission.envelope.recipients.assign(begin, begin + static_cast<std::ptrdiff_t>(count));
      submit(submission, first);
      is_unsaved = true;
    }
  }
  return std::nullopt;
}

/// `first` is the place of the envelope's first recipient among all of the submission.
void Try::submit(PreparedSubmission& submission, std::size_t first) {
  const SubmissionResult result = context_.submit(submission.envelope, submission.content,
                                                  [this] { message_.mark_in_doubt(); });
  // Addresses that no command can hold are refused before anybody is asked.
  const bool is_asked =
      std::any_of(result.recipients.begin(), result.recipients.end(),
                  [](const RecipientResult& one) { return !one.outcome.is_permanent(); });
  if (!result.host.empty()) {
    host_ = HostState::answers;
  } else if (is_asked) {
    host_ = HostState::down;
  }
  host_name_ = result.host;
  record_.sender = submission.envelope.sender;
  record_.octets = submission.content.size();
  record_.set(Stage::wait, static_cast<double>(std::max<std::int64_t>(now_ - state_.created, 0)));
  record_.add(Stage::connect, result.connection_seconds);
  record_.add(Stage::send, result.transmission_seconds);
  const DeliveryDelays delays{.delivering = result.transmission_seconds,
                              .waiting = static_cast<double>(now_ - state_.created),
                              .connecting = result.connection_seconds};
  for (std::size_t i = 0; i < result.recipients.size(); ++i) {
    const std::string& address = submission.envelope.recipients[i].address;
    take_result(submission.places[first + i], submission.is_encapsulated, address,
                result.recipients[i], result.host, delays);
  }
  if (!result.maybe_sent) return;
  state_.maybe_sent = true;
  context_.log.warning(fmt::format(
      "{}: the connection to {} ended after the data and before its reply: if it took the message, "
      "the next try sends it twice (RFC 1047)",
      state_.id, result.host));
}

/// Of the recipient `asked` of an envelope, for all whom it stands for.
void Try::take_result(const std::vector<std::size_t>& places, bool is_encapsulated,
                      const std::string& asked, const RecipientResult& result,
                      std::string_view host, const DeliveryDelays& delays) {
  const Outcome outcome =
      is_encapsulated ? result.outcome.with("; encapsulated, to " + asked) : result.outcome;
  for (const std::size_t place : places) {
    OutgoingRecipient& recipient = state_.recipients[place];
    set(recipient, outcome);
    if (outcome.is_delivered()) recipient.queue_id = result.queue_id;
    context_.log.info(delivery_line(state_.id, is_encapsulated ? shown_address(recipient) : asked,
                                    host, delays, outcome));
  }
}

/// What it would be on the Internet, if it has such an address.
std::string Try::shown_address(const OutgoingRecipient& recipient) const {
  const auto native = postoffice::NativeAddress::parse(recipient.address.address);
  if (recipient.address.type != "CSI" || !native) return recipient.address.address;
  return converter::published_address(*native, context_.configuration.converter.map)
      .value_or(recipient.address.str());
}

void Try::fail_waiting(const std::string& status, const std::string& why) {
  for (const std::size_t place : waiting()) {
    OutgoingRecipient& recipient = state_.recipients[place];
    const std::string last = recipient.reason.empty() ? "" : "; the last try: " + recipient.reason;
    set(recipient, Outcome::permanent(why + last, status));
    context_.log.info(delivery_line(state_.id, recipient.address.address, "", {},
                                    Outcome::permanent(recipient.reason, status)));
  }
}

Outcome Try::report() {
  // A program's own mail: kept in BAD once all is known.
  if (state_.mailbox.empty()) return Outcome::delivered("there is nobody to tell");
  postoffice::NonDelivery failed;
  failed.message_id = state_.id;
  for (const OutgoingRecipient& recipient : state_.recipients) {
    if (recipient.state == RecipientState::failed && !recipient.reported) {
      failed.recipients.push_back(recipient);
    }
  }
  auto original = message_.open_content();
  // It was there when the message was taken: a disk that does not answer now may do so later.
  if (!original) return original.error();
  failed.original = original->get();
  failed.original_kind = message_.content_kind();
  return postoffice::file_non_delivery(context_.postoffice, state_.mailbox, failed);
}

/// Reports what failed and was not reported; marks it, in memory only.
bool Try::tell_sender() {
  if (const Outcome told = report(); !told.is_delivered()) {
    context_.log.warning(
        fmt::format("{}: the sender could not be told yet: {}", state_.id, told.sentence()));
    return false;
  }
  for (OutgoingRecipient& recipient : state_.recipients) {
    if (recipient.state == RecipientState::failed) recipient.reported = true;
  }
  return true;
}

bool Try::save() {
  const Outcome saved = message_.save(state_);
  if (!saved.is_delivered()) {
    context_.log.error(fmt::format("{}: {}", state_.id, saved.sentence()));
  }
  return saved.is_delivered();
}

/// What cannot be converted is kept for a person to look at and, once mended, to try again; whoever
/// wrote it is told.
TryResult Try::set_aside(const Outcome& why) {
  OutgoingState kept = state_;
  fail_waiting(why.status(), why.sentence());
  if (!tell_sender()) return set_aside_later(std::move(kept));
  for (std::size_t i = 0; i < kept.recipients.size(); ++i) {
    kept.recipients[i].status = state_.recipients[i].status;
    kept.recipients[i].reason = state_.recipients[i].reason;
    if (kept.recipients[i].state == RecipientState::failed) kept.recipients[i].reported = true;
  }
  const Outcome moved = message_.set_aside(kept, why.sentence());
  if (!moved.is_delivered()) {
    context_.log.error(fmt::format("{}: {}", state_.id, moved.sentence()));
    return set_aside_later(std::move(kept));
  }
  context_.log.warning(fmt::format("{}: set aside in SMTP/BAD: {}", state_.id, why.sentence()));
  return gone();
}

/// A program's mail that failed for some, and there is nobody to tell: a person must see it. Those
/// recipients wait again, should it be tried again.
TryResult Try::keep_what_failed() {
  OutgoingState kept = state_;
  std::string why;
  for (OutgoingRecipient& recipient : kept.recipients) {
    if (recipient.state != RecipientState::failed) continue;
    recipient.state = RecipientState::waiting;
    if (why.empty()) why = recipient.address.str() + ": " + recipient.reason;
  }
  const Outcome moved = message_.set_aside(std::move(kept), why);
  if (!moved.is_delivered()) {
    context_.log.error(fmt::format("{}: {}", state_.id, moved.sentence()));
    return later_unsaved();
  }
  context_.log.warning(
      fmt::format("{}: set aside in SMTP/BAD, as there is nobody to tell: {}", state_.id, why));
  return gone();
}

/// A try like any other: converting it each time costs as much as trying to send it.
TryResult Try::set_aside_later(OutgoingState kept) {
  state_ = std::move(kept);
  ++state_.attempts;
  state_.next_attempt = now_ + retry_pause(context_.configuration.outbound, state_.attempts);
  if (!save()) return later_unsaved();
  return later(state_.next_attempt);
}

/// Results first, durably; then the sender is told; then it goes.
TryResult Try::settle() {
  const std::int64_t age = now_ - state_.created;
  if (!state_.is_done() && age > context_.configuration.outbound.expire.count() &&
      !context_.stopping()) {
    fail_waiting("5.4.7", fmt::format("could not be delivered for {} hours", age / hour));
  }
  const bool done = state_.is_done();
  const bool to_report = std::any_of(
      state_.recipients.begin(), state_.recipients.end(),
      [](const OutgoingRecipient& r) { return r.state == RecipientState::failed && !r.reported; });
  // Whoever leaves in the middle gives it back as it was, but for what is known by now. A host that
  // cannot be spoken to is waited for as a whole: once it is back every message is due.
  if (!done && !context_.stopping()) {
    const std::int64_t pause =
        retry_pause(context_.configuration.outbound, std::max(state_.attempts, 1U));
    state_.next_attempt = host_ == HostState::down ? now_ : now_ + pause;
  }
  if ((to_report || !done) && !save()) return later_unsaved();
  const bool has_failed =
      std::any_of(state_.recipients.begin(), state_.recipients.end(),
                  [](const OutgoingRecipient& r) { return r.state == RecipientState::failed; });
  if (done && has_failed && state_.mailbox.empty()) return keep_what_failed();
  if (to_report) {
    if (!tell_sender()) return later(soon());
    // Should this not be saved, the same report is made again, and found to be filed.
    if (!done) save();
  }
  if (!done) return later(state_.next_attempt);
  const Outcome finished = message_.finish(state_);
  if (!finished.is_delivered()) {
    context_.log.error(fmt::format("{}: {}", state_.id, finished.sentence()));
    return later_unsaved();
  }
  if (finished.status() == postoffice::gone_until_power_cut) {
    context_.log.warning(fmt::format("{}: {}", state_.id, finished.sentence()));
  }
  return gone();
}

}  // namespace

TryResult try_message(TakenMessage message, const OutboundContext& context,
                      std::optional<OutgoingState> unsaved) {
  return Try(std::move(message), context, std::move(unsaved)).run_observed();
}

}  // namespace smtpgate::milter
