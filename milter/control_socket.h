// The daemon's own socket, <work>/control.sock: always there while it runs, for the gateway's user
// and root alone (the work directory's mode), so that `smtpgate status` and `top` can ask it.
// A client sends one word and a line feed, gets the answer, and the connection ends.
//
// Not for Postfix (milter_door.h), nor for browsers and Prometheus (http_listener.h).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace smtpgate::milter {

std::string control_socket_path(const std::string& work);

/// Each thread in run() answers one client after the other; a slow one is left after two seconds.
class ControlSocket {
 public:
  /// The answer to a word; may throw. Called by every thread in run().
  using Answer = std::function<std::string(std::string_view word)>;

  static tl::expected<std::unique_ptr<ControlSocket>, std::string> open(const std::string& work,
                                                                        Answer answer);
  ~ControlSocket();

  /// Until stop(); on a thread of its own, or on several: an answer that takes its time then keeps
  /// nobody else waiting.
  void run();
  /// Nobody finds it any more; a client that is being answered gets its answer.
  void stop();

 private:
  ControlSocket(int descriptor, std::string path, Answer answer)
      : descriptor_(descriptor), path_(std::move(path)), answer_(std::move(answer)) {}
  void serve(int client) const;

  int descriptor_;
  std::string path_;
  Answer answer_;
  std::atomic<bool> stopping_ = false;
};

/// Asks a running daemon.
struct NoDaemon {
  std::string sentence;
  bool is_running = false;    ///< it is there, but did not answer
  bool is_forbidden = false;  ///< we may not ask
};
tl::expected<std::string, NoDaemon> ask_daemon(const std::string& work, std::string_view word);

}  // namespace smtpgate::milter
