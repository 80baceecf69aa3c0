// The command `stats` of the program `postoffice`.
#pragma once

#include "postoffice/programs/command_line.h"

namespace smtpgate::postoffice {

/// As add_reading_commands().
void add_statistics_commands(CLI::App& app, PostofficeCommand& run);

}  // namespace smtpgate::postoffice
