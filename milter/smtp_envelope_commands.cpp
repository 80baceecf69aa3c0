// MAIL and RCPT lines: see the header.
#include "milter/smtp_envelope_commands.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "milter/smtp_command.h"
#include "postoffice/printable.h"

namespace smtpgate::milter {

using converter::OutboundEnvelope;
using converter::OutboundRecipient;

namespace {

constexpr std::size_t longest_address = 1000;
constexpr std::size_t longest_parameter = 1000;

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

/// " KEY=VALUE" for those of `keywords` that stand in `text`. Others are not ours to pass on.
std::string pick_parameters(std::string_view text,
                            std::initializer_list<std::string_view> keywords) {
  std::string result;
  for (const SmtpParameter& parameter : parse_parameters(text)) {
    const bool wanted =
        std::find(keywords.begin(), keywords.end(), parameter.keyword) != keywords.end();
    const bool harmless = parameter.value.size() <= longest_parameter &&
                          std::none_of(parameter.value.begin(), parameter.value.end(), is_control);
    if (wanted && harmless && !parameter.value.empty()) {
      result += " " + parameter.keyword + "=" + parameter.value;
    }
  }
  return result;
}

}  // namespace

bool is_safe_path(std::string_view address) {
  if (address.size() > longest_address) return false;
  bool quoted = false;
  for (std::size_t i = 0; i < address.size(); ++i) {
    const char c = address[i];
    if (is_control(c)) return false;
    if (quoted) {
      if (c == '\\') {
        ++i;
        if (i == address.size() || is_control(address[i])) return false;
      }
      if (c == '"') quoted = false;
    } else {
      if (c == ' ' || c == '<' || c == '>' || c == '\\') return false;
      if (c == '"') quoted = true;
    }
  }
  return !quoted;
}

std::vector<std::size_t> refuse_unsafe_addresses(const OutboundEnvelope& envelope,
                                                 SubmissionResult& result) {
  std::vector<std::size_t> left;
  const bool sender_is_safe = is_safe_path(envelope.sender);
  for (std::size_t i = 0; i < envelope.recipients.size(); ++i) {
    const std::string& address = envelope.recipients[i].address;
    if (!sender_is_safe) {
      result.recipients[i].outcome = Outcome::permanent(
          fmt::format("the sender \"{}\" is no address that SMTP can carry; correct FROM",
                      printable(envelope.sender, 200)),
          "5.1.7");
    } else if (address.empty() || !is_safe_path(address)) {
      result.recipients[i].outcome =
          Outcome::permanent(fmt::format("\"{}\" is no address that SMTP can carry; correct it",
                                         printable(address, 200)),
                             "5.1.3");
    } else {
      left.push_back(i);
    }
  }
  return left;
}

bool needs_smtputf8(const OutboundEnvelope& envelope) {
  return envelope.needs_smtputf8 || !is_ascii(envelope.sender) ||
         std::any_of(
             envelope.recipients.begin(), envelope.recipients.end(),
             [](const OutboundRecipient& recipient) { return !is_ascii(recipient.address); });
}

std::optional<Outcome> refuse_for_extensions(const OutboundEnvelope& envelope, std::uint64_t size,
                                             const SmtpExtensions& extensions,
                                             std::string_view host) {
  if (extensions.size && extensions.largest > 0 && size > extensions.largest) {
    return Outcome::permanent(
        fmt::format("552 the message has {} octets, and host {} takes at most {}; send less in one "
                    "message, or raise the host's limit (Postfix: message_size_limit)",
                    size, host, extensions.largest),
        "5.3.4");
  }
  if (needs_smtputf8(envelope) && !extensions.smtputf8) {
    return Outcome::permanent(
        fmt::format("host {} offers no SMTPUTF8, and the message has an address beyond ASCII; use "
                    "an address in ASCII, or switch it on there (Postfix: smtputf8_enable)",
                    host),
        "5.6.7");
  }
  if (envelope.is_8bit && !extensions.eight_bit) {
    return Outcome::permanent(
        fmt::format("host {} offers no 8BITMIME, and the message has octets beyond ASCII that must "
                    "not be recoded; switch it on there",
                    host),
        "5.6.3");
  }
  return std::nullopt;
}

std::string mail_command(const OutboundEnvelope& envelope, std::uint64_t size,
                         const SmtpExtensions& extensions) {
  std::string line = "MAIL FROM:<" + envelope.sender + ">";
  if (extensions.size) line += fmt::format(" SIZE={}", size);
  if (extensions.eight_bit && envelope.is_8bit) line += " BODY=8BITMIME";
  if (needs_smtputf8(envelope)) line += " SMTPUTF8";
  if (extensions.dsn) line += pick_parameters(envelope.parameters, {"RET", "ENVID"});
  return line;
}

std::string rcpt_command(const OutboundRecipient& recipient, const SmtpExtensions& extensions) {
  std::string line = "RCPT TO:<" + recipient.address + ">";
  if (extensions.dsn) line += pick_parameters(recipient.parameters, {"NOTIFY", "ORCPT"});
  return line;
}

}  // namespace smtpgate::milter
