// SMTP_IN.ENV: see the header and docs/chain.md.
#include "converter/envelope.h"

#include "converter/xtext.h"

namespace smtpgate::converter {

namespace {

// One line whatever the peer sent: Postfix lets no control octet through, other callers might.
void append_one_line(std::string& out, std::string_view text) {
  for (const char c : text) {
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  }
}

void append_path(std::string& out, std::string_view path) {
  const bool bracketed = path.size() >= 2 && path.front() == '<' && path.back() == '>';
  if (!bracketed) out += '<';
  append_one_line(out, path);
  if (!bracketed) out += '>';
}

void append_parameters(std::string& out, std::string_view parameters) {
  if (parameters.empty()) return;
  out += ' ';
  append_one_line(out, parameters);
}

}  // namespace

std::string render_envelope(const Envelope& envelope) {
  std::string text = "MAIL FROM:";
  append_path(text, envelope.sender);
  append_parameters(text, envelope.sender_parameters);
  text += "\r\n";
  for (const EnvelopeRecipient& recipient : envelope.recipients) {
    text += "RCPT TO:";
    append_path(text, recipient.path);
    append_parameters(text, recipient.parameters);
    text += " XMAILBOX=";
    text += xtext(recipient.mailbox.str());
    text += "\r\n";
  }
  return text;
}

}  // namespace smtpgate::converter
