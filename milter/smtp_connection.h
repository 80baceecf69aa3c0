// A connection to an SMTP server: connect, TLS, octets out, replies in, each with a limit of time.
// Not for what is said on it (smtp_session.h, smtp_transaction.h); the server's side of a
// conversation is peer_stream.h.
//
// Owns its socket. One thread at a time. After any error the connection is of no further use, but
// for read_reply() of what the peer may have said before it went. Errors are values.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "milter/designated_host.h"
#include "milter/smtp_reply.h"
#include "milter/tls_stream.h"

namespace smtpgate::milter {

enum class ConnectionTrouble {
  closed,     ///< by the peer
  failed,     ///< the network, or TLS
  timed_out,  ///< the peer was silent, or took nothing
  malformed,  ///< what came is no SMTP reply, or beyond the limits of one
  stopped,    ///< we were asked to stop
};

struct ConnectionError {
  ConnectionTrouble trouble = ConnectionTrouble::failed;
  std::string detail;  ///< printable: "closed the connection", "said nothing for 300 s", ...
};

template <typename T>
using ConnectionResult = tl::expected<T, ConnectionError>;

/// Asked several times a second while there is nothing to do but wait; empty: never stop.
using StopAsked = std::function<bool()>;

class SmtpConnection {
 public:
  using Milliseconds = std::chrono::milliseconds;

  static ConnectionResult<std::unique_ptr<SmtpConnection>> open(const HostAddress& address,
                                                                Milliseconds timeout,
                                                                const StopAsked& stop);
  ~SmtpConnection();
  SmtpConnection(const SmtpConnection&) = delete;
  SmtpConnection& operator=(const SmtpConnection&) = delete;

  /// The handshake. Clear text that came before it, unasked, is `malformed`: somebody on the way
  /// may have put it there.
  ConnectionResult<void> start_tls(const TlsContext& context, const std::string& host,
                                   Milliseconds timeout, const StopAsked& stop);
  bool has_tls() const { return tls_ != nullptr; }
  std::string tls_protocol() const { return tls_ ? tls_->protocol() : std::string(); }

  /// All of `data`. The time-out is for all of it. What the peer says meanwhile is kept for
  /// read_reply().
  ConnectionResult<void> write(std::string_view data, Milliseconds timeout, const StopAsked& stop);

  /// The next reply as a whole, within the time-out.
  ConnectionResult<SmtpReply> read_reply(Milliseconds timeout, const StopAsked& stop);

  /// Whether the peer said something that was not read yet, or has gone. Never waits.
  bool has_input();

 private:
  using Clock = std::chrono::steady_clock;

  explicit SmtpConnection(int socket) : socket_(socket) {}
  IoStep receive(std::span<char> buffer);
  IoStep transmit(std::string_view data);
  /// One step of input into the buffer.
  IoStep fill();
  ConnectionResult<void> wait(short events, Clock::time_point end, Milliseconds timeout,
                              const StopAsked& stop);
  /// Waits for what `step` wants, or says why it is over.
  ConnectionResult<void> wait_for(const IoStep& step, Clock::time_point end, Milliseconds timeout,
                                  const StopAsked& stop);

  int socket_;
  std::unique_ptr<TlsStream> tls_;
  std::string input_;      ///< came, and was not taken yet
  std::size_t start_ = 0;  ///< of what was not taken yet
};

}  // namespace smtpgate::milter
