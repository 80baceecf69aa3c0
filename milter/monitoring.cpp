// The daemon's knowledge of itself: see the header.
#include "milter/monitoring.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <exception>
#include <string_view>
#include <utility>

#include <unistd.h>

#include "postoffice/printable.h"

namespace smtpgate::milter {

namespace {

constexpr std::size_t most_recent = 50;
constexpr std::size_t most_log_lines = 20;
constexpr std::size_t longest_text = 300;
constexpr std::int64_t minute = 60;
constexpr std::int64_t hour = 3600;
/// The plots: six hours in columns of five minutes.
constexpr std::int64_t bin_seconds = 300;
constexpr std::size_t bin_count = 72;

std::int64_t now() {
  return static_cast<std::int64_t>(std::time(nullptr));
}

std::int64_t midnight_before(std::int64_t moment) {
  const auto seconds = static_cast<std::time_t>(moment);
  std::tm local{};
  ::localtime_r(&seconds, &local);
  local.tm_hour = local.tm_min = local.tm_sec = 0;
  local.tm_isdst = -1;
  return static_cast<std::int64_t>(::mktime(&local));
}

TrafficReport traffic(const HistorySum& sum) {
  return {.door_1 = sum.door_1,
          .door_2 = sum.door_2,
          .out = sum.out,
          .octets = sum.octets,
          .recipients = sum.recipients,
          .outgoing = sum.outgoing,
          .median_seconds = sum.latency_quantile(0.5),
          .slow_seconds = sum.latency_quantile(0.95)};
}

/// How much somebody should look at it.
int gravity(std::string_view result) {
  constexpr std::array<std::string_view, 8> order = {
      "duplicate", "filed", "sent", "left", "over_quota", "refused", "temporary", "deferred"};
  const auto found = std::find(order.begin(), order.end(), result);
  return static_cast<int>(found - order.begin());
}

RecentReport recent_of(const MessageRecord& record) {
  RecentReport report;
  report.time_ms = record.ended;
  report.way = way_name(record.way);
  report.id = printable(record.id, longest_text);
  report.sender = printable(record.sender, longest_text);
  report.recipients = record.recipients.size();
  report.octets = record.octets;
  report.seconds = record.delivery_seconds();
  if (record.recipients.empty()) {
    report.result = record.result;
    return report;
  }
  const auto worst = std::max_element(
      record.recipients.begin(), record.recipients.end(),
      [](const auto& a, const auto& b) { return gravity(a.result) < gravity(b.result); });
  report.recipient = printable(worst->address, longest_text);
  report.result = worst->result;
  report.text = printable(worst->sentence, longest_text);
  return report;
}

}  // namespace

class Monitoring::WatchedLog : public LogDestination {
 public:
  WatchedLog(std::unique_ptr<LogDestination> to, Monitoring& monitoring)
      : to_(std::move(to)), monitoring_(monitoring) {}
  void write(Severity severity, std::string_view text) override {
    to_->write(severity, text);
    if (severity >= Severity::warning) monitoring_.heard(severity, text);
  }
  void reopen() override { to_->reopen(); }

 private:
  std::unique_ptr<LogDestination> to_;
  Monitoring& monitoring_;
};

Monitoring::Monitoring(std::function<std::shared_ptr<const Configuration>()> configuration,
                       std::unique_ptr<RecordsFile> records)
    : configuration_(std::move(configuration)),
      records_(std::move(records)),
      started_(now()),
      lookout_(configuration_, [this] { return configuration_problem(); }),
      configuration_read_(started_) {}

std::unique_ptr<LogDestination> Monitoring::watch(std::unique_ptr<LogDestination> to) {
  return std::make_unique<WatchedLog>(std::move(to), *this);
}

/// A log never fails: what cannot be remembered for want of memory has been written all the same.
void Monitoring::heard(Severity severity, std::string_view text) noexcept try {
  const char* name = severity == Severity::error ? "error" : "warning";
  metrics_.add(Metric::log_lines, Metrics::cell_of(Metric::log_lines, name));
  LogLineReport line{milliseconds_now(), name, printable(text, longest_text)};
  const std::lock_guard guard(mutex_);
  log_.push_front(std::move(line));
  if (log_.size() > most_log_lines) log_.pop_back();
} catch (const std::exception&) {
  return;
}

void Monitoring::session_began() noexcept {
  metrics_.increment(Metric::sessions);
  sessions_open_.fetch_add(1, std::memory_order_relaxed);
}

void Monitoring::session_ended() noexcept {
  sessions_open_.fetch_sub(1, std::memory_order_relaxed);
}

void Monitoring::remember(const MessageRecord& record) {
  RecentReport recent = recent_of(record);
  const std::lock_guard guard(mutex_);
  recent_.push_front(std::move(recent));
  if (recent_.size() > most_recent) recent_.pop_back();
}

void Monitoring::count(const MessageRecord& record, const RecordCounts& counts) {
  metrics_.count(record, counts);
  history_.note(record, counts);
  remember(record);
  if (record.way != Way::out) return;
  if (record.result == "host_down") {
    host_ = Host::down;
  } else if (record.of(Stage::send).value_or(0) > 0) {
    host_ = Host::answers;
  }
}

void Monitoring::note(MessageRecord record) noexcept {
  try {
    count(record, counts_of(record));
    if (records_) records_->write(render_record(record));
  } catch (const std::exception&) {
    // No memory: the message is dealt with already, and counts more than its record.
  }
}

/// They have written their records themselves.
void Monitoring::take_door_2s_notes() {
  take_tally(configuration_()->gateway.work, [this](std::string_view line) {
    const auto read = parse_record(line);
    if (!read || read->record.way != Way::door_2) {
      return metrics_.increment(Metric::door_2_unread);
    }
    count(read->record, read->counts);
  });
}

void Monitoring::reload_begins() {
  const std::lock_guard guard(mutex_);
  reload_.under_way = now();
}

void Monitoring::reloaded(double seconds, const std::vector<std::string>& errors) {
  const bool taken = errors.empty();
  metrics_.add(Metric::configuration_reloads,
               Metrics::cell_of(Metric::configuration_reloads, taken ? "taken" : "refused"));
  ReloadReport report{
      .time = now(), .seconds = seconds, .taken = taken, .errors = {}, .under_way = 0};
  for (const std::string& one : errors) {
    if (report.errors.size() < most_log_lines)
      report.errors.push_back(printable(one, longest_text));
  }
  const std::lock_guard guard(mutex_);
  if (taken) configuration_read_ = report.time;
  reload_ = std::move(report);
}

void Monitoring::reopen_records() {
  if (!records_ || records_->reopen()) return;
  heard(Severity::error,
        "cannot open " + records_->path() + " anew; records go on in the old file");
}

void Monitoring::listens_on(const std::string& where) {
  const std::lock_guard guard(mutex_);
  listens_ = where;
}

std::string Monitoring::configuration_problem() const {
  const std::lock_guard guard(mutex_);
  return reload_.taken || reload_.errors.empty() ? std::string() : reload_.errors.front();
}

StatusReport Monitoring::report() const {
  StatusReport report;
  report.version = SMTPGATE_VERSION;
  report.pid = ::getpid();
  report.now = now();
  report.started = started_;
  report.configuration = printable(configuration_()->path);
  const Host host = host_;
  report.designated_host = host == Host::answers ? "answers"
                           : host == Host::down  ? "down"
                                                 : "unknown";
  report.sessions_open = sessions_open_;
  report.sessions = metrics_.value(Metric::sessions);

  for (const Way way : {Way::door_1, Way::door_2, Way::out}) {
    const std::string_view name = way_name(way);
    report.totals[std::string(name)] =
        metrics_.value(Metric::messages, Metrics::cell_of(Metric::messages, name));
  }
  const std::int64_t this_minute = report.now / minute * minute;
  report.minute = traffic(history_.sum(this_minute - minute, this_minute));
  report.hour = traffic(history_.sum(report.now - hour, report.now + 1));
  report.today = traffic(history_.sum(midnight_before(report.now), report.now + 1));
  report.bin_seconds = bin_seconds;
  // Whole columns, so that they stay where they are from one look to the next.
  std::int64_t begin = (report.now / bin_seconds + 1) * bin_seconds -
                       static_cast<std::int64_t>(bin_count) * bin_seconds;
  for (const HistorySum& sum : history_.sums(begin, bin_seconds, bin_count)) {
    report.bins.push_back({begin, sum.door_1, sum.door_2, sum.out, sum.latency_quantile(0.5),
                           sum.latency_quantile(0.95)});
    begin += bin_seconds;
  }

  const Lookout::Seen seen = lookout_.seen();
  report.looked = seen.when;
  report.queues = seen.queues;
  report.disks = seen.disks;
  report.readiness = seen.readiness;
  report.mailbags = lookout_.mailbags();
  report.check = lookout_.check();

  const std::lock_guard guard(mutex_);
  report.recent.assign(recent_.begin(), recent_.end());
  report.log.assign(log_.begin(), log_.end());
  report.reload = reload_;
  report.configuration_read = configuration_read_;
  report.listens = listens_;
  return report;
}

void Monitoring::add_state_gauges(std::vector<GaugeSample>& gauges) const {
  const auto number = [](auto value) { return static_cast<double>(value); };
  gauges.push_back({Metric::sessions_open, {}, number(sessions_open_.load())});
  gauges.push_back({Metric::start_time, {}, number(started_)});
  gauges.push_back({Metric::build_info, {SMTPGATE_VERSION}, 1});
  const Host host = host_;
  if (host != Host::unknown) {
    gauges.push_back({Metric::designated_host_up, {}, host == Host::answers ? 1.0 : 0.0});
  }
  const std::lock_guard guard(mutex_);
  gauges.push_back({Metric::configuration_read, {}, number(configuration_read_)});
  gauges.push_back({Metric::configuration_is_current, {}, reload_.taken ? 1.0 : 0.0});
  if (reload_.time != 0) {
    gauges.push_back({Metric::configuration_reload_seconds, {}, reload_.seconds});
  }
}

void Monitoring::add_seen_gauges(std::vector<GaugeSample>& gauges) const {
  const auto number = [](auto value) { return static_cast<double>(value); };
  const Lookout::Seen seen = lookout_.seen();
  const std::int64_t moment = now();
  for (const QueueReport& queue : seen.queues) {
    const auto add = [&](const char* state, std::uint64_t count) {
      gauges.push_back({Metric::outgoing_messages, {queue.postoffice, state}, number(count)});
    };
    add("waiting", queue.waiting);
    add("taken", queue.taken);
    add("bad", queue.bad);
    const std::int64_t age =
        queue.oldest == 0 ? 0 : std::max<std::int64_t>(moment - queue.oldest, 0);
    gauges.push_back({Metric::outgoing_oldest, {queue.postoffice}, number(age)});
  }
  for (const DiskReport& disk : seen.disks) {
    if (disk.size_bytes == 0) continue;  // it could not be looked at
    gauges.push_back({Metric::disk_free, {disk.place}, number(disk.free_bytes)});
    gauges.push_back({Metric::disk_size, {disk.place}, number(disk.size_bytes)});
    if (disk.inodes == 0) continue;
    gauges.push_back({Metric::disk_free_inodes, {disk.place}, number(disk.free_inodes)});
    gauges.push_back({Metric::disk_inodes, {disk.place}, number(disk.inodes)});
  }
  if (seen.when != 0) {
    for (const std::string_view part : definition_of(Metric::ready).labels[0].values) {
      const bool ready = part == "all" ? seen.readiness.ready
                                       : !seen.readiness.problems.contains(std::string(part));
      gauges.push_back({Metric::ready, {std::string(part)}, ready ? 1.0 : 0.0});
    }
  }
  for (const auto& [office, sum] : lookout_.mailbags().offices) {
    gauges.push_back({Metric::mailbag_messages, {office}, number(sum.messages)});
    gauges.push_back({Metric::mailbag_bytes, {office}, number(sum.octets)});
  }
  const CheckReport check = lookout_.check();
  if (check.made == 0) return;
  for (const std::string_view kind : definition_of(Metric::check_findings).labels[0].values) {
    const auto count = std::count_if(check.findings.begin(), check.findings.end(),
                                     [&](const FindingReport& one) { return one.kind == kind; });
    gauges.push_back({Metric::check_findings, {std::string(kind)}, number(count)});
  }
}

std::string Monitoring::metrics_page() const {
  std::vector<GaugeSample> gauges;
  add_state_gauges(gauges);
  add_seen_gauges(gauges);
  return render_metrics(metrics_, gauges);
}

}  // namespace smtpgate::milter
