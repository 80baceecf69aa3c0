// Counting: see the header.
#include "milter/metrics.h"

#include <algorithm>

namespace smtpgate::milter {

namespace {

/// Numbers that one cell needs.
std::size_t width(const MetricDefinition& definition) {
  switch (definition.kind) {
    case MetricKind::counter:
      return 1;
    case MetricKind::gauge:
      return 0;
    case MetricKind::histogram:
      return definition.buckets.size() + 2;
  }
  return 0;
}

std::size_t all_numbers() {
  std::size_t sum = 0;
  for (const MetricDefinition& one : metric_definitions()) sum += one.cells() * width(one);
  return sum;
}

}  // namespace

Metrics::Metrics() : numbers_(all_numbers()) {
  std::size_t next = 0;
  for (const MetricDefinition& one : metric_definitions()) {
    begin_.push_back(next);
    next += one.cells() * width(one);
  }
}

std::size_t Metrics::first_number(Metric metric, std::size_t cell) const {
  return begin_[static_cast<std::size_t>(metric)] + cell * width(definition_of(metric));
}

void Metrics::add(Metric metric, std::size_t cell, std::uint64_t count) {
  numbers_[first_number(metric, cell)].fetch_add(count, std::memory_order_relaxed);
}

void Metrics::observe(Metric metric, std::size_t cell, double seconds) {
  const auto buckets = definition_of(metric).buckets;
  const std::size_t first = first_number(metric, cell);
  // Prometheus counts what is exactly an upper end below it.
  const auto bucket = std::lower_bound(buckets.begin(), buckets.end(), seconds) - buckets.begin();
  numbers_[first + static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  const double nanoseconds = std::max(seconds, 0.0) * 1e9;
  numbers_[first + buckets.size() + 1].fetch_add(static_cast<std::uint64_t>(nanoseconds),
                                                 std::memory_order_relaxed);
}

std::uint64_t Metrics::value(Metric metric, std::size_t cell) const {
  return numbers_[first_number(metric, cell)].load(std::memory_order_relaxed);
}

HistogramCell Metrics::histogram(Metric metric, std::size_t cell) const {
  HistogramCell result;
  const std::size_t first = first_number(metric, cell);
  const std::size_t buckets = definition_of(metric).buckets.size() + 1;
  for (std::size_t i = 0; i < buckets; ++i) {
    result.counts.push_back(numbers_[first + i].load(std::memory_order_relaxed));
  }
  result.sum = static_cast<double>(numbers_[first + buckets].load(std::memory_order_relaxed)) / 1e9;
  return result;
}

std::size_t Metrics::label_place(Metric metric, std::size_t label, std::string_view value) {
  const auto values = definition_of(metric).labels[label].values;
  const auto found = std::find(values.begin(), values.end(), value);
  return found == values.end() ? none : static_cast<std::size_t>(found - values.begin());
}

std::size_t Metrics::cell_of(Metric metric, std::string_view first, std::string_view second) {
  const MetricDefinition& definition = definition_of(metric);
  const std::size_t place = label_place(metric, 0, first);
  if (place == none || definition.label_count() == 1) return place;
  const std::size_t inner = label_place(metric, 1, second);
  return inner == none ? none : place * definition.labels[1].values.size() + inner;
}

void Metrics::count_in(const MessageRecord& record, const RecordCounts& counts) {
  const std::string_view door = way_name(record.way);
  for (const auto& [result, number] : counts.results) {
    add_if_known(Metric::recipients, cell_of(Metric::recipients, door, result), number);
  }
  for (const auto& [mark, number] : counts.marks) {
    add_if_known(Metric::odd_marks, cell_of(Metric::odd_marks, mark), number);
  }
  add(Metric::message_attachments, cell_of(Metric::message_attachments, door), counts.attachments);
  for (const Stage stage :
       {Stage::receive, Stage::convert, Stage::put, Stage::sync, Stage::reply}) {
    const auto seconds = record.of(stage);
    if (!seconds) continue;
    observe(Metric::stage_seconds, cell_of(Metric::stage_seconds, door, stage_name(stage)),
            *seconds);
  }
  if (!record.of(Stage::reply)) return;
  observe(Metric::delivery_seconds, cell_of(Metric::delivery_seconds, door),
          record.delivery_seconds());
}

void Metrics::count_out(const MessageRecord& record, const RecordCounts& counts) {
  for (const auto& [result, number] : counts.results) {
    add_if_known(Metric::outgoing_recipients, cell_of(Metric::outgoing_recipients, result), number);
  }
  add_if_known(Metric::outgoing_tries, cell_of(Metric::outgoing_tries, record.result), 1);
  for (const Stage stage : {Stage::wait, Stage::connect, Stage::send}) {
    const auto seconds = record.of(stage);
    if (!seconds) continue;
    observe(Metric::submission_seconds, cell_of(Metric::submission_seconds, stage_name(stage)),
            *seconds);
  }
}

void Metrics::count(const MessageRecord& record, const RecordCounts& counts) {
  // Not recipients that were refused before there was a message, or that needed no try.
  const bool is_message =
      record.way == Way::out ? !record.result.empty() : record.of(Stage::receive).has_value();
  if (is_message) {
    const std::size_t way = cell_of(Metric::messages, way_name(record.way));
    add(Metric::messages, way, 1);
    add(Metric::message_bytes, way, record.octets);
  }
  if (record.way == Way::out) {
    count_out(record, counts);
  } else {
    count_in(record, counts);
  }
}

}  // namespace smtpgate::milter
