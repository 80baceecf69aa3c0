// The SMTP envelope of one message on its way in, and SMTP_IN.ENV, the file that holds it
// (docs/chain.md).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "postoffice/address.h"

namespace smtpgate::converter {

struct EnvelopeRecipient {
  std::string path;                   ///< as RCPT gave it, with or without brackets
  std::string parameters;             ///< ESMTP parameters as given, blank-separated; may be empty
  postoffice::NativeAddress mailbox;  ///< what it was resolved to
  bool is_group = false;              ///< `mailbox` names a group
  /// For a message that a peer encapsulated; `mailbox` gets it if it is none.
  bool is_encapsulated = false;
};

struct Envelope {
  std::string sender;  ///< address without brackets; empty for <>
  std::string sender_parameters;
  std::vector<EnvelopeRecipient> recipients;

  std::string client_name;         ///< HELO name or host name of the peer; for our Received line
  std::string client_address;      ///< "192.0.2.1"; empty for local submission
  std::string protocol;            ///< "ESMTP", "LMTP", ...
  std::string queue_id;            ///< Postfix's, a log tag
  bool sender_is_trusted = false;  ///< authenticated or local: may appear as a native address
  std::int64_t arrival = 0;        ///< seconds since 1970
};

/// "MAIL FROM:<..> params" and one "RCPT TO:<..> params XMAILBOX=NET/PO/BOX" a recipient, CRLF
/// ends. Everything hostile is escaped (xtext for our own parameter; a control octet in a given one
/// is an address that no SMTP server lets through, written as '?').
std::string render_envelope(const Envelope& envelope);

}  // namespace smtpgate::converter
