// Door 2: an LMTP server (RFC 2033) on two descriptors, for Postfix's lmtp client by way of
// spawn(8). A reply per recipient after the data, each with an enhanced status code and one
// sentence; 250 only for what is durable. DSN is not announced: Postfix reports.
//
// Not for the command grammar (smtp_command.h), the data's framing (data_unstuffer.h) or delivery
// (inbound_delivery.h).
//
// Permanent replies are given only for facts about the recipient or the message, or for a peer that
// does not speak LMTP; everything else is 4xx.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "converter/envelope.h"
#include "milter/configuration.h"
#include "milter/configuration_source.h"
#include "milter/inbound_delivery.h"
#include "milter/log.h"
#include "milter/message_observer.h"
#include "milter/peer_stream.h"
#include "milter/recipient_resolver.h"
#include "milter/smtp_command.h"

namespace smtpgate::milter {

/// What XFORWARD told (Postfix's XFORWARD_README), decoded; empty if unknown.
struct ForwardedClient {
  std::string name;
  std::string address;
  std::string protocol;
  std::string helo;
  std::string queue_id;  ///< IDENT
  std::string source;    ///< "LOCAL" or "REMOTE"
};

/// "250", "451", "552": what Postfix's client is answered for a recipient.
std::string_view reply_code(const Outcome& outcome);

class LmtpServer {
 public:
  /// All outlive the server; `observer` may be null.
  LmtpServer(PeerStream& stream, const ConfigurationSource& configuration, Log& log,
             postoffice::FileSystem& files = postoffice::FileSystem::posix(),
             MessageObserver* observer = nullptr);

  /// The whole conversation, until QUIT, the end of input, or the time-out. Returns a sysexits.h
  /// code.
  int run();

 private:
  /// What MAIL began.
  struct Transaction {
    std::shared_ptr<const Configuration> configuration;
    std::unique_ptr<RecipientResolver> resolver;
    converter::Envelope envelope;
    Clock::time_point began;
  };
  struct Handler {
    std::string_view verb;
    void (LmtpServer::*handle)(const std::string& argument);
  };

  bool greet();
  void handle_line(const std::string& line);
  void lhlo(const std::string& argument);
  void not_smtp(const std::string& argument);
  void mail(const std::string& argument);
  void rcpt(const std::string& argument);
  void data(const std::string& argument);
  void reset(const std::string& argument);
  void noop(const std::string& argument);
  void verify(const std::string& argument);
  void help(const std::string& argument);
  void quit(const std::string& argument);
  void xforward(const std::string& argument);

  void end_transaction();
  /// False: the peer is gone before the end of the data.
  bool receive(converter::RawMessage& raw, std::uint64_t& size,
               postoffice::FileResult<void>& stored);
  void find_queue_id(std::string_view piece, std::string& top);
  void observe(MessageRecord record);
  void note_refused(const std::string& path, const Outcome& outcome);
  /// The queue id for a log line.
  std::string log_id() const { return client_.queue_id.empty() ? "NOQUEUE" : client_.queue_id; }
  void reply_per_recipient(const std::vector<Outcome>& outcomes, const DeliveryDelays& delays);
  /// "CODE STATUS text": one line of at most 512 octets, escaped.
  void reply(std::string_view code, std::string_view status, std::string_view text);
  /// A reply to a command that was at fault; too many end the session.
  void refuse(std::string_view code, std::string_view status, std::string_view text);
  std::string greeting_name() const;

  static const Handler handlers[];

  PeerStream& stream_;
  const ConfigurationSource& source_;
  Log& log_;
  postoffice::FileSystem& files_;
  MessageObserver* observer_;
  std::shared_ptr<const Configuration> configuration_;  ///< of the greeting
  std::unique_ptr<Transaction> transaction_;
  ForwardedClient client_;
  bool greeted_ = false;
  bool done_ = false;
  int refused_ = 0;
};

}  // namespace smtpgate::milter
