// `postoffice stats`; see the header. Manual: docs/man/postoffice.1.scd.
#include "postoffice/programs/statistics_commands.h"

#include <ctime>
#include <iostream>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "postoffice/programs/command_output.h"
#include "postoffice/programs/progress.h"
#include "postoffice/statistics.h"
#include "postoffice/table.h"

namespace smtpgate::postoffice {

namespace {

using Json = nlohmann::ordered_json;

struct StatisticsOptions {
  std::size_t top = 0;
  bool as_json = false;
};

Json as_json(const MailbagCount& count, const Postoffice& postoffice) {
  return {
      {"messages", count.messages},
      {"unread", count.unread},
      {"octets", count.octets},
      {"last_hour", count.last_hour},
      {"last_day", count.last_day},
      {"last_week", count.last_week},
      {"newest", count.newest == 0 ? Json() : Json(postoffice.local_time(count.newest).rfc3339)}};
}

void print_json(const Statistics& all, const Postoffice& postoffice, std::size_t shown) {
  Json mailboxes = Json::array();
  for (std::size_t i = 0; i < shown; ++i) {
    const MailboxCount& one = all.mailboxes[i];
    Json entry = {{"name", one.name}};
    entry.update(as_json(one.count, postoffice));
    if (one.trouble) entry["problem"] = one.trouble->sentence();
    mailboxes.push_back(std::move(entry));
  }
  Json totals = as_json(all.all, postoffice);
  totals["files"] = all.files;
  totals["octets_of_files"] = all.octets_of_files;
  const Json value = {{"postoffice", postoffice.settings().name.str()},
                      {"mailboxes", mailboxes},
                      {"totals", totals},
                      {"outgoing",
                       {{"waiting", all.outgoing.waiting},
                        {"held", all.outgoing.held},
                        {"taken", all.outgoing.taken},
                        {"bad", all.outgoing.bad},
                        {"oldest_waiting",
                         all.outgoing.oldest_waiting == 0
                             ? Json()
                             : Json(postoffice.local_time(all.outgoing.oldest_waiting).rfc3339)}}}};
  std::cout << value.dump(2, ' ', true, Json::error_handler_t::replace) << '\n';
}

void print_text(const Statistics& all, const Postoffice& postoffice, std::size_t shown,
                std::int64_t now) {
  const auto line = [](std::string_view title, const std::string& text) {
    std::cout << fmt::format("{:<12}", title) << text << '\n';
  };
  line("Postoffice", printable(postoffice.settings().name.str()) + ", " +
                         std::to_string(all.mailboxes.size()) + " mailboxes");
  line("Messages", fmt::format("{}, {} unread, {}", all.all.messages, all.all.unread,
                               short_size(all.all.octets)));
  line("On disk", fmt::format("{} message files, {}", all.files, short_size(all.octets_of_files)));
  line("Arrived", fmt::format("{} in the last hour, {} in 24 hours, {} in 7 days",
                              all.all.last_hour, all.all.last_day, all.all.last_week));
  std::string outgoing = fmt::format("{} waiting, {} held, {} taken, {} bad", all.outgoing.waiting,
                                     all.outgoing.held, all.outgoing.taken, all.outgoing.bad);
  if (all.outgoing.oldest_waiting != 0) {
    outgoing += ", oldest for " + short_duration(now - all.outgoing.oldest_waiting);
  }
  line("Outgoing", outgoing);
  Table table({{"Mailbox", false, 8},
               {"Messages", true},
               {"Unread", true},
               {"Size", true},
               {"24 h", true},
               {"7 d", true},
               {"Newest", false}});
  for (std::size_t i = 0; i < shown; ++i) {
    const MailboxCount& one = all.mailboxes[i];
    const MailbagCount& count = one.count;
    const LocalTime newest = postoffice.local_time(count.newest);
    table.add(
        {printable(one.name), std::to_string(count.messages), std::to_string(count.unread),
         short_size(count.octets), std::to_string(count.last_day), std::to_string(count.last_week),
         one.trouble         ? "cannot be read"
         : count.newest == 0 ? ""
                             : newest.date + " " + newest.time},
        count.unread != 0);
  }
  std::cout << '\n';
  const Terminal terminal = Terminal::of_standard_output();
  table.print(std::cout, terminal.width, terminal.with_colours);
  if (shown < all.mailboxes.size()) {
    std::cout << "and " << all.mailboxes.size() - shown << " more\n";
  }
}

int show_statistics(const Postoffice& postoffice, const StatisticsOptions& options) {
  const std::int64_t now = std::time(nullptr);
  ProgressLine progress;
  const auto all = count_all(postoffice, now, [&](std::size_t done, std::size_t total) {
    progress.show([&] { return progress_bar(done, total); });
  });
  progress.clear();
  if (!all) return fail(all.error());
  const std::size_t shown =
      options.top == 0 ? all->mailboxes.size() : std::min(options.top, all->mailboxes.size());
  if (options.as_json) {
    print_json(*all, postoffice, shown);
  } else {
    print_text(*all, postoffice, shown, now);
  }
  int code = EX_OK;
  for (const MailboxCount& one : all->mailboxes) {
    if (one.trouble) code = fail(*one.trouble);
  }
  return code;
}

}  // namespace

void add_statistics_commands(CLI::App& app, PostofficeCommand& run) {
  auto [stats, options] = add_command<StatisticsOptions>(
      app, "stats", "How much the mailboxes hold, what came, what waits to go out", run,
      show_statistics);
  stats->add_option("--top", options->top, "Only so many mailboxes, those that hold most")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  stats->add_flag("--json", options->as_json, "For programs");
}

}  // namespace smtpgate::postoffice
