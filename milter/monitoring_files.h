// The files that are made from the table of metrics: the Grafana dashboard, Prometheus' alert
// rules, and the table in docs/monitoring.md. The program monitoring_files writes them, and a test
// compares what lies in the repository, so that none can lag behind the code.
#pragma once

#include <string>
#include <string_view>

namespace smtpgate::milter {

/// For Grafana 9 and later: a row for each topic, a panel for each metric.
std::string render_dashboard();
/// One group, YAML.
std::string render_alert_rules();
/// Markdown.
std::string render_metrics_table();

/// `document` with what stands between its two marks replaced by the table.
std::string with_metrics_table(std::string_view document);

}  // namespace smtpgate::milter
