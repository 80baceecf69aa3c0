// Mail that comes in and goes on: what groups and forwards name beyond this postoffice's mailboxes
// gets the original octets, signatures intact, through Postfix (docs/groups.md). One outgoing
// message for each group or mailbox that names somebody, handed over to SMTP/ once.
//
// Not for filing (inbound_delivery.h) nor for who is named (postoffice/groups.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "converter/address_map.h"
#include "converter/envelope.h"
#include "converter/inbound.h"
#include "postoffice/groups.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::milter {

struct PassingOn {
  const postoffice::Postoffice& postoffice;
  const converter::AddressMap& map;
  const converter::InboundSettings& settings;
  const converter::Envelope& envelope;
  converter::RawMessage& raw;
  std::string_view content_key;  ///< K of the message
};

/// To all of `recipients`, which were named by one group or mailbox (their `via` and `owner` are
/// the same). Delivered: durable in SMTP/, or handed over before. permanent 5.4.6: it has been
/// there already (its header has a Delivered-To of that very address).
Outcome pass_on(const PassingOn& message,
                const std::vector<postoffice::BeyondRecipient>& recipients);

}  // namespace smtpgate::milter
