// The commands `postoffice delete, move, find, watch`: mailbags in daily use. `list`, `read`,
// `mark` and `extract` are in reading_commands.h.
#pragma once

#include "postoffice/programs/command_line.h"

namespace smtpgate::postoffice {

/// Makes them under `app`; the one that is given is put into `run`, which outlives `app`.
void add_mailbag_commands(CLI::App& app, PostofficeCommand& run);

}  // namespace smtpgate::postoffice
