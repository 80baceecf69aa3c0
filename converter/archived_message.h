// A message of a mailbag as Internet mail for other readers (docs/archives.md): what
// convert_outbound() makes of it, under the trace it came with. Not for sending: nothing here asks
// who may get it.
#pragma once

#include <cstdint>
#include <string>

#include "converter/address_map.h"
#include "converter/outbound.h"
#include "converter/spool.h"
#include "postoffice/byte_stream.h"
#include "postoffice/mmff_reader.h"
#include "postoffice/outcome.h"

namespace smtpgate::converter {

/// `known` (nullptr: nothing), and for each other postoffice that the message names the domain
/// po.net.invalid, which leads nowhere (RFC 2606). `character_set` of a header that does not say
/// it.
AddressMap map_for_all_of(const postoffice::MessageHeader& header, const std::string& character_set,
                          const AddressMap* known);

struct ArchivedMessage {
  std::string id;                       ///< its name in the mailbag
  std::int64_t arrival = 0;             ///< seconds since 1970
  int zone_minutes = 0;                 ///< of the postoffice at that time, east of UTC
  std::string character_set = "UTF-8";  ///< of a file that does not say it
};

/// The current message of `reader`, read to its end, as RFC 5322 with CR LF into `content`. What
/// `map` (may be nullptr) does not know, map_for_all_of() does. Gives the envelope's sender back,
/// empty for <>.
Expected<std::string> write_archived_message(postoffice::Reader& reader,
                                             const postoffice::MessageHeader& header,
                                             const ArchivedMessage& message, const AddressMap* map,
                                             const SpoolPlace& place,
                                             postoffice::ByteSink& content);

}  // namespace smtpgate::converter
