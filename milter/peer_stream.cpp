// PeerStream: see the header. Output waits until we would block on input, so that a pipelined group
// of commands costs one write (RFC 2920, 3.2), whatever the order of reads and replies.
#include "milter/peer_stream.h"

#include <cerrno>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace smtpgate::milter {

namespace {

constexpr std::size_t block_size = 64 * 1024;

/// True when `descriptor` is ready for `events` (or broken, which the next call will tell).
ReadStatus wait_for(int descriptor, short events, std::chrono::milliseconds timeout) {
  const auto end = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    if (left.count() < 0) return ReadStatus::timed_out;
    pollfd entry{descriptor, events, 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(left.count()));
    if (ready > 0) return ReadStatus::ok;
    if (ready == 0) return ReadStatus::timed_out;
    if (errno != EINTR) return ReadStatus::failed;
  }
}

}  // namespace

ReadStatus PeerStream::fill() {
  if (!flush()) return ReadStatus::failed;
  if (start_ > 0) {
    buffer_.erase(0, start_);
    start_ = 0;
  }
  if (const ReadStatus ready = wait_for(input_, POLLIN, timeout_); ready != ReadStatus::ok) {
    return ready;
  }
  const std::size_t before = buffer_.size();
  buffer_.resize(before + block_size);
  ssize_t count = 0;
  do {
    count = ::read(input_, buffer_.data() + before, block_size);
  } while (count < 0 && errno == EINTR);
  buffer_.resize(before + (count > 0 ? static_cast<std::size_t>(count) : 0));
  if (count < 0) return ReadStatus::failed;
  return count == 0 ? ReadStatus::end : ReadStatus::ok;
}

ReadStatus PeerStream::read_line(std::string& line, std::size_t longest) {
  bool too_long = false;
  std::size_t searched = 0;
  for (;;) {
    const std::size_t end = buffer_.find('\n', start_ + searched);
    if (end != std::string::npos) {
      std::size_t length = end - start_;
      if (length > 0 && buffer_[end - 1] == '\r') --length;
      too_long = too_long || length > longest;
      if (!too_long) line.assign(buffer_, start_, length);
      start_ = end + 1;
      return too_long ? ReadStatus::too_long : ReadStatus::ok;
    }
    searched = buffer_.size() - start_;
    // One octet more than the limit may be the CR of a line that just fits.
    if (searched > longest + 1) {
      too_long = true;
      start_ = buffer_.size();
      searched = 0;
    }
    if (const ReadStatus status = fill(); status != ReadStatus::ok) return status;
  }
}

ReadStatus PeerStream::peek(std::string_view& block) {
  if (start_ == buffer_.size()) {
    if (const ReadStatus status = fill(); status != ReadStatus::ok) return status;
  }
  block = std::string_view(buffer_).substr(start_);
  return ReadStatus::ok;
}

bool PeerStream::flush() {
  std::size_t sent = 0;
  while (sent < pending_.size()) {
    // A peer that went away must be an error, not SIGPIPE; on anything but a socket the caller has
    // SIGPIPE ignored.
    ssize_t count = ::send(output_, pending_.data() + sent, pending_.size() - sent,
                           MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno == ENOTSOCK) {
      count = ::write(output_, pending_.data() + sent, pending_.size() - sent);
    }
    if (count >= 0) {
      sent += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (wait_for(output_, POLLOUT, timeout_) != ReadStatus::ok) return false;
    } else if (errno != EINTR) {
      return false;
    }
  }
  pending_.clear();
  return true;
}

}  // namespace smtpgate::milter
