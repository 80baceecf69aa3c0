// An SMTP session that is ready for messages: connected to one host of the configuration, greeted,
// EHLO said, TLS and AUTH done as wanted (RFC 5321, 3207, 4954). What is announced, and the words
// in which replies and failures are told. Not for messages (smtp_transaction.h) or for keeping
// sessions (submission.h).
//
// One thread at a time. Failures are Outcomes, always temporary: nothing up to here is the fault of
// a message. Sentences are printable.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "milter/designated_host.h"
#include "milter/smtp_connection.h"
#include "milter/smtp_reply.h"
#include "milter/tls_stream.h"
#include "postoffice/outcome.h"

namespace smtpgate::milter {

/// What the reply to EHLO announced.
struct SmtpExtensions {
  bool pipelining = false;    ///< RFC 2920
  bool eight_bit = false;     ///< 8BITMIME, RFC 6152
  bool smtputf8 = false;      ///< RFC 6531
  bool dsn = false;           ///< RFC 3461
  bool size = false;          ///< RFC 1870
  std::uint64_t largest = 0;  ///< octets; 0: no limit that was said
  bool starttls = false;
  bool auth_plain = false;
  bool auth_login = false;
};

SmtpExtensions parse_extensions(const SmtpReply& reply);

/// Who the certificate is looked for, whose password is read, and how long to wait.
struct SessionSettings {
  const DesignatedHost* host = nullptr;
  const TlsContext* tls = nullptr;  ///< nullptr only with TlsUse::never
};

class SmtpSession {
 public:
  /// To one address of `host`.
  static Expected<std::unique_ptr<SmtpSession>> open(const HostAndPort& host,
                                                     const HostAddress& address,
                                                     const SessionSettings& settings,
                                                     const StopAsked& stop);

  SmtpConnection& connection() { return *connection_; }
  const SmtpExtensions& extensions() const { return extensions_; }
  const std::string& label() const { return label_; }                ///< "name[address]:port"
  double connection_seconds() const { return connection_seconds_; }  ///< until the greeting
  /// What was agreed, for `check`: "TLSv1.3 with cipher ..., AUTH as gate".
  std::string agreed() const;

  /// One command (without CRLF) and its reply.
  ConnectionResult<SmtpReply> command(std::string_view line, const StopAsked& stop);
  /// Says QUIT without waiting for the answer; the destructor closes.
  void quit();

  /// "host L said: 550 5.1.1 ... (in reply to STAGE)".
  std::string said(const SmtpReply& reply, std::string_view stage) const;
  /// "host L was silent for 300 s (in reply to STAGE)".
  std::string said(const ConnectionError& error, std::string_view stage) const;

  unsigned messages = 0;  ///< transactions that were begun here

 private:
  SmtpSession(std::string label, const SessionSettings& settings)
      : label_(std::move(label)), settings_(settings) {}
  Outcome greet(const HostAddress& address, const StopAsked& stop);
  Outcome say_hello(const StopAsked& stop);
  Outcome start_tls(const HostAndPort& host, const StopAsked& stop);
  Outcome authenticate(bool is_loopback, const StopAsked& stop);
  Outcome authenticate_with(std::string_view password, const StopAsked& stop);
  Outcome failed(const ConnectionError& error, std::string_view stage) const;
  Outcome refused(const SmtpReply& reply, std::string_view stage, std::string_view advice,
                  std::string_view status) const;

  std::string label_;
  SessionSettings settings_;
  std::unique_ptr<SmtpConnection> connection_;
  SmtpExtensions extensions_;
  double connection_seconds_ = 0;
};

/// The enhanced status of `reply` in the class `digit` ('4' or '5'), or `fallback`: a host's 5.x.y
/// that is temporary for us becomes 4.x.y.
std::string status_in_class(const SmtpReply& reply, char digit, std::string_view fallback);

/// Of trouble with a connection: 4.4.2, 4.5.0 or, where we stopped it, 4.3.2.
std::string_view status_of(ConnectionTrouble trouble);

}  // namespace smtpgate::milter
