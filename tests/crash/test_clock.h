// The wall clock of the crash tests: stands still until it is moved. The whole program sees it,
// because it takes the place of the C library's. Clocks that do not jump go on as ever.
#pragma once

#include <cstdint>

namespace smtpgate::crash {

void set_clock(std::int64_t seconds);  ///< since 1970
void move_clock(std::int64_t seconds);
std::int64_t clock_now();

}  // namespace smtpgate::crash
