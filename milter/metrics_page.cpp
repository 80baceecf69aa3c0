// The text format: see the header.
#include "milter/metrics_page.h"

#include <fmt/format.h>

namespace smtpgate::milter {

namespace {

/// Of a label's value: backslash, quote and line feed are what the format has to escape.
std::string escaped(std::string_view value) {
  std::string result;
  for (const char c : value) {
    if (c == '\\' || c == '"') result += '\\';
    if (c == '\n') {
      result += "\\n";
    } else {
      result += c;
    }
  }
  return result;
}

std::string label(std::string_view name, std::string_view value) {
  return fmt::format("{}=\"{}\"", name, escaped(value));
}

/// "{a="x",b="y"}" of a cell; `more` stands behind; nothing if there is none.
std::string labels_of_cell(const MetricDefinition& definition, std::size_t cell,
                           const std::string& more = {}) {
  std::string inside;
  const auto add = [&](const std::string& one) { inside += (inside.empty() ? "" : ",") + one; };
  const auto& [first, second] = definition.labels;
  const std::size_t inner = second.name.empty() ? 1 : second.values.size();
  if (!first.name.empty()) add(label(first.name, first.values[cell / inner]));
  if (!second.name.empty()) add(label(second.name, second.values[cell % inner]));
  if (!more.empty()) add(more);
  return inside.empty() ? inside : "{" + inside + "}";
}

void add_histogram(const Metrics& metrics, Metric metric, std::size_t cell, std::string& page) {
  const MetricDefinition& definition = definition_of(metric);
  const HistogramCell values = metrics.histogram(metric, cell);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < values.counts.size(); ++i) {
    sum += values.counts[i];
    const std::string end =
        i < definition.buckets.size() ? fmt::format("{}", definition.buckets[i]) : "+Inf";
    page += fmt::format("{}_bucket{} {}\n", definition.name,
                        labels_of_cell(definition, cell, label("le", end)), sum);
  }
  const std::string labels = labels_of_cell(definition, cell);
  page += fmt::format("{}_sum{} {}\n", definition.name, labels, values.sum);
  page += fmt::format("{}_count{} {}\n", definition.name, labels, sum);
}

std::string gauge_labels(const MetricDefinition& definition, const GaugeSample& sample) {
  std::string inside;
  for (std::size_t i = 0; i < sample.labels.size(); ++i) {
    inside += (i == 0 ? "" : ",") + label(definition.labels[i].name, sample.labels[i]);
  }
  return inside.empty() ? inside : "{" + inside + "}";
}

}  // namespace

std::string render_metrics(const Metrics& metrics, std::span<const GaugeSample> gauges) {
  std::string page;
  const auto definitions = metric_definitions();
  for (std::size_t i = 0; i < definitions.size(); ++i) {
    const MetricDefinition& definition = definitions[i];
    const auto metric = static_cast<Metric>(i);
    std::string samples;
    if (definition.kind == MetricKind::gauge) {
      for (const GaugeSample& sample : gauges) {
        if (sample.metric != metric) continue;
        samples += fmt::format("{}{} {}\n", definition.name, gauge_labels(definition, sample),
                               sample.value);
      }
    } else {
      for (std::size_t cell = 0; cell < definition.cells(); ++cell) {
        if (definition.kind == MetricKind::histogram) {
          add_histogram(metrics, metric, cell, samples);
        } else {
          samples += fmt::format("{}{} {}\n", definition.name, labels_of_cell(definition, cell),
                                 metrics.value(metric, cell));
        }
      }
    }
    if (samples.empty()) continue;
    page += fmt::format("# HELP {} {}\n# TYPE {} {}\n{}", definition.name, definition.help,
                        definition.name, kind_name(definition.kind), samples);
  }
  return page;
}

}  // namespace smtpgate::milter
