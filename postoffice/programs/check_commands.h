// The command `check` of the program `postoffice`.
#pragma once

#include "postoffice/programs/command_line.h"

namespace smtpgate::postoffice {

/// As add_reading_commands().
void add_check_commands(CLI::App& app, PostofficeCommand& run);

}  // namespace smtpgate::postoffice
