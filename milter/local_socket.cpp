// LocalSocket: see the header.
#include "milter/local_socket.h"

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

namespace smtpgate::milter {

namespace {

timeval as_timeval(std::chrono::milliseconds time) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
  timeval result{};
  result.tv_sec = seconds.count();
  result.tv_usec = std::chrono::duration_cast<std::chrono::microseconds>(time - seconds).count();
  return result;
}

}  // namespace

std::optional<LocalSocket> LocalSocket::connect(Kind kind, const std::string& path,
                                                std::chrono::milliseconds limit) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return std::nullopt;
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  socklen_t size = sizeof address;
  if (path.front() == '@') {
    // An abstract name has no final NUL: its length says where it ends.
    address.sun_path[0] = '\0';
    size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  }
  const int type = kind == Kind::stream ? SOCK_STREAM : SOCK_DGRAM;
  const int descriptor = ::socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return std::nullopt;
  LocalSocket result(descriptor);
  const timeval time = as_timeval(limit);
  ::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
  ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), size) != 0) {
    const int reason = errno;
    ::close(std::exchange(result.descriptor_, -1));
    errno = reason;
    return std::nullopt;
  }
  return result;
}

LocalSocket::LocalSocket(LocalSocket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

LocalSocket::~LocalSocket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool LocalSocket::send(std::string_view octets) {
  const ssize_t sent = ::send(descriptor_, octets.data(), octets.size(), MSG_NOSIGNAL);
  return sent >= 0 && static_cast<std::size_t>(sent) == octets.size();
}

std::optional<std::string> LocalSocket::receive(std::size_t most) {
  std::string octets(most, '\0');
  const ssize_t got = ::recv(descriptor_, octets.data(), octets.size(), 0);
  if (got <= 0) return std::nullopt;
  octets.resize(static_cast<std::size_t>(got));
  return octets;
}

}  // namespace smtpgate::milter
