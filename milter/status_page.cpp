// HTML of the status page: see the header. The order is that of an administrator's questions: does
// it work, how much and how fast, what just came, what waits or failed and why, what fills up.
#include "milter/status_page.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "milter/html.h"
#include "milter/metric_definitions.h"
#include "milter/plots.h"
#include "postoffice/table.h"

namespace smtpgate::milter {

using postoffice::short_duration;
using postoffice::short_size;

namespace {

constexpr std::size_t longest_address = 40;
constexpr std::size_t shown_recent = 15;

/// A cell's content is HTML already.
struct Cell {
  std::string html;
  const char* kind = "";  ///< class of the td
};

Cell text(std::string_view value, const char* kind = "") {
  return {escape_html(value), kind};
}

Cell number(std::uint64_t value) {
  return {number_text(value), "number"};
}

struct Column {
  std::string title;
  const char* kind = "";
};

std::string class_of(const char* kind) {
  return *kind == '\0' ? std::string() : fmt::format(" class=\"{}\"", kind);
}

/// A table that can be scrolled sideways with the keyboard where the screen is narrow. The first
/// cell of each row is its heading.
std::string table(const std::string& caption, const std::vector<Column>& columns,
                  const std::vector<std::vector<Cell>>& rows) {
  std::string html = fmt::format(
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\"><table>"
      "<caption>{0}</caption><thead><tr>",
      escape_html(caption));
  for (const Column& one : columns) {
    html += fmt::format("<th scope=\"col\"{}>{}</th>", class_of(one.kind), escape_html(one.title));
  }
  html += "</tr></thead><tbody>\n";
  for (const auto& row : rows) {
    html += "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string kind = class_of(row[i].kind);
      html += i == 0 ? fmt::format("<th scope=\"row\"{}>{}</th>", kind, row[i].html)
                     : fmt::format("<td{}>{}</td>", kind, row[i].html);
    }
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string none(const std::string& sentence) {
  return "<p class=\"none\">" + escape_html(sentence) + "</p>\n";
}

std::string section(const std::string& id, const std::string& title, const std::string& inside) {
  return fmt::format("<section aria-labelledby=\"{0}\"><h2 id=\"{0}\">{1}</h2>\n{2}</section>\n",
                     id, escape_html(title), inside);
}

std::string ago(const StatusReport& report, std::int64_t when) {
  return short_duration(std::max<std::int64_t>(report.now - when, 0));
}

const char* kind_of(std::string_view result) {
  if (result == "filed" || result == "sent" || result == "duplicate" || result == "gone") {
    return "good";
  }
  return result == "permanent" || result == "failed" ? "bad" : "warn";
}

std::string way_text(std::string_view way) {
  return way == "out" ? "out" : "in, door " + std::string(way);
}

/// Part of a whole, as a bar. Said in words beside it, so it is hidden from who listens.
Cell bar(double part, bool is_low) {
  return {
      fmt::format("<svg viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
                  "<rect class=\"track\" width=\"100\" height=\"8\" rx=\"2\"/><rect "
                  "class=\"{}\" width=\"{:.1f}\" height=\"8\" rx=\"2\"/></svg>",
                  is_low ? "low" : "fill", std::clamp(part, 0.0, 1.0) * 100),
      "bar"};
}

std::string header(const StatusReport& report, bool refreshes) {
  const bool ready = report.readiness.ready;
  return fmt::format(
      "<header><h1>smtpgate</h1><p class=\"state {}\">{}</p><p>version {}, running for {}</p>"
      "<p class=\"when\">{} · {}</p></header>\n",
      ready ? "good" : "bad", ready ? "✓ ready" : "✗ not ready", escape_html(report.version),
      ago(report, report.started), date_and_time(report.now),
      refreshes ? "<a href=\"/\">stop refreshing</a>"
                : "<a href=\"/?refresh=30\">refresh every 30 s</a>");
}

std::string problems(const StatusReport& report) {
  if (report.readiness.problems.empty()) return {};
  std::string list = "<ul class=\"findings\">";
  for (const auto& [part, problem] : report.readiness.problems) {
    list += fmt::format("<li><span class=\"kind bad\">{}</span>{}</li>", escape_html(part),
                        escape_html(problem));
  }
  return section("problems", "Why mail cannot be filed", list + "</ul>\n");
}

std::string tile(const std::string& name, const std::string& value, const std::string& more,
                 const char* kind = "") {
  return fmt::format("<div><dt>{}</dt><dd{}>{}<small>{}</small></dd></div>", escape_html(name),
                     class_of(kind), escape_html(value), escape_html(more));
}

std::string tiles(const StatusReport& report) {
  std::uint64_t waiting = 0;
  std::uint64_t bad = 0;
  std::int64_t oldest = 0;
  for (const QueueReport& queue : report.queues) {
    waiting += queue.waiting + queue.taken;
    bad += queue.bad;
    if (queue.oldest != 0) oldest = oldest == 0 ? queue.oldest : std::min(oldest, queue.oldest);
  }
  const TrafficReport& hour = report.hour;
  const auto of = [](const NamedCounts& counts, const char* name) {
    const auto found = counts.find(name);
    return found == counts.end() ? std::uint64_t{0} : found->second;
  };
  const std::uint64_t trouble = of(hour.recipients, "temporary") +
                                of(hour.recipients, "permanent") +
                                of(hour.recipients, "over_quota") + of(hour.outgoing, "failed");
  const std::string host = report.designated_host == "answers" ? "host answers"
                           : report.designated_host == "down"  ? "host does not answer"
                                                               : "host not asked yet";
  return "<dl class=\"tiles\">" +
         tile("In, last hour", number_text(hour.door_1 + hour.door_2),
              fmt::format("{} by door 2; today {}", number_text(hour.door_2),
                          number_text(report.today.door_1 + report.today.door_2))) +
         tile("Sent out, last hour", number_text(hour.out),
              fmt::format("today {}; {}", number_text(report.today.out), host),
              report.designated_host == "down" ? "warn" : "") +
         tile("Time to file", latency_text(hour.median_seconds),
              "median; 95 % below " + latency_text(hour.slow_seconds)) +
         tile("Not delivered", number_text(trouble),
              fmt::format("last hour; {} left for door 2", of(hour.recipients, "left")),
              trouble > 0 ? "warn" : "") +
         tile("Waiting to go out", number_text(waiting),
              oldest == 0 ? "nothing waits" : "oldest for " + ago(report, oldest)) +
         tile("Set aside (BAD)", number_text(bad), bad == 0 ? "nothing" : "a person must look",
              bad > 0 ? "bad" : "") +
         tile("Sessions", number_text(report.sessions_open),
              number_text(report.sessions) + " since the start") +
         "</dl>\n";
}

std::string legend(const std::vector<std::pair<const char*, const char*>>& entries) {
  std::string html = "<ul class=\"legend\">";
  for (const auto& [kind, name] : entries) {
    html += fmt::format(
        "<li><svg viewBox=\"0 0 10 10\" aria-hidden=\"true\"><rect class=\"{}\" width=\"10\" "
        "height=\"10\" rx=\"2\"/></svg>{}</li>",
        kind, name);
  }
  return html + "</ul>\n";
}

std::string plots(const StatusReport& report) {
  return "<div class=\"pair\">" +
         section("traffic", fmt::format("Messages in each {} minutes", report.bin_seconds / 60),
                 throughput_plot(report) + legend({{"door-1", "in by door 1"},
                                                   {"door-2", "in by door 2"},
                                                   {"out", "sent out"}})) +
         section("times", "Time from the end of a message to our reply",
                 latency_plot(report) +
                     legend({{"median", "median"}, {"slow", "95 of 100 took less (dashed)"}})) +
         "</div>\n";
}

std::string recent(const StatusReport& report) {
  if (report.recent.empty()) return section("recent", "Just now", none("Nothing came yet."));
  std::vector<std::vector<Cell>> rows;
  for (const RecentReport& one : report.recent) {
    if (rows.size() == shown_recent) break;
    std::string to = escape_html(shortened(one.recipient, longest_address));
    if (one.recipients > 1) to += fmt::format(" and {} more", one.recipients - 1);
    rows.push_back(
        {text(clock_time(one.time_ms / 1000)),
         text(way_text(one.way)),
         text(one.id.size() > 14 ? one.id.substr(0, 12) + "…" : one.id),
         text(one.sender.empty() ? "<>" : shortened(one.sender, longest_address)),
         {to, ""},
         {number_text(one.octets), "number"},
         text(latency_text(one.seconds), "number"),
         {fmt::format("<span class=\"{}\">{}</span>", kind_of(one.result), escape_html(one.result)),
          ""}});
  }
  return section("recent", "Just now",
                 table("The last messages, newest first",
                       {{"Time"},
                        {"Way"},
                        {"ID"},
                        {"From"},
                        {"To"},
                        {"Octets", "number"},
                        {"Took", "number"},
                        {"Outcome"}},
                       rows));
}

std::string waiting_table(const StatusReport& report, const std::string& caption,
                          const std::vector<WaitingReport>& messages, bool is_bad) {
  std::vector<std::vector<Cell>> rows;
  for (const WaitingReport& one : messages) {
    std::string to = shortened(one.recipient, longest_address);
    if (one.recipients > 1) to += fmt::format(" and {} more", one.recipients - 1);
    const std::string next = is_bad     ? "never by itself"
                             : one.held ? "held"
                             : one.next_attempt <= report.now
                                 ? "now"
                                 : "in " + short_duration(one.next_attempt - report.now);
    rows.push_back({text(one.id.substr(0, 12)), text(one.mailbox), text(to),
                    text(ago(report, one.created)), number(one.attempts), text(next),
                    text(one.reason.empty() ? "not tried yet" : one.reason, "text")});
  }
  return table(caption,
               {{"ID"}, {"Mailbox"}, {"To"}, {"Age"}, {"Tries", "number"}, {"Next"}, {"Reason"}},
               rows);
}

std::string queues(const StatusReport& report) {
  std::string html;
  for (const QueueReport& queue : report.queues) {
    if (!queue.problem.empty()) {
      html += fmt::format("<p><span class=\"kind bad\">{}</span>{}</p>\n",
                          escape_html(queue.postoffice), escape_html(queue.problem));
    }
    if (queue.waiting > 0) {
      html += waiting_table(report,
                            fmt::format("{}: {} waiting, the oldest {}", queue.postoffice,
                                        number_text(queue.waiting), queue.messages.size()),
                            queue.messages, false);
    }
    if (queue.bad > 0) {
      html += waiting_table(report,
                            fmt::format("{}: {} in BAD, the newest {}", queue.postoffice,
                                        number_text(queue.bad), queue.bad_messages.size()),
                            queue.bad_messages, true);
      html += fmt::format("<p class=\"command\">What to do about them: <code>{} list</code></p>\n",
                          escape_html(queue.command));
    }
  }
  if (html.empty()) html = none("Nothing waits, and nothing is set aside.");
  return section("queue", "Outgoing mail that waits or was set aside", html);
}

std::string mailbags(const StatusReport& report) {
  const MailbagsReport& bags = report.mailbags;
  if (bags.counted == 0) {
    return section("mailbags", "Mailbags by size", none("They have not been counted yet."));
  }
  std::vector<std::vector<Cell>> rows;
  const std::uint64_t most = bags.largest.empty() ? 0 : bags.largest.front().octets;
  for (const MailbagReport& one : bags.largest) {
    if (rows.size() == shown_recent) break;
    rows.push_back(
        {text(shortened(one.mailbox, longest_address)), text(one.postoffice), number(one.messages),
         number(one.unread), text(short_size(one.octets), "number"),
         bar(most == 0 ? 0 : static_cast<double>(one.octets) / static_cast<double>(most), false)});
  }
  std::string caption = fmt::format("The largest of {}, counted {} ago",
                                    number_text(bags.mailboxes), ago(report, bags.counted));
  if (bags.uncounted > 0) {
    caption +=
        fmt::format("; {} are beyond the limit and not counted", number_text(bags.uncounted));
  }
  return section("mailbags", "Mailbags by size",
                 table(caption,
                       {{"Mailbox"},
                        {"Postoffice"},
                        {"Messages", "number"},
                        {"Unread", "number"},
                        {"Size", "number"},
                        {"Share", "bar"}},
                       rows));
}

std::string disks(const StatusReport& report) {
  std::vector<std::vector<Cell>> rows;
  for (const DiskReport& one : report.disks) {
    if (one.size_bytes == 0) {
      rows.push_back({text(one.place),
                      text(one.problem, "text"),
                      {"–", "number"},
                      {"–", "number"},
                      {"", "bar"}});
      continue;
    }
    const double used =
        1 - static_cast<double>(one.free_bytes) / static_cast<double>(one.size_bytes);
    rows.push_back(
        {text(one.place), text(one.path, "path"),
         text(fmt::format("{} of {}", short_size(one.free_bytes), short_size(one.size_bytes)),
              "number"),
         one.inodes == 0 ? Cell{"–", "number"} : number(one.free_inodes),
         bar(used, used > 0.9 || !one.problem.empty())});
  }
  return section("disks", "Room",
                 rows.empty() ? none("Not looked at yet.")
                              : table("Looked at " + ago(report, report.looked) + " ago",
                                      {{"Place"},
                                       {"Folder"},
                                       {"Free", "number"},
                                       {"Free inodes", "number"},
                                       {"Used", "bar"}},
                                      rows));
}

std::string check_and_log(const StatusReport& report) {
  const CheckReport& check = report.check;
  std::string found;
  if (check.made == 0) {
    found = none("It has not been asked yet.");
  } else {
    found = fmt::format("<p class=\"none\">Asked {} ago; {} things hold.</p>",
                        ago(report, check.made), check.ok);
    found += "<ul class=\"findings\">";
    for (const FindingReport& one : check.findings) {
      found += fmt::format("<li><span class=\"kind {}\">{}</span>{}</li>",
                           one.kind == "error" ? "bad" : "warn", escape_html(one.kind),
                           escape_html(one.text));
    }
    found += "</ul>\n";
  }
  std::string lines;
  for (const LogLineReport& one : report.log) {
    lines += fmt::format("<li><span class=\"kind {}\">{}</span><time>{}</time> {}</li>",
                         one.severity == "error" ? "bad" : "warn", escape_html(one.severity),
                         date_and_time(one.time_ms / 1000), escape_html(one.text));
  }
  lines =
      lines.empty() ? none("None since the start.") : "<ul class=\"findings\">" + lines + "</ul>\n";
  return "<div class=\"pair\">" + section("check", "What smtpgate check finds", found) +
         section("log", "Last warnings and errors", lines) + "</div>\n";
}

std::string footer(const StatusReport& report) {
  std::string reload;
  if (report.reload.under_way != 0) {
    reload = fmt::format("<p class=\"warn\">It is being read again, begun {} ago.</p>",
                         ago(report, report.reload.under_way));
  }
  if (report.reload.time != 0 && !report.reload.taken) {
    reload +=
        fmt::format("<p class=\"bad\">It was refused when it was read again, {} ago: {}</p>",
                    ago(report, report.reload.time),
                    escape_html(report.reload.errors.empty() ? "" : report.reload.errors.front()));
  }
  return fmt::format(
      "<footer><p>Configuration {}, read {}.</p>{}<p><a href=\"/metrics\">Metrics</a> · <a "
      "href=\"/status.json\">this page as JSON</a> · <a "
      "href=\"/ready\">readiness</a></p></footer>\n",
      escape_html(report.configuration), date_and_time(report.configuration_read), reload);
}

}  // namespace

std::string render_status_page(const StatusReport& report, bool refreshes) {
  return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
         "<title>smtpgate: status</title><link rel=\"stylesheet\" href=\"/style.css\"></head>"
         "<body><a class=\"skip\" href=\"#content\">to the content</a>\n" +
         header(report, refreshes) + "<main id=\"content\">\n" + problems(report) + tiles(report) +
         plots(report) + recent(report) + queues(report) + "<div class=\"pair\">" +
         mailbags(report) + disks(report) + "</div>\n" + check_and_log(report) + "</main>\n" +
         footer(report) + "</body></html>\n";
}

std::string render_readiness_json(const StatusReport& report) {
  nlohmann::ordered_json json;
  json["ready"] = report.readiness.ready;
  json["designated_host"] = report.designated_host;
  json["parts"] = nlohmann::ordered_json::object();
  for (const std::string_view part : definition_of(Metric::ready).labels[0].values) {
    if (part == "all") continue;
    const auto problem = report.readiness.problems.find(std::string(part));
    json["parts"][std::string(part)] = report.looked == 0 ? "not looked at yet"
                                       : problem == report.readiness.problems.end()
                                           ? "ok"
                                           : problem->second;
  }
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace smtpgate::milter
