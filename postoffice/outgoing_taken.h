// What is inside a TakenMessage. Internal to this room: outgoing.cpp makes them.
#pragma once

#include <utility>

#include "postoffice/outgoing.h"
#include "postoffice/outgoing_folder.h"

namespace smtpgate::postoffice {

struct TakenMessage::State {
  HeldDirectory held;
  OutgoingState state;
  OutgoingContent kind = OutgoingContent::mmff;

  /// Given back if what is in it cannot be read.
  static Expected<TakenMessage> open(HeldDirectory held);
  FileResult<void> write(const OutgoingState& new_state);
};

}  // namespace smtpgate::postoffice
