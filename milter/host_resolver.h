// Looking up a host's addresses within a limit of time. The C library's getaddrinfo() cannot be
// interrupted and takes as long as /etc/resolv.conf lets it: 10 s with one name server that is
// silent, 56 s with three and two search domains (measured). So it runs in a thread of its own,
// which is left to itself when the limit is over; what it finds then is thrown away.
//
// Safe from several threads. There is never more than one such thread for a name, nor more than
// most_look_ups in all.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "milter/designated_host.h"

namespace smtpgate::milter {

class HostResolver {
 public:
  /// Addresses, or what the resolver said.
  using Answer = tl::expected<std::vector<HostAddress>, std::string>;
  using LookUp = std::function<Answer(const HostAndPort&)>;

  static constexpr std::size_t most_look_ups = 16;

  explicit HostResolver(LookUp look_up = resolve_host);
  /// The one of the process.
  static HostResolver& system();

  /// An address in digits takes no time. `stop` (may be empty) is asked several times a second.
  Answer resolve(const HostAndPort& host, std::chrono::milliseconds limit,
                 const std::function<bool()>& stop);

 private:
  struct State;
  std::shared_ptr<State> state_;  ///< the threads have it too, as long as they need it
};

}  // namespace smtpgate::milter
