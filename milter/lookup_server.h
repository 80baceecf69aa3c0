// The recipient look-up: a socketmap server (socketmap_table(5)) that tells Postfix which
// recipients exist, so that Postfix itself refuses unknown ones, daemon or not. Replies:
//   OK key     the postoffice has a mailbox for it
//   NOTFOUND   it has none (or the key is no full address)
//   TEMP why   the postoffice cannot be read, or the configuration is at fault: never NOTFOUND
//   PERM why   the request is no socketmap request
// Under the map name "rights" it answers check_recipient_access: OK with a 550 and its reason for a
// mailbox that takes no mail from the Internet, else NOTFOUND.
// Not for delivery, and not for where a recipient's mail goes.
#pragma once

#include <string>
#include <string_view>

#include "milter/configuration.h"
#include "milter/configuration_source.h"
#include "milter/log.h"
#include "milter/peer_stream.h"
#include "postoffice/file_system.h"

namespace smtpgate::milter {

/// The reply to one request "<map> <key>"; any map name but "shared" and "rights" asks for
/// recipients alone.
std::string answer_lookup(const Configuration& configuration, std::string_view request,
                          postoffice::FileSystem& files = postoffice::FileSystem::posix());

/// Answers requests until the peer closes, is silent for the time-out, or sends what is no
/// netstring (which is logged).
void serve_lookups(PeerStream& stream, const ConfigurationSource& configuration, Log& log,
                   postoffice::FileSystem& files = postoffice::FileSystem::posix());

}  // namespace smtpgate::milter
