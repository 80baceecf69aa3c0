// Postfix's side of `smtpgate check`: what postconf(1) says, judged against what the gateway needs
// (docs/flow.md, and postfix-conf/). Reads settings only; nothing of Postfix is changed.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "milter/check.h"
#include "milter/configuration.h"

namespace smtpgate::milter {

/// Runs postconf with these arguments; its standard output, or nullopt if it cannot be run or
/// fails. Tests have their own.
using Postconf = std::function<std::optional<std::string>(const std::vector<std::string>&)>;

/// The real one, with `-c directory` in front if `directory` is not empty.
Postconf real_postconf(const std::string& directory);

std::vector<Finding> check_postfix(const Configuration& configuration, const Postconf& postconf);

/// The entries of a list such as smtpd_milters: separated by commas and blanks, but one in braces
/// is one, without them.
std::vector<std::string> split_postfix_list(std::string_view text);

}  // namespace smtpgate::milter
