// The gateway's own side of `smtpgate check`: the user, the clock, the work directory, the socket
// and who answers there, each postoffice (readable, writable, links, space), the peers' keys, the
// designated host. What is looked for, word by word: docs/checks.md.
//
// Writes nothing but probe files, which it removes. Not for Postfix's settings: postfix_check.h.
#pragma once

#include "milter/configuration.h"
#include "milter/finding.h"

namespace smtpgate::milter {

/// Only root may become somebody; for anybody else `user` has no meaning. False if there is no such
/// user.
bool check_user(const Configuration& configuration, Findings& findings);

/// All else. To be called as the gateway's user: root can write everywhere, which proves nothing.
void check_gateway(const Configuration& configuration, Findings& findings);

}  // namespace smtpgate::milter
