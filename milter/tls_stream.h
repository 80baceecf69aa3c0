// TLS over a connected, non-blocking socket (OpenSSL 3), as steps that never wait: who waits, and
// how long, is smtp_connection.h's. Client side only.
//
// A TlsContext may be shared by threads; a TlsStream belongs to one. Neither owns the socket.
// Errors are sentences; SIGPIPE is never raised.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "milter/designated_host.h"

namespace smtpgate::milter {

enum class IoStatus {
  done,         ///< `count` octets moved
  wants_read,   ///< again when the socket is readable
  wants_write,  ///< again when it is writable
  closed,       ///< the peer ended it
  failed,       ///< `detail` says why
};

struct IoStep {
  IoStatus status = IoStatus::failed;
  std::size_t count = 0;
  std::string detail;
};

class TlsContext {
 public:
  /// Whom to trust, for TlsUse::verified: `ca_file`, or the system's if it is empty. A certificate
  /// in the file that is the host's own is trusted too.
  static tl::expected<TlsContext, std::string> make(TlsUse use, const std::string& ca_file);

  TlsContext(TlsContext&&) noexcept;
  TlsContext& operator=(TlsContext&&) noexcept;
  ~TlsContext();

 private:
  friend class TlsStream;
  struct State;
  explicit TlsContext(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

class TlsStream {
 public:
  /// `host` is the name that the certificate must be valid for, and that SNI says.
  static tl::expected<std::unique_ptr<TlsStream>, std::string> make(const TlsContext& context,
                                                                    int socket,
                                                                    const std::string& host);
  ~TlsStream();

  IoStep handshake();
  IoStep read(std::span<char> buffer);
  IoStep write(std::string_view data);
  std::string protocol() const;  ///< "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384"

 private:
  struct State;
  explicit TlsStream(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace smtpgate::milter
