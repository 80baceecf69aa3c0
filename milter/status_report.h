// What a running daemon says of itself, as one value: made by monitoring.h, carried as JSON (the
// same for `smtpgate status --json` and /status.json; docs/monitoring.md has its fields), shown by
// `smtpgate status`, `smtpgate top` and the status page. Every string in it is printable.
//
// Not for making it, nor for showing it. Times are seconds since 1970, but for `time_ms`.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace smtpgate::milter {

using NamedCounts = std::map<std::string, std::uint64_t, std::less<>>;

/// Of a stretch of time.
struct TrafficReport {
  std::uint64_t door_1 = 0;  ///< messages that came in
  std::uint64_t door_2 = 0;
  std::uint64_t out = 0;  ///< outgoing messages that left
  std::uint64_t octets = 0;
  NamedCounts recipients = {};  ///< of those that came in, by what became of them
  NamedCounts outgoing = {};    ///< recipients of outgoing messages
  double median_seconds = 0;    ///< from the end of a message to our reply
  double slow_seconds = 0;      ///< 95 of 100 took less
};

/// One column of the plots.
struct BinReport {
  std::int64_t begin = 0;
  std::uint64_t door_1 = 0;
  std::uint64_t door_2 = 0;
  std::uint64_t out = 0;
  double median_seconds = 0;
  double slow_seconds = 0;
};

struct RecentReport {
  std::int64_t time_ms = 0;
  std::string way;  ///< "1", "2", "out"
  std::string id;
  std::string sender;
  std::string recipient;  ///< the first
  std::uint64_t recipients = 0;
  std::string result;  ///< of the worst recipient
  std::string text;    ///< its sentence
  std::uint64_t octets = 0;
  double seconds = 0;
};

struct WaitingReport {
  std::string id;
  std::string mailbox;
  std::int64_t created = 0;
  std::int64_t next_attempt = 0;
  std::uint64_t attempts = 0;
  bool held = false;
  std::string recipient;
  std::uint64_t recipients = 0;
  std::string reason;
};

struct QueueReport {
  std::string postoffice;
  std::uint64_t waiting = 0;
  std::uint64_t taken = 0;
  std::uint64_t bad = 0;
  std::int64_t oldest = 0;                       ///< when it was made; 0: none waits
  std::vector<WaitingReport> messages = {};      ///< the oldest few
  std::vector<WaitingReport> bad_messages = {};  ///< the newest few
  std::string command = {};  ///< "postoffice -d DIR letters": what to do about BAD
  std::string problem;
};

struct DiskReport {
  std::string place;  ///< "work" or a postoffice
  std::string path;
  std::uint64_t free_bytes = 0;
  std::uint64_t size_bytes = 0;
  std::uint64_t free_inodes = 0;
  std::uint64_t inodes = 0;  ///< 0: not counted by that file system
  std::string problem;
};

struct MailbagReport {
  std::string postoffice;
  std::string mailbox;
  std::uint64_t messages = 0;
  std::uint64_t unread = 0;
  std::uint64_t octets = 0;
};

/// A count of mailbags, which takes its time.
struct MailbagsReport {
  std::int64_t counted = 0;  ///< when; 0: not yet
  std::uint64_t mailboxes = 0;
  std::uint64_t uncounted = 0;                        ///< mailboxes beyond the limit
  std::map<std::string, MailbagReport> offices = {};  ///< sums, by postoffice
  std::vector<MailbagReport> largest = {};
};

struct FindingReport {
  std::string kind;  ///< "error", "warning"
  std::string text;
};

struct CheckReport {
  std::int64_t made = 0;  ///< 0: not yet
  std::uint64_t ok = 0;   ///< what holds
  std::vector<FindingReport> findings = {};
};

struct ReadinessReport {
  bool ready = false;
  std::map<std::string, std::string> problems = {};  ///< by part; a part without one is ready
};

struct LogLineReport {
  std::int64_t time_ms = 0;
  std::string severity;
  std::string text;
};

struct ReloadReport {
  std::int64_t time = 0;  ///< 0: never
  double seconds = 0;
  bool taken = true;
  std::vector<std::string> errors = {};
  std::int64_t under_way = 0;  ///< since when it is being read once more; 0: it is not
};

struct StatusReport {
  std::string version;
  std::int64_t pid = 0;
  std::int64_t now = 0;
  std::int64_t started = 0;
  std::string configuration;            ///< path
  std::int64_t configuration_read = 0;  ///< the one in force
  ReloadReport reload = {};
  std::string listens;  ///< where the page is; empty: nowhere
  ReadinessReport readiness = {};
  std::string designated_host;  ///< "answers", "down", "unknown"
  std::uint64_t sessions_open = 0;
  std::uint64_t sessions = 0;
  NamedCounts totals = {};    ///< messages since the start, by way: "1", "2", "out"
  TrafficReport minute = {};  ///< the last whole one
  TrafficReport hour = {};    ///< the last sixty minutes
  TrafficReport today = {};   ///< since midnight here, or since the start
  std::int64_t bin_seconds = 0;
  std::vector<BinReport> bins = {};
  std::vector<RecentReport> recent = {};  ///< newest first
  std::int64_t looked = 0;                ///< when disks and queues were looked at
  std::vector<QueueReport> queues = {};
  std::vector<DiskReport> disks = {};
  MailbagsReport mailbags = {};
  CheckReport check = {};
  std::vector<LogLineReport> log = {};  ///< warnings and errors, newest first
};

/// Valid UTF-8. `indented` for people.
std::string render_status_json(const StatusReport& report, bool indented = false);
/// nullopt if it is no such JSON. Fields that are missing keep their defaults, so that programs of
/// two versions understand each other.
std::optional<StatusReport> parse_status_json(std::string_view json);

}  // namespace smtpgate::milter
