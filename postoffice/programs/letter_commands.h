// The commands `postoffice letters ...`: dead letters listed, explained, shown, handled again,
// exported, discarded (docs/dead-letters.md).
#pragma once

#include "postoffice/programs/command_line.h"

namespace smtpgate::postoffice {

/// Makes the command `letters` under `app`; the one of its commands that is given is put into
/// `run`, which outlives `app`.
void add_letter_commands(CLI::App& app, PostofficeCommand& run);

}  // namespace smtpgate::postoffice
