// The LMTP conversation: see the header.
#include "milter/lmtp_server.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <exception>
#include <iterator>
#include <new>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <sysexits.h>

#include "converter/address_list.h"
#include "converter/inbound.h"
#include "milter/data_unstuffer.h"
#include "milter/received_field.h"
#include "milter/received_queue_id.h"
#include "postoffice/ascii.h"
#include "postoffice/printable.h"

namespace smtpgate::milter {

using converter::RawMessage;

std::string_view reply_code(const Outcome& outcome) {
  if (outcome.is_delivered()) return "250";
  const std::string_view status = outcome.status();
  if (outcome.is_permanent()) {
    return status == "5.3.4" || status == "5.2.2" || status == "5.2.3" ? "552" : "550";
  }
  return status == "4.3.1" || status == "4.2.2" ? "452" : "451";
}

namespace {

constexpr std::size_t longest_command = 8 * 1024;
constexpr std::size_t longest_reply = 512 - 2;  // RFC 5321, 4.5.3.1.5, less CRLF
constexpr std::size_t most_recipients = 10'000;
constexpr std::size_t most_head = 64 * 1024;  ///< in which Postfix's own Received field stands
/// A peer that gets this many commands refused does not speak LMTP with us.
constexpr int most_refused = 100;

bool is_seven_or_eight_bit(std::string_view value) {
  return equals_ignoring_case(value, "7BIT") || equals_ignoring_case(value, "8BITMIME");
}

/// Door 1 hears of a login from Postfix; here only the message says it. Trouble with the spool is
/// told when it is read as a whole.
bool was_authenticated(RawMessage& raw, std::string_view queue_id) {
  std::string head(most_head, '\0');
  std::size_t size = 0;
  while (size < head.size()) {
    const auto count = raw.content().read_at(size, std::span(head).subspan(size));
    if (!count || *count == 0) break;
    size += *count;
  }
  return says_authenticated(std::string_view(head).substr(0, size), queue_id);
}

}  // namespace

const LmtpServer::Handler LmtpServer::handlers[] = {
    {"LHLO", &LmtpServer::lhlo},     {"EHLO", &LmtpServer::not_smtp},
    {"HELO", &LmtpServer::not_smtp}, {"MAIL", &LmtpServer::mail},
    {"RCPT", &LmtpServer::rcpt},     {"DATA", &LmtpServer::data},
    {"RSET", &LmtpServer::reset},    {"NOOP", &LmtpServer::noop},
    {"VRFY", &LmtpServer::verify},   {"HELP", &LmtpServer::help},
    {"QUIT", &LmtpServer::quit},     {"XFORWARD", &LmtpServer::xforward},
};

LmtpServer::LmtpServer(PeerStream& stream, const ConfigurationSource& configuration, Log& log,
                       postoffice::FileSystem& files, MessageObserver* observer)
    : stream_(stream), source_(configuration), log_(log), files_(files), observer_(observer) {}

int LmtpServer::run() {
  if (!greet()) {
    stream_.flush();
    return EX_CONFIG;
  }
  std::string line;
  while (!done_) {
    const ReadStatus status = stream_.read_line(line, longest_command);
    if (status == ReadStatus::too_long) {
      refuse("500", "5.5.2", "the command line is too long");
    } else if (status == ReadStatus::ok) {
      try {
        handle_line(line);
      } catch (const std::exception& exception) {
        // Where in the conversation it happened is unknown, so the session ends: Postfix defers.
        log_.error(log_id() + ": door 2 broke off: " + exception.what());
        reply("421", "4.3.0", "the gateway broke off; it will be tried again");
        done_ = true;
      }
    } else {
      if (status == ReadStatus::timed_out) reply("421", "4.4.2", "no command came in time");
      break;
    }
  }
  stream_.flush();
  return EX_OK;
}

bool LmtpServer::greet() {
  const auto current = source_();
  if (!current) {
    // Postfix's client defers all recipients and shows this sentence in postqueue -p.
    reply("421", "4.3.5", current.error());
    log_.error(current.error());
    return false;
  }
  configuration_ = *current;
  stream_.write("220 " + greeting_name() + " LMTP smtpgate\r\n");
  return true;
}

std::string LmtpServer::greeting_name() const {
  return printable_ascii(configuration_->gateway.hostname, 255);
}

void LmtpServer::handle_line(const std::string& line) {
  const SmtpCommand command = parse_command(line);
  const auto* handler = std::find_if(std::begin(handlers), std::end(handlers),
                                     [&](const Handler& one) { return one.verb == command.verb; });
  if (handler == std::end(handlers)) {
    return refuse("500", "5.5.2", "there is no such command");
  }
  (this->*handler->handle)(command.argument);
}

void LmtpServer::reply(std::string_view code, std::string_view status, std::string_view text) {
  const std::string head = fmt::format("{} {} ", code, status);
  stream_.write(head + printable_ascii(text, longest_reply - head.size()) + "\r\n");
}

void LmtpServer::refuse(std::string_view code, std::string_view status, std::string_view text) {
  if (++refused_ <= most_refused) return reply(code, status, text);
  reply("421", "4.7.0", "too many commands were refused");
  done_ = true;
}

void LmtpServer::lhlo(const std::string& argument) {
  if (argument.empty()) return refuse("501", "5.5.4", "write LHLO and your host name");
  end_transaction();
  greeted_ = true;
  stream_.write(
      fmt::format("250-{}\r\n"
                  "250-PIPELINING\r\n"
                  "250-ENHANCEDSTATUSCODES\r\n"
                  "250-8BITMIME\r\n"
                  "250-SMTPUTF8\r\n"
                  "250-SIZE {}\r\n"
                  "250 XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE\r\n",
                  greeting_name(), configuration_->lmtp.size_limit));
}

void LmtpServer::not_smtp(const std::string&) {
  refuse("500", "5.5.1", "this is LMTP; say LHLO");
}

void LmtpServer::mail(const std::string& argument) {
  if (!greeted_) return refuse("503", "5.5.1", "say LHLO first");
  if (transaction_) return refuse("503", "5.5.1", "a transaction is open; say RSET first");
  const auto parsed = parse_path_argument(argument, "FROM");
  if (!parsed) return refuse("501", "5.5.4", "write MAIL FROM:<address>");
  // What is no address is kept as it came, as door 1 does: Postfix has taken the message, and a
  // refusal here would lose it (its bounce has nowhere to go either).
  const auto sender = converter::parse_path(parsed->path);

  const auto current = source_();
  if (!current) {
    log_.error(log_id() + ": " + current.error());
    return reply("451", "4.3.5", current.error());
  }
  if ((*current)->shadow.enabled) {
    // Taken here, it would be nowhere but in the shadow.
    return reply("451", "4.3.5",
                 "[shadow] is enabled, and this door delivers nothing; do not route mail to it");
  }
  for (const SmtpParameter& parameter : parsed->parameter_list) {
    if (parameter.keyword == "SIZE") {
      std::uint64_t size = 0;
      const char* end = parameter.value.data() + parameter.value.size();
      const auto [stop, error] = std::from_chars(parameter.value.data(), end, size);
      if (error != std::errc() || stop != end) return refuse("501", "5.5.4", "SIZE is no number");
      const std::uint64_t limit = (*current)->lmtp.size_limit;
      if (limit != 0 && size > limit) {
        return reply("552", "5.3.4",
                     fmt::format("the message is larger than the {} octets taken here", limit));
      }
    } else if (parameter.keyword == "BODY") {
      if (!is_seven_or_eight_bit(parameter.value)) {
        return refuse("501", "5.5.4", "BODY is 7BIT or 8BITMIME here");
      }
    } else if (parameter.keyword != "SMTPUTF8" || !parameter.value.empty()) {
      return refuse("555", "5.5.4", "the parameter " + parameter.keyword + " is not known here");
    }
  }

  transaction_ = std::make_unique<Transaction>();
  transaction_->configuration = *current;
  transaction_->resolver =
      std::make_unique<RecipientResolver>(*transaction_->configuration, files_);
  transaction_->began = Clock::now();
  converter::Envelope& envelope = transaction_->envelope;
  envelope.sender = sender ? sender->str() : without_brackets(parsed->path);
  envelope.sender_parameters = parsed->parameters;
  envelope.client_name = client_.helo.empty() ? client_.name : client_.helo;
  envelope.client_address = client_.address;
  envelope.protocol = client_.protocol.empty() ? "LMTP" : client_.protocol;
  envelope.queue_id = client_.queue_id;
  // Postfix gives no client address only for what sendmail(1) or Postfix itself made.
  envelope.sender_is_trusted =
      client_.address.empty() && equals_ignoring_case(client_.source, "LOCAL");
  reply("250", "2.1.0", "sender taken");
}

void LmtpServer::rcpt(const std::string& argument) {
  if (!transaction_) return refuse("503", "5.5.1", "say MAIL first");
  const auto parsed = parse_path_argument(argument, "TO");
  if (!parsed) return refuse("501", "5.1.3", "write RCPT TO:<address>");
  if (!parsed->parameter_list.empty()) {
    return refuse("555", "5.5.4",
                  "the parameter " + parsed->parameter_list.front().keyword + " is not known here");
  }
  if (transaction_->envelope.recipients.size() >= most_recipients) {
    return reply("452", "4.5.3", "too many recipients in one transaction");
  }
  const Resolution resolution = transaction_->resolver->resolve_path(parsed->path);
  // Who may not get it from where it comes is refused after the data, which say where that is.
  if (!resolution.is_known()) {
    const Outcome& outcome = resolution.outcome;
    log_.info(delivery_line(client_.queue_id, without_brackets(parsed->path),
                            postoffice_relay(resolution.postoffice_name()), {}, outcome));
    note_refused(parsed->path, outcome);
    return reply(reply_code(outcome), outcome.status(), outcome.sentence());
  }
  log_.debug([&] {
    return fmt::format("{}: to=<{}> is {} ({})", log_id(), without_brackets(parsed->path),
                       resolution.address.str(), resolution.how);
  });
  transaction_->envelope.recipients.push_back({parsed->path, parsed->parameters, resolution.address,
                                               resolution.kind == Resolution::Kind::group,
                                               resolution.is_encapsulated});
  reply("250", "2.1.5", parsed->path + " is " + resolution.address.str());
}

void LmtpServer::observe(MessageRecord record) {
  if (observer_ == nullptr) return;
  record.way = Way::door_2;
  record.ended = milliseconds_now();
  observer_->note(std::move(record));
}

/// At RCPT: a record of its own, since the message may have no other recipient.
void LmtpServer::note_refused(const std::string& path, const Outcome& outcome) {
  MessageRecord record;
  record.way = Way::door_2;
  note_envelope(record, transaction_->envelope);
  record.recipients.push_back({without_brackets(path),
                               {},
                               std::string(delivery_result(Way::door_2, outcome)),
                               outcome.status(),
                               outcome.sentence()});
  observe(std::move(record));
}

void LmtpServer::data(const std::string& argument) {
  if (!transaction_) return refuse("503", "5.5.1", "say MAIL first");
  if (!argument.empty()) return refuse("501", "5.5.4", "DATA takes no argument");
  converter::Envelope& envelope = transaction_->envelope;
  if (envelope.recipients.empty()) return refuse("503", "5.5.1", "no recipient was taken");
  const Configuration& configuration = *transaction_->configuration;
  // Of Postfix's own telling, and not found in the message, where a sender may have put it.
  const std::string told_queue_id = envelope.queue_id;

  stream_.write("354 end the data with <CRLF>.<CRLF>\r\n");
  RawMessage raw(configuration.spool_place(files_));
  std::uint64_t size = 0;
  postoffice::FileResult<void> stored;
  if (!receive(raw, size, stored)) {
    log_.warning(log_id() + ": the peer left before the end of the data; nothing filed");
    done_ = true;
    return;
  }
  envelope.arrival = std::time(nullptr);
  DeliveryDelays delays;
  const Clock::time_point received = Clock::now();
  delays.receiving = std::chrono::duration<double>(received - transaction_->began).count();

  MessageRecord record;
  record.way = Way::door_2;
  note_envelope(record, envelope);
  record.octets = size;
  record.set(Stage::receive, delays.receiving);

  std::vector<Outcome> outcomes;
  const std::uint64_t limit = configuration.lmtp.size_limit;
  if (limit != 0 && size > limit) {
    outcomes.assign(
        envelope.recipients.size(),
        Outcome::permanent(
            fmt::format("the message is larger than the {} octets taken here", limit), "5.3.4"));
  } else if (!stored) {
    outcomes.assign(envelope.recipients.size(), stored.error().outcome());
  } else {
    envelope.sender_is_trusted =
        envelope.sender_is_trusted || was_authenticated(raw, told_queue_id);
    outcomes =
        deliver_inbound(configuration, envelope, raw, Deadline::in(configuration.lmtp.deadline),
                        Reach::beyond, files_, &record);
  }
  delays.delivering = std::chrono::duration<double>(Clock::now() - received).count();
  note_outcomes(record, envelope, outcomes);
  {
    const StageTimer timer(&record, Stage::reply);
    reply_per_recipient(outcomes, delays);
    // Postfix must wait for nothing that follows.
    stream_.flush();
  }
  observe(std::move(record));
  end_transaction();
}

/// What XFORWARD told belongs to one message: Postfix sends it before each, and a queue id or a
/// mark of local origin must never pass to the next.
void LmtpServer::end_transaction() {
  transaction_.reset();
  client_ = {};
}

/// Where XFORWARD told none. `top` collects the beginning of the message until it is long enough.
void LmtpServer::find_queue_id(std::string_view piece, std::string& top) {
  constexpr std::size_t longest_top = 1000;
  if (!client_.queue_id.empty() || top.size() == longest_top) return;
  top += piece.substr(0, longest_top - top.size());
  client_.queue_id = received_queue_id(top);
  transaction_->envelope.queue_id = client_.queue_id;
}

bool LmtpServer::receive(RawMessage& raw, std::uint64_t& size,
                         postoffice::FileResult<void>& stored) {
  const std::uint64_t limit = transaction_->configuration->lmtp.size_limit;
  DataUnstuffer unstuffer;
  std::string top;
  while (!unstuffer.at_end()) {
    std::string_view block;
    if (stream_.peek(block) != ReadStatus::ok) return false;
    const std::size_t used = unstuffer.feed(block, [&](std::string_view piece) {
      size += piece.size();
      find_queue_id(piece, top);
      // After a failure or beyond the limit the rest is read and thrown away: the reply has its
      // place only after the final dot.
      if (!stored || (limit != 0 && size > limit)) return;
      try {
        stored = raw.feed(piece);
      } catch (const std::bad_alloc&) {
        stored = tl::unexpected(postoffice::FileError{ENOMEM, "keep", "the message in memory"});
      }
    });
    stream_.take(used);
  }
  return true;
}

void LmtpServer::reply_per_recipient(const std::vector<Outcome>& outcomes,
                                     const DeliveryDelays& delays) {
  const converter::Envelope& envelope = transaction_->envelope;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const converter::EnvelopeRecipient& recipient = envelope.recipients[i];
    const Outcome& outcome = outcomes[i];
    log_.info(delivery_line(envelope.queue_id, without_brackets(recipient.path),
                            postoffice_relay(recipient.mailbox.postoffice.str()), delays, outcome));
    // Without the address: it is the recipient's turn, and Postfix names it where it shows this.
    reply(reply_code(outcome), outcome.status(), outcome.sentence());
  }
}

void LmtpServer::reset(const std::string&) {
  end_transaction();
  reply("250", "2.0.0", "reset");
}

void LmtpServer::noop(const std::string&) {
  reply("250", "2.0.0", "done");
}

void LmtpServer::verify(const std::string&) {
  reply("252", "2.5.0", "ask with RCPT");
}

void LmtpServer::help(const std::string&) {
  reply("214", "2.0.0", "LHLO MAIL RCPT DATA RSET NOOP VRFY QUIT XFORWARD");
}

void LmtpServer::quit(const std::string&) {
  reply("221", "2.0.0", "goodbye");
  done_ = true;
}

void LmtpServer::xforward(const std::string& argument) {
  if (transaction_) return refuse("503", "5.5.1", "XFORWARD stands before MAIL");
  for (const SmtpParameter& attribute : parse_parameters(argument)) {
    auto value = decode_xtext(attribute.value);
    if (!value) return refuse("501", "5.5.4", "the value of " + attribute.keyword + " is no xtext");
    if (*value == "[UNAVAILABLE]" || *value == "[TEMPUNAVAIL]") value->clear();
    if (attribute.keyword == "NAME") {
      client_.name = *value;
    } else if (attribute.keyword == "ADDR") {
      client_.address = starts_with_ignoring_case(*value, "IPV6:") ? value->substr(5) : *value;
    } else if (attribute.keyword == "PROTO") {
      client_.protocol = *value;
    } else if (attribute.keyword == "HELO") {
      client_.helo = *value;
    } else if (attribute.keyword == "IDENT") {
      client_.queue_id = *value;
    } else if (attribute.keyword == "SOURCE") {
      client_.source = *value;
    } else if (attribute.keyword != "PORT") {
      return refuse("501", "5.5.4", "the attribute " + attribute.keyword + " is not known here");
    }
  }
  reply("250", "2.0.0", "noted");
}

}  // namespace smtpgate::milter
