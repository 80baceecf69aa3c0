// The counts themselves: an atomic number for each cell of each counter and histogram of
// metric_definitions.h. Counting takes no lock and looks nothing up: a cell's place is known from
// the definition and the labels' places.
//
// Not for gauges, which are looked at when somebody asks (metrics_page.h).
//
// All functions are safe from any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "milter/message_record.h"
#include "milter/metric_definitions.h"

namespace smtpgate::milter {

/// A histogram's cell as it is at one moment.
struct HistogramCell {
  std::vector<std::uint64_t> counts;  ///< of each bucket alone; the last one has no upper end
  double sum = 0;                     ///< seconds
};

class Metrics {
 public:
  Metrics();

  /// To a counter. `cell` is its place: that of the first label's value, times the number of the
  /// second's values, plus that of the second's.
  void add(Metric metric, std::size_t cell, std::uint64_t count = 1);
  void increment(Metric metric) { add(metric, 0, 1); }
  void observe(Metric metric, std::size_t cell, double seconds);

  /// All that a message is counted by. What is no label's value is not counted.
  void count(const MessageRecord& record) { count(record, counts_of(record)); }
  void count(const MessageRecord& record, const RecordCounts& counts);

  std::uint64_t value(Metric metric, std::size_t cell = 0) const;
  HistogramCell histogram(Metric metric, std::size_t cell) const;

  /// The place of a label's value among its definition's; `none` if it is not one.
  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  static std::size_t label_place(Metric metric, std::size_t label, std::string_view value);
  /// The cell of these values; `none` if one is not known.
  static std::size_t cell_of(Metric metric, std::string_view first, std::string_view second = {});

 private:
  using Number = std::atomic<std::uint64_t>;
  static_assert(Number::is_always_lock_free);

  void count_in(const MessageRecord& record, const RecordCounts& counts);
  void count_out(const MessageRecord& record, const RecordCounts& counts);
  void add_if_known(Metric metric, std::size_t cell, std::uint64_t count) {
    if (cell != none) add(metric, cell, count);
  }
  std::size_t first_number(Metric metric, std::size_t cell) const;

  std::vector<std::size_t> begin_;  ///< of each metric's numbers
  /// A counter's cell is one number; a histogram's one for each bucket, one for what is beyond, and
  /// the sum in nanoseconds.
  std::vector<Number> numbers_;
};

}  // namespace smtpgate::milter
