// The commands of the program `postoffice` for mailboxes: `mailbox
// add|remove|rename|set|list|show`.
#pragma once

#include "postoffice/programs/command_line.h"

namespace smtpgate::postoffice {

/// Makes them under `app`; the one that is given is put into `run`, which outlives `app`.
void add_mailbox_commands(CLI::App& app, PostofficeCommand& run);

}  // namespace smtpgate::postoffice
