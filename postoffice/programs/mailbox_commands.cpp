// Commands for mailboxes; see the header. Manual: docs/man/postoffice.1.scd.
#include "postoffice/programs/mailbox_commands.h"

#include <cstdint>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "postoffice/mailbox_changes.h"
#include "postoffice/mailbox_move.h"
#include "postoffice/mailbox_settings.h"
#include "postoffice/programs/command_output.h"
#include "postoffice/programs/import_commands.h"
#include "postoffice/programs/mailbox_listing.h"
#include "postoffice/programs/progress.h"
#include "postoffice/usage.h"

namespace smtpgate::postoffice {

namespace {

/// What `add` and `set` may say; what is not said stays as it is.
struct SettingOptions {
  std::optional<std::string> full_name;
  std::vector<std::string> aliases;
  std::vector<std::string> lost_aliases;
  std::vector<std::string> forward;
  bool stops_forwarding = false;
  std::optional<bool> keep_copy;
  std::optional<bool> keep_sent;
  std::optional<bool> keep_original;
  std::optional<bool> receive_from_internet;
  std::optional<bool> send_to_internet;
  std::string receipts;
  std::optional<std::uint64_t> quota_bytes;
  std::optional<std::uint64_t> quota_messages;
  std::optional<std::uint64_t> expire_read_days;
  std::optional<std::uint64_t> expire_unread_days;
  std::optional<std::uint64_t> expire_sent_days;
  std::string delivery;
  std::vector<std::string> hook;
  bool has_no_hook = false;
  std::optional<int> hook_seconds;
  std::optional<int> hook_at_once;
  std::optional<int> hook_attempts;
  std::string hook_done;
  std::optional<std::string> hook_user;
};

struct MailboxOptions {
  std::string name;
  std::string new_name;
  std::string group;
  std::string target;
  std::vector<std::string> domains;
  std::string next_hop;
  SettingOptions settings;
  bool with_messages = false;
  MailboxListing listing;
};

std::optional<Outcome> take_settings(const Postoffice& postoffice, const SettingOptions& options,
                                     MailboxSettings& settings) {
  settings.full_name = options.full_name.value_or(settings.full_name);
  if (options.stops_forwarding || !options.forward.empty()) settings.forward.clear();
  for (const std::string& word : options.forward) {
    auto target = parse_forward(postoffice, word);
    if (!target) return target.error();
    settings.forward.push_back(std::move(*target));
  }
  settings.keep_copy = options.keep_copy.value_or(settings.keep_copy);
  settings.keep_sent = options.keep_sent.value_or(settings.keep_sent);
  settings.keep_original = options.keep_original.value_or(settings.keep_original);
  settings.receive_from_internet =
      options.receive_from_internet.value_or(settings.receive_from_internet);
  settings.send_to_internet = options.send_to_internet.value_or(settings.send_to_internet);
  if (!options.receipts.empty()) settings.receipts = options.receipts;
  settings.quota.octets = options.quota_bytes.value_or(settings.quota.octets);
  settings.quota.messages = options.quota_messages.value_or(settings.quota.messages);
  Expiry& expiry = settings.expiry;
  expiry.read_days = options.expire_read_days.value_or(expiry.read_days);
  expiry.unread_days = options.expire_unread_days.value_or(expiry.unread_days);
  expiry.sent_days = options.expire_sent_days.value_or(expiry.sent_days);
  if (!options.delivery.empty()) settings.delivery = options.delivery;
  if (options.has_no_hook || !options.hook.empty()) settings.hook = options.hook;
  HookSettings& hook = settings.hook_settings;
  hook.seconds = options.hook_seconds.value_or(hook.seconds);
  hook.at_once = options.hook_at_once.value_or(hook.at_once);
  hook.attempts = options.hook_attempts.value_or(hook.attempts);
  if (!options.hook_done.empty()) hook.removes = options.hook_done == "remove";
  hook.user = options.hook_user.value_or(hook.user);
  return std::nullopt;
}

MailboxChange change_of(MailboxChange::Kind kind, const MailboxOptions& options) {
  MailboxChange change;
  change.kind = kind;
  change.mailbox = options.name;
  change.new_name = options.new_name;
  change.group = options.group;
  change.new_aliases = options.settings.aliases;
  change.lost_aliases = options.settings.lost_aliases;
  change.with_messages = options.with_messages;
  return change;
}

int add(const Postoffice& postoffice, const MailboxOptions& options) {
  MailboxChange change = change_of(MailboxChange::Kind::add, options);
  if (auto problem = take_settings(postoffice, options.settings, change.settings)) {
    return fail(*problem);
  }
  return report(change_mailbox(postoffice, change));
}

int set(const Postoffice& postoffice, const MailboxOptions& options) {
  // From the look at the settings to their change nobody else may change them.
  auto changes = MailboxChanges::begin(postoffice);
  if (!changes) return fail(changes.error());
  MailboxChange change = change_of(MailboxChange::Kind::set, options);
  auto settings = read_mailbox_settings(postoffice, options.name);
  if (!settings) return fail(settings.error());
  change.settings = std::move(*settings);
  if (auto problem = take_settings(postoffice, options.settings, change.settings)) {
    return fail(*problem);
  }
  auto problems = changes->check({change});
  if (!problems) return fail(problems.error());
  if (!problems->empty()) return fail(problems->front().outcome);
  const auto result = changes->apply({change});
  return report(result.trouble ? *result.trouble : result.outcomes.front());
}

int rename(const Postoffice& postoffice, const MailboxOptions& options) {
  return report(change_mailbox(postoffice, change_of(MailboxChange::Kind::rename, options)));
}

int remove(const Postoffice& postoffice, const MailboxOptions& options) {
  return report(change_mailbox(postoffice, change_of(MailboxChange::Kind::remove, options)));
}

/// To another postoffice, while mail flows.
int move(const Postoffice& postoffice, const MailboxOptions& options) {
  auto target = Postoffice::open(options.target);
  if (!target) return fail(target.error());
  ProgressLine progress;
  MoveOptions how{options.group, [&](std::size_t done) {
                    progress.show([&] { return fmt::format("{} messages moved", done); });
                  }};
  auto moved = move_mailbox(postoffice, *target, options.name, how);
  progress.clear();
  if (!moved) return fail(moved.error());
  for (const std::string& alias : moved->left_aliases) {
    std::cerr << fmt::format("postoffice: alias {} is taken in {}; it stays here\n",
                             printable(alias), target->settings().name.str());
  }
  const std::string name = printable(fold_mailbox_name(options.name));
  std::cout << fmt::format(
      "mailbox {0} is in {1}: {2} messages and {3} sent ones went over; what still comes here goes "
      "on to {1}/{0}\n",
      name, target->settings().name.str(), moved->messages, moved->sent);
  return EX_OK;
}

int routes(const Postoffice& postoffice, const MailboxOptions& options) {
  auto lines = mailbox_routes(postoffice, options.domains, options.next_hop);
  if (!lines) return fail(lines.error());
  for (const std::string& line : *lines) std::cout << printable(line) << '\n';
  return EX_OK;
}

int list(const Postoffice& postoffice, const MailboxOptions& options) {
  return list_mailboxes(postoffice, options.listing);
}

int show(const Postoffice& postoffice, const MailboxOptions& options) {
  return show_mailbox(postoffice, options.name, options.listing);
}

int recount(const Postoffice& postoffice, const MailboxOptions& options) {
  auto usage = recount_usage(postoffice, options.name);
  if (!usage) return fail(usage.error());
  std::cout << fmt::format("mailbox {} holds {} messages, {} octets\n",
                           printable(fold_mailbox_name(options.name)), usage->messages,
                           usage->octets);
  return EX_OK;
}

/// "--x,!--no-x". Not said, it stays empty: CLI11 itself would make it false.
void add_switch(CLI::App& command, const char* names, std::optional<bool>& value,
                const char* what) {
  command.add_flag_function(names, [&value](std::int64_t count) { value = count > 0; }, what);
}

void add_expiry_options(CLI::App& command, SettingOptions& options) {
  const auto days = [&](const char* name, std::optional<std::uint64_t>& value, const char* what) {
    command.add_option(name, value, what)->type_name("N");
  };
  days("--expire-read-days", options.expire_read_days,
       "Read messages are deleted by `expire` so many days after they came; 0: never");
  days("--expire-unread-days", options.expire_unread_days,
       "The same for those that nobody has read");
  days("--expire-sent-days", options.expire_sent_days, "The same for copies of what it sent");
}

void add_setting_options(CLI::App& command, SettingOptions& options) {
  constexpr const char* address_forms = "name, NET/PO/MAILBOX or user@host";
  command.add_option("--name", options.full_name, "Whose it is, for people")->type_name("TEXT");
  command
      .add_option("--alias", options.aliases,
                  "Another name: the part before the @, or a whole address; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false);
  CLI::Option* forward =
      command
          .add_option("--forward", options.forward,
                      std::string("Where its mail goes on to; may be repeated: ") + address_forms)
          ->type_name("ADDRESS")
          ->allow_extra_args(false);
  command.add_flag("--no-forward", options.stops_forwarding, "Its mail goes nowhere else any more")
      ->excludes(forward);
  add_switch(command, "--keep-copy,!--no-keep-copy", options.keep_copy,
             "What is forwarded is filed here too (default), or not");
  add_switch(command, "--keep-sent,!--no-keep-sent", options.keep_sent,
             "What it sends is kept in sent/, or not (default)");
  add_switch(command, "--keep-original,!--no-keep-original", options.keep_original,
             "Messages are also kept as they came, in original/, or not (default)");
  command.add_option("--receipts", options.receipts, "How requests for a receipt are answered")
      ->check(CLI::IsMember({"never", "on-read"}));
  add_switch(command, "--receive-from-internet,!--no-receive-from-internet",
             options.receive_from_internet, "It takes mail from outside (default), or not");
  add_switch(command, "--send-to-internet,!--no-send-to-internet", options.send_to_internet,
             "It may send mail outside (default), or not");
  command
      .add_option("--quota-bytes", options.quota_bytes,
                  "How much it may hold, such as 500M; 0: no limit")
      ->transform(CLI::AsSizeValue(false))
      ->type_name("SIZE");
  command
      .add_option("--quota-messages", options.quota_messages,
                  "How many messages it may hold; 0: no limit")
      ->type_name("N");
  add_expiry_options(command, options);
  command.add_option("--delivery", options.delivery, "Messages as files, or as folders")
      ->check(CLI::IsMember({"mailbag", "folder"}));
  CLI::Option* hook = command
                          .add_option("--hook", options.hook,
                                      "A word of the command for each message in a folder; "
                                      "repeated for each word, the program's path first")
                          ->type_name("WORD")
                          ->allow_extra_args(false);
  command.add_flag("--no-hook", options.has_no_hook, "No command any more")->excludes(hook);
  command.add_option("--hook-seconds", options.hook_seconds, "How long a run of it may take")
      ->type_name("N");
  command.add_option("--hook-at-once", options.hook_at_once, "How many runs at one time")
      ->type_name("N");
  command
      .add_option("--hook-attempts", options.hook_attempts,
                  "Failures after which a message is set aside")
      ->type_name("N");
  command
      .add_option(
          "--hook-done", options.hook_done,
          "What becomes of a message that is done: it is kept in cur/ (default), or removed")
      ->check(CLI::IsMember({"keep", "remove"}));
  command.add_option("--hook-user", options.hook_user, "Whom root runs it as; \"\": by the group")
      ->type_name("USER");
}

}  // namespace

void add_mailbox_commands(CLI::App& app, PostofficeCommand& run) {
  CLI::App* mailbox = app.add_subcommand(
      "mailbox", "Adds, removes, renames, moves, changes, lists, shows mailboxes");
  mailbox->fallthrough();
  mailbox->require_subcommand(1);
  const auto named = [&](const char* name, const char* what,
                         int (*action)(const Postoffice&, const MailboxOptions&)) {
    auto made = add_command<MailboxOptions>(*mailbox, name, what, run, action);
    made.first->add_option("NAME", made.second->name, "The mailbox; kept in lower case")
        ->required();
    return made;
  };
  auto [add_app, adding] = named("add", "Makes a mailbox", add);
  add_app->add_option("--group", adding->group,
                      "Group whose members may read, move and delete its messages");
  add_setting_options(*add_app, adding->settings);
  auto [remove_app, removing] =
      named("remove", "Removes a mailbox, its aliases, and its name from groups", remove);
  remove_app->add_flag("--with-messages,--with-mail", removing->with_messages,
                       "And all that is in it");
  auto [rename_app, renaming] =
      named("rename", "Renames a mailbox; the old name becomes an alias", rename);
  rename_app->add_option("NEWNAME", renaming->new_name, "What it is to be called")->required();
  auto [move_app, moving] =
      named("move", "Moves a mailbox to another postoffice; mail that still comes follows", move);
  move_app->add_option("--to", moving->target, "The other postoffice's folder")
      ->type_name("FOLDER")
      ->required();
  move_app->add_option("--group", moving->group,
                       "Group whose members may read, move and delete its messages there");
  auto [routes_app, routing] = add_command<MailboxOptions>(
      *mailbox, "routes", "Prints the lines of Postfix's transport table for its names", run,
      routes);
  routes_app
      ->add_option("--domain", routing->domains,
                   "One of its domains, such as example.net; may be repeated")
      ->type_name("DOMAIN")
      ->allow_extra_args(false)
      ->required();
  routes_app
      ->add_option("--next-hop", routing->next_hop,
                   "Where that mail is sent, such as smtp:[gate2.example.net]")
      ->type_name("TRANSPORT")
      ->required();
  auto [set_app, setting] = named("set", "Changes what a mailbox is and may", set);
  add_setting_options(*set_app, setting->settings);
  set_app
      ->add_option("--remove-alias", setting->settings.lost_aliases,
                   "One of its aliases that is to go; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false);
  auto [list_app, listing] =
      add_command<MailboxOptions>(*mailbox, "list", "Names all mailboxes", run, list);
  list_app->add_flag("--long", listing->listing.is_long, "With names, quotas, rights and aliases");
  list_app->add_flag("--json", listing->listing.as_json, "For programs");
  auto [show_app, showing] =
      named("show", "Says what is in a mailbox, its aliases, groups and settings", show);
  show_app->add_flag("--json", showing->listing.as_json, "For programs");
  named("recount", "Counts what a mailbox holds, for its quota", recount);
  add_import_commands(*mailbox, run);
}

}  // namespace smtpgate::postoffice
