// The part of `smtpgate check` that looks at Postfix: what of its settings the gateway rests on,
// which settings lose or double mail beside it, and which make it slow or loud. What is looked for,
// word by word: docs/checks.md. Reads through Postfix's own programs (postfix_settings.h); changes
// nothing.
//
// Not for the gateway's own side: gateway_check.h.
#pragma once

#include <vector>

#include "milter/configuration.h"
#include "milter/finding.h"
#include "milter/postfix_settings.h"

namespace smtpgate::milter {

/// `is_default_directory`: the commands in the findings need no -c.
std::vector<Finding> check_postfix(const Configuration& configuration,
                                   const PostfixProgram& program, bool is_default_directory = true);

}  // namespace smtpgate::milter
