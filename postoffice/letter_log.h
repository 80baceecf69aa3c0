// What was done about dead letters by hand: a line of JSON for each act in LOG/letters.log of the
// postoffice, so that nothing is deleted without a trace (docs/dead-letters.md). Not for the mail
// log.
#pragma once

#include <string_view>

#include "postoffice/dead_letters.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

/// One line, synced: `act` ("discard", "redrive", "export") and what became of it. The file is made
/// with mode 0640; lines of programs that write at once never mix. Temporary: nothing was written.
Outcome log_letter_act(const Postoffice& postoffice, std::string_view act, const DeadLetter& letter,
                       std::string_view result);

}  // namespace smtpgate::postoffice
