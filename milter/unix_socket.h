// A Unix socket to listen on, born with its right mode; and a connection to one. For the daemon's
// own sockets but door 1's, which libmilter makes.
#pragma once

#include <string>

#include <sys/types.h>
#include <tl/expected.hpp>

namespace smtpgate::milter {

/// A listening descriptor (close-on-exec). A socket that nobody serves is removed before; one that
/// is served, and anything else at that place, is an error, which is a sentence. `group` may be
/// empty: the process's own.
tl::expected<int, std::string> listen_on_path(const std::string& path, mode_t mode,
                                              const std::string& group);

/// A connected descriptor, or -1 with errno.
int connect_to_path(const std::string& path);

}  // namespace smtpgate::milter
