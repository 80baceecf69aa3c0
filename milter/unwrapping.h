// The way in of mail that a peer encapsulated: whether a message is such mail, to be believed, and
// then the message in it delivered in its place (docs/encapsulation.md, "The way in").
//
// Not for the payload's format (postoffice/encapsulated.h), nor for filing
// (postoffice/peer_mail.h).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "converter/inbound.h"
#include "milter/configuration.h"
#include "postoffice/file_system.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::milter {

struct UnwrappingPlace {
  const Configuration& configuration;
  const postoffice::Postoffice& office;  ///< whose address the message was sent to
  postoffice::FileSystem& files;
  std::int64_t arrival = 0;  ///< seconds since 1970
  std::function<bool()> too_late;
};

struct Unwrapped {
  /// Of the message that was in it: delivered, or temporary. None: nothing was unwrapped.
  std::optional<Outcome> outcome;
  std::string why_not;  ///< then; printable UTF-8
};

/// `converted` is what convert_inbound() made of `raw`.
Unwrapped unwrap(const UnwrappingPlace& place, converter::RawMessage& raw,
                 converter::ConvertedMessage& converted);

}  // namespace smtpgate::milter
