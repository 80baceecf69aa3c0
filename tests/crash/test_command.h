// The commands of folder mailboxes in the crash tests: nothing is started. What a command would do
// and how it ends is said by the test. Takes the place of postoffice/hook_process.cpp in this
// program: its messages lie on a disk in memory, where no process could find them.
#pragma once

#include <functional>
#include <string>

namespace smtpgate::crash {

/// `directory` of the message, and how often it was tried with this time; the exit code.
using TestCommand = std::function<int(const std::string& directory, int attempt)>;
void set_test_command(TestCommand command);

}  // namespace smtpgate::crash
