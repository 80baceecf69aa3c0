// Which sync of the code an operation is, in words, for the experiment that leaves syncs out one by
// one. Not for what comes of leaving it out (experiments.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/crash/simulated_disk.h"

namespace smtpgate::crash {

/// What is synced, and after which change; the same for the same place in the code.
std::string label_of(const std::vector<Operation>& operations, std::uint64_t sync);

/// This sync and the next one are of the two directories of the rename before them.
bool are_of_one_rename(const std::vector<Operation>& operations, std::uint64_t sync);

}  // namespace smtpgate::crash
