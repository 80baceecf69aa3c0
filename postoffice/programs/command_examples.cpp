// Examples, one table; see the header.
#include "postoffice/programs/command_examples.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace smtpgate::postoffice {

namespace {

struct Example {
  std::string_view command;  ///< its words
  std::string_view rest;     ///< of the line
};

constexpr std::array examples = {
    Example{"init", "--name ACME/MAIN --owner smtpgate"},
    Example{"mailbox add", "anna --name 'Anna Berg' --alias anna.berg --quota-bytes 500M"},
    Example{"mailbox remove", "anna"},
    Example{"mailbox rename", "anna annabel"},
    Example{"mailbox move", "anna --to /srv/postoffice-2"},
    Example{"mailbox routes", "--domain example.net --next-hop 'smtp:[gate2.example.net]'"},
    Example{"mailbox set", "orders --delivery folder --hook /usr/local/bin/order-intake"},
    Example{"mailbox list", "--long"},
    Example{"mailbox show", "anna"},
    Example{"mailbox recount", "anna"},
    Example{"mailbox import", "people.csv --dry-run"},
    Example{"mailbox export", "> people.csv"},
    Example{"alias add", "info@company.example anna"},
    Example{"alias remove", "info@company.example"},
    Example{"alias list", ""},
    Example{"group add", "sales anna bernd ACME/BRANCH/carl jo@example.com --owner anna"},
    Example{"group remove", "sales"},
    Example{"group list", ""},
    Example{"group show", "sales"},
    Example{"group member add", "sales dora"},
    Example{"group member remove", "sales jo@example.com"},
    Example{"send", "--from anna --to jo@example.com --subject Plan --attach plan.pdf plan.txt"},
    Example{"list", "anna --newest 10"},
    Example{"read", "anna 3f2c --mark-read"},
    Example{"mark", "anna 3f2c --unread"},
    Example{"extract", "anna 3f2c --out plans"},
    Example{"delete", "anna 3f2c 81d0"},
    Example{"move", "anna 3f2c --to orders"},
    Example{"find", "anna --from harbour --text 'purchase order' --since 2w"},
    Example{"watch", "anna"},
    Example{"export", "anna --to maildir --out /srv/archive/anna"},
    Example{"import", "anna --from mbox anna.mbox --dry-run"},
    Example{"run-hooks", "orders --once"},
    Example{"stats", "--top 10"},
    Example{"check", "--repair"},
    Example{"expire", "--dry-run"},
    Example{"queue list", ""},
    Example{"queue show", "01a2 --message"},
    Example{"queue retry", "--all"},
    Example{"queue hold", "01a2"},
    Example{"queue release", "01a2"},
    Example{"queue return", "01a2"},
    Example{"queue delete", "01a2"},
    Example{"queue adopt", "old-host"},
    Example{"letters list", "--older 2d --reason outbox-refused"},
    Example{"letters explain", "01a2"},
    Example{"letters show", "01a2"},
    Example{"letters redrive", "--all --mailbox anna --dry-run"},
    Example{"letters export", "--all --to /var/tmp/letters"},
    Example{"letters discard", "01a2 --yes"},
};

/// By its words; null if there is none.
CLI::App* find_command(CLI::App* app, std::string_view words) {
  while (app != nullptr && !words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    const std::string name(words.substr(0, end));
    const auto found = app->get_subcommands([&](CLI::App* one) { return one->get_name() == name; });
    app = found.empty() ? nullptr : found.front();
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return app;
}

}  // namespace

void add_examples(CLI::App& app) {
  for (const Example& example : examples) {
    CLI::App* command = find_command(&app, example.command);
    if (command == nullptr) continue;
    std::string line = "Example:\n  postoffice -d /srv/postoffice " + std::string(example.command);
    if (!example.rest.empty()) line += " " + std::string(example.rest);
    command->footer(line);
  }
}

}  // namespace smtpgate::postoffice
