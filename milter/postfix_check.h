// Postfix's side of `smtpgate check`: what postconf(1) and postmap(1) say, judged against what the
// gateway needs (docs/flow.md, and postfix-conf/). Reads settings only; nothing of Postfix is
// changed.
#pragma once

#include <vector>

#include "milter/check.h"
#include "milter/configuration.h"
#include "milter/postfix_settings.h"

namespace smtpgate::milter {

std::vector<Finding> check_postfix(const Configuration& configuration,
                                   const PostfixProgram& program);

}  // namespace smtpgate::milter
