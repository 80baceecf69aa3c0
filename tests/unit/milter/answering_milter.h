// A milter's socket that gives one fixed answer, for tests of who asks whether a daemon lives; it
// converses no further.
#pragma once

#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <utility>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "unit/catch.h"

namespace smtpgate::test {

/// A Unix socket that listens, at `path`.
inline int listen_on(const std::string& path, int type) {
  const int descriptor = ::socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  REQUIRE(::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  if (type == SOCK_STREAM) REQUIRE(::listen(descriptor, 8) == 0);
  return descriptor;
}

/// A milter that answers the first thing it is told by `answer`, for as many connections as come.
/// `before_answer` is called by a thread of its own.
class Milter {
 public:
  Milter(const std::string& path, std::string answer, std::function<void()> before_answer = {})
      : listener_(listen_on(path, SOCK_STREAM)),
        answer_(std::move(answer)),
        before_answer_(std::move(before_answer)),
        thread_([this] {
          for (;;) {
            const int one = ::accept(listener_, nullptr, nullptr);
            if (one < 0) return;
            std::string asked(100, '\0');
            const ssize_t size = ::recv(one, asked.data(), asked.size(), 0);
            if (size > 0) asked_ = asked.substr(0, static_cast<std::size_t>(size));
            if (before_answer_) before_answer_();
            ::send(one, answer_.data(), answer_.size(), MSG_NOSIGNAL);
            ::close(one);
          }
        }) {}
  ~Milter() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  Milter(const Milter&) = delete;
  Milter& operator=(const Milter&) = delete;

  const std::string& asked() const { return asked_; }

 private:
  int listener_;
  std::string answer_;
  std::function<void()> before_answer_;
  std::string asked_;
  std::thread thread_;
};

inline const std::string negotiated("\0\0\0\x0dO\0\0\0\x06\0\0\0\0\0\0\0\0", 17);

}  // namespace smtpgate::test
