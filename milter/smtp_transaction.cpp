// The transaction: see the header. Commands are numbered: 0 is MAIL, then the recipients in order,
// then DATA; replies come in the same order (RFC 2920, 3.1), so a number is all there is to know.
#include "milter/smtp_transaction.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "milter/data_stuffer.h"
#include "milter/smtp_envelope_commands.h"

namespace smtpgate::milter {

using converter::OutboundEnvelope;
using converter::Spool;

namespace {

/// A group is small enough to lie in the buffers of both sides, and so are its replies.
constexpr std::size_t most_group_commands = 100;
constexpr std::size_t most_group_octets = 16 * 1024;
constexpr std::size_t data_block = 256 * 1024;
constexpr std::size_t data_slice = 64 * 1024;

enum class RecipientState { waiting, accepted, refused, too_many };

/// Authentication or encryption is wanted: our configuration's fault, not the message's.
bool is_configuration_fault(int code) {
  return code == 530 || code == 534 || code == 535 || code == 538;
}

bool has_status(const SmtpReply& reply, std::string_view detail) {
  return reply.status.size() > 1 && std::string_view(reply.status).substr(1).starts_with(detail);
}

/// RFC 5321, 4.5.3.1.10: 552 for 452 is an old way to say it.
bool is_too_many(const SmtpReply& reply) {
  return (reply.code == 452 || reply.code == 552) &&
         (reply.status.empty() || reply.status.substr(1) == ".5.3");
}

/// 552 about something else than the mailbox or the message's size.
bool is_soft_552(const SmtpReply& reply) {
  return reply.code == 552 && !has_status(reply, ".2.") && !has_status(reply, ".3.");
}

class Transaction {
 public:
  Transaction(SmtpSession& session, const DesignatedHost& settings,
              const OutboundEnvelope& envelope, Spool& content,
              std::span<const std::size_t> recipients, const StopAsked& stop,
              const std::function<void()>& before_end, SubmissionResult& result)
      : session_(session),
        settings_(settings),
        envelope_(envelope),
        content_(content),
        recipients_(recipients),
        stop_(stop),
        before_end_(before_end),
        result_(result),
        states_(recipients.size(), RecipientState::waiting) {}

  TransactionEnd run();

 private:
  std::size_t data_number() const { return recipients_.size() + 1; }
  std::string_view stage(std::size_t number) const {
    return number == 0 ? "MAIL FROM" : number == data_number() ? "DATA" : "RCPT TO";
  }
  std::string command(std::size_t number) const;
  bool has_accepted() const { return accepted_ > 0; }
  void set(std::size_t at, const Outcome& outcome) {
    result_.recipients[recipients_[at]].outcome = outcome;
  }
  /// For all whose fate is open: those waiting and those accepted. The session is over.
  void give_up(const Outcome& outcome);
  void give_up(const ConnectionError& error, std::string_view stage);
  /// For those accepted alone.
  void settle_accepted(const Outcome& outcome);
  Outcome judge(const SmtpReply& reply, std::string_view stage, std::string_view advice) const;

  /// False when the session is over.
  bool send_envelope();
  bool send_group(std::size_t& next);
  bool take_reply(std::size_t number, const SmtpReply& reply);
  void take_mail_reply(const SmtpReply& reply);
  void take_rcpt_reply(std::size_t at, const SmtpReply& reply);
  bool take_data_reply(const SmtpReply& reply);
  bool end_empty_data();
  bool send_content();
  bool send_block(std::string& block);
  bool give_up_on_early_reply(const ConnectionError* error);
  bool read_final_reply();
  bool reset();

  SmtpSession& session_;
  const DesignatedHost& settings_;
  const OutboundEnvelope& envelope_;
  Spool& content_;
  std::span<const std::size_t> recipients_;
  const StopAsked& stop_;
  const std::function<void()>& before_end_;
  SubmissionResult& result_;

  std::vector<RecipientState> states_;
  std::size_t accepted_ = 0;
  bool mail_accepted_ = false;
  bool mail_answered_ = false;
  bool died_before_mail_ = false;
  bool ready_for_data_ = false;
  bool taken_ = false;  ///< the data were answered by 2xx
  bool is_over_ = false;
};

std::string Transaction::command(std::size_t number) const {
  if (number == 0) return mail_command(envelope_, content_.size(), session_.extensions());
  if (number == data_number()) return "DATA";
  return rcpt_command(envelope_.recipients[recipients_[number - 1]], session_.extensions());
}

void Transaction::give_up(const Outcome& outcome) {
  for (std::size_t i = 0; i < states_.size(); ++i) {
    if (states_[i] == RecipientState::waiting || states_[i] == RecipientState::accepted) {
      set(i, outcome);
    }
  }
  is_over_ = true;
}

void Transaction::give_up(const ConnectionError& error, std::string_view stage) {
  const bool is_gone =
      error.trouble == ConnectionTrouble::closed || error.trouble == ConnectionTrouble::failed;
  died_before_mail_ = is_gone && !mail_answered_;
  give_up(Outcome::temporary(session_.said(error, stage), std::string(status_of(error.trouble))));
}

void Transaction::settle_accepted(const Outcome& outcome) {
  for (std::size_t i = 0; i < states_.size(); ++i) {
    if (states_[i] == RecipientState::accepted) set(i, outcome);
  }
}

Outcome Transaction::judge(const SmtpReply& reply, std::string_view stage,
                           std::string_view advice) const {
  const std::string said = session_.said(reply, stage);
  if (is_configuration_fault(reply.code)) {
    return Outcome::temporary(
        said + "; correct [designated_host] user, password_file and tls, or let the host trust us",
        status_in_class(reply, '4', "4.7.0"));
  }
  if (reply.first_digit() == 5) {
    return Outcome::permanent(fmt::format("{}; {}", said, advice),
                              status_in_class(reply, '5', "5.0.0"));
  }
  return Outcome::temporary(said + "; it is tried again", status_in_class(reply, '4', "4.0.0"));
}

bool Transaction::send_envelope() {
  for (std::size_t next = 0; next <= data_number();) {
    // Nothing more is asked for once it is known that it leads nowhere.
    if (next > 0 && !mail_accepted_) return true;
    if (next == data_number() && !has_accepted()) return true;
    if (!send_group(next)) return false;
  }
  return true;
}

bool Transaction::send_group(std::size_t& next) {
  const std::size_t first = next;
  std::string group;
  do {
    group += command(next++) + "\r\n";
  } while (session_.extensions().pipelining && next <= data_number() &&
           next - first < most_group_commands && group.size() < most_group_octets);
  SmtpConnection& connection = session_.connection();
  const auto written = connection.write(group, settings_.command_timeout, stop_);
  // A host that ended the connection may have said why; that stands in for the reply.
  for (std::size_t number = first; number < next; ++number) {
    auto reply = connection.read_reply(
        written ? settings_.command_timeout : std::chrono::milliseconds(0), stop_);
    if (!reply) {
      give_up(written ? reply.error() : written.error(), stage(number));
      return false;
    }
    if (!take_reply(number, *reply)) return false;
  }
  if (!written) give_up(written.error(), stage(next - 1));
  return written.has_value();
}

bool Transaction::take_reply(std::size_t number, const SmtpReply& reply) {
  if (reply.code == 421) {
    died_before_mail_ = number == 0;
    give_up(judge(reply, stage(number), ""));
    return false;
  }
  const bool is_data = number == data_number();
  if (reply.first_digit() == 3 && !is_data) {
    give_up(Outcome::temporary(session_.said(reply, stage(number)) + "; that is no answer to it",
                               "4.5.0"));
    return false;
  }
  if (number == 0) {
    take_mail_reply(reply);
  } else if (!is_data) {
    take_rcpt_reply(number - 1, reply);
  } else {
    return take_data_reply(reply);
  }
  return true;
}

void Transaction::take_mail_reply(const SmtpReply& reply) {
  mail_answered_ = true;
  mail_accepted_ = reply.is_positive();
  if (mail_accepted_) return;
  const Outcome outcome =
      judge(reply, stage(0), "the host takes no mail from this sender, or not this message");
  for (std::size_t i = 0; i < states_.size(); ++i) {
    states_[i] = RecipientState::refused;
    set(i, outcome);
  }
}

void Transaction::take_rcpt_reply(std::size_t at, const SmtpReply& reply) {
  if (!mail_accepted_) return;
  if (reply.is_positive()) {
    states_[at] = RecipientState::accepted;
    ++accepted_;
    return;
  }
  states_[at] = is_too_many(reply) ? RecipientState::too_many : RecipientState::refused;
  if (is_soft_552(reply)) {
    set(at, Outcome::temporary(session_.said(reply, stage(1)) + "; it is tried again",
                               status_in_class(reply, '4', "4.5.3")));
  } else {
    set(at, judge(reply, stage(1), "correct the address, or ask there"));
  }
}

bool Transaction::take_data_reply(const SmtpReply& reply) {
  ready_for_data_ = reply.first_digit() == 3;
  if (ready_for_data_ || !has_accepted()) return true;
  if (reply.is_positive()) {
    give_up(
        Outcome::temporary(session_.said(reply, "DATA") + "; that is no answer to it", "4.5.0"));
    return false;
  }
  settle_accepted(judge(reply, "DATA", "the host does not take this message"));
  return true;
}

bool Transaction::end_empty_data() {
  const auto reply = session_.command(".", stop_);
  return reply.has_value() && reply->code != 421;
}

bool Transaction::send_content() {
  DataStuffer stuffer;
  std::string block;
  block.reserve(data_block + 2 * data_slice);
  bool going = true;
  const auto read = content_.for_each_piece(data_slice, [&](std::string_view piece) {
    while (going && !piece.empty()) {
      stuffer.feed(piece.substr(0, data_slice), block);
      piece.remove_prefix(std::min(piece.size(), data_slice));
      if (block.size() >= data_block) going = send_block(block);
    }
    return going;
  });
  if (!read) {
    give_up(Outcome::temporary(read.error().sentence() + "; the message was not sent", "4.3.0"));
    return false;
  }
  if (!going) return false;
  stuffer.finish(block);
  // From here on the host may have the message although we never hear of it (RFC 1047). Set before,
  // so that nothing that goes wrong in between can hide it.
  result_.maybe_sent = true;
  if (before_end_) before_end_();
  if (!send_block(block)) {
    result_.maybe_sent = false;
    return false;
  }
  return read_final_reply();
}

bool Transaction::send_block(std::string& block) {
  // A reply now can only be bad news; and whatever it is, it must not be taken for the reply to the
  // end of the data.
  if (session_.connection().has_input()) return give_up_on_early_reply(nullptr);
  if (stop_ && stop_()) {
    give_up(Outcome::temporary("left before its end: we are stopping; it is tried again", "4.3.2"));
    return false;
  }
  const auto written = session_.connection().write(block, settings_.command_timeout, stop_);
  if (!written) return give_up_on_early_reply(&written.error());
  block.clear();
  return true;
}

bool Transaction::give_up_on_early_reply(const ConnectionError* error) {
  constexpr std::string_view while_sending = "the data, before their end";
  const auto reply = session_.connection().read_reply(
      error == nullptr ? settings_.command_timeout : std::chrono::milliseconds(0), stop_);
  if (reply && reply->first_digit() >= 4) {
    give_up(judge(*reply, while_sending, "the host does not take this message"));
  } else if (reply) {
    give_up(Outcome::temporary(session_.said(*reply, while_sending) + "; that is no answer to them",
                               "4.5.0"));
  } else {
    give_up(error == nullptr ? reply.error() : *error, while_sending);
  }
  return false;
}

bool Transaction::read_final_reply() {
  constexpr std::string_view end = "end of DATA";
  // Not to be stopped: whoever leaves now does not know whether the message was taken.
  const auto reply = session_.connection().read_reply(settings_.data_timeout, {});
  if (!reply) {
    give_up(Outcome::temporary(session_.said(reply.error(), end) +
                                   "; the host may have the message already, so it can "
                                   "arrive twice",
                               std::string(status_of(reply.error().trouble))));
    return false;
  }
  if (reply->first_digit() == 3) {
    give_up(Outcome::temporary(session_.said(*reply, end) + "; that is no answer to it", "4.5.0"));
    return false;
  }
  result_.maybe_sent = false;
  if (reply->is_positive()) {
    taken_ = true;
    result_.queue_id = queue_id_of(*reply);
    for (std::size_t i = 0; i < states_.size(); ++i) {
      if (states_[i] == RecipientState::accepted) {
        result_.recipients[recipients_[i]].queue_id = result_.queue_id;
      }
    }
    settle_accepted(
        Outcome::delivered(session_.said(*reply, end), status_in_class(*reply, '2', "2.0.0")));
    return true;
  }
  settle_accepted(judge(*reply, end, "the host does not take this message"));
  is_over_ = reply->code == 421;
  return true;
}

bool Transaction::reset() {
  const auto reply = session_.command("RSET", stop_);
  return reply.has_value() && reply->is_positive();
}

TransactionEnd Transaction::run() {
  TransactionEnd end;
  if (const auto refused = refuse_for_extensions(envelope_, content_.size(), session_.extensions(),
                                                 session_.label())) {
    give_up(*refused);
    end.reusable = true;
    return end;
  }
  ++session_.messages;
  if (!send_envelope()) {
    end.died_before_mail = died_before_mail_;
    return end;
  }
  if (ready_for_data_ && has_accepted()) {
    if (!send_content()) return end;
    end.reusable = !is_over_;
  } else {
    // DATA went out with recipients of whom none was taken, and the host waits for the content.
    if (ready_for_data_ && !end_empty_data()) return end;
    end.reusable = reset();
  }
  for (std::size_t i = 0; taken_ && i < states_.size(); ++i) {
    if (states_[i] == RecipientState::too_many) end.too_many.push_back(recipients_[i]);
  }
  return end;
}

}  // namespace

TransactionEnd run_transaction(SmtpSession& session, const DesignatedHost& settings,
                               const OutboundEnvelope& envelope, Spool& content,
                               std::span<const std::size_t> recipients, const StopAsked& stop,
                               const std::function<void()>& before_end, SubmissionResult& result) {
  return Transaction(session, settings, envelope, content, recipients, stop, before_end, result)
      .run();
}

}  // namespace smtpgate::milter
