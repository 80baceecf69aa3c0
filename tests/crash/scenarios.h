// What goes on in the crash tests: the messages of the table in docs/delivery-promise.md.
#pragma once

#include <vector>

#include "tests/crash/world.h"

namespace smtpgate::crash {

std::vector<Scenario> all_scenarios();

}  // namespace smtpgate::crash
