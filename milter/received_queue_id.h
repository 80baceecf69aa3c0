// Postfix's queue id out of the Received field that Postfix itself put on top of a message. For
// mail that was submitted here, and for bounces, its lmtp client has no IDENT to tell door 2, and
// log lines and records of such mail would have no id.
//
// A log tag, nothing else: where Postfix put no field on top, the sender's own may say anything.
#pragma once

#include <string>
#include <string_view>

namespace smtpgate::milter {

/// `top` is the beginning of a message, lines ending in CRLF or LF. Letters and digits, 5 to 20 of
/// them; empty if the first field is no Received field of a Postfix, or does not end in `top`.
std::string received_queue_id(std::string_view top);

}  // namespace smtpgate::milter
