// The one table of what is counted and measured: name, kind, unit, labels, buckets and what it
// means. What is counted (metrics.h), the page /metrics (metrics_page.h), the table in
// docs/monitoring.md, the Grafana dashboard and the alert rules (monitoring_files.h) are all made
// from it, so none of them can lag behind the others.
//
// Not for values. Names and units follow Prometheus' own rules: base units, `_total` for what only
// grows. The text format: prometheus.io, "Exposition formats", version 0.0.4.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

namespace smtpgate::milter {

enum class MetricKind {
  counter,    ///< only grows, from 0 at the daemon's start
  gauge,      ///< a value of the moment
  histogram,  ///< of seconds
};

/// In the order of the table.
enum class Metric : unsigned {
  messages,
  message_bytes,
  message_attachments,
  recipients,
  stage_seconds,
  delivery_seconds,
  odd_marks,
  sessions,
  sessions_open,
  outgoing_recipients,
  outgoing_tries,
  submission_seconds,
  outgoing_messages,
  outgoing_oldest,
  designated_host_up,
  disk_free,
  disk_size,
  disk_free_inodes,
  disk_inodes,
  mailbag_messages,
  mailbag_bytes,
  ready,
  check_findings,
  configuration_read,
  configuration_reloads,
  configuration_reload_seconds,
  configuration_is_current,
  log_lines,
  door_2_unread,
  start_time,
  build_info,
};

/// The value of a label is one of `values`. Where there are none it is one of those that the
/// configuration names (a postoffice, a place), never anything that a sender chose.
struct LabelDefinition {
  std::string_view name;
  std::span<const std::string_view> values;
};

struct MetricDefinition {
  std::string_view name;
  MetricKind kind;
  std::string_view topic;  ///< the row of the dashboard
  std::string_view unit;   ///< Grafana's word for it: "short", "s", "bytes", "dateTimeFromNow"
  std::string_view help;   ///< one line
  std::array<LabelDefinition, 2> labels = {};  ///< those that are used have a name
  std::span<const double> buckets = {};        ///< upper ends in seconds; of histograms

  std::size_t label_count() const { return labels[1].name.empty() ? !labels[0].name.empty() : 2U; }
  /// How many combinations of label values there are; 1 without labels, 0 if they are not known.
  std::size_t cells() const;
};

std::span<const MetricDefinition> metric_definitions();
const MetricDefinition& definition_of(Metric metric);
/// "counter", "gauge", "histogram".
std::string_view kind_name(MetricKind kind);

/// The label value for a mark of ODD or ATTACHMENT-ODD (docs/conversion.md, "Marks"): the mark
/// without what stands behind its name; "other" if the table has none of that name.
std::string_view odd_mark_label(std::string_view mark);

}  // namespace smtpgate::milter
