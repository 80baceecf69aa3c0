// The commands `postoffice queue ...`; see the header. Thin: outgoing.h and reports.h do the work.
#include "postoffice/programs/queue_commands.h"

#include <ctime>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "postoffice/byte_stream.h"
#include "postoffice/mmff_show.h"
#include "postoffice/outgoing.h"
#include "postoffice/printable.h"
#include "postoffice/programs/command_output.h"
#include "postoffice/programs/queue_listing.h"
#include "postoffice/reports.h"

namespace smtpgate::postoffice {

namespace {

struct QueueOptions {
  std::vector<std::string> ids;
  bool is_all = false;
  bool as_json = false;
  bool with_message = false;
  std::string host;
};

/// What is done with one message.
using Action = Outcome (*)(const Postoffice&, const OutgoingMail&, const OutgoingEntry&);

int list(const Postoffice& postoffice, const QueueOptions& options) {
  auto entries = OutgoingMail(postoffice).list();
  if (!entries) return fail(entries.error());
  if (options.as_json) {
    print_queue_json(postoffice, *entries, std::cout);
  } else {
    print_queue(postoffice, *entries, std::time(nullptr), Terminal::of_standard_output(),
                std::cout);
  }
  return EX_OK;
}

/// The message itself, taken for so long, as it is locked then.
int show_message(const Postoffice& postoffice, const OutgoingEntry& entry) {
  const OutgoingMail mail(postoffice);
  auto taken = entry.is_bad ? mail.take_bad(entry.state.id) : mail.take(entry.state.id);
  if (!taken) return fail(taken.error());
  if (!*taken) {
    return fail(
        Outcome::permanent("message " + entry.state.id +
                           " is being worked on at this moment; try again when it is done"));
  }
  auto file = (*taken)->open_content();
  if (!file) return fail(file.error());
  FileSource source(**file);
  std::cout << '\n';
  if ((*taken)->content_kind() == OutgoingContent::internet) {
    std::string buffer(std::size_t{64} << 10, '\0');
    for (;;) {
      auto count = source.read(buffer);
      if (!count) return fail(count.error().outcome());
      if (*count == 0) return EX_OK;
      std::cout << printable_text(std::string_view(buffer.data(), *count));
    }
  }
  ShowOptions show;
  show.character_set = postoffice.settings().character_set;
  auto shown = show_text(source, std::cout, show);
  std::cout.flush();
  return shown ? EX_OK : fail(shown.error().outcome());
}

int show(const Postoffice& postoffice, const QueueOptions& options) {
  auto entry = OutgoingMail(postoffice).find(options.ids.front());
  if (!entry) return fail(entry.error());
  if (options.as_json) {
    print_queued_json(postoffice, *entry, std::cout);
    return EX_OK;
  }
  print_queued(postoffice, *entry, std::time(nullptr), Terminal::of_standard_output(), std::cout);
  return options.with_message ? show_message(postoffice, *entry) : EX_OK;
}

int adopt(const Postoffice& postoffice, const QueueOptions& options) {
  auto count = OutgoingMail(postoffice).adopt(options.host);
  if (!count) return fail(count.error());
  std::cout << fmt::format("{} message{} of host {} adopted\n", *count, *count == 1 ? "" : "s",
                           printable(options.host));
  return EX_OK;
}

Outcome return_message(const Postoffice& postoffice, const OutgoingMail& mail,
                       const OutgoingEntry& entry) {
  const std::string& id = entry.state.id;
  auto taken = entry.is_bad ? mail.take_bad(id) : mail.take(id);
  if (!taken) return taken.error();
  if (!*taken) {
    return Outcome::permanent("message " + id + " is being worked on" +
                              (entry.host.empty() ? "" : " by host " + entry.host) +
                              "; try again when it is done");
  }
  return return_to_sender(postoffice, **taken,
                          "It was returned by the administrator of this postoffice.");
}

/// The action on each message that was named, or on all; the worst outcome is the exit code.
int on_each(const Postoffice& postoffice, const QueueOptions& options, Action action) {
  const OutgoingMail mail(postoffice);
  std::vector<OutgoingEntry> entries;
  if (options.is_all) {
    auto listed = mail.list();
    if (!listed) return fail(listed.error());
    entries = std::move(*listed);
  }
  int code = EX_OK;
  // All names are looked up first, so that a wrong one shows before anything is done.
  for (const std::string& id : options.ids) {
    auto entry = mail.find(id);
    if (!entry) return fail(entry.error());
    entries.push_back(std::move(*entry));
  }
  for (const OutgoingEntry& entry : entries) {
    const int one = report(action(postoffice, mail, entry));
    if (one != EX_OK) code = one;
  }
  return code;
}

class QueueCommands {
 public:
  QueueCommands(CLI::App& app, PostofficeCommand& run)
      : queue_(app.add_subcommand("queue", "Lists and handles outgoing mail")), run_(run) {
    queue_->fallthrough();
    queue_->require_subcommand(1);
  }

  void add() {
    CLI::App* listing = command("list", "Lists what waits for Postfix, and what lies in BAD", list);
    listing->add_flag("--json", options_->as_json, "For programs");
    CLI::App* showing = command("show", "Shows one message and each of its recipients", show);
    showing->add_option("ID", options_->ids, "The message; a beginning will do")
        ->required()
        ->expected(1);
    showing->add_flag("--json", options_->as_json, "For programs");
    showing->add_flag("--message", options_->with_message, "Also what is in it");
    on_each_command("retry", "Has it tried now; brings it out of BAD",
                    [](const Postoffice&, const OutgoingMail& mail, const OutgoingEntry& entry) {
                      return mail.retry(entry.state.id);
                    });
    on_each_command("hold", "Keeps it until it is released",
                    [](const Postoffice&, const OutgoingMail& mail, const OutgoingEntry& entry) {
                      return mail.hold(entry.state.id, true);
                    });
    on_each_command("release", "Lets go what was held",
                    [](const Postoffice&, const OutgoingMail& mail, const OutgoingEntry& entry) {
                      return mail.hold(entry.state.id, false);
                    });
    on_each_command("return", "Gives it up and tells its sender", return_message);
    on_each_command("delete", "Deletes it; nobody is told",
                    [](const Postoffice&, const OutgoingMail& mail, const OutgoingEntry& entry) {
                      return mail.remove(entry.state.id);
                    });
    command("adopt", "Takes over what a dead host had taken", adopt)
        ->add_option("HOST", options_->host, "Its name, as `queue list` shows it")
        ->required();
  }

 private:
  CLI::App* command(const std::string& name, const std::string& what,
                    int (*action)(const Postoffice&, const QueueOptions&)) {
    CLI::App* added = queue_->add_subcommand(name, what);
    added->fallthrough();
    added->callback([options = options_, action, &run = run_] {
      run = [options, action](const Postoffice& postoffice) {
        return action(postoffice, *options);
      };
    });
    return added;
  }

  void on_each_command(const std::string& name, const std::string& what, Action action) {
    CLI::App* added = queue_->add_subcommand(name, what);
    added->fallthrough();
    CLI::Option* ids = added->add_option("ID", options_->ids, "The messages; beginnings will do");
    CLI::Option* all = added->add_flag("--all", options_->is_all, "All of them");
    ids->excludes(all);
    added->callback([options = options_, action, &run = run_] {
      if (options->ids.empty() && !options->is_all) throw CLI::RequiredError("ID or --all");
      run = [options, action](const Postoffice& postoffice) {
        return on_each(postoffice, *options, action);
      };
    });
  }

  CLI::App* queue_;
  PostofficeCommand& run_;
  std::shared_ptr<QueueOptions> options_ = std::make_shared<QueueOptions>();
};

}  // namespace

void add_queue_commands(CLI::App& app, PostofficeCommand& run) {
  QueueCommands(app, run).add();
}

}  // namespace smtpgate::postoffice
