// The table: see the header. A new metric needs a line here, its name in the enum, and whoever
// counts it; documents and dashboard are made anew by the program monitoring_files.
#include "milter/metric_definitions.h"

#include <algorithm>

namespace smtpgate::milter {

namespace {

constexpr std::string_view doors[] = {"1", "2"};
constexpr std::string_view ways[] = {"1", "2", "out"};
constexpr std::string_view outcomes[] = {"filed",     "duplicate",  "left",   "temporary",
                                         "permanent", "over_quota", "refused"};
constexpr std::string_view stages[] = {"receive", "convert", "put", "sync", "reply"};
constexpr std::string_view outgoing_outcomes[] = {"sent", "deferred", "failed"};
constexpr std::string_view tries[] = {"gone", "later", "host_down"};
constexpr std::string_view submission_stages[] = {"wait", "connect", "send"};
constexpr std::string_view outgoing_states[] = {"waiting", "taken", "bad"};
constexpr std::string_view parts[] = {"all", "configuration", "postoffices", "work", "socket"};
constexpr std::string_view findings[] = {"error", "warning"};
constexpr std::string_view reloads[] = {"taken", "refused"};
constexpr std::string_view severities[] = {"warning", "error"};
constexpr std::string_view marks[] = {"apple-file-damaged",
                                      "as-encoded",
                                      "boundary-missing",
                                      "boundary-not-found",
                                      "characters-replaced",
                                      "charset-guessed",
                                      "checksum-wrong",
                                      "content-type-doubled",
                                      "date-unreadable",
                                      "encoding-doubled",
                                      "encoding-errors",
                                      "encoding-on-multipart",
                                      "encoding-unknown",
                                      "encoding-wrong",
                                      "expanded",
                                      "external-body",
                                      "from",
                                      "header-characters-replaced",
                                      "header-cut",
                                      "header-forgiven",
                                      "header-mended",
                                      "kept-whole",
                                      "limit:depth",
                                      "limit:embedded-files",
                                      "limit:expansion",
                                      "limit:header-fields",
                                      "limit:header-octets",
                                      "limit:parts",
                                      "limit:seconds",
                                      "not-closed",
                                      "not-unwrapped",
                                      "outside-parts",
                                      "parameters-odd",
                                      "partial",
                                      "signed-entity",
                                      "size-differs",
                                      "text-as-sent",
                                      "tnef-damaged",
                                      "tnef-limit",
                                      "other"};

// Upper ends in seconds: delivery is a matter of milliseconds, a disk in trouble one of seconds.
constexpr double delivery_buckets[] = {0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1,
                                       0.2,    0.5,   1,     2,     5,    10,   30,   60};
constexpr double submission_buckets[] = {0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5,  1,
                                         2,     5,    10,   30,   60,  300, 3600, 21600};

using enum MetricKind;

constexpr MetricDefinition definitions[] = {
    {.name = "smtpgate_messages_total",
     .kind = counter,
     .topic = "Mail",
     .unit = "short",
     .help = "Messages whose end was reached: by door 1, by door 2, and tries of outgoing ones",
     .labels = {LabelDefinition{"way", ways}}},
    {.name = "smtpgate_message_bytes_total",
     .kind = counter,
     .topic = "Mail",
     .unit = "bytes",
     .help = "Octets of these messages as they came, or as they went to the designated host",
     .labels = {LabelDefinition{"way", ways}}},
    {.name = "smtpgate_message_attachments_total",
     .kind = counter,
     .topic = "Mail",
     .unit = "short",
     .help = "Attachments of the files that messages were converted to",
     .labels = {LabelDefinition{"door", doors}}},
    {.name = "smtpgate_recipients_total",
     .kind = counter,
     .topic = "Mail",
     .unit = "short",
     .help = "Recipients of messages that came in, by what became of each",
     .labels = {LabelDefinition{"door", doors}, LabelDefinition{"outcome", outcomes}}},
    {.name = "smtpgate_stage_seconds",
     .kind = histogram,
     .topic = "Latency",
     .unit = "s",
     .help = "How long each stage of a message that came in took",
     .labels = {LabelDefinition{"door", doors}, LabelDefinition{"stage", stages}},
     .buckets = delivery_buckets},
    {.name = "smtpgate_delivery_seconds",
     .kind = histogram,
     .topic = "Latency",
     .unit = "s",
     .help = "From the end of a message to the end of our reply",
     .labels = {LabelDefinition{"door", doors}},
     .buckets = delivery_buckets},
    {.name = "smtpgate_odd_marks_total",
     .kind = counter,
     .topic = "Oddities",
     .unit = "short",
     .help = "Marks of what was not as it should be in messages that came in",
     .labels = {LabelDefinition{"mark", marks}}},
    {.name = "smtpgate_sessions_total",
     .kind = counter,
     .topic = "Sessions",
     .unit = "short",
     .help = "Connections that Postfix made to door 1"},
    {.name = "smtpgate_sessions_open",
     .kind = gauge,
     .topic = "Sessions",
     .unit = "short",
     .help = "Connections of Postfix to door 1 at this moment"},
    {.name = "smtpgate_outgoing_recipients_total",
     .kind = counter,
     .topic = "Outgoing",
     .unit = "short",
     .help = "Recipients of outgoing messages, by what became of each in a try",
     .labels = {LabelDefinition{"outcome", outgoing_outcomes}}},
    {.name = "smtpgate_outgoing_tries_total",
     .kind = counter,
     .topic = "Outgoing",
     .unit = "short",
     .help = "Tries of outgoing messages: gone from SMTP/, to be tried later, host not reached",
     .labels = {LabelDefinition{"result", tries}}},
    {.name = "smtpgate_submission_seconds",
     .kind = histogram,
     .topic = "Outgoing",
     .unit = "s",
     .help = "Outgoing messages: waiting in SMTP/, until the host's greeting, MAIL to last reply",
     .labels = {LabelDefinition{"stage", submission_stages}},
     .buckets = submission_buckets},
    {.name = "smtpgate_outgoing_messages",
     .kind = gauge,
     .topic = "Outgoing",
     .unit = "short",
     .help = "Messages in SMTP/: waiting or held, taken by a host at this moment, set aside in BAD "
             "(postoffice letters list)",
     .labels = {LabelDefinition{"postoffice", {}}, LabelDefinition{"state", outgoing_states}}},
    {.name = "smtpgate_outgoing_oldest_seconds",
     .kind = gauge,
     .topic = "Outgoing",
     .unit = "s",
     .help = "Age of the oldest message that waits in SMTP/; 0 if none does",
     .labels = {LabelDefinition{"postoffice", {}}}},
    {.name = "smtpgate_designated_host_up",
     .kind = gauge,
     .topic = "Outgoing",
     .unit = "short",
     .help = "1 if the designated host was spoken to in the last try, 0 if not; absent before one"},
    {.name = "smtpgate_disk_free_bytes",
     .kind = gauge,
     .topic = "Disk",
     .unit = "bytes",
     .help = "Room that the gateway's user has left",
     .labels = {LabelDefinition{"place", {}}}},
    {.name = "smtpgate_disk_size_bytes",
     .kind = gauge,
     .topic = "Disk",
     .unit = "bytes",
     .help = "Size of the file system there",
     .labels = {LabelDefinition{"place", {}}}},
    {.name = "smtpgate_disk_free_inodes",
     .kind = gauge,
     .topic = "Disk",
     .unit = "short",
     .help = "Inodes left; absent where the file system does not count them",
     .labels = {LabelDefinition{"place", {}}}},
    {.name = "smtpgate_disk_inodes",
     .kind = gauge,
     .topic = "Disk",
     .unit = "short",
     .help = "Inodes of the file system there; absent where it does not count them",
     .labels = {LabelDefinition{"place", {}}}},
    {.name = "smtpgate_mailbag_messages",
     .kind = gauge,
     .topic = "Disk",
     .unit = "short",
     .help = "Messages in the mailbags, as last counted; absent before the first count",
     .labels = {LabelDefinition{"postoffice", {}}}},
    {.name = "smtpgate_mailbag_bytes",
     .kind = gauge,
     .topic = "Disk",
     .unit = "bytes",
     .help = "Their octets, as last counted; what mailboxes share counts in each",
     .labels = {LabelDefinition{"postoffice", {}}}},
    {.name = "smtpgate_ready",
     .kind = gauge,
     .topic = "State",
     .unit = "short",
     .help = "1 if mail can be filed, as a whole and for each thing that it needs",
     .labels = {LabelDefinition{"part", parts}}},
    {.name = "smtpgate_check_findings",
     .kind = gauge,
     .topic = "State",
     .unit = "short",
     .help = "What smtpgate check found when the daemon last asked it",
     .labels = {LabelDefinition{"kind", findings}}},
    {.name = "smtpgate_configuration_read_time_seconds",
     .kind = gauge,
     .topic = "State",
     .unit = "dateTimeFromNow",
     .help = "When the configuration in force was read, seconds since 1970"},
    {.name = "smtpgate_configuration_reloads_total",
     .kind = counter,
     .topic = "State",
     .unit = "short",
     .help = "Times that the configuration was read again, and whether it was taken",
     .labels = {LabelDefinition{"result", reloads}}},
    {.name = "smtpgate_configuration_reload_seconds",
     .kind = gauge,
     .topic = "State",
     .unit = "s",
     .help = "How long reading it took last time"},
    {.name = "smtpgate_configuration_is_current",
     .kind = gauge,
     .topic = "State",
     .unit = "short",
     .help = "0 if the last one was refused, so that an older one is in force; else 1"},
    {.name = "smtpgate_log_lines_total",
     .kind = counter,
     .topic = "State",
     .unit = "short",
     .help = "Warnings and errors that the daemon logged",
     .labels = {LabelDefinition{"severity", severities}}},
    {.name = "smtpgate_door_2_records_unread_total",
     .kind = counter,
     .topic = "State",
     .unit = "short",
     .help = "Lines of door 2's tally that could not be read and are not counted"},
    {.name = "smtpgate_start_time_seconds",
     .kind = gauge,
     .topic = "State",
     .unit = "dateTimeFromNow",
     .help = "When the daemon started, seconds since 1970"},
    {.name = "smtpgate_build_info",
     .kind = gauge,
     .topic = "State",
     .unit = "short",
     .help = "Always 1; which version runs",
     .labels = {LabelDefinition{"version", {}}}},
};

static_assert(std::size(definitions) == static_cast<std::size_t>(Metric::build_info) + 1);

}  // namespace

std::size_t MetricDefinition::cells() const {
  std::size_t result = 1;
  for (const LabelDefinition& label : labels) {
    if (!label.name.empty()) result *= label.values.size();
  }
  return result;
}

std::span<const MetricDefinition> metric_definitions() {
  return definitions;
}

const MetricDefinition& definition_of(Metric metric) {
  return definitions[static_cast<std::size_t>(metric)];
}

std::string_view kind_name(MetricKind kind) {
  switch (kind) {
    case counter:
      return "counter";
    case gauge:
      return "gauge";
    case histogram:
      return "histogram";
  }
  return "gauge";
}

std::string_view odd_mark_label(std::string_view mark) {
  const auto known = [](std::string_view name) {
    return std::find(std::begin(marks), std::end(marks), name) != std::end(marks);
  };
  if (known(mark)) return *std::find(std::begin(marks), std::end(marks), mark);
  const std::string_view name = mark.substr(0, mark.find(':'));
  if (known(name)) return *std::find(std::begin(marks), std::end(marks), name);
  return "other";
}

}  // namespace smtpgate::milter
