// Status for terminals: see the header.
#include "milter/status_text.h"

#include <algorithm>
#include <sstream>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "milter/html.h"
#include "postoffice/table.h"

namespace smtpgate::milter {

using postoffice::cut_to_width;
using postoffice::display_width;
using postoffice::short_duration;
using postoffice::short_size;

namespace {

constexpr std::size_t label_width = 16;
constexpr std::size_t shown_lines = 5;

/// Lines "label   value", with colours for what is good or bad.
class Lines {
 public:
  Lines(std::size_t width, bool with_colours) : width_(width), with_colours_(with_colours) {}

  void add(const std::string& label, const std::string& value, const char* colour = "") {
    std::string line = label;
    line.resize(std::max(line.size(), label_width), ' ');
    push(line + value, colour);
  }
  void push(std::string line, const char* colour = "") {
    if (width_ > 0) line = cut_to_width(line, width_);
    if (with_colours_ && *colour != '\0') line = fmt::format("\x1b[{}m{}\x1b[0m", colour, line);
    lines_.push_back(std::move(line));
  }
  void add_table(const postoffice::Table& table) {
    std::ostringstream out;
    table.print(out, width_, false);
    std::istringstream in(out.str());
    for (std::string line; std::getline(in, line);) push(line);
  }
  const std::vector<std::string>& all() const { return lines_; }

 private:
  std::size_t width_;
  bool with_colours_;
  std::vector<std::string> lines_;
};

constexpr const char* good_colour = "32";
constexpr const char* warn_colour = "33";
constexpr const char* bad_colour = "31";
constexpr const char* strong = "1";

std::string ago(const StatusReport& report, std::int64_t when) {
  return short_duration(std::max<std::int64_t>(report.now - when, 0)) + " ago";
}

std::string counts_text(const NamedCounts& counts) {
  std::string result;
  for (const auto& [name, count] : counts) {
    result += fmt::format("{}{} {}", result.empty() ? "" : ", ", number_text(count), name);
  }
  return result.empty() ? "none" : result;
}

std::string traffic_text(const TrafficReport& one) {
  return fmt::format("{} in ({} by door 2), {} out", number_text(one.door_1 + one.door_2),
                     number_text(one.door_2), number_text(one.out));
}

void add_state(const StatusReport& report, Lines& lines) {
  lines.add("smtpgate",
            fmt::format("{}, process {}, running for {}", report.version, report.pid,
                        short_duration(std::max<std::int64_t>(report.now - report.started, 0))));
  if (report.readiness.ready) {
    lines.add("state", "ready", good_colour);
  } else if (report.looked == 0) {
    lines.add("state", "starting", warn_colour);
  } else {
    for (const auto& [part, problem] : report.readiness.problems) {
      lines.add("NOT READY", part + ": " + problem, bad_colour);
    }
  }
  lines.add("configuration", fmt::format("{}, read {}", report.configuration,
                                         ago(report, report.configuration_read)));
  if (report.reload.under_way != 0) {
    lines.add("", "being read again, begun " + ago(report, report.reload.under_way), warn_colour);
  }
  if (report.reload.time != 0 && !report.reload.taken) {
    lines.add("",
              "refused " + ago(report, report.reload.time) + ": " +
                  (report.reload.errors.empty() ? "" : report.reload.errors.front()),
              bad_colour);
  }
  if (!report.listens.empty()) lines.add("status page", report.listens);
  lines.add("designated host", report.designated_host,
            report.designated_host == "down" ? warn_colour : "");
}

void add_traffic(const StatusReport& report, Lines& lines) {
  lines.add("sessions",
            fmt::format("{} open, {} since the start", number_text(report.sessions_open),
                        number_text(report.sessions)));
  lines.add("last hour", traffic_text(report.hour));
  lines.add("  recipients", counts_text(report.hour.recipients));
  if (!report.hour.outgoing.empty()) lines.add("  outgoing", counts_text(report.hour.outgoing));
  lines.add("today", traffic_text(report.today));
  lines.add("  recipients", counts_text(report.today.recipients));
  if (!report.today.outgoing.empty()) lines.add("  outgoing", counts_text(report.today.outgoing));
  lines.add("time to file", fmt::format("median {}, 95 of 100 below {} (last hour)",
                                        latency_text(report.hour.median_seconds),
                                        latency_text(report.hour.slow_seconds)));
}

void add_queues(const StatusReport& report, Lines& lines) {
  for (const QueueReport& queue : report.queues) {
    if (!queue.problem.empty()) {
      lines.add("outgoing", queue.postoffice + ": " + queue.problem, bad_colour);
      continue;
    }
    std::string text = fmt::format("{}: {} waiting, {} being sent", queue.postoffice,
                                   number_text(queue.waiting), number_text(queue.taken));
    if (queue.oldest != 0) text += ", the oldest made " + ago(report, queue.oldest);
    lines.add("outgoing", text);
    if (queue.bad > 0) {
      lines.add("BAD",
                fmt::format("{}: {} set aside; see {} list", queue.postoffice,
                            number_text(queue.bad), queue.command),
                bad_colour);
    }
  }
  for (const DiskReport& disk : report.disks) {
    if (!disk.problem.empty()) {
      lines.add("room", disk.place + ": " + disk.problem, bad_colour);
      continue;
    }
    std::string text = fmt::format("{}: {} of {} free", disk.place, short_size(disk.free_bytes),
                                   short_size(disk.size_bytes));
    if (disk.inodes > 0) text += fmt::format(", {} inodes", number_text(disk.free_inodes));
    lines.add("room", text);
  }
}

void add_log(const StatusReport& report, Lines& lines) {
  for (std::size_t i = 0; i < std::min(report.log.size(), shown_lines); ++i) {
    const LogLineReport& one = report.log[i];
    lines.add(one.severity, date_and_time(one.time_ms / 1000) + " " + one.text,
              one.severity == "error" ? bad_colour : warn_colour);
  }
}

std::string joined(const std::vector<std::string>& lines) {
  std::string result;
  for (const std::string& line : lines) result += line + "\n";
  return result;
}

std::uint64_t total(const StatusReport& report, const char* way) {
  const auto found = report.totals.find(way);
  return found == report.totals.end() ? 0 : found->second;
}

/// The last columns of the plot's bins as a line of blocks, each an eighth higher.
std::string spark_line(const StatusReport& report, std::size_t columns) {
  static constexpr const char* blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const std::size_t count = std::min(columns, report.bins.size());
  const auto of = [](const BinReport& bin) { return bin.door_1 + bin.door_2 + bin.out; };
  std::uint64_t most = 1;
  for (const BinReport& bin : report.bins) most = std::max(most, of(bin));
  std::string line;
  for (std::size_t i = report.bins.size() - count; i < report.bins.size(); ++i) {
    line += blocks[(of(report.bins[i]) * 8 + most - 1) / most];
  }
  return line;
}

postoffice::Table recent_table(const StatusReport& report, std::size_t most) {
  postoffice::Table table({{"TIME"},
                           {"WAY"},
                           {"ID", false, 8},
                           {"FROM", false, 8},
                           {"TO", false, 8},
                           {"SIZE", true},
                           {"TOOK", true},
                           {"OUTCOME"}});
  for (std::size_t i = 0; i < std::min(report.recent.size(), most); ++i) {
    const RecentReport& one = report.recent[i];
    std::string to = one.recipient;
    if (one.recipients > 1) to += fmt::format(" +{}", one.recipients - 1);
    table.add({clock_time(one.time_ms / 1000), one.way, shortened(one.id, 14),
               one.sender.empty() ? "<>" : one.sender, to, short_size(one.octets),
               latency_text(one.seconds), one.result});
  }
  return table;
}

}  // namespace

std::string render_status_text(const StatusReport& report, std::size_t width, bool with_colours) {
  Lines lines(width, with_colours);
  add_state(report, lines);
  add_traffic(report, lines);
  add_queues(report, lines);
  add_log(report, lines);
  return joined(lines.all());
}

Rates rates_between(const StatusReport& before, const StatusReport& after, double seconds) {
  if (seconds <= 0 || before.started != after.started) return {};
  const auto rate = [&](const char* way) {
    const std::uint64_t now = total(after, way);
    const std::uint64_t then = total(before, way);
    return now < then ? 0.0 : static_cast<double>(now - then) / seconds;
  };
  return {rate("1") + rate("2"), rate("out")};
}

std::string render_top(const StatusReport& report, const Rates& rates, std::size_t width,
                       std::size_t height, bool with_colours) {
  Lines lines(width, with_colours);
  lines.push(fmt::format("smtpgate {} - {} - {} - q quits", report.version,
                         date_and_time(report.now), report.readiness.ready ? "ready" : "NOT READY"),
             report.readiness.ready ? strong : bad_colour);
  for (const auto& [part, problem] : report.readiness.problems) {
    lines.add("NOT READY", part + ": " + problem, bad_colour);
  }
  lines.add("now", fmt::format("{:.1f} in/s, {:.1f} out/s, {} sessions", rates.in, rates.out,
                               number_text(report.sessions_open)));
  lines.add("last minute", traffic_text(report.minute));
  lines.add("last hour", traffic_text(report.hour));
  lines.add("  recipients", counts_text(report.hour.recipients));
  lines.add("time to file", fmt::format("median {}, 95 of 100 below {} (last hour)",
                                        latency_text(report.hour.median_seconds),
                                        latency_text(report.hour.slow_seconds)));
  if (width > label_width) {
    lines.add("last six hours", spark_line(report, width - label_width));
  }
  add_queues(report, lines);
  lines.push("");
  const std::size_t log_lines = std::min<std::size_t>(report.log.size(), 3);
  const std::size_t used = lines.all().size() + 1 + log_lines;
  if (used < height) lines.add_table(recent_table(report, height - used));
  std::vector<std::string> shown = lines.all();
  Lines log(width, with_colours);
  add_log(report, log);
  // The newest warnings stand at the bottom of the screen.
  const std::size_t room = height > log_lines ? height - log_lines : 0;
  shown.resize(room);
  for (std::size_t i = 0; i < log_lines; ++i) shown.push_back(log.all()[i]);
  shown.resize(height);
  std::string screen;
  for (std::size_t i = 0; i < shown.size(); ++i) screen += (i == 0 ? "" : "\n") + shown[i];
  return screen;
}

}  // namespace smtpgate::milter
