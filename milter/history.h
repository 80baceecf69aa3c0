// What came and went in each of the last minutes, in bounded memory: for plots, and for "today" and
// "the last hour". A restart forgets it; what must last is Prometheus' to keep.
//
// Safe from several threads.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "milter/message_record.h"

namespace smtpgate::milter {

/// Sums of some minutes.
struct HistorySum {
  std::uint64_t door_1 = 0;  ///< messages
  std::uint64_t door_2 = 0;
  std::uint64_t out = 0;     ///< outgoing messages that left SMTP/
  std::uint64_t octets = 0;  ///< of messages that came in
  std::map<std::string, std::uint64_t, std::less<>> recipients;  ///< that came in, by result
  std::map<std::string, std::uint64_t, std::less<>> outgoing;    ///< recipients, by result
  std::vector<std::uint64_t> latency;  ///< messages in each bucket of smtpgate_delivery_seconds

  void add(const HistorySum& other);
  /// Seconds that `part` (0 to 1) of the messages took at most, interpolated within a bucket; 0
  /// without messages.
  double latency_quantile(double part) const;
};

class History {
 public:
  static constexpr std::int64_t minutes = 25 * 60;  ///< a day, and the hour that has begun

  /// In the minute in which it ended. What is older than `minutes` is dropped.
  void note(const MessageRecord& record, const RecordCounts& counts);

  /// Of messages that ended at `from` or later and before `to`: seconds since 1970, minutes begun
  /// count whole.
  HistorySum sum(std::int64_t from, std::int64_t to) const;
  /// One for each `seconds` from `from` on.
  std::vector<HistorySum> sums(std::int64_t from, std::int64_t seconds, std::size_t count) const;

 private:
  HistorySum sum_locked(std::int64_t from, std::int64_t to) const;

  mutable std::mutex mutex_;
  std::map<std::int64_t, HistorySum> slots_;  ///< by minute since 1970
};

}  // namespace smtpgate::milter
