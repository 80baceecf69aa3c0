// What the daemon knows of itself: it hears of every message, session, reload and log line, counts
// them, keeps what is shown as "just now", and makes the status report and the page /metrics of
// that and of what the lookout sees.
//
// Not for threads and sockets (monitoring_service.h), nor for showing anything.
//
// All functions are safe from any thread. A note costs a message some microseconds: counting takes
// no lock, and the two locks there are (history, what was last) are held for less than one.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "milter/configuration.h"
#include "milter/history.h"
#include "milter/log.h"
#include "milter/lookout.h"
#include "milter/message_observer.h"
#include "milter/metrics.h"
#include "milter/metrics_page.h"
#include "milter/records_file.h"
#include "milter/status_report.h"

namespace smtpgate::milter {

class Monitoring : public MessageObserver {
 public:
  /// `configuration` gives the one in force. `records` may be null.
  Monitoring(std::function<std::shared_ptr<const Configuration>()> configuration,
             std::unique_ptr<RecordsFile> records);

  void note(MessageRecord record) noexcept override;
  void session_began() noexcept override;
  void session_ended() noexcept override;

  /// A log that writes to `to` and lets us hear of warnings and errors.
  std::unique_ptr<LogDestination> watch(std::unique_ptr<LogDestination> to);
  /// The configuration is being read again, until reloaded().
  void reload_begins();
  /// The configuration was read again, which took so long. No errors: it was taken.
  void reloaded(double seconds, const std::vector<std::string>& errors);
  /// Records were rotated.
  void reopen_records();
  /// Where the page is, for the report; empty: nowhere.
  void listens_on(const std::string& where);

  /// What door 2's processes have left since the last call. For one caller at a time.
  void take_door_2s_notes();

  StatusReport report() const;
  std::string metrics_page() const;
  Lookout& lookout() { return lookout_; }
  const Lookout& lookout() const { return lookout_; }

 private:
  class WatchedLog;

  void count(const MessageRecord& record, const RecordCounts& counts);
  void heard(Severity severity, std::string_view text) noexcept;
  void remember(const MessageRecord& record);
  std::string configuration_problem() const;
  void add_state_gauges(std::vector<GaugeSample>& gauges) const;
  void add_seen_gauges(std::vector<GaugeSample>& gauges) const;

  std::function<std::shared_ptr<const Configuration>()> configuration_;
  std::unique_ptr<RecordsFile> records_;
  std::int64_t started_;
  Metrics metrics_;
  History history_;
  Lookout lookout_;
  std::atomic<std::uint64_t> sessions_open_ = 0;
  enum class Host { unknown, down, answers };
  std::atomic<Host> host_ = Host::unknown;

  mutable std::mutex mutex_;  ///< of what follows
  std::deque<RecentReport> recent_;
  std::deque<LogLineReport> log_;
  ReloadReport reload_;
  std::int64_t configuration_read_;
  std::string listens_;
};

}  // namespace smtpgate::milter
