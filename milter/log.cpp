// The log's destinations and line shapes: see the header.
//
// A file is written by one write(2) a line on a descriptor opened with O_APPEND, so lines of
// several processes (the daemon, door 2) never mix. Time stamps are RFC 3339 with the zone, which
// pflogsumm 1.1.5 reads as well as syslog's own.
#include "milter/log.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <mutex>

#include <fcntl.h>
#include <fmt/format.h>
#include <syslog.h>
#include <unistd.h>

#include "postoffice/printable.h"

namespace smtpgate::milter {

namespace {

/// Above this syslog daemons and log readers cut lines anyway.
constexpr std::size_t longest_line = 1800;
constexpr std::size_t longest_address = 320;  // RFC 5321, 4.5.3.1: 64 + 1 + 255

std::string_view prefix(Severity severity) {
  switch (severity) {
    case Severity::debug:
      return "debug: ";
    case Severity::info:
      return "";
    case Severity::warning:
      return "warning: ";
    case Severity::error:
      return "error: ";
  }
  return "";
}

std::string escaped(Severity severity, std::string_view text) {
  return std::string(prefix(severity)) + printable_ascii(text, longest_line);
}

class SyslogLog : public LogDestination {
 public:
  explicit SyslogLog(std::string tag) : tag_(std::move(tag)) {}
  ~SyslogLog() override {
    const std::lock_guard guard(process_tag);
    ::closelog();
  }

  void write(Severity severity, std::string_view text) override {
    const int priority = severity == Severity::debug     ? LOG_DEBUG
                         : severity == Severity::info    ? LOG_INFO
                         : severity == Severity::warning ? LOG_WARNING
                                                         : LOG_ERR;
    const std::string line = escaped(severity, text);
    const std::lock_guard guard(process_tag);
    // Keeps the connection that is open; only the tag becomes ours.
    ::openlog(tag_.c_str(), LOG_PID | LOG_NDELAY, LOG_MAIL);
    ::syslog(priority, "%s", line.c_str());
  }

 private:
  // syslog(3) has one tag for the process, and openlog() keeps the pointer to it; the daemon has a
  // tag for each direction.
  static inline std::mutex process_tag;
  std::string tag_;
};

/// RFC 3339 with milliseconds and the local zone's offset.
std::string time_stamp() {
  const auto now = std::chrono::system_clock::now();
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  const std::time_t seconds = static_cast<std::time_t>(milliseconds / 1000);
  std::tm local{};
  ::localtime_r(&seconds, &local);
  const long minutes = local.tm_gmtoff / 60;
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}{}{:02}:{:02}", local.tm_year + 1900,
                     local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec,
                     milliseconds % 1000, minutes < 0 ? '-' : '+', std::labs(minutes) / 60,
                     std::labs(minutes) % 60);
}

std::string short_host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  const std::string_view whole(name.data());
  return std::string(whole.substr(0, whole.find('.')));
}

/// A descriptor that lives as long as the process (standard error) or is opened by path.
class DescriptorLog : public LogDestination {
 public:
  DescriptorLog(int descriptor, std::string path, std::string tag)
      : descriptor_(descriptor),
        path_(std::move(path)),
        tag_(std::move(tag)),
        host_(short_host_name()) {}
  ~DescriptorLog() override {
    if (!path_.empty()) ::close(descriptor_);
  }

  static int open_file(const std::string& path) {
    return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
  }

  void write(Severity severity, std::string_view text) override {
    const std::string line = fmt::format("{} {} {}[{}]: {}\n", time_stamp(), host_, tag_,
                                         ::getpid(), escaped(severity, text));
    const std::lock_guard guard(mutex_);
    // A full disk must not stop mail, and there is nobody to tell.
    [[maybe_unused]] const ssize_t written = ::write(descriptor_, line.data(), line.size());
  }

  void reopen() override {
    if (path_.empty()) return;
    const int fresh = open_file(path_);
    if (fresh < 0) {
      write(Severity::error, fmt::format("cannot open {} anew: {}; the log goes on in the old file",
                                         path_, std::strerror(errno)));
      return;
    }
    const std::lock_guard guard(mutex_);
    ::close(descriptor_);
    descriptor_ = fresh;
  }

 private:
  std::mutex mutex_;
  int descriptor_;
  std::string path_;  // empty: standard error
  std::string tag_;
  std::string host_;
};

std::string_view status_word(const Outcome& outcome) {
  switch (outcome.kind()) {
    case OutcomeKind::delivered:
      return "sent";
    case OutcomeKind::temporary:
      return "deferred";
    case OutcomeKind::permanent:
      return "bounced";
  }
  return "deferred";
}

/// An address as it stands between "to=<" and ">": nothing in it may close the bracket early, and
/// it must not crowd out the rest of the line. write() escapes it with everything else.
std::string bracket_safe(std::string_view address) {
  std::string result(address.substr(0, longest_address));
  for (char& c : result) {
    if (c == '>' || c == '<') c = '?';
  }
  return result;
}

}  // namespace

tl::expected<std::unique_ptr<LogDestination>, std::string> open_log(const std::string& destination,
                                                                    const std::string& tag) {
  if (destination == "syslog") return std::make_unique<SyslogLog>(tag);
  if (destination == "stderr") return std::make_unique<DescriptorLog>(STDERR_FILENO, "", tag);
  const int descriptor = DescriptorLog::open_file(destination);
  if (descriptor < 0) {
    return tl::unexpected(
        fmt::format("cannot open the log {}: {}; make its directory writable, "
                    "or set log = \"syslog\"",
                    destination, std::strerror(errno)));
  }
  return std::make_unique<DescriptorLog>(descriptor, destination, tag);
}

std::string format_delay(double seconds) {
  if (!(seconds > 0)) return "0";
  if (seconds >= 10) return fmt::format("{:.0f}", seconds);
  const int decimals = seconds >= 1 ? 1 : seconds >= 0.1 ? 2 : 3;
  std::string result = fmt::format("{:.{}f}", seconds, decimals);
  while (result.back() == '0') result.pop_back();
  if (result.back() == '.') result.pop_back();
  return result;
}

std::string delivery_line(std::string_view id, std::string_view address, std::string_view relay,
                          const DeliveryDelays& delays, const Outcome& outcome) {
  return fmt::format(
      "{}: to=<{}>, relay={}, delay={}, delays={}/{}/{}/{}, dsn={}, status={} ({})",
      id.empty() ? "NOQUEUE" : id, bracket_safe(address), relay.empty() ? "none" : relay,
      format_delay(delays.receiving + delays.waiting + delays.connecting + delays.delivering),
      format_delay(delays.receiving), format_delay(delays.waiting), format_delay(delays.connecting),
      format_delay(delays.delivering), outcome.status(), status_word(outcome), outcome.sentence());
}

std::string postoffice_relay(std::string_view postoffice) {
  return postoffice.empty() ? std::string() : fmt::format("postoffice[{}]", postoffice);
}

}  // namespace smtpgate::milter
