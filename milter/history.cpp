// The minutes: see the header.
#include "milter/history.h"

#include <algorithm>

#include "milter/metric_definitions.h"

namespace smtpgate::milter {

namespace {

constexpr std::int64_t minute = 60;

std::int64_t minute_of(std::int64_t seconds) {
  return seconds / minute;
}

void add_counts(std::map<std::string, std::uint64_t, std::less<>>& sum,
                const std::map<std::string, std::uint64_t, std::less<>>& more) {
  for (const auto& [name, count] : more) sum[name] += count;
}

}  // namespace

void HistorySum::add(const HistorySum& other) {
  door_1 += other.door_1;
  door_2 += other.door_2;
  out += other.out;
  octets += other.octets;
  add_counts(recipients, other.recipients);
  add_counts(outgoing, other.outgoing);
  latency.resize(std::max(latency.size(), other.latency.size()));
  for (std::size_t i = 0; i < other.latency.size(); ++i) latency[i] += other.latency[i];
}

double HistorySum::latency_quantile(double part) const {
  std::uint64_t all = 0;
  for (const std::uint64_t count : latency) all += count;
  if (all == 0) return 0;
  const auto ends = definition_of(Metric::delivery_seconds).buckets;
  const double wanted = part * static_cast<double>(all);
  double below = 0;
  for (std::size_t i = 0; i < latency.size(); ++i) {
    const auto here = static_cast<double>(latency[i]);
    if (here > 0 && below + here >= wanted) {
      const double begin = i == 0 ? 0 : ends[i - 1];
      const double end = i < ends.size() ? ends[i] : begin;
      return begin + (end - begin) * (wanted - below) / here;
    }
    below += here;
  }
  return ends.back();
}

void History::note(const MessageRecord& record, const RecordCounts& counts) {
  const auto ends = definition_of(Metric::delivery_seconds).buckets;
  const std::lock_guard guard(mutex_);
  const std::int64_t now = minute_of(record.ended / 1000);
  const std::int64_t newest = slots_.empty() ? now : std::max(now, slots_.rbegin()->first);
  if (now <= newest - minutes) return;
  while (!slots_.empty() && slots_.begin()->first <= newest - minutes) {
    slots_.erase(slots_.begin());
  }
  HistorySum& slot = slots_[now];
  if (record.way == Way::out) {
    slot.out += record.result == "gone" ? 1 : 0;
    return add_counts(slot.outgoing, counts.results);
  }
  add_counts(slot.recipients, counts.results);
  if (!record.of(Stage::receive)) return;  // refused before there was a message
  ++(record.way == Way::door_1 ? slot.door_1 : slot.door_2);
  slot.octets += record.octets;
  slot.latency.resize(ends.size() + 1);
  const auto bucket = std::lower_bound(ends.begin(), ends.end(), record.delivery_seconds());
  ++slot.latency[static_cast<std::size_t>(bucket - ends.begin())];
}

HistorySum History::sum_locked(std::int64_t from, std::int64_t to) const {
  HistorySum result;
  const auto end = slots_.lower_bound((to + minute - 1) / minute);
  for (auto slot = slots_.lower_bound(minute_of(from)); slot != end; ++slot) {
    result.add(slot->second);
  }
  return result;
}

/// In pieces, so that a message that is noted meanwhile waits for microseconds, not for a day's sum.
HistorySum History::sum(std::int64_t from, std::int64_t to) const {
  constexpr std::int64_t piece = 30 * minute;
  HistorySum result;
  for (std::int64_t begin = minute_of(from) * minute; begin < to; begin += piece) {
    const std::lock_guard guard(mutex_);
    result.add(sum_locked(begin, std::min(begin + piece, to)));
  }
  return result;
}

std::vector<HistorySum> History::sums(std::int64_t from, std::int64_t seconds,
                                      std::size_t count) const {
  std::vector<HistorySum> result;
  for (std::size_t i = 0; i < count; ++i) {
    result.push_back(sum(from, from + seconds));
    from += seconds;
  }
  return result;
}

}  // namespace smtpgate::milter
