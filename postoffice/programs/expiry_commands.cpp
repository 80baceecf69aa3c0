// `postoffice expire`; see the header. Manual: docs/man/postoffice.1.scd.
#include "postoffice/programs/expiry_commands.h"

#include <algorithm>
#include <ctime>
#include <iostream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "postoffice/expiry.h"
#include "postoffice/programs/command_output.h"
#include "postoffice/programs/progress.h"
#include "postoffice/table.h"

namespace smtpgate::postoffice {

namespace {

using Json = nlohmann::ordered_json;

struct ExpiryCommandOptions {
  std::vector<std::string> mailboxes;
  bool is_dry_run = false;
  bool as_json = false;
};

MailboxExpiry total_of(const std::vector<MailboxExpiry>& mailboxes) {
  MailboxExpiry all;
  for (const MailboxExpiry& one : mailboxes) {
    all.read += one.read;
    all.unread += one.unread;
    all.sent += one.sent;
    all.octets += one.octets;
    all.waiting += one.waiting;
  }
  return all;
}

void print_json(const std::vector<MailboxExpiry>& mailboxes, bool is_dry_run) {
  const auto counts = [](const MailboxExpiry& one) {
    return Json{{"read", one.read},
                {"unread", one.unread},
                {"sent", one.sent},
                {"octets", one.octets},
                {"waiting", one.waiting}};
  };
  Json list = Json::array();
  for (const MailboxExpiry& one : mailboxes) {
    if (!one.is_set && !one.trouble) continue;
    Json entry = {{"name", one.name}};
    entry.update(counts(one));
    if (one.trouble) entry["problem"] = one.trouble->sentence();
    list.push_back(std::move(entry));
  }
  const Json value = {
      {"dry_run", is_dry_run}, {"mailboxes", list}, {"totals", counts(total_of(mailboxes))}};
  std::cout << value.dump(2, ' ', true, Json::error_handler_t::replace) << '\n';
}

void print_text(const std::vector<MailboxExpiry>& mailboxes, bool is_dry_run) {
  Table table({{"Mailbox", false, 8},
               {"Read", true},
               {"Unread", true},
               {"Sent", true},
               {"Size", true},
               {"Waiting", true}});
  std::size_t shown = 0;
  for (const MailboxExpiry& one : mailboxes) {
    if (!one.is_set) continue;
    ++shown;
    table.add({printable(one.name), std::to_string(one.read), std::to_string(one.unread),
               std::to_string(one.sent), short_size(one.octets), std::to_string(one.waiting)});
  }
  if (shown == 0) {
    std::cout << "no messages expire here; `postoffice mailbox set NAME --expire-read-days N` "
                 "says when they do\n";
    return;
  }
  const Terminal terminal = Terminal::of_standard_output();
  table.print(std::cout, terminal.width, terminal.with_colours);
  const MailboxExpiry all = total_of(mailboxes);
  std::cout << fmt::format("\n{} messages, {}, {}\n", all.messages(), short_size(all.octets),
                           is_dry_run ? "would be deleted" : "deleted");
  if (all.waiting != 0) {
    std::cout << fmt::format("{} as old wait for a program in folder mailboxes, and stay\n",
                             all.waiting);
  }
}

int expire(const Postoffice& postoffice, const ExpiryCommandOptions& options) {
  ProgressLine progress;
  ExpiryOptions how;
  how.mailboxes = options.mailboxes;
  how.is_dry_run = options.is_dry_run;
  how.now = std::time(nullptr);
  how.progress = [&](std::size_t done, std::size_t total) {
    progress.show([&] { return progress_bar(done, total); });
  };
  const auto mailboxes = expire_messages(postoffice, how);
  progress.clear();
  if (!mailboxes) return fail(mailboxes.error());
  if (options.as_json) {
    print_json(*mailboxes, options.is_dry_run);
  } else {
    print_text(*mailboxes, options.is_dry_run);
  }
  int code = EX_OK;
  for (const MailboxExpiry& one : *mailboxes) {
    if (one.trouble) code = fail(one.trouble->with(" (mailbox " + one.name + ")"));
  }
  return code;
}

}  // namespace

void add_expiry_commands(CLI::App& app, PostofficeCommand& run) {
  auto [command, options] = add_command<ExpiryCommandOptions>(
      app, "expire",
      "Deletes messages that are older than their mailbox keeps them; to be run once a day", run,
      expire);
  command->add_option("MAILBOX", options->mailboxes, "Which; none named: all");
  command->add_flag("--dry-run", options->is_dry_run, "Only says how many");
  command->add_flag("--json", options->as_json, "For programs");
}

}  // namespace smtpgate::postoffice
