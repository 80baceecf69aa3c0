// Commands for mailbags; see the header. Manual: docs/man/postoffice.1.scd.
#include "postoffice/programs/mailbag_commands.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <iostream>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "postoffice/directory_watch.h"
#include "postoffice/mailbag.h"
#include "postoffice/mailbag_search.h"
#include "postoffice/message_summary.h"
#include "postoffice/programs/command_output.h"
#include "postoffice/programs/progress.h"
#include "postoffice/table.h"

namespace smtpgate::postoffice {

namespace {

struct SeveralOptions {
  std::string mailbox;
  std::vector<std::string> ids;
  std::string target;
  bool is_sent = false;
  MailbagPart part() const { return is_sent ? MailbagPart::sent : MailbagPart::received; }
};

/// Each of the messages; the others are done where one cannot be. The exit code of the first that
/// could not.
template <typename Action>
int for_each_message(const Mailbag& mailbag, const std::vector<std::string>& ids, Action action) {
  int code = EX_OK;
  for (const std::string& id : ids) {
    auto entry = mailbag.find(id);
    const int done = entry ? report(action(*entry)) : fail(entry.error());
    if (code == EX_OK) code = done;
  }
  return code;
}

int delete_messages(const Postoffice& postoffice, const SeveralOptions& options) {
  auto mailbag = Mailbag::open(postoffice, options.mailbox, options.part());
  if (!mailbag) return fail(mailbag.error());
  return for_each_message(*mailbag, options.ids,
                          [&](const MailbagEntry& entry) { return mailbag->remove(entry); });
}

int move_messages(const Postoffice& postoffice, const SeveralOptions& options) {
  auto mailbag = Mailbag::open(postoffice, options.mailbox);
  if (!mailbag) return fail(mailbag.error());
  auto target = Mailbag::open(postoffice, options.target);
  if (!target) return fail(target.error());
  return for_each_message(*mailbag, options.ids, [&](const MailbagEntry& entry) {
    return mailbag->move_to(*target, entry);
  });
}

struct FindOptions {
  std::string mailbox;
  SearchTerms terms;
  std::string since;
  std::string before;
  std::size_t newest = 0;
  bool is_sent = false;
  bool as_json = false;
};

std::optional<std::int64_t> moment_of(const std::string& option, const std::string& text) {
  const auto moment = parse_moment(text, readers_zone(), std::time(nullptr));
  if (!moment) {
    std::cerr << "postoffice: " << option << " " << printable(text)
              << " is no moment; write 2026-11-21, \"2026-11-21 10:30\", or an age such as 5h, 2d, "
                 "3w\n";
  }
  return moment;
}

int find_messages(const Postoffice& postoffice, const FindOptions& options) {
  SearchTerms terms = options.terms;
  if (!options.since.empty()) {
    const auto since = moment_of("--since", options.since);
    if (!since) return EX_USAGE;
    terms.since = *since;
  }
  if (!options.before.empty()) {
    const auto before = moment_of("--before", options.before);
    if (!before) return EX_USAGE;
    terms.before = *before;
  }
  if (options.newest != 0) terms.newest = options.newest;
  auto mailbag = Mailbag::open(postoffice, options.mailbox,
                               options.is_sent ? MailbagPart::sent : MailbagPart::received);
  if (!mailbag) return fail(mailbag.error());
  MessageTable table(mailbag->part());
  ProgressLine progress;
  const char* between = "\n";
  SearchListener listener;
  listener.progress = [&](std::size_t done, std::size_t all, std::size_t found) {
    progress.show(
        [&] { return fmt::format("{} of {} messages looked at, {} found", done, all, found); });
  };
  listener.found = [&](const MailbagEntry& entry, const MessageSummary& summary) {
    if (options.as_json) {
      std::cout << std::exchange(between, ",\n")
                << summary_json(postoffice, entry, summary, mailbag->part());
    } else {
      table.add(entry, summary);
    }
  };
  if (options.as_json) std::cout << "{\"messages\": [";
  const auto result = search_mailbag(postoffice, *mailbag, terms, listener);
  progress.clear();
  if (options.as_json) std::cout << "]}\n";
  if (!result) return fail(result.error());
  if (!options.as_json && result->found > 0) table.print(std::cout, Terminal::of_standard_output());
  if (!options.as_json && result->found == 0) {
    std::cout << fmt::format("none found among {} messages\n", result->looked_at);
  }
  if (result->unreadable > 0) {
    std::cerr << fmt::format("postoffice: {} could not be read; `list {}` shows why\n",
                             result->unreadable, printable(mailbag->mailbox()));
  }
  return EX_OK;
}

struct WatchOptions {
  std::string mailbox;
  std::int64_t seconds = 10;
  bool as_json = false;
};

/// Prints each new message in one line, and at once, whoever reads them.
class WatchOutput {
 public:
  WatchOutput(const Postoffice& postoffice, bool as_json)
      : postoffice_(postoffice), as_json_(as_json), zone_(readers_zone()) {}

  void print(const MailbagEntry& entry, const MessageSummary& summary) const {
    if (as_json_) {
      std::cout << summary_json(postoffice_, entry, summary, MailbagPart::received) << std::endl;
      return;
    }
    const LocalTime arrival = local_time(zone_, entry.arrival);
    const std::string from =
        cut_to_width(printable(correspondent(summary, MailbagPart::received)), widest_sender);
    const std::string subject = summary.problem.empty() ? printable(summary.subject)
                                                        : "(" + printable(summary.problem) + ")";
    const std::string line =
        fmt::format("{} {}  {}{}  {:>5}  {}  {}", arrival.date, arrival.time, from,
                    std::string(widest_sender - display_width(from), ' '), short_size(entry.size),
                    printable(entry.short_id), subject);
    const std::size_t width = Terminal::of_standard_output().width;
    std::cout << (width == 0 ? line : cut_to_width(line, width)) << std::endl;
  }

 private:
  static constexpr std::size_t widest_sender = 24;

  const Postoffice& postoffice_;
  bool as_json_;
  TimeZone zone_;
};

int watch_mailbox(const Postoffice& postoffice, const WatchOptions& options) {
  auto mailbag = Mailbag::open(postoffice, options.mailbox);
  if (!mailbag) return fail(mailbag.error());
  const StopSignal stop;
  const std::string directory = postoffice.mailbag_directory(mailbag->mailbox());
  DirectoryWatch watch({directory + "/new"}, stop.descriptor());
  if (!watch.is_complete()) {
    std::cerr << fmt::format("postoffice: no notice of new files here; looking every {} s\n",
                             options.seconds);
  }
  const WatchOutput output(postoffice, options.as_json);
  std::unordered_set<std::string> seen;
  for (bool is_first = true;; is_first = false) {
    auto names = mailbag->names();
    // A server that is away for a while comes back.
    if (!names && (is_first || names.error().is_permanent())) return fail(names.error());
    if (!names) fail(names.error());
    std::unordered_set<std::string> present;
    std::vector<MailbagEntry> arrived;
    for (MailbagEntry& entry : names.value_or(std::vector<MailbagEntry>())) {
      present.insert(entry.id);
      if (!is_first && !seen.contains(entry.id)) arrived.push_back(mailbag->look_at(entry));
    }
    std::stable_sort(
        arrived.begin(), arrived.end(),
        [](const MailbagEntry& a, const MailbagEntry& b) { return a.arrival < b.arrival; });
    for (const MailbagEntry& entry : arrived) {
      output.print(entry, summarize(*mailbag, entry, postoffice.settings().character_set));
    }
    if (!std::cout) return EX_IOERR;
    // What went and comes again is new again.
    if (names) seen = std::move(present);
    if (watch.wait(std::chrono::seconds(options.seconds)) == DirectoryWatch::Reason::stop) {
      return EX_OK;
    }
  }
}

void add_find(CLI::App& app, PostofficeCommand& run) {
  auto [find, options] = add_command<FindOptions>(
      app, "find", "Finds messages by what they say; all that is given must hold", run,
      find_messages);
  find->add_option("MAILBOX", options->mailbox, "The mailbox")->required();
  for (auto [name, what, list] :
       {std::tuple{"--from", "In the sender's name or address", &options->terms.from},
        {"--to", "In the name or address of a recipient it shows", &options->terms.to},
        {"--subject", "In the subject", &options->terms.subject},
        {"--text", "In the text", &options->terms.text},
        {"--attachment", "In the name of an attachment", &options->terms.attachments}}) {
    find->add_option(name, *list, std::string(what) + "; may be repeated")
        ->type_name("TEXT")
        ->allow_extra_args(false);
  }
  constexpr const char* moment = "2026-11-21, \"2026-11-21 10:30\", or an age: 30m, 5h, 2d, 3w";
  find->add_option("--since", options->since, std::string("Arrived then or later: ") + moment)
      ->type_name("WHEN");
  find->add_option("--before", options->before, "Arrived before that")->type_name("WHEN");
  find->add_flag("--unread", options->terms.only_unread, "Only unread messages");
  find->add_option("--newest", options->newest, "Stop when so many are found")
      ->check(CLI::PositiveNumber);
  find->add_flag("--sent", options->is_sent, "Among what the mailbox sent, kept in sent/");
  find->add_flag("--json", options->as_json, "For programs");
}

}  // namespace

void add_mailbag_commands(CLI::App& app, PostofficeCommand& run) {
  auto [remove, removing] =
      add_command<SeveralOptions>(app, "delete", "Deletes messages", run, delete_messages);
  remove->add_option("MAILBOX", removing->mailbox, "The mailbox")->required();
  remove->add_option("ID", removing->ids, "The messages; a beginning of each will do")->required();
  remove->add_flag("--sent", removing->is_sent, "Of what the mailbox sent, kept in sent/");

  auto [move, moving] = add_command<SeveralOptions>(
      app, "move", "Moves messages to another mailbox", run, move_messages);
  move->add_option("MAILBOX", moving->mailbox, "The mailbox they are in")->required();
  move->add_option("ID", moving->ids, "The messages; a beginning of each will do")->required();
  move->add_option("--to", moving->target, "The mailbox they go to")
      ->required()
      ->type_name("MAILBOX");

  add_find(app, run);

  auto [watch, watching] = add_command<WatchOptions>(
      app, "watch", "Prints each new message until it is stopped", run, watch_mailbox);
  watch->add_option("MAILBOX", watching->mailbox, "The mailbox")->required();
  watch
      ->add_option("--every", watching->seconds,
                   "Looks that often too, for file systems that tell nothing")
      ->check(CLI::Range(1, 86'400))
      ->type_name("SECONDS")
      ->capture_default_str();
  watch->add_flag("--json", watching->as_json, "One object a line, for programs");
}

}  // namespace smtpgate::postoffice
