// The command `postoffice run-hooks`: the service that runs the commands of folder mailboxes, each
// mailbox in a process of its own, under the mailbox's user.
#pragma once

#include "postoffice/programs/command_line.h"

namespace smtpgate::postoffice {

/// Makes it under `app`; if it is given, it is put into `run`, which outlives `app`.
void add_hook_commands(CLI::App& app, PostofficeCommand& run);

}  // namespace smtpgate::postoffice
