// Status reports as JSON: see the header.
#include "milter/status_report.h"

#include <nlohmann/json.hpp>

namespace smtpgate::milter {

// In the types' own namespace, where the library looks for what these make.
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(TrafficReport, door_1, door_2, out, octets,
                                                recipients, outgoing, median_seconds, slow_seconds)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(BinReport, begin, door_1, door_2, out,
                                                median_seconds, slow_seconds)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(RecentReport, time_ms, way, id, sender, recipient,
                                                recipients, result, text, octets, seconds)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(WaitingReport, id, mailbox, created, next_attempt,
                                                attempts, held, recipient, recipients, reason)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(QueueReport, postoffice, waiting, taken, bad,
                                                oldest, messages, bad_messages, command, problem)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(DiskReport, place, path, free_bytes, size_bytes,
                                                free_inodes, inodes, problem)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(MailbagReport, postoffice, mailbox, messages,
                                                unread, octets)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(MailbagsReport, counted, mailboxes, uncounted,
                                                offices, largest)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(FindingReport, kind, text)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(CheckReport, made, ok, findings)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(ReadinessReport, ready, problems)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(LogLineReport, time_ms, severity, text)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(ReloadReport, time, seconds, taken, errors,
                                                under_way)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(StatusReport, version, pid, now, started,
                                                configuration, configuration_read, reload, listens,
                                                readiness, designated_host, sessions_open, sessions,
                                                totals, minute, hour, today, bin_seconds, bins,
                                                recent, looked, queues, disks, mailbags, check, log)

std::string render_status_json(const StatusReport& report, bool indented) {
  return nlohmann::json(report).dump(indented ? 2 : -1, ' ', false,
                                     nlohmann::json::error_handler_t::replace);
}

std::optional<StatusReport> parse_status_json(std::string_view json) {
  try {
    return nlohmann::json::parse(json).get<StatusReport>();
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

}  // namespace smtpgate::milter
