// The daily summary of dead letters: one message in the postmaster's mailbox, if there are any
// (docs/dead-letters.md, "The daily summary"). Not for when it is due (milter/letters_watch.h).
#pragma once

#include <cstdint>

#include "postoffice/dead_letters.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

/// Files it, under a key made of the day in the postoffice's zone: of several gateways, and of
/// several calls in a day, one files it, and the others hear that it is a duplicate. Delivered with
/// "nothing ..." if there is none.
Outcome file_letter_summary(const Postoffice& postoffice, const LettersFound& found,
                            std::int64_t now);

}  // namespace smtpgate::postoffice
