// What is inside a TakenMessage. Internal to this room: outgoing.cpp makes them.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "postoffice/outgoing.h"
#include "postoffice/outgoing_folder.h"

namespace smtpgate::postoffice {

struct TakenMessage::State {
  HeldDirectory held;
  OutgoingState state;
  OutgoingContent kind = OutgoingContent::mmff;
  bool was_left_in_doubt = false;
  bool has_mark = false;

  /// Given back if what is in it cannot be read.
  static Expected<TakenMessage> open(HeldDirectory held);
  FileResult<void> write(const OutgoingState& new_state);
  std::string mark_path() const;
  std::string_view content_name() const;
};

}  // namespace smtpgate::postoffice
