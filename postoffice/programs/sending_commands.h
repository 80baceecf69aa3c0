// The commands of the program `postoffice` for mail that goes on: `send` and `group ...`.
#pragma once

#include "postoffice/programs/command_line.h"

namespace smtpgate::postoffice {

/// Makes the commands under `app`; the one that is given is put into `run`, which outlives `app`.
void add_sending_commands(CLI::App& app, PostofficeCommand& run);

}  // namespace smtpgate::postoffice
