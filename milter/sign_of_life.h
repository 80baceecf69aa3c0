// The sign of life that a gateway gives in each postoffice it serves, and the taking over of what
// hosts left that give none any more (docs/outgoing.md, "Taking"). Apart from everything else that
// the way out does, so that no large file and no slow look at outboxes makes a living host look
// dead.
//
// One thread runs it; stop() may be called from any.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <utility>

#include "milter/outbound_surroundings.h"

namespace smtpgate::milter {

class SignOfLife {
 public:
  /// `taken_over` is called when something was, which is then to be looked at.
  SignOfLife(OutboundSurroundings surroundings, std::function<void()> taken_over)
      : surroundings_(std::move(surroundings)), taken_over_(std::move(taken_over)) {}

  /// Until stop(): at once, and then several times in a lease.
  void run();
  void stop();

 private:
  void give_in(const converter::ServedPostoffice& office, const Configuration& configuration);

  OutboundSurroundings surroundings_;
  std::function<void()> taken_over_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
};

/// How long between two signs.
std::chrono::seconds sign_pause(const OutboundGatewaySettings& settings);

}  // namespace smtpgate::milter
