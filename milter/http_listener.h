// The status listener: libmicrohttpd on a Unix socket or a loopback port, with limits on
// connections, idle time and header size. Off unless [status] listen says where.
//
// libmicrohttpd brings a dozen libraries with it (GnuTLS), which would make every start of door 2
// slower. So it is loaded when a daemon that listens starts, and only then; without it the daemon
// serves mail all the same.
//
// Not for what is answered: http_answers.h.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <tl/expected.hpp>

#include "milter/configuration.h"
#include "milter/http_answers.h"

namespace smtpgate::milter {

class HttpListener {
 public:
  using Answer = std::function<HttpAnswer(const HttpRequest&)>;

  /// Listens, on a thread of its own that inherits the caller's blocked signals; `answer` is called
  /// on it and may throw. The error is a sentence.
  static tl::expected<std::unique_ptr<HttpListener>, std::string> start(
      const StatusSettings& settings, Answer answer);
  /// Why no listener can be started on this machine, wherever it is to listen; empty if one can. It
  /// loads the library.
  static std::string what_is_missing();
  /// Ends the thread and removes the Unix socket.
  ~HttpListener();

 private:
  struct State;
  explicit HttpListener(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace smtpgate::milter
