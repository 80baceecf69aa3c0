// The commands of the program `postoffice` for mail that goes on: `send`, `group ...`, and
// `mailbox set` with what `mailbox show` prints of it.
#pragma once

#include "postoffice/groups.h"
#include "postoffice/programs/command_line.h"

namespace smtpgate::postoffice {

/// Makes the commands under `app` and under its `mailbox`; the one that is given is put into `run`.
/// `run` outlives `app`.
void add_sending_commands(CLI::App& app, CLI::App& mailbox, PostofficeCommand& run);

/// The lines of `mailbox show` about forwards, sent mail and receipts.
void print_mailbox_settings(const MailboxSettings& settings);

}  // namespace smtpgate::postoffice
