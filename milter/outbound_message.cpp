// One try of one outgoing message: see the header.
#include "milter/outbound_message.h"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "postoffice/ascii.h"
#include "postoffice/mmff_reader.h"
#include "postoffice/reports.h"

namespace smtpgate::milter {

using converter::OutboundEnvelope;
using converter::OutboundRequest;
using postoffice::OutgoingContent;
using postoffice::OutgoingRecipient;
using postoffice::OutgoingState;
using postoffice::RecipientState;
using postoffice::TakenMessage;

namespace {

constexpr std::int64_t hour = 3600;
constexpr std::int64_t look_at_held = 600;

}  // namespace

std::int64_t retry_pause(const OutboundGatewaySettings& settings, unsigned attempts) {
  std::int64_t pause = settings.retry_min.count();
  for (unsigned i = 1; i < attempts && pause < settings.retry_max.count(); ++i) pause *= 2;
  return std::min<std::int64_t>(pause, settings.retry_max.count());
}

namespace {

/// One submission: a message has one, or two where some of its recipients need another form.
struct Part {
  OutboundEnvelope envelope;
  converter::Spool content;
  std::vector<std::size_t> places;  ///< of the envelope's recipients in the state's

  explicit Part(const converter::SpoolPlace& place) : content(place) {}
};

class Try {
 public:
  Try(TakenMessage message, const OutboundContext& context, std::optional<OutgoingState> unsaved)
      : message_(std::move(message)),
        context_(context),
        was_unsaved_(unsaved.has_value()),
        state_(unsaved ? std::move(*unsaved) : message_.state()),
        now_(context.now()) {}

  TryResult run();

 private:
  Outcome prepare();
  Outcome prepare_mmff(const std::vector<std::size_t>& places);
  Outcome prepare_internet();
  std::optional<std::string> internet_address(OutgoingRecipient& recipient);
  void submit(Part& part);
  void set(OutgoingRecipient& recipient, const Outcome& outcome);
  void fail_waiting(const std::string& status, const std::string& why);
  TryResult settle();
  bool save();
  bool tell_sender();
  Outcome report();
  TryResult set_aside(const Outcome& why);
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
  std::vector<Part> parts_;
  HostState host_ = HostState::not_asked;
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
  if (now_ < state_.next_attempt) return later(state_.next_attempt);
  if (const Outcome prepared = prepare(); !prepared.is_delivered()) {
    if (prepared.is_permanent()) return set_aside(prepared);
    ++state_.attempts;
    for (const std::size_t place : waiting()) set(state_.recipients[place], prepared);
    context_.log.warning(fmt::format("{}: {}", state_.id, prepared.sentence()));
    return settle();
  }
  try {
    for (Part& part : parts_) {
      if (!part.envelope.recipients.empty() && host_ != HostState::down) submit(part);
    }
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
  if (message_.content_kind() == OutgoingContent::internet) return prepare_internet();
  const converter::ConverterSettings& settings = context_.configuration.converter;
  std::vector<std::size_t> with_mime;
  std::vector<std::size_t> uuencoded;
  for (const std::size_t place : waiting()) {
    // One without an Internet address fails by itself, whatever form the others need.
    if (!internet_address(state_.recipients[place])) continue;
    const bool old_peer = converter::wants_uuencode(state_.recipients[place].address, settings.map,
                                                    settings.outbound);
    (old_peer ? uuencoded : with_mime).push_back(place);
  }
  for (const auto& places : {with_mime, uuencoded}) {
    if (places.empty()) continue;
    if (Outcome prepared = prepare_mmff(places); !prepared.is_delivered()) return prepared;
  }
  return Outcome::delivered("ready");
}

Outcome Try::prepare_mmff(const std::vector<std::size_t>& places) {
  auto file = message_.open_content();
  if (!file) return file.error();
  postoffice::FileSource source(**file);
  postoffice::Reader reader(source);
  auto header = reader.next();
  if (!header) return header.error().outcome();
  if (!*header) return Outcome::permanent("its FROM_NC.API is empty", "5.6.0");

  OutboundRequest request;
  for (const std::size_t place : places) {
    request.recipients.push_back(state_.recipients[place].address);
  }
  request.character_set = context_.postoffice.settings().character_set;
  request.now = state_.created;
  request.zone_minutes = context_.postoffice.local_time(state_.created).zone_minutes;
  // The name that the sender's own copy has in sent/, so that reports lead to it.
  request.message_id = (state_.key.empty() ? state_.id : state_.key).substr(0, 32);
  request.envelope_id = state_.id;
  request.null_sender = state_.mailbox.empty() || state_.mailbox == "postmaster";
  if (state_.mailbox.empty()) request.auto_submitted = "auto-generated";
  const Configuration& configuration = context_.configuration;
  const converter::SpoolPlace place = configuration.spool_place(context_.files);
  Part part(place);
  auto converted =
      converter::convert_outbound(reader, **header, request, configuration.converter.map,
                                  configuration.converter.outbound, place, part.content);
  if (!converted) return converted.error();
  part.envelope = std::move(*converted);
  for (const converter::OutboundRefusal& refusal : part.envelope.refused) {
    set(state_.recipients[places[refusal.index]], refusal.outcome);
  }
  for (const converter::OutboundRecipient& recipient : part.envelope.recipients) {
    part.places.push_back(places[recipient.index]);
  }
  parts_.push_back(std::move(part));
  return Outcome::delivered("ready");
}

/// user@host; nullopt if it has none, which is its result then.
std::optional<std::string> Try::internet_address(OutgoingRecipient& recipient) {
  if (recipient.address.type == "SMTP") return recipient.address.address;
  const auto native = postoffice::NativeAddress::parse(recipient.address.address);
  auto published =
      native && recipient.address.type == "CSI"
          ? converter::published_address(*native, context_.configuration.converter.map)
          : Expected<std::string>(failure(Outcome::permanent(
                recipient.address.str() + " cannot be reached by Internet mail", "5.1.3")));
  if (published) return *published;
  set(recipient, published.error());
  return std::nullopt;
}

/// What is passed on octet by octet has its envelope in STATE.json.
Outcome Try::prepare_internet() {
  auto file = message_.open_content();
  if (!file) return file.error();
  Part part(context_.configuration.spool_place(context_.files));
  OutboundEnvelope& envelope = part.envelope;
  std::string buffer(std::size_t{256} << 10, '\0');
  for (;;) {
    const auto count = (*file)->read(buffer);
    if (!count) return count.error().outcome();
    if (*count == 0) break;
    const std::string_view piece(buffer.data(), *count);
    envelope.is_8bit = envelope.is_8bit || !is_ascii(piece);
    if (auto written = part.content.write(piece); !written) return written.error().outcome();
  }
  envelope.sender = state_.sender.value_or("");
  envelope.needs_smtputf8 = !is_ascii(envelope.sender);
  for (const std::size_t place : waiting()) {
    auto address = internet_address(state_.recipients[place]);
    if (!address) continue;
    envelope.needs_smtputf8 = envelope.needs_smtputf8 || !is_ascii(*address);
    envelope.recipients.push_back({std::move(*address), {}, place});
    part.places.push_back(place);
  }
  envelope.parameters = fmt::format("SIZE={}", part.content.size());
  if (envelope.is_8bit) envelope.parameters += " BODY=8BITMIME";
  if (envelope.needs_smtputf8) envelope.parameters += " SMTPUTF8";
  parts_.push_back(std::move(part));
  return Outcome::delivered("ready");
}

void Try::set(OutgoingRecipient& recipient, const Outcome& outcome) {
  recipient.status = outcome.status();
  recipient.reason = outcome.sentence();
  if (outcome.is_delivered()) recipient.state = RecipientState::sent;
  if (outcome.is_permanent()) recipient.state = RecipientState::failed;
}

void Try::submit(Part& part) {
  const SubmissionResult result =
      context_.submit(part.envelope, part.content, [this] { message_.mark_in_doubt(); });
  // Addresses that no command can hold are refused before anybody is asked.
  const bool is_asked =
      std::any_of(result.recipients.begin(), result.recipients.end(),
                  [](const RecipientResult& one) { return !one.outcome.is_permanent(); });
  if (!result.host.empty()) {
    host_ = HostState::answers;
  } else if (is_asked) {
    host_ = HostState::down;
  }
  const DeliveryDelays delays{.delivering = result.transmission_seconds,
                              .waiting = static_cast<double>(now_ - state_.created),
                              .connecting = result.connection_seconds};
  for (std::size_t i = 0; i < part.places.size(); ++i) {
    OutgoingRecipient& recipient = state_.recipients[part.places[i]];
    const RecipientResult& one = result.recipients[i];
    set(recipient, one.outcome);
    if (one.outcome.is_delivered()) recipient.queue_id = one.queue_id;
    context_.log.info(delivery_line(state_.id, part.envelope.recipients[i].address, result.host,
                                    delays, one.outcome));
  }
  if (!result.maybe_sent) return;
  state_.maybe_sent = true;
  context_.log.warning(fmt::format(
      "{}: the connection to {} ended after the data and before its reply: if it took the message, "
      "the next try sends it twice (RFC 1047)",
      state_.id, result.host));
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
  if (state_.mailbox.empty()) return Outcome::delivered("nobody is told: a program's own mail");
  postoffice::NonDelivery failed;
  failed.message_id = state_.id;
  for (const OutgoingRecipient& recipient : state_.recipients) {
    if (recipient.state == RecipientState::failed && !recipient.reported) {
      failed.recipients.push_back(recipient);
    }
  }
  auto original = message_.open_content();
  if (original) failed.original = original->get();
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
  if (!tell_sender()) return later(soon());
  for (std::size_t i = 0; i < kept.recipients.size(); ++i) {
    kept.recipients[i].status = state_.recipients[i].status;
    kept.recipients[i].reason = state_.recipients[i].reason;
    if (kept.recipients[i].state == RecipientState::failed) kept.recipients[i].reported = true;
  }
  const Outcome moved = message_.set_aside(std::move(kept), why.sentence());
  if (!moved.is_delivered()) {
    context_.log.error(fmt::format("{}: {}", state_.id, moved.sentence()));
    return later(soon());
  }
  context_.log.warning(fmt::format("{}: set aside in SMTP/BAD: {}", state_.id, why.sentence()));
  return gone();
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
  // Whoever leaves in the middle gives it back as it was, but for what is known by now.
  if (!done && !context_.stopping()) {
    state_.next_attempt =
        now_ + retry_pause(context_.configuration.outbound, std::max(state_.attempts, 1U));
  }
  if ((to_report || !done) && !save()) return later_unsaved();
  if (to_report) {
    if (!tell_sender()) return later(soon());
    // Should this not be saved, the same report is made again, and found to be filed.
    if (!done) save();
  }
  if (!done) return later(state_.next_attempt);
  if (const Outcome finished = message_.finish(state_); !finished.is_delivered()) {
    context_.log.error(fmt::format("{}: {}", state_.id, finished.sentence()));
    return later_unsaved();
  }
  return gone();
}

}  // namespace

TryResult try_message(TakenMessage message, const OutboundContext& context,
                      std::optional<OutgoingState> unsaved) {
  return Try(std::move(message), context, std::move(unsaved)).run();
}

}  // namespace smtpgate::milter
