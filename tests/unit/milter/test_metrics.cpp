// The table of metrics, counting by it, and what is made from it.
#include <algorithm>
#include <regex>
#include <set>
#include <string>
#include <thread>

#include "gateway_fixture.h"
#include "milter/metrics.h"
#include "milter/metrics_page.h"
#include "milter/monitoring_files.h"
#include "unit/catch.h"

using namespace smtpgate;
using namespace smtpgate::milter;

namespace {

const std::string repository = std::string(SMTPGATE_TEST_DATA) + "/../..";

MessageRecord filed_record() {
  MessageRecord record;
  record.octets = 1000;
  record.set(Stage::receive, 0.05);
  record.set(Stage::convert, 0.002);
  record.set(Stage::put, 0.001);
  record.set(Stage::sync, 0.003);
  record.set(Stage::reply, 0.0001);
  record.attachments = {10, 20};
  record.odd = {"encoding-errors:4", "from:a.zip", "made-up"};
  record.recipients = {{"a@b", "N/P/A", "filed", "2.0.0", "filed as x"},
                       {"c@b", "N/P/C", "duplicate", "2.0.0", "duplicate of x"}};
  return record;
}

}  // namespace

TEST_CASE("every metric's definition keeps Prometheus' rules") {
  std::set<std::string> names;
  for (const MetricDefinition& one : metric_definitions()) {
    const std::string name(one.name);
    INFO(name);
    CHECK(names.insert(name).second);
    CHECK(std::regex_match(name, std::regex("smtpgate_[a-z0-9_]+")));
    CHECK(name.ends_with("_total") == (one.kind == MetricKind::counter));
    CHECK_FALSE(one.help.empty());
    CHECK(one.help.find_first_of("\n\\|") == std::string_view::npos);
    CHECK((one.kind == MetricKind::histogram) == !one.buckets.empty());
    CHECK(std::is_sorted(one.buckets.begin(), one.buckets.end()));
    // What is counted needs a place for each label's value.
    if (one.kind != MetricKind::gauge) CHECK(one.cells() > 0);
  }
}

TEST_CASE("every mark of the document is a label's value") {
  const std::string document = test::read_whole(repository + "/docs/conversion.md");
  const std::size_t begin = document.find("| mark | meaning |");
  std::string table = document.substr(begin, document.find("\n\n", begin) - begin);
  std::size_t marks = 0;
  const std::regex first_cell("\n\\| ((`[^`]+`(, )?)+) \\|");
  for (std::sregex_iterator row(table.begin(), table.end(), first_cell), end; row != end; ++row) {
    const std::string cell = (*row)[1];
    const std::regex one("`([^`]+)`");
    for (std::sregex_iterator mark(cell.begin(), cell.end(), one); mark != end; ++mark) {
      INFO((*mark)[1]);
      CHECK(odd_mark_label((*mark)[1].str()) != "other");
      ++marks;
    }
  }
  CHECK(marks > 35);
  CHECK(odd_mark_label("encoding-errors:12") == "encoding-errors");
  CHECK(odd_mark_label("limit:depth") == "limit:depth");
  CHECK(odd_mark_label("limit:something") == "other");
  CHECK(odd_mark_label("") == "other");
}

TEST_CASE("a message is counted by door, outcome, mark and stage") {
  Metrics metrics;
  metrics.count(filed_record());
  CHECK(metrics.value(Metric::messages, Metrics::cell_of(Metric::messages, "1")) == 1);
  CHECK(metrics.value(Metric::message_bytes, 0) == 1000);
  CHECK(metrics.value(Metric::message_attachments, 0) == 2);
  const auto recipients = [&](const char* door, const char* outcome) {
    return metrics.value(Metric::recipients, Metrics::cell_of(Metric::recipients, door, outcome));
  };
  CHECK(recipients("1", "filed") == 1);
  CHECK(recipients("1", "duplicate") == 1);
  CHECK(recipients("2", "filed") == 0);
  const auto mark = [&](const char* name) {
    return metrics.value(Metric::odd_marks, Metrics::cell_of(Metric::odd_marks, name));
  };
  CHECK(mark("encoding-errors") == 1);
  CHECK(mark("from") == 1);
  CHECK(mark("other") == 1);
  const HistogramCell sync = metrics.histogram(
      Metric::stage_seconds, Metrics::cell_of(Metric::stage_seconds, "1", "sync"));
  CHECK(sync.sum == Approx(0.003));
  const HistogramCell whole = metrics.histogram(Metric::delivery_seconds, 0);
  CHECK(whole.sum == Approx(0.0061));
}

TEST_CASE("recipients refused before there is a message are no message") {
  Metrics metrics;
  MessageRecord record;
  record.recipients = {{"a@b", "", "refused", "5.1.1", "no"}};
  metrics.count(record);
  CHECK(metrics.value(Metric::messages, 0) == 0);
  CHECK(metrics.value(Metric::recipients, Metrics::cell_of(Metric::recipients, "1", "refused")) ==
        1);
}

TEST_CASE("a label's value that the table lacks is not counted, and breaks nothing") {
  Metrics metrics;
  MessageRecord record = filed_record();
  record.recipients[0].result = "\"} evil 1\n";
  record.way = Way::out;
  record.result = "nonsense";
  metrics.count(record);
  CHECK(render_metrics(metrics, {}).find("evil") == std::string::npos);
}

TEST_CASE("a value at a bucket's upper end belongs to it") {
  Metrics metrics;
  metrics.observe(Metric::delivery_seconds, 0, 0.001);
  metrics.observe(Metric::delivery_seconds, 0, 0.0011);
  metrics.observe(Metric::delivery_seconds, 0, 1e9);
  metrics.observe(Metric::delivery_seconds, 0, -1);
  const auto counts = metrics.histogram(Metric::delivery_seconds, 0).counts;
  CHECK(counts[0] == 1);
  CHECK(counts[1] == 1);
  CHECK(counts[2] == 1);
  CHECK(counts.back() == 1);
}

TEST_CASE("counting from many threads loses nothing") {
  Metrics metrics;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < 10'000; ++j) metrics.count(filed_record());
      });
    }
  }
  CHECK(metrics.value(Metric::messages, 0) == 40'000);
}

TEST_CASE("the page has every counter, sums its buckets, and escapes labels") {
  Metrics metrics;
  metrics.count(filed_record());
  const GaugeSample gauge{Metric::disk_free, {"a\"b\\c\nd"}, 12.5};
  const std::string page = render_metrics(metrics, std::span(&gauge, 1));
  for (const MetricDefinition& one : metric_definitions()) {
    INFO(one.name);
    const bool is_there = page.find("# TYPE " + std::string(one.name) + " ") != std::string::npos;
    CHECK(is_there == (one.kind != MetricKind::gauge || one.name == "smtpgate_disk_free_bytes"));
  }
  CHECK(page.find("smtpgate_disk_free_bytes{place=\"a\\\"b\\\\c\\nd\"} 12.5\n") !=
        std::string::npos);
  CHECK(page.find("smtpgate_delivery_seconds_bucket{door=\"1\",le=\"0.005\"} 0\n") !=
        std::string::npos);
  CHECK(page.find("smtpgate_delivery_seconds_bucket{door=\"1\",le=\"+Inf\"} 1\n") !=
        std::string::npos);
  CHECK(page.find("smtpgate_delivery_seconds_count{door=\"1\"} 1\n") != std::string::npos);
  CHECK(page.find("smtpgate_sessions_total 0\n") != std::string::npos);
  CHECK(page.back() == '\n');
}

TEST_CASE("dashboard, alert rules and the document are made from the table as it is") {
  // If one fails: build monitoring_files and run it on the repository.
  CHECK(test::read_whole(repository + "/postfix-conf/grafana-dashboard.json") ==
        render_dashboard());
  CHECK(test::read_whole(repository + "/postfix-conf/prometheus-alerts.yml") ==
        render_alert_rules());
  const std::string document = test::read_whole(repository + "/docs/monitoring.md");
  CHECK(document.find(render_metrics_table()) != std::string::npos);
  CHECK(with_metrics_table(document) == document);
  CHECK(with_metrics_table("no marks") == "no marks");
  for (const MetricDefinition& one : metric_definitions()) {
    CHECK(render_dashboard().find(std::string(one.name)) != std::string::npos);
  }
}
