// An example at the end of each command's --help of the program `postoffice`. Not for what the
// program says of itself, nor for the manual.
#pragma once

#include <CLI/CLI.hpp>

namespace smtpgate::postoffice {

/// Called when `app` has all its commands. One that has no example here gets none.
void add_examples(CLI::App& app);

}  // namespace smtpgate::postoffice
