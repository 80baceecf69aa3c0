// The status page's plots, as SVG that stands in the page: no script, no style of its own (the
// page's sheet has the colours), a title and a description for who cannot see them.
#pragma once

#include <string>

#include "milter/status_report.h"

namespace smtpgate::milter {

/// Stacked columns: messages by door 1, by door 2, and gone out.
std::string throughput_plot(const StatusReport& report);
/// Median and slowest twentieth, on a scale of powers of ten.
std::string latency_plot(const StatusReport& report);

}  // namespace smtpgate::milter
