// A trial (trial.h) for people and for programs.
#pragma once

#include <string>

#include "milter/trial.h"

namespace smtpgate::milter {

/// Everything in it is printable (printable.h). With colours only for a terminal.
std::string render_trial_text(const Trial& trial, bool with_colours);

/// One JSON object, valid UTF-8 (docs/changing.md, "Try one message").
std::string render_trial_json(const Trial& trial);

}  // namespace smtpgate::milter
