// Submission to the designated host: one Internet message to Postfix by SMTP, with a result per
// recipient (docs/submission.md). Connections are kept and used again.
//
// Not for what to send when (outbound_service.h) nor for making the message
// (converter/outbound.h). Postfix is the queue and the router: one host, its fall-backs, no MX.
//
// RFC 5321 (SMTP), 2920 (PIPELINING), 1870 (SIZE), 6152 (8BITMIME), 6531 (SMTPUTF8), 3461 (DSN),
// 3207 (STARTTLS), 4954 (AUTH), 2034/3463 (enhanced status).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "converter/outbound.h"
#include "converter/spool.h"
#include "milter/designated_host.h"
#include "milter/host_resolver.h"
#include "postoffice/outcome.h"

namespace smtpgate::milter {

struct RecipientResult {
  /// delivered: Postfix has it. sentence: Postfix's own text, printable, with host and stage.
  Outcome outcome = Outcome::temporary("not tried");
  /// From the reply to the data that it went with; many recipients make several transactions.
  std::string queue_id = {};
};

struct SubmissionResult {
  std::vector<RecipientResult> recipients;  ///< in the envelope's order
  std::string queue_id;  ///< of the last transaction that was taken; empty if none was found
  std::string host;      ///< "127.0.0.1[127.0.0.1]:25", for the log's relay=
  /// The connection ended after the last octet of the data and before the reply: Postfix may have
  /// the message (RFC 1047).
  bool maybe_sent = false;
  double connection_seconds = 0;    ///< until the greeting, 0 if it was kept
  double transmission_seconds = 0;  ///< from MAIL to the reply
};

/// A pool of connections to one designated host. Safe from several threads: each submit() uses one
/// connection of its own and waits if all are busy.
class Submitter {
 public:
  /// `resolver` outlives it.
  explicit Submitter(DesignatedHost host, HostResolver& resolver = HostResolver::system());
  ~Submitter();  ///< ends idle connections (QUIT)

  /// `content` is in CRLF form; dots are doubled here. Never throws; trouble is temporary for all
  /// recipients concerned. `stop` (may be empty) is asked between steps and while waiting: true
  /// abandons the try before the data are ended, never after. `before_end` (may be empty) is called
  /// just before the last octets of the data go out, in each transaction.
  SubmissionResult submit(const converter::OutboundEnvelope& envelope, converter::Spool& content,
                          const std::function<bool()>& stop = {},
                          const std::function<void()>& before_end = {});

  /// Connects, says EHLO, TLS and AUTH as configured, QUIT: for `smtpgate check`.
  Outcome try_host();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace smtpgate::milter
