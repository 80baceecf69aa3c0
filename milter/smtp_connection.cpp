// SmtpConnection: see the header. The socket never blocks; all waiting is in wait(), in slices
// while there is somebody who may ask us to stop.
#include "milter/smtp_connection.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "postoffice/printable.h"

namespace smtpgate::milter {

namespace {

constexpr std::size_t block_size = 16 * 1024;
/// Unread input beyond which we stop taking more while we write.
constexpr std::size_t most_unread = 256 * 1024;
constexpr std::chrono::milliseconds stop_slice{100};

tl::unexpected<ConnectionError> trouble(ConnectionTrouble kind, std::string detail) {
  return tl::unexpected(ConnectionError{kind, std::move(detail)});
}

std::string reason_of(int code) {
  return std::generic_category().message(code);
}

IoStep failed_step(int code) {
  if (code == EAGAIN || code == EWOULDBLOCK || code == EINTR) return {IoStatus::wants_read, 0, {}};
  return {IoStatus::failed, 0, reason_of(code)};
}

std::string silence(std::chrono::milliseconds timeout) {
  return fmt::format("was silent for {} s", static_cast<double>(timeout.count()) / 1000);
}

}  // namespace

ConnectionResult<std::unique_ptr<SmtpConnection>> SmtpConnection::open(const HostAddress& address,
                                                                       Milliseconds timeout,
                                                                       const StopAsked& stop) {
  const auto end = Clock::now() + timeout;
  const int socket =
      ::socket(address.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  if (socket < 0) return trouble(ConnectionTrouble::failed, reason_of(errno));
  std::unique_ptr<SmtpConnection> result(new SmtpConnection(socket));
  // Commands are collected here; the kernel must not hold the last of them back for an ACK.
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address.address), address.length) == 0) {
    return result;
  }
  if (errno != EINPROGRESS && errno != EINTR) {
    return trouble(ConnectionTrouble::failed, reason_of(errno));
  }
  if (auto ready = result->wait(POLLOUT, end, timeout, stop); !ready) {
    return tl::unexpected(std::move(ready.error()));
  }
  int code = 0;
  socklen_t length = sizeof code;
  if (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &code, &length) != 0) code = errno;
  if (code != 0) return trouble(ConnectionTrouble::failed, reason_of(code));
  return result;
}

SmtpConnection::~SmtpConnection() {
  tls_.reset();
  ::close(socket_);
}

ConnectionResult<void> SmtpConnection::wait(short events, Clock::time_point end,
                                            Milliseconds timeout, const StopAsked& stop) {
  for (;;) {
    if (stop && stop()) return trouble(ConnectionTrouble::stopped, "was left: we are stopping");
    const auto left = std::chrono::ceil<Milliseconds>(end - Clock::now());
    if (left.count() <= 0) return trouble(ConnectionTrouble::timed_out, silence(timeout));
    const auto slice = stop ? std::min(left, stop_slice) : left;
    pollfd entry{socket_, events, 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(slice.count()));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return trouble(ConnectionTrouble::failed, reason_of(errno));
  }
}

ConnectionResult<void> SmtpConnection::wait_for(const IoStep& step, Clock::time_point end,
                                                Milliseconds timeout, const StopAsked& stop) {
  switch (step.status) {
    case IoStatus::done:
      return {};
    case IoStatus::wants_read:
      return wait(POLLIN, end, timeout, stop);
    case IoStatus::wants_write:
      return wait(POLLOUT, end, timeout, stop);
    case IoStatus::closed:
      return trouble(ConnectionTrouble::closed, "closed the connection");
    case IoStatus::failed:
      break;
  }
  return trouble(ConnectionTrouble::failed,
                 fmt::format("lost the connection ({})", printable(step.detail, 200)));
}

IoStep SmtpConnection::receive(std::span<char> buffer) {
  if (tls_) return tls_->read(buffer);
  const ssize_t count = ::recv(socket_, buffer.data(), buffer.size(), 0);
  if (count < 0) return failed_step(errno);
  if (count == 0) return {IoStatus::closed, 0, {}};
  return {IoStatus::done, static_cast<std::size_t>(count), {}};
}

IoStep SmtpConnection::transmit(std::string_view data) {
  if (tls_) return tls_->write(data);
  const ssize_t count = ::send(socket_, data.data(), data.size(), MSG_NOSIGNAL);
  if (count >= 0) return {IoStatus::done, static_cast<std::size_t>(count), {}};
  IoStep step = failed_step(errno);
  if (step.status == IoStatus::wants_read) step.status = IoStatus::wants_write;
  return step;
}

IoStep SmtpConnection::fill() {
  std::array<char, block_size> block;
  IoStep step = receive(block);
  if (step.status == IoStatus::done) {
    if (start_ > 0) {
      input_.erase(0, start_);
      start_ = 0;
    }
    input_.append(block.data(), step.count);
  }
  return step;
}

bool SmtpConnection::has_input() {
  if (start_ < input_.size()) return true;
  const IoStep step = fill();
  return step.status != IoStatus::wants_read && step.status != IoStatus::wants_write;
}

ConnectionResult<void> SmtpConnection::start_tls(const TlsContext& context, const std::string& host,
                                                 Milliseconds timeout, const StopAsked& stop) {
  if (start_ < input_.size()) {
    return trouble(ConnectionTrouble::malformed,
                   "sent more in clear text after its reply to STARTTLS: somebody on the way may "
                   "have put it there");
  }
  const auto end = Clock::now() + timeout;
  auto stream = TlsStream::make(context, socket_, host);
  if (!stream) return trouble(ConnectionTrouble::failed, std::move(stream.error()));
  for (;;) {
    const IoStep step = (*stream)->handshake();
    if (step.status == IoStatus::done) break;
    if (auto ready = wait_for(step, end, timeout, stop); !ready) {
      ::shutdown(socket_, SHUT_RDWR);  // nothing may follow in the clear
      return ready;
    }
  }
  tls_ = std::move(*stream);
  return {};
}

ConnectionResult<void> SmtpConnection::write(std::string_view data, Milliseconds timeout,
                                             const StopAsked& stop) {
  const auto end = Clock::now() + timeout;
  bool listening = true;
  while (!data.empty()) {
    const IoStep step = transmit(data);
    if (step.status == IoStatus::done) {
      data.remove_prefix(step.count);
      continue;
    }
    if (step.status != IoStatus::wants_write) {
      if (auto ready = wait_for(step, end, timeout, stop); !ready) return ready;
      continue;
    }
    // A peer whose replies nobody takes may stop reading: so we take them while we wait.
    const short events = listening ? POLLIN | POLLOUT : POLLOUT;
    if (auto ready = wait(events, end, timeout, stop); !ready) return ready;
    if (listening) {
      const IoStatus heard = fill().status;
      // A peer that has ended its side may still read: writing says whether it does.
      if (heard == IoStatus::closed || heard == IoStatus::failed ||
          input_.size() - start_ >= most_unread) {
        listening = false;
      }
    }
  }
  return {};
}

ConnectionResult<SmtpReply> SmtpConnection::read_reply(Milliseconds timeout,
                                                       const StopAsked& stop) {
  const auto end = Clock::now() + timeout;
  SmtpReplyParser parser;
  std::size_t searched = 0;
  for (;;) {
    const std::size_t line_end = input_.find('\n', start_ + searched);
    if (line_end == std::string::npos) {
      searched = input_.size() - start_;
      if (searched > SmtpReplyParser::longest_line) {
        return trouble(ConnectionTrouble::malformed, "sent a reply line without an end");
      }
      const IoStep step = fill();
      if (step.status == IoStatus::done) continue;
      if (auto ready = wait_for(step, end, timeout, stop); !ready) {
        return tl::unexpected(std::move(ready.error()));
      }
      continue;
    }
    std::string_view line = std::string_view(input_).substr(start_, line_end - start_);
    if (line.ends_with('\r')) line.remove_suffix(1);
    const SmtpReplyParser::Step parsed = parser.take(line);
    if (parsed == SmtpReplyParser::Step::malformed) {
      return trouble(
          ConnectionTrouble::malformed,
          fmt::format("sent what is no SMTP reply or too much of one: {}", printable(line, 200)));
    }
    start_ = line_end + 1;
    searched = 0;
    if (parsed == SmtpReplyParser::Step::complete) return parser.finish();
  }
}

}  // namespace smtpgate::milter
