// Unix sockets: see the header.
#include "milter/unix_socket.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace smtpgate::milter {

namespace {

constexpr int backlog = 32;

/// False if the path is too long for one.
bool make_address(const std::string& path, sockaddr_un& address) {
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path.data(), path.size());
  return true;
}

/// Nothing, or why the place is not free.
std::string clear_place(const std::string& path) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) return {};
  if (!S_ISSOCK(status.st_mode)) return path + " is there and is no socket; remove it";
  const int served = connect_to_path(path);
  if (served >= 0) {
    ::close(served);
    return "somebody serves " + path + " already";
  }
  ::unlink(path.c_str());
  return {};
}

bool give_to_group(const std::string& path, const std::string& name) {
  if (name.empty()) return true;
  errno = 0;
  const group* entry = ::getgrnam(name.c_str());
  if (entry == nullptr) {
    if (errno == 0) errno = EINVAL;
    return false;
  }
  return ::chown(path.c_str(), static_cast<uid_t>(-1), entry->gr_gid) == 0;
}

}  // namespace

int connect_to_path(const std::string& path) {
  sockaddr_un address{};
  if (!make_address(path, address)) {
    errno = ENAMETOOLONG;
    return -1;
  }
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -1;
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    return descriptor;
  }
  const int saved = errno;
  ::close(descriptor);
  errno = saved;
  return -1;
}

tl::expected<int, std::string> listen_on_path(const std::string& path, mode_t mode,
                                              const std::string& group) {
  if (std::string why = clear_place(path); !why.empty()) return tl::unexpected(std::move(why));
  sockaddr_un address{};
  if (!make_address(path, address)) return tl::unexpected(path + " is too long for a socket");
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  // Between its birth and its right mode nobody gets in: nothing listens yet.
  if (descriptor >= 0 &&
      ::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      ::chmod(path.c_str(), 0600) == 0 && give_to_group(path, group) &&
      ::chmod(path.c_str(), mode) == 0 && ::listen(descriptor, backlog) == 0) {
    return descriptor;
  }
  const std::string why = std::strerror(errno);
  if (descriptor >= 0) ::close(descriptor);
  return tl::unexpected(
      fmt::format("cannot make the socket {}{}: {}; its directory must exist and "
                  "be writable for the gateway's user",
                  path, group.empty() ? "" : " of group " + group, why));
}

}  // namespace smtpgate::milter
