// The password for AUTH: the first line of a file that only its owner can read. Not for user names,
// nor for sending it: smtp_session.h.
#pragma once

#include <string>

#include "postoffice/file_system.h"
#include "postoffice/outcome.h"

namespace smtpgate::milter {

/// Without its line end. Temporary 4.3.5 if the file cannot be read, is no regular file, is open to
/// group or others, or has no first line of 1 to 1,000 octets without NUL.
Expected<std::string> read_password(postoffice::FileSystem& files, const std::string& path);

}  // namespace smtpgate::milter
