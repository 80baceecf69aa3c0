// Secrets: the first line of a file that only its owner can read. The password for AUTH, and the
// key that a peer and we share. Not for user names, nor for sending a password (smtp_session.h).
#pragma once

#include <string>

#include "postoffice/encapsulated.h"
#include "postoffice/file_system.h"
#include "postoffice/outcome.h"

namespace smtpgate::milter {

/// `password_file`, without its line end. Temporary 4.3.5 if the file cannot be read, is no regular
/// file, is open to group or others, or has no first line of 1 to 1,000 octets without NUL.
Expected<std::string> read_password(postoffice::FileSystem& files, const std::string& path);

/// `key_file` of a peer: likewise, a line of 64 hexadecimal digits.
Expected<postoffice::EncapsulationKey> read_peer_key(postoffice::FileSystem& files,
                                                     const std::string& path);

}  // namespace smtpgate::milter
