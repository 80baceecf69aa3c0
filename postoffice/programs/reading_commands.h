// The commands of the program `postoffice` that read mailbags: list, read, mark, extract.
#pragma once

#include "postoffice/programs/command_line.h"

namespace smtpgate::postoffice {

/// Makes the commands under `app`; the one that is given is put into `run`, which outlives `app`.
void add_reading_commands(CLI::App& app, PostofficeCommand& run);

}  // namespace smtpgate::postoffice
