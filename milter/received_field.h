// What Postfix's own Received field says of who handed a message in. Door 2 needs it: XFORWARD
// tells the client, but not whether it had logged in.
//
// Not for Received fields of others: anybody can write those.
#pragma once

#include <string_view>

namespace smtpgate::milter {

/// Whether `head`, the beginning of a message as door 2 gets it, says that the client had
/// authenticated: its topmost Received field is the one that Postfix wrote under `queue_id`, "with
/// ESMTPA" or "with ESMTPSA" (RFC 3848; UTF8SMTPA and UTF8SMTPSA, RFC 6531). A name that the
/// client gave itself (HELO) cannot say so. False if there is anything else.
bool says_authenticated(std::string_view head, std::string_view queue_id);

}  // namespace smtpgate::milter
