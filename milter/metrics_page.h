// The page /metrics: counters and histograms as they are counted, and gauges as the caller gives
// them, in Prometheus' text format 0.0.4. Not for looking at anything.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "milter/metrics.h"

namespace smtpgate::milter {

/// A gauge's value; the labels' values in the order of the definition.
struct GaugeSample {
  Metric metric;
  std::vector<std::string> labels;
  double value = 0;
};

inline constexpr std::string_view metrics_page_type = "text/plain; version=0.0.4; charset=utf-8";

/// In the order of the definitions. A gauge without a sample is left out; counters never are.
std::string render_metrics(const Metrics& metrics, std::span<const GaugeSample> gauges);

}  // namespace smtpgate::milter
