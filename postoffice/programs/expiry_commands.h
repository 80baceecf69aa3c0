// The command `expire` of the program `postoffice`.
#pragma once

#include "postoffice/programs/command_line.h"

namespace smtpgate::postoffice {

/// As add_reading_commands().
void add_expiry_commands(CLI::App& app, PostofficeCommand& run);

}  // namespace smtpgate::postoffice
