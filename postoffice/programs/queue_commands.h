// The commands `postoffice queue ...`: what waits for Postfix, and what an administrator does about
// it.
#pragma once

#include <functional>

#include <CLI/CLI.hpp>

#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

using PostofficeCommand = std::function<int(const Postoffice&)>;

/// Makes the command `queue` under `app`; the one of its commands that is given is put into `run`,
/// which outlives `app`.
void add_queue_commands(CLI::App& app, PostofficeCommand& run);

}  // namespace smtpgate::postoffice
