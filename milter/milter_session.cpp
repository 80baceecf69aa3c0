// Door 1's decisions: see the header.
#include "milter/milter_session.h"

#include <algorithm>
#include <ctime>
#include <exception>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "converter/address_list.h"
#include "milter/smtp_command.h"
#include "postoffice/ascii.h"
#include "postoffice/printable.h"

namespace smtpgate::milter {

using converter::InternetAddress;
using converter::RawMessage;

namespace {

constexpr std::size_t longest_reply_text = 400;
/// More than Postfix's smtpd_recipient_limit by far; beyond it recipients are left to door 2.
constexpr std::size_t most_claimed = 10'000;

std::string join(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, " "));
}

/// Both doors must give the content key the same sender. Door 2 gets it as Postfix rewrote it: that
/// is the macro, but with its case folded. So what MAIL said stands where the two are the same but
/// for case, and the macro where Postfix rewrote more (added a domain, say).
std::string sender_address(std::string_view path, const std::optional<std::string>& macro) {
  const auto given = converter::parse_path(path);
  const std::string said = given ? given->str() : without_brackets(path);
  if (!macro) return said;
  const auto rewritten = converter::parse_path(*macro);
  const std::string routed = rewritten ? rewritten->str() : *macro;
  return equals_ignoring_case(said, routed) ? said : routed;
}

}  // namespace

/// The recipient that RCPT gave, if it is spelt so that nothing can be mistaken. Postfix deletes by
/// comparing our string, unquoted, with the address that it kept, and says nothing if none is the
/// same; a source route, for one, it had taken off before. So only the plain spelling is claimed:
/// what we would write ourselves, with a domain, and the same (but for case, which Postfix folds in
/// its macro) as what it routes.
std::optional<InternetAddress> plain_address(std::string_view path,
                                             const std::optional<std::string>& routed) {
  auto given = converter::parse_path(path);
  if (!given || given->domain.empty() || given->str() != without_brackets(path)) {
    return std::nullopt;
  }
  if (routed && !routed->empty() && !equals_ignoring_case(*routed, given->str())) {
    return std::nullopt;
  }
  return given;
}

struct MilterSession::Transaction {
  explicit Transaction(std::shared_ptr<const Configuration> current, postoffice::FileSystem& files)
      : configuration(std::move(current)),
        resolver(*configuration, files),
        raw(configuration->spool_place(files)),
        began(Clock::now()) {}

  std::shared_ptr<const Configuration> configuration;
  RecipientResolver resolver;
  converter::Envelope envelope;  ///< of claimed recipients
  RawMessage raw;
  Clock::time_point began;
  std::vector<RecipientRecord> left;  ///< for the log once the queue id is known
  std::set<std::string> left_addresses;
  std::size_t recipients = 0;  ///< that RCPT took, whosever they are
  std::string failure;         ///< why the content could not be kept; empty if it could
  bool in_content = false;
};

MilterSession::MilterSession(SessionServices services) : services_(std::move(services)) {}
MilterSession::~MilterSession() = default;

void MilterSession::connected(std::string_view host_name, std::string_view address) {
  client_name_ = host_name;
  client_address_ = address;
}

void MilterSession::mail_from(std::string_view path, const std::vector<std::string>& parameters,
                              const SenderMacros& macros) {
  transaction_.reset();
  if (services_.stopping()) return;
  try {
    auto fresh = std::make_unique<Transaction>(services_.configuration(), *services_.files);
    fresh->envelope.sender = sender_address(path, macros.mail_address);
    fresh->envelope.sender_parameters = join(parameters);
    fresh->envelope.client_name = client_name_;
    fresh->envelope.client_address = client_address_;
    fresh->envelope.protocol = "ESMTP";
    fresh->envelope.sender_is_trusted = !macros.authenticated.empty();
    transaction_ = std::move(fresh);
  } catch (const std::exception& exception) {
    services_.log->error(std::string("MAIL: ") + exception.what() + "; left for door 2");
  }
}

std::optional<RecipientReply> MilterSession::recipient(std::string_view path,
                                                       const std::vector<std::string>& parameters,
                                                       const RecipientMacros& macros,
                                                       std::string_view queue_id) {
  if (!transaction_) return std::nullopt;
  ++transaction_->recipients;
  if (!is_considered(path, macros)) return std::nullopt;
  transaction_->envelope.queue_id = queue_id;
  try {
    const auto address = plain_address(path, macros.recipient_address);
    if (!address) {
      leave(path, "it is not spelt plainly, or Postfix routes another address");
      return std::nullopt;
    }
    const Resolution resolution = transaction_->resolver.resolve(*address);
    if (!resolution.is_known()) return refuse(resolution, path);
    const std::string words = join(parameters);
    if (asks_for_success_report(parse_parameters(words))) {
      leave(path, "a report of success is asked for, which Postfix writes");
    } else if (transaction_->envelope.recipients.size() >= most_claimed) {
      leave(path, "too many recipients");
    } else if (const auto stays = transaction_->resolver.stays_here(
                   resolution, !transaction_->envelope.sender_is_trusted);
               !stays) {
      leave(path, stays.error().sentence());
    } else if (!*stays) {
      leave(path, "it reaches beyond this postoffice's mailboxes");
    } else {
      services_.log->debug([&] {
        return fmt::format("{}: to=<{}> is {} ({}), and is to be claimed",
                           queue_id.empty() ? "NOQUEUE" : queue_id, without_brackets(path),
                           resolution.address.str(), resolution.how);
      });
      transaction_->envelope.recipients.push_back({std::string(path), words, resolution.address,
                                                   resolution.kind == Resolution::Kind::group});
    }
  } catch (const std::exception& exception) {
    leave(path, exception.what());
  }
  return std::nullopt;
}

/// Those that Postfix routes to us; in shadow mode, where it routes nobody to us, those whose
/// domain the address map has.
bool MilterSession::is_considered(std::string_view path, const RecipientMacros& macros) const {
  const Configuration& configuration = *transaction_->configuration;
  if (!configuration.shadow.enabled) return macros.mailer == configuration.gateway.transport;
  const auto address = converter::parse_path(path);
  if (!address) return false;
  // A peer's domain is in the map too, and not ours.
  const auto entries = configuration.converter.map.find_all(address->domain);
  return std::any_of(entries.begin(), entries.end(), [&](const auto* entry) {
    return configuration.find_postoffice(entry->postoffice) != nullptr;
  });
}

std::optional<RecipientReply> MilterSession::refuse(const Resolution& resolution,
                                                    std::string_view path) {
  const bool leave_unknown =
      transaction_->configuration->gateway.unknown_recipient == UnknownRecipient::leave;
  switch (resolution.kind) {
    case Resolution::Kind::unknown_mailbox:
      if (leave_unknown) break;
      [[fallthrough]];
    case Resolution::Kind::unknown_domain: {
      const Outcome& outcome = resolution.outcome;
      const std::string& id = transaction_->envelope.queue_id;
      services_.log->info(fmt::format("{}: refused: to=<{}>: {} {}", id.empty() ? "NOQUEUE" : id,
                                      without_brackets(path), outcome.status(),
                                      outcome.sentence()));
      --transaction_->recipients;
      note_refused(path, outcome);
      return RecipientReply{outcome.is_permanent() ? "550" : "451", outcome.status(),
                            printable_ascii(outcome.sentence(), longest_reply_text)};
    }
    case Resolution::Kind::mailbox:
    case Resolution::Kind::group:
    case Resolution::Kind::no_address:
    case Resolution::Kind::unavailable:
      break;
  }
  leave(path, resolution.outcome.sentence());
  return std::nullopt;
}

void MilterSession::leave(std::string_view path, std::string_view reason) {
  const std::string address = without_brackets(path);
  transaction_->left.push_back({address, {}, "left", {}, std::string(reason)});
  transaction_->left_addresses.insert(address);
}

/// It has a record of its own: there is no message yet, and perhaps never will be.
void MilterSession::note_refused(std::string_view path, const Outcome& outcome) {
  MessageRecord record;
  note_envelope(record, transaction_->envelope);
  record.recipients.push_back(
      {without_brackets(path), {}, "refused", outcome.status(), outcome.sentence()});
  observe(std::move(record));
}

void MilterSession::observe(MessageRecord record) {
  if (services_.observer == nullptr) return;
  record.ended = milliseconds_now();
  services_.observer->note(std::move(record));
}

void MilterSession::tell_of_left() {
  const std::string& id = transaction_->envelope.queue_id;
  for (const RecipientRecord& one : transaction_->left) {
    services_.log->info(fmt::format("{}: <{}> left for door 2: {}", id.empty() ? "NOQUEUE" : id,
                                    one.address, one.sentence));
  }
}

/// Postfix deletes every recipient of a given spelling at once. If one of them is to be left (it
/// asked for a report of success, say), all of them are.
void MilterSession::unclaim_spellings_left() {
  std::erase_if(transaction_->envelope.recipients, [&](const converter::EnvelopeRecipient& one) {
    return transaction_->left_addresses.contains(without_brackets(one.path));
  });
}

bool MilterSession::wants_content(std::string_view queue_id) {
  if (!transaction_) return false;
  if (!queue_id.empty()) transaction_->envelope.queue_id = queue_id;
  unclaim_spellings_left();
  if (!transaction_->envelope.recipients.empty() && !services_.stopping()) return true;
  if (!transaction_->left.empty()) {
    tell_of_left();
    MessageRecord record;
    note_envelope(record, transaction_->envelope);
    record.recipients = std::move(transaction_->left);
    observe(std::move(record));
  }
  transaction_.reset();
  return false;
}

void MilterSession::feed(std::string_view piece) {
  transaction_->in_content = true;
  if (!transaction_->failure.empty()) return;
  try {
    if (auto fed = transaction_->raw.feed(piece); !fed) {
      transaction_->failure = fed.error().sentence();
    }
  } catch (const std::exception& exception) {
    transaction_->failure = exception.what();
  }
}

void MilterSession::header(std::string_view name, std::string_view value) {
  if (!transaction_) return;
  feed(name);
  feed(":");
  feed(value);  // RawMessage makes the folds' bare LF a CRLF
  feed("\r\n");
}

void MilterSession::end_of_headers() {
  if (transaction_) feed("\r\n");
}

void MilterSession::body(std::string_view piece) {
  if (transaction_) feed(piece);
}

MilterSession::Answer MilterSession::end_of_message(std::string_view queue_id,
                                                    const DeleteRecipient& delete_recipient) {
  if (!transaction_) return Answer::go_on;
  transaction_->envelope.queue_id = queue_id;
  Answer answer = Answer::go_on;
  try {
    answer = deliver(delete_recipient);
  } catch (const std::exception& exception) {
    services_.log->error(fmt::format("{}: {}; left for door 2", queue_id, exception.what()));
  }
  transaction_.reset();
  return answer;
}

/// Every recipient that Postfix took was claimed and is durable, and nothing in Postfix can have
/// added others.
bool MilterSession::may_discard(const std::vector<Outcome>& outcomes) const {
  const Transaction& transaction = *transaction_;
  return transaction.configuration->milter.claim == Claim::discard && transaction.left.empty() &&
         transaction.recipients == transaction.envelope.recipients.size() &&
         std::all_of(outcomes.begin(), outcomes.end(),
                     [](const Outcome& outcome) { return outcome.is_delivered(); }) &&
         services_.may_discard();
}

MilterSession::Answer MilterSession::deliver(const DeleteRecipient& delete_recipient) {
  Transaction& transaction = *transaction_;
  converter::Envelope& envelope = transaction.envelope;
  tell_of_left();
  MessageRecord record;
  note_envelope(record, envelope);
  record.octets = transaction.raw.size();

  envelope.arrival = std::time(nullptr);
  const Clock::time_point received = Clock::now();
  std::vector<Outcome> outcomes;
  if (transaction.failure.empty()) {
    outcomes = deliver_inbound(*transaction.configuration, envelope, transaction.raw,
                               Deadline::in(transaction.configuration->milter.deadline),
                               Reach::mailboxes, *services_.files, &record);
  } else {
    outcomes.assign(envelope.recipients.size(),
                    Outcome::temporary("the message could not be kept: " + transaction.failure));
  }
  DeliveryDelays delays;
  delays.receiving = std::chrono::duration<double>(received - transaction.began).count();
  delays.delivering = std::chrono::duration<double>(Clock::now() - received).count();
  record.set(Stage::receive, delays.receiving);
  note_outcomes(record, envelope, outcomes);
  services_.log->debug([&] {
    return fmt::format(
        "{}: {} octets, {} attachments, {} odd marks, key {}, convert {:.3f} s, put "
        "{:.3f} s, sync {:.3f} s",
        envelope.queue_id, record.octets, record.attachments.size(), record.odd.size(),
        record.content_key, record.of(Stage::convert).value_or(0),
        record.of(Stage::put).value_or(0), record.of(Stage::sync).value_or(0));
  });
  const bool discards = may_discard(outcomes);
  {
    const StageTimer timer(&record, Stage::reply);
    for (const std::size_t kept : tell_outcomes(outcomes, delays, discards, delete_recipient)) {
      record.recipients[kept].result = "left";
    }
  }
  record.recipients.insert(record.recipients.end(),
                           std::make_move_iterator(transaction.left.begin()),
                           std::make_move_iterator(transaction.left.end()));
  observe(std::move(record));
  return discards ? Answer::discard : Answer::go_on;
}

/// Deletes what is durable from Postfix's envelope, one by one unless Postfix is to discard the
/// message. Returns the places of those that are durable and could not be deleted.
std::vector<std::size_t> MilterSession::tell_outcomes(const std::vector<Outcome>& outcomes,
                                                      const DeliveryDelays& delays, bool discards,
                                                      const DeleteRecipient& delete_recipient) {
  const converter::Envelope& envelope = transaction_->envelope;
  const std::string& queue_id = envelope.queue_id;
  std::vector<std::size_t> kept;
  // Two RCPT with the very same string are deleted by one request, and have one mailbox and so one
  // outcome.
  std::map<std::string, bool> deleted;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const converter::EnvelopeRecipient& recipient = envelope.recipients[i];
    if (!outcomes[i].is_delivered()) {
      services_.log->warning(fmt::format("{}: <{}> left for door 2: {}", queue_id,
                                         without_brackets(recipient.path), outcomes[i].sentence()));
      continue;
    }
    auto [entry, fresh] = deleted.try_emplace(recipient.path, false);
    if (fresh) entry->second = discards || delete_recipient(recipient.path);
    if (!entry->second) {
      kept.push_back(i);
      services_.log->warning(fmt::format(
          "{}: <{}> left for door 2, which will find it filed: Postfix could not be told to delete "
          "the recipient",
          queue_id, without_brackets(recipient.path)));
    } else if (fresh) {
      services_.log->info(delivery_line(queue_id, without_brackets(recipient.path),
                                        postoffice_relay(recipient.mailbox.postoffice.str()),
                                        delays, outcomes[i]));
    }
  }
  return kept;
}

void MilterSession::abort() {
  transaction_.reset();
}

bool MilterSession::receiving_content() const {
  return transaction_ && transaction_->in_content;
}

}  // namespace smtpgate::milter
