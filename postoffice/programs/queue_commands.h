// The commands `postoffice queue ...`: what waits for Postfix, and what an administrator does about
// it.
#pragma once

#include "postoffice/programs/command_line.h"

namespace smtpgate::postoffice {

/// Makes the command `queue` under `app`; the one of its commands that is given is put into `run`,
/// which outlives `app`.
void add_queue_commands(CLI::App& app, PostofficeCommand& run);

}  // namespace smtpgate::postoffice
