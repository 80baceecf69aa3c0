// MAIL and RCPT lines for what a host announced: which parameters go, which are left out, and what
// can be no address of a command at all. Values in, text out: nothing is sent here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "converter/outbound.h"
#include "milter/smtp_session.h"
#include "milter/submission.h"
#include "postoffice/outcome.h"

namespace smtpgate::milter {

/// Whether `address` (without brackets; empty is <>) cannot end its path or its line: no control
/// characters, no blanks and brackets outside quotes, quotes that close, at most 1,000 octets.
bool is_safe_path(std::string_view address);

/// Outcomes for recipients whose address or whose sender's address would not be one in a command;
/// the places of all others are returned.
std::vector<std::size_t> refuse_unsafe_addresses(const converter::OutboundEnvelope& envelope,
                                                 SubmissionResult& result);

/// Whether any address of the envelope is beyond ASCII, or the converter says so.
bool needs_smtputf8(const converter::OutboundEnvelope& envelope);

/// Why `host` cannot take a message of `size` octets at all (permanent: 5.3.4, 5.6.3, 5.6.7), from
/// what it announced; nullopt if it can.
std::optional<Outcome> refuse_for_extensions(const converter::OutboundEnvelope& envelope,
                                             std::uint64_t size, const SmtpExtensions& extensions,
                                             std::string_view host);

/// "MAIL FROM:<...> ..." without CRLF.
std::string mail_command(const converter::OutboundEnvelope& envelope, std::uint64_t size,
                         const SmtpExtensions& extensions);

/// "RCPT TO:<...> ..." without CRLF.
std::string rcpt_command(const converter::OutboundRecipient& recipient,
                         const SmtpExtensions& extensions);

}  // namespace smtpgate::milter
