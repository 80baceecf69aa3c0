// A message for a peer's postoffice, wrapped up whole: the Internet message to XXENC@<domain> whose
// one attachment is the payload (docs/encapsulation.md, "The way out"). Not for which messages are
// wrapped (outbound_preparation.h), nor for the payload's format (postoffice/encapsulated.h).
#pragma once

#include <cstddef>
#include <string_view>

#include "converter/outbound.h"
#include "converter/settings.h"
#include "converter/spool.h"
#include "postoffice/encapsulated.h"
#include "postoffice/file_system.h"
#include "postoffice/outcome.h"

namespace smtpgate::milter {

/// The local part of the address that encapsulated mail goes to (Q87039), in any case.
inline constexpr std::string_view encapsulation_name = "XXENC";

struct Wrapping {
  /// `to` are of one postoffice. All recipients of the Internet message are the one at its domain.
  const postoffice::EncapsulatedHeader& header;
  std::string_view author_name;  ///< display name of FROM, UTF-8
  std::size_t ordinal = 0;       ///< tells apart what one outgoing message is wrapped into
  postoffice::File& content;     ///< the MMFF file
  const postoffice::EncapsulationKey& key;
};

/// `request` says all but recipients and Auto-Submitted. Outcomes as of convert_outbound().
Expected<converter::OutboundEnvelope> wrap_message(const Wrapping& wrapping,
                                                   converter::OutboundRequest request,
                                                   const converter::ConverterSettings& settings,
                                                   const converter::SpoolPlace& place,
                                                   converter::Spool& target);

}  // namespace smtpgate::milter
