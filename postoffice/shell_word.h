// A word for a shell: in commands that are shown to a person, who copies them.
#pragma once

#include <string>
#include <string_view>

namespace smtpgate {

/// `word` as it is if nothing in it means anything to a shell, else in single quotes. What could
/// move a cursor or end a line is in the form $'\xHH' (bash, zsh, ksh), so that the command is safe
/// to print and still says the very octets. Always one line, always printable.
std::string shell_word(std::string_view word);

}  // namespace smtpgate
