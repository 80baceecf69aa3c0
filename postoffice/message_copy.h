// One message of an MMFF file written anew: token lines and the text's line ends in the kind asked
// for, sizes counted again, external text and attachments taken in; attachments keep their octets.
// For hand_copy.cpp and get.cpp. Internal to this room.
#pragma once

#include <optional>

#include "postoffice/byte_stream.h"
#include "postoffice/mmff.h"
#include "postoffice/mmff_reader.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

struct CopyResult {
  std::optional<FormatError> format_error;  ///< of the file that is read: it ends here
  std::optional<Outcome> failed;            ///< temporary: our own disk
  bool is_good() const { return !format_error && !failed; }
};

/// `reader` stands at the contents of the message that `header` describes, which may differ from
/// what the file says in all but its contents. `extended` as in mmff_writer.h. Constant memory.
CopyResult copy_message(const Postoffice& postoffice, Reader& reader, MessageHeader header,
                        ByteSink& target, LineEnd line_end, bool extended = true);

}  // namespace smtpgate::postoffice
