// Netstrings, "<length>:<octets>,": the frames of Postfix's socketmap protocol
// (socketmap_table(5)). Not for what is in them: lookup_server.h.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "milter/peer_stream.h"

namespace smtpgate::milter {

/// Postfix's own bound for a request or reply.
inline constexpr std::size_t longest_netstring = 100'000;

enum class NetstringStatus {
  ok,
  malformed,  ///< no netstring, or longer than the bound: the stream cannot be understood further
  ended,      ///< the peer closed, or was silent for the whole time-out, or the socket failed
};

NetstringStatus read_netstring(PeerStream& stream, std::string& content);
std::string make_netstring(std::string_view content);

}  // namespace smtpgate::milter
