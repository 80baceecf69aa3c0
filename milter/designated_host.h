// The designated host: where outgoing mail is handed over (docs/submission.md), as the
// configuration says it, and its addresses as the resolver says them. Not for talking to it:
// smtp_session.h.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/socket.h>
#include <tl/expected.hpp>

namespace smtpgate::milter {

enum class TlsUse {
  never,
  when_offered,  ///< STARTTLS if announced; certificate not looked at
  required,      ///< STARTTLS or nothing; certificate not looked at
  verified,      ///< STARTTLS, certificate valid for the host's name
};

/// [designated_host] of the configuration.
struct DesignatedHost {
  std::vector<std::string> hosts = {
      "127.0.0.1:25"};   ///< "name", "name:port", "[v6]:port"; in order
  std::string hostname;  ///< for EHLO
  TlsUse tls = TlsUse::when_offered;
  std::string tls_ca_file;    ///< empty: the system's
  std::string user;           ///< AUTH; empty: none
  std::string password_file;  ///< first line; must not be readable by others
  std::chrono::milliseconds connect_timeout =
      std::chrono::seconds(30);  ///< for each address, and for each look-up of a name
  /// For each reply as a whole, and for each block written.
  std::chrono::milliseconds command_timeout = std::chrono::seconds(300);
  std::chrono::milliseconds data_timeout = std::chrono::seconds(600);  ///< reply to the end of data
  unsigned connections = 4;                                            ///< at once
  std::chrono::milliseconds keep = std::chrono::seconds(30);  ///< how long an idle one is kept
  unsigned messages_per_connection = 100;
};

struct HostAndPort {
  std::string host;  ///< a name or an address, without brackets
  std::string port;  ///< digits
};

/// "name", "name:port", "v4:port", "[v6]", "[v6]:port"; port 25 if none is given. nullopt if it is
/// none of these.
std::optional<HostAndPort> parse_host(std::string_view text);

struct HostAddress {
  sockaddr_storage address{};
  socklen_t length = 0;
  bool is_loopback = false;
  std::string label;  ///< "name[address]:port", for the log's relay=
};

/// All addresses, in the resolver's order (at most 16), or what the resolver said. Takes as long as
/// the resolver's own time-outs allow (host_resolver.h bounds it); a numeric address takes none.
tl::expected<std::vector<HostAddress>, std::string> resolve_host(const HostAndPort& host);

}  // namespace smtpgate::milter
