// One sealed message into many mailbags: each step of filing in all of them before the next.
// Internal to this room; put.h is the public face.
//
// Not for what is done in a mailbag: filing.h.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "postoffice/filing.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"
#include "postoffice/put.h"

namespace smtpgate::postoffice {

/// Delivery::file_into_all() of a sealed message; `now` in seconds since 1970, `before_each` not
/// empty.
std::vector<Outcome> file_message(const Postoffice& postoffice, const SealedMessage& message,
                                  std::span<const FilingTarget> targets, std::int64_t now,
                                  const BeforeFiling& before_each);

}  // namespace smtpgate::postoffice
