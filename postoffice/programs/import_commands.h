// The commands `postoffice mailbox import` and `mailbox export`.
#pragma once

#include "postoffice/programs/command_line.h"

namespace smtpgate::postoffice {

/// Makes them under `mailbox`; the one that is given is put into `run`, which outlives it.
void add_import_commands(CLI::App& mailbox, PostofficeCommand& run);

}  // namespace smtpgate::postoffice
