// The control socket, both ends: see the header.
#include "milter/control_socket.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "milter/unix_socket.h"

namespace smtpgate::milter {

namespace {

constexpr std::size_t longest_word = 64;
constexpr std::size_t longest_answer = std::size_t{16} << 20;
constexpr int look_for_stop = 500;  // milliseconds
constexpr timeval patience_of_daemon{.tv_sec = 2, .tv_usec = 0};
constexpr timeval patience_of_client{.tv_sec = 10, .tv_usec = 0};

void set_patience(int socket, const timeval& patience) {
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

bool send_all(int socket, std::string_view octets) {
  while (!octets.empty()) {
    const ssize_t sent = ::send(socket, octets.data(), octets.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    octets.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

/// Up to the end of the line, or of the input. False if nothing came in time, or too much.
bool receive(int socket, bool one_line, std::size_t longest, std::string& octets) {
  std::array<char, 4096> buffer{};
  for (;;) {
    const std::size_t wanted = one_line ? 1 : buffer.size();
    const ssize_t count = ::recv(socket, buffer.data(), wanted, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    if (count == 0) return !one_line;
    if (one_line && buffer[0] == '\n') return true;
    octets.append(buffer.data(), static_cast<std::size_t>(count));
    if (octets.size() > longest) return false;
  }
}

}  // namespace

std::string control_socket_path(const std::string& work) {
  return work + "/control.sock";
}

tl::expected<std::unique_ptr<ControlSocket>, std::string> ControlSocket::open(
    const std::string& work, Answer answer) {
  const std::string path = control_socket_path(work);
  const auto descriptor = listen_on_path(path, 0600, "");
  if (!descriptor) return tl::unexpected(descriptor.error());
  // Several threads see one client come; who is late must not wait in accept4().
  ::fcntl(*descriptor, F_SETFL, ::fcntl(*descriptor, F_GETFL) | O_NONBLOCK);
  return std::unique_ptr<ControlSocket>(new ControlSocket(*descriptor, path, std::move(answer)));
}

ControlSocket::~ControlSocket() {
  stop();
  ::close(descriptor_);
}

void ControlSocket::run() {
  while (!stopping_) {
    pollfd waiting{.fd = descriptor_, .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, look_for_stop) <= 0) continue;
    const int client = ::accept4(descriptor_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0 && (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR)) continue;
    if (client < 0) {
      // No descriptors left, most likely: not as fast as can be, again and again.
      std::this_thread::sleep_for(std::chrono::milliseconds(look_for_stop));
      continue;
    }
    set_patience(client, patience_of_daemon);
    serve(client);
    ::close(client);
  }
}

void ControlSocket::serve(int client) const {
  try {
    std::string word;
    if (receive(client, true, longest_word, word)) send_all(client, answer_(word));
  } catch (const std::exception&) {
    // The client finds no answer, and says so.
  }
}

void ControlSocket::stop() {
  // Once: the name may be another daemon's soon.
  if (!stopping_.exchange(true)) ::unlink(path_.c_str());
}

tl::expected<std::string, NoDaemon> ask_daemon(const std::string& work, std::string_view word) {
  const std::string path = control_socket_path(work);
  const int socket = connect_to_path(path);
  if (socket < 0) {
    const bool is_forbidden = errno == EACCES || errno == EPERM;
    return tl::unexpected(NoDaemon{
        is_forbidden
            ? fmt::format("{}: {}; ask as root or as the gateway's user", path,
                          std::strerror(errno))
            : fmt::format("smtpgate serve does not run: {}: {}", path, std::strerror(errno)),
        false, is_forbidden});
  }
  set_patience(socket, patience_of_client);
  std::string answer;
  const bool complete =
      send_all(socket, std::string(word) + "\n") && receive(socket, false, longest_answer, answer);
  ::close(socket);
  if (!complete || answer.empty()) {
    return tl::unexpected(NoDaemon{"the daemon at " + path + " does not answer", true, false});
  }
  return answer;
}

}  // namespace smtpgate::milter
