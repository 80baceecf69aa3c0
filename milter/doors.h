// The processes that Postfix's spawn(8) starts: `smtpgate deliver` and `smtpgate lookup`, from
// configuration to exit code. Descriptors 0, 1 and 2 are one socket there, so nothing is printed:
// what a person must know goes to the log, what Postfix must know into the conversation.
#pragma once

#include <string>

namespace smtpgate::milter {

/// Both serve one connection and return a sysexits.h code. A configuration at fault is told to
/// Postfix as temporary, with its line.
int run_deliver(const std::string& configuration_path, int input, int output);
int run_lookup(const std::string& configuration_path, int input, int output);

}  // namespace smtpgate::milter
