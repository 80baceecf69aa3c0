// A status report for a terminal: all of it for `smtpgate status`, and as much as fits for
// `smtpgate top`. Text in, text out: no terminal here.
#pragma once

#include <cstddef>
#include <string>

#include "milter/status_report.h"

namespace smtpgate::milter {

/// Aligned lines; at most `width` columns (0: as wide as it gets).
std::string render_status_text(const StatusReport& report, std::size_t width, bool with_colours);

/// What changed between two reports of one daemon.
struct Rates {
  double in = 0;  ///< messages a second
  double out = 0;
};
Rates rates_between(const StatusReport& before, const StatusReport& after, double seconds);

/// Exactly `height` lines of at most `width` columns, without a line feed behind the last.
std::string render_top(const StatusReport& report, const Rates& rates, std::size_t width,
                       std::size_t height, bool with_colours);

}  // namespace smtpgate::milter
