// The commands of the program `postoffice` that turn mailbags into Internet mail and back: export,
// import. Declared here, made in converter/programs/: this room knows no Internet mail.
#pragma once

#include "postoffice/programs/command_line.h"

namespace smtpgate::postoffice {

/// As add_reading_commands().
void add_archive_commands(CLI::App& app, PostofficeCommand& run);

}  // namespace smtpgate::postoffice
