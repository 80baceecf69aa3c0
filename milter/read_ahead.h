// Reads what has come from Postfix in one piece, so that libmilter finds it in memory.
//
// For each packet libmilter asks twice whether there is something to read, reads five octets, then
// the rest, and asks once more before it would give the session to another thread; and Postfix
// sends about thirty packets for a small message, most of them together. The four functions below
// have the C library's names (accept, poll, read, close), so that the shared libmilter calls them,
// as all else in the process does. They do something else than the C library only for connections
// that were accepted where AcceptingForMilter is; for others they cost a look into a table.
//
// Errors: the C library's, in errno. Threads: any; as with the C library's, one at a time reads
// from a connection, which libmilter sees to. What has read ahead must not be read in another way
// (recv(2), another process).
#pragma once

#include <cstddef>

#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>

namespace smtpgate::milter {

/// Of one connection. A message of 8 KB with its commands fits; longer pieces of a body are read
/// as they are asked for.
inline constexpr std::size_t read_ahead_octets = std::size_t{16} * 1024;

/// While it is there, connections that its thread accepts are read ahead. libmilter accepts in the
/// thread that calls smfi_main().
class AcceptingForMilter {
 public:
  AcceptingForMilter();
  ~AcceptingForMilter();
  AcceptingForMilter(const AcceptingForMilter&) = delete;
  AcceptingForMilter& operator=(const AcceptingForMilter&) = delete;
};

extern "C" {
int smtpgate_accept(int descriptor, sockaddr* address, socklen_t* size) __asm__("accept");
int smtpgate_poll(pollfd* descriptors, nfds_t count, int milliseconds) __asm__("poll");
ssize_t smtpgate_read(int descriptor, void* to, std::size_t size) __asm__("read");
int smtpgate_close(int descriptor) __asm__("close");
}

}  // namespace smtpgate::milter
