// Door 1's libmilter side: the listening socket, negotiation, and callbacks that translate and
// delegate. Every decision is milter_session.h's.
//
// libmilter allows one filter in a process, keeps its description in globals and gives callbacks no
// pointer of ours: so there is one MilterDoor at a time.
#pragma once

#include <chrono>
#include <string>

#include <tl/expected.hpp>

#include "milter/milter_session.h"
#include "milter/work_in_hand.h"

namespace smtpgate::milter {

class MilterDoor {
 public:
  explicit MilterDoor(SessionServices services);
  ~MilterDoor();
  MilterDoor(const MilterDoor&) = delete;
  MilterDoor& operator=(const MilterDoor&) = delete;

  /// Makes the socket: a stale one is removed, one that somebody serves is an error. The error is
  /// a sentence.
  tl::expected<void, std::string> open(const MilterSettings& settings);
  /// smfi_main(): serves until libmilter stops. False if it failed.
  bool run();
  /// No new connection finds us from now on.
  void remove_socket();

  WorkInHand& work_in_hand() { return work_; }
  const SessionServices& services() const { return services_; }

 private:
  SessionServices services_;
  WorkInHand work_;
  std::string socket_path_;
};

}  // namespace smtpgate::milter
