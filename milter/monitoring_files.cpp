// Made from the table: see the header.
#include "milter/monitoring_files.h"

#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "milter/metric_definitions.h"

namespace smtpgate::milter {

using Json = nlohmann::ordered_json;

namespace {

constexpr std::string_view begin_mark = "<!-- metrics: begin -->\n";
constexpr std::string_view end_mark = "<!-- metrics: end -->";
constexpr int panel_width = 12;
constexpr int panel_height = 8;

std::string name_of(Metric metric) {
  return std::string(definition_of(metric).name);
}

/// "a, b" of the labels' names, each between `quote`s.
std::string label_names(const MetricDefinition& definition, std::string_view quote = "") {
  std::string names;
  for (std::size_t i = 0; i < definition.label_count(); ++i) {
    names += fmt::format("{}{}{}{}", i == 0 ? "" : ", ", quote, definition.labels[i].name, quote);
  }
  return names;
}

std::string legend_of(const MetricDefinition& definition, const std::string& more = {}) {
  std::string legend;
  for (std::size_t i = 0; i < definition.label_count(); ++i) {
    legend += fmt::format("{}{{{{{}}}}}", i == 0 ? "" : " ", definition.labels[i].name);
  }
  if (!more.empty()) legend += (legend.empty() ? "" : " ") + more;
  return legend.empty() ? std::string(definition.name) : legend;
}

Json target(const std::string& expression, const std::string& legend, char reference) {
  return {{"datasource", {{"type", "prometheus"}, {"uid", "${source}"}}},
          {"expr", expression},
          {"legendFormat", legend},
          {"refId", std::string(1, reference)}};
}

Json targets_of(const MetricDefinition& definition) {
  const std::string name(definition.name);
  const std::string labels = label_names(definition);
  const std::string by = labels.empty() ? "" : fmt::format(" by ({})", labels);
  Json targets = Json::array();
  switch (definition.kind) {
    case MetricKind::counter:
      targets.push_back(target(fmt::format("sum{}(rate({}[$__rate_interval]))", by, name),
                               legend_of(definition), 'A'));
      break;
    case MetricKind::gauge:
      targets.push_back(target(name, legend_of(definition), 'A'));
      break;
    case MetricKind::histogram: {
      const std::string inner = labels.empty() ? "le" : labels + ", le";
      char reference = 'A';
      for (const auto& [part, text] : {std::pair{"0.5", "median"}, std::pair{"0.95", "95 %"}}) {
        targets.push_back(target(
            fmt::format("histogram_quantile({}, sum by ({}) (rate({}_bucket[$__rate_interval])))",
                        part, inner, name),
            legend_of(definition, text), reference++));
      }
      break;
    }
  }
  return targets;
}

std::string unit_of(const MetricDefinition& definition) {
  if (definition.kind != MetricKind::counter) return std::string(definition.unit);
  return definition.unit == "bytes" ? "Bps" : "cps";
}

Json panel_of(const MetricDefinition& definition, int id, int x, int y) {
  const bool is_moment = definition.unit == "dateTimeFromNow";
  Json panel;
  panel["id"] = id;
  panel["type"] = is_moment ? "stat" : "timeseries";
  panel["title"] = definition.help;
  panel["description"] = definition.name;
  panel["gridPos"] = {{"h", panel_height}, {"w", panel_width}, {"x", x}, {"y", y}};
  panel["datasource"] = {{"type", "prometheus"}, {"uid", "${source}"}};
  panel["fieldConfig"] = {{"defaults", {{"unit", unit_of(definition)}, {"min", 0}}},
                          {"overrides", Json::array()}};
  if (is_moment) panel["fieldConfig"]["defaults"] = {{"unit", definition.unit}};
  panel["targets"] = targets_of(definition);
  if (is_moment) panel["targets"][0]["expr"] = std::string(definition.name) + " * 1000";
  return panel;
}

struct Alert {
  const char* name;
  std::string expression;
  const char* patience;  ///< how long it must hold
  const char* severity;
  const char* summary;
  const char* advice;
};

std::vector<Alert> alerts() {
  const std::string free_bytes = name_of(Metric::disk_free) + " / " + name_of(Metric::disk_size);
  const std::string free_inodes =
      name_of(Metric::disk_free_inodes) + " / " + name_of(Metric::disk_inodes);
  return {
      {"SmtpgateAbsent", fmt::format("absent({})", name_of(Metric::build_info)), "5m", "page",
       "smtpgate tells nothing: the daemon is down, or its listener is",
       "Mail goes by door 2 meanwhile. systemctl status smtpgate; smtpgate status"},
      {"SmtpgateNotReady", name_of(Metric::ready) + "{part!=\"all\"} == 0", "5m", "page",
       "mail cannot be filed: {{ $labels.part }}",
       "smtpgate status says why; mail waits in Postfix's queue"},
      {"SmtpgateConfigurationRefused", name_of(Metric::configuration_is_current) + " == 0", "5m",
       "ticket", "the configuration was refused, an older one is in force",
       "smtpgate check says file and line"},
      {"SmtpgateDiskAlmostFull", free_bytes + " < 0.1", "10m", "ticket",
       "less than a tenth is free: {{ $labels.place }}", "postoffice stats says whose mail it is"},
      {"SmtpgateInodesAlmostOut", free_inodes + " < 0.1", "10m", "ticket",
       "less than a tenth of the inodes is free: {{ $labels.place }}",
       "Each message is a file; postoffice stats says whose"},
      {"SmtpgateTemporaryFailures",
       fmt::format("sum(rate({}{{outcome=\"temporary\"}}[10m])) > 0", name_of(Metric::recipients)),
       "15m", "ticket", "mail that came in could not be filed for a while",
       "postqueue -p shows the reasons"},
      {"SmtpgateOutgoingStuck", name_of(Metric::outgoing_oldest) + " > 3600", "10m", "ticket",
       "outgoing mail of {{ $labels.postoffice }} waits for more than an hour",
       "postoffice queue list shows the reasons"},
      {"SmtpgateDesignatedHostDown", name_of(Metric::designated_host_up) + " == 0", "15m", "ticket",
       "the designated host cannot be spoken to", "smtpgate check tries it and says why"},
      {"SmtpgateSetAside",
       fmt::format("{}{{state=\"bad\"}} > 0", name_of(Metric::outgoing_messages)), "1m", "ticket",
       "outgoing mail of {{ $labels.postoffice }} was set aside in BAD",
       "postoffice letters list shows the reasons; mend it and letters redrive"},
      {"SmtpgateSlow",
       fmt::format("histogram_quantile(0.95, sum by (le) (rate({}_bucket[10m]))) > 5",
                   name_of(Metric::delivery_seconds)),
       "15m", "ticket", "one message in twenty takes more than 5 s to file",
       "The stages tell which part: most likely a disk (sync)"},
      {"SmtpgateCheckErrors",
       fmt::format("{}{{kind=\"error\"}} > 0", name_of(Metric::check_findings)), "5m", "ticket",
       "smtpgate check finds errors", "smtpgate check says what to do"},
      {"SmtpgateErrorsLogged",
       fmt::format("increase({}{{severity=\"error\"}}[15m]) > 0", name_of(Metric::log_lines)), "1m",
       "ticket", "the daemon logged errors", "smtpgate status shows the last ones"},
  };
}

/// As a YAML string in single quotes.
std::string yaml_string(std::string_view text) {
  std::string result = "'";
  for (const char c : text) result.append(c == '\'' ? 2 : 1, c);
  return result + "'";
}

}  // namespace

std::string render_dashboard() {
  Json panels = Json::array();
  int id = 0;
  int y = 0;
  int x = 0;
  std::string_view topic;
  for (const MetricDefinition& definition : metric_definitions()) {
    if (definition.topic != topic) {
      topic = definition.topic;
      if (x != 0) y += panel_height;
      x = 0;
      panels.push_back({{"id", ++id},
                        {"type", "row"},
                        {"title", topic},
                        {"collapsed", false},
                        {"gridPos", {{"h", 1}, {"w", 24}, {"x", 0}, {"y", y}}},
                        {"panels", Json::array()}});
      ++y;
    }
    panels.push_back(panel_of(definition, ++id, x, y));
    if (x != 0) y += panel_height;
    x = x == 0 ? panel_width : 0;
  }
  const Json source = {
      {"name", "source"}, {"label", "Source"}, {"type", "datasource"}, {"query", "prometheus"}};
  const Json dashboard = {{"title", "smtpgate"},
                          {"uid", "smtpgate"},
                          {"tags", {"mail", "smtpgate"}},
                          {"schemaVersion", 37},
                          {"editable", true},
                          {"refresh", "30s"},
                          {"time", {{"from", "now-6h"}, {"to", "now"}}},
                          {"templating", {{"list", {source}}}},
                          {"panels", panels}};
  return dashboard.dump(1, ' ') + "\n";
}

std::string render_alert_rules() {
  std::string yaml =
      "# Alert rules for Prometheus, made from milter/metric_definitions.cpp by monitoring_files.\n"
      "groups:\n  - name: smtpgate\n    rules:\n";
  for (const Alert& one : alerts()) {
    yaml += fmt::format(
        "      - alert: {}\n        expr: {}\n        for: {}\n        labels:\n          "
        "severity: "
        "{}\n        annotations:\n          summary: {}\n          description: {}\n",
        one.name, yaml_string(one.expression), one.patience, one.severity, yaml_string(one.summary),
        yaml_string(one.advice));
  }
  return yaml;
}

std::string render_metrics_table() {
  std::string table = "| metric | type | unit | labels | meaning |\n|---|---|---|---|---|\n";
  for (const MetricDefinition& one : metric_definitions()) {
    const bool is_moment = one.unit == "dateTimeFromNow";
    table += fmt::format("| `{}` | {} | {} | {} | {} |\n", one.name, kind_name(one.kind),
                         is_moment || one.unit == "s" ? "seconds"
                         : one.unit == "bytes"        ? "octets"
                                                      : "",
                         label_names(one, "`"), one.help);
  }
  return table;
}

std::string with_metrics_table(std::string_view document) {
  const std::size_t begin = document.find(begin_mark);
  const std::size_t end = document.find(end_mark);
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) {
    return std::string(document);
  }
  return std::string(document.substr(0, begin + begin_mark.size())) + render_metrics_table() +
         std::string(document.substr(end));
}

}  // namespace smtpgate::milter
