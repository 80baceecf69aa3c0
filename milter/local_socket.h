// A connection to somebody on this machine by a Unix socket: a service manager, or a milter that is
// asked whether it answers. Not for conversations (peer_stream.h, smtp_connection.h).
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace smtpgate::milter {

class LocalSocket {
 public:
  enum class Kind { stream, datagrams };

  /// Connects to `path`; a leading @ means the abstract name space of Linux (unix(7)). No later
  /// call takes longer than `limit`. Nothing if it failed: errno says why.
  static std::optional<LocalSocket> connect(Kind kind, const std::string& path,
                                            std::chrono::milliseconds limit);

  LocalSocket(LocalSocket&& other) noexcept;
  LocalSocket& operator=(LocalSocket&&) = delete;
  ~LocalSocket();

  /// All of it, as one datagram or as a piece of the stream. False: errno says why.
  bool send(std::string_view octets);
  /// What comes next, at most `most` octets; nothing at the end or after an error.
  std::optional<std::string> receive(std::size_t most);

 private:
  explicit LocalSocket(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace smtpgate::milter
