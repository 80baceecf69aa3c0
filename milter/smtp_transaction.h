// One SMTP transaction on an open session: MAIL, RCPT ..., DATA, the content, and what each reply
// means for which recipient (docs/submission.md; RFC 5321, 2920, 1870, 6152, 6531, 3461). Not for
// connections (smtp_session.h) or for second tries (submission.h).
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "converter/outbound.h"
#include "converter/spool.h"
#include "milter/smtp_session.h"
#include "milter/submission.h"

namespace smtpgate::milter {

/// Recipients of one transaction at most: what Postfix takes unless it is told otherwise.
inline constexpr std::size_t most_transaction_recipients = 1000;

struct TransactionEnd {
  bool reusable = false;  ///< the connection may take another message
  /// It was gone before MAIL was answered: whoever kept it may begin anew on another. Results are
  /// set all the same.
  bool died_before_mail = false;
  /// Recipients for a further transaction: the host took others and had too many with these. Their
  /// results are temporary for now.
  std::vector<std::size_t> too_many;
};

/// Sends to `recipients`, and sets the outcome of each. `result.maybe_sent` is set before the end
/// of the data goes out and taken back by a reply, so it holds even if an exception ends us;
/// `before_end` (may be empty) is called then.
TransactionEnd run_transaction(SmtpSession& session, const DesignatedHost& settings,
                               const converter::OutboundEnvelope& envelope,
                               converter::Spool& content, std::span<const std::size_t> recipients,
                               const StopAsked& stop, const std::function<void()>& before_end,
                               SubmissionResult& result);

}  // namespace smtpgate::milter
