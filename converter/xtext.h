// xtext (RFC 3461, 4): any octets as one word of an SMTP command. For ENVID, ORCPT and our own
// XMAILBOX. Not for reading it.
#pragma once

#include <string>
#include <string_view>

namespace smtpgate::converter {

/// Printable ASCII but '+' and '=' as it is, the rest as +HH.
std::string xtext(std::string_view text);

}  // namespace smtpgate::converter
