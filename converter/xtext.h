// xtext (RFC 3461, 4): any octets as one word of an SMTP command. For ENVID, ORCPT and our own
// XMAILBOX, and for what reports say of an ENVID.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace smtpgate::converter {

/// Printable ASCII but '+' and '=' as it is, the rest as +HH.
std::string xtext(std::string_view text);

/// Back again: +HH, in any case, as the octet. Empty if what comes out is not printable ASCII, or
/// `text` is longer than `most` octets. A '+' without two digits is a '+', as it is where somebody
/// has decoded the word already.
std::string decode_xtext(std::string_view text, std::size_t most);

}  // namespace smtpgate::converter
