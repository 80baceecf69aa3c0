// Which mailboxes a message put by hand is for. For hand_put.cpp only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "postoffice/hand_put.h"
#include "postoffice/mmff.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

struct Routing {
  std::vector<std::string> mailboxes;  ///< folded, each once, in the order found
  std::vector<HandPutNote> problems;   ///< a recipient each
};

/// From options.envelope, options.recipients, or the message's own TO and CC; `message` is its
/// ordinal in the file.
Routing route(const Postoffice& postoffice, const MessageHeader& header,
              const HandPutOptions& options, std::uint64_t message);

}  // namespace smtpgate::postoffice
