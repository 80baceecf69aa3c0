// Listing and showing mailboxes; see the header. Manual: docs/man/postoffice.1.scd.
#include "postoffice/programs/mailbox_listing.h"

#include <algorithm>
#include <iostream>
#include <map>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "postoffice/groups.h"
#include "postoffice/mailbag.h"
#include "postoffice/mailbox_settings.h"
#include "postoffice/programs/command_output.h"
#include "postoffice/table.h"

namespace smtpgate::postoffice {

namespace {

using nlohmann::json;

json as_json(const MailboxSettings& settings) {
  json forward = json::array();
  for (const TypedAddress& target : settings.forward) forward.push_back(target.str());
  return {{"forward", forward},
          {"keep_copy", settings.keep_copy},
          {"keep_sent", settings.keep_sent},
          {"keep_original", settings.keep_original},
          {"receipts", settings.receipts},
          {"receive_from_internet", settings.receive_from_internet},
          {"send_to_internet", settings.send_to_internet},
          {"quota_bytes", settings.quota.octets},
          {"quota_messages", settings.quota.messages},
          {"expire_read_days", settings.expiry.read_days},
          {"expire_unread_days", settings.expiry.unread_days},
          {"expire_sent_days", settings.expiry.sent_days},
          {"delivery", settings.delivery},
          {"hook", settings.hook},
          {"hook_seconds", settings.hook_settings.seconds},
          {"hook_at_once", settings.hook_settings.at_once},
          {"hook_attempts", settings.hook_settings.attempts},
          {"hook_done", settings.hook_settings.removes ? "remove" : "keep"},
          {"hook_user", settings.hook_settings.user}};
}

int print(const json& value) {
  std::cout << value.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
  return EX_OK;
}

using AliasesOf = std::map<std::string, std::vector<std::string>>;

Expected<AliasesOf> aliases_of_all(const Postoffice& postoffice) {
  auto aliases = postoffice.list_aliases();
  if (!aliases) return failure(aliases.error());
  AliasesOf result;
  for (const Postoffice::Alias& alias : *aliases) result[alias.mailbox].push_back(alias.name);
  return result;
}

std::string quota_text(const Quota& quota) {
  std::string text;
  if (quota.octets != 0) text = short_size(quota.octets);
  if (quota.messages != 0) {
    text += fmt::format("{}{} messages", text.empty() ? "" : ", ", quota.messages);
  }
  return text.empty() ? "none" : text;
}

/// "read 30 d, sent 365 d".
std::string expiry_text(const Expiry& expiry) {
  std::string text;
  const auto add = [&text](std::string_view what, std::uint64_t days) {
    if (days != 0) text += fmt::format("{}{} {} d", text.empty() ? "" : ", ", what, days);
  };
  add("read", expiry.read_days);
  add("unread", expiry.unread_days);
  add("sent", expiry.sent_days);
  return text.empty() ? "never" : text;
}

std::string rights_text(const MailboxSettings& settings) {
  if (settings.receive_from_internet && settings.send_to_internet) return "both";
  if (settings.receive_from_internet) return "receives";
  return settings.send_to_internet ? "sends" : "none";
}

}  // namespace

int list_mailboxes(const Postoffice& postoffice, const MailboxListing& options) {
  auto names = postoffice.list_mailboxes();
  if (!names) return fail(names.error());
  if (!options.is_long && !options.as_json) {
    for (const std::string& name : *names) std::cout << printable(name) << '\n';
    return EX_OK;
  }
  auto aliases = aliases_of_all(postoffice);
  if (!aliases) return fail(aliases.error());
  Table table({{"Mailbox", false},
               {"Name", false, 8},
               {"Quota", false},
               {"Internet", false},
               {"Expires", false},
               {"Aliases", false, 10}});
  json all = json::array();
  int code = EX_OK;
  for (const std::string& name : *names) {
    auto settings = read_mailbox_settings(postoffice, name);
    if (!settings) {
      code = fail(settings.error());
      continue;
    }
    const std::vector<std::string>& known = (*aliases)[name];
    table.add({printable(name), printable(settings->full_name), quota_text(settings->quota),
               rights_text(*settings), expiry_text(settings->expiry),
               printable(fmt::format("{}", fmt::join(known, ", ")))});
    all.push_back({{"name", name},
                   {"full_name", settings->full_name},
                   {"aliases", known},
                   {"settings", as_json(*settings)}});
  }
  if (options.as_json) {
    print({{"mailboxes", all}});
  } else {
    const Terminal terminal = Terminal::of_standard_output();
    table.print(std::cout, terminal.width, terminal.with_colours);
  }
  return code;
}

namespace {

/// What `show` prints.
struct Shown {
  std::string name;
  std::string address;
  std::string folder;
  MailboxSettings settings;
  std::vector<std::string> aliases;
  std::vector<std::string> groups;  ///< that name the mailbox itself as a member
  std::uint64_t messages = 0;
  std::uint64_t unread = 0;
  std::uint64_t octets = 0;
  std::string newest;
};

Expected<std::vector<std::string>> groups_with(const Postoffice& postoffice,
                                               const std::string& mailbox) {
  auto names = list_groups(postoffice);
  if (!names) return failure(names.error());
  const std::string native = postoffice.settings().name.str() + "/" + mailbox;
  std::vector<std::string> found;
  for (const std::string& name : *names) {
    auto group = read_group(postoffice, name);
    if (!group) continue;  // `group list` says what is wrong with it
    const bool is_in =
        std::any_of(group->members.begin(), group->members.end(), [&](const std::string& member) {
          const std::string folded = fold_mailbox_name(member);
          return folded == mailbox || folded == fold_mailbox_name(native);
        });
    if (is_in) found.push_back(name);
  }
  return found;
}

Expected<Shown> look_at(const Postoffice& postoffice, const std::string& name) {
  auto mailbag = Mailbag::open(postoffice, name);
  if (!mailbag) return failure(mailbag.error());
  Shown shown;
  shown.name = mailbag->mailbox();
  shown.address = postoffice.settings().name.str() + "/" + shown.name;
  shown.folder = postoffice.mailbag_directory(shown.name);
  auto entries = mailbag->list();
  if (!entries) return failure(entries.error());
  shown.messages = entries->size();
  for (const MailbagEntry& entry : *entries) {
    if (!entry.is_read) ++shown.unread;
    shown.octets += entry.size;
  }
  if (!entries->empty()) {
    const LocalTime newest = postoffice.local_time(entries->front().arrival);
    shown.newest = newest.date + " " + newest.time;
  }
  auto settings = read_mailbox_settings(postoffice, shown.name);
  if (!settings) return failure(settings.error());
  shown.settings = std::move(*settings);
  auto aliases = aliases_of_all(postoffice);
  if (!aliases) return failure(aliases.error());
  shown.aliases = std::move((*aliases)[shown.name]);
  auto groups = groups_with(postoffice, shown.name);
  if (!groups) return failure(groups.error());
  shown.groups = std::move(*groups);
  return shown;
}

void print_settings(const MailboxSettings& settings) {
  const auto line = [](std::string_view title, std::string_view text) {
    std::cout << fmt::format("{:<11}", title) << printable(text) << '\n';
  };
  const auto yes_or_no = [](bool is) { return is ? "yes" : "no"; };
  for (const TypedAddress& target : settings.forward) line("Forward", target.str());
  if (!settings.forward.empty()) line("Keep copy", yes_or_no(settings.keep_copy));
  line("Keep sent", yes_or_no(settings.keep_sent));
  if (settings.keep_original) line("Original", "kept beside the message");
  line("Receipts", settings.receipts);
  if (!settings.receive_from_internet) line("Internet", "receives nothing from there");
  if (!settings.send_to_internet) line("Internet", "sends nothing there");
  if (settings.quota.octets != 0) {
    line("Quota", fmt::format("{} octets", settings.quota.octets));
  }
  if (settings.quota.messages != 0) {
    line("Quota", fmt::format("{} messages", settings.quota.messages));
  }
  if (settings.expiry.is_set()) line("Expires", expiry_text(settings.expiry));
  if (settings.delivery != "mailbag") line("Delivery", settings.delivery);
  for (const std::string& word : settings.hook) line("Hook", word);
  if (!settings.hook.empty()) {
    const HookSettings& hook = settings.hook_settings;
    line("Hook runs", fmt::format("{} s, {} at once, {} attempts, then {}{}", hook.seconds,
                                  hook.at_once, hook.attempts, hook.removes ? "removed" : "kept",
                                  hook.user.empty() ? "" : ", as " + hook.user));
  }
}

}  // namespace

int show_mailbox(const Postoffice& postoffice, const std::string& name,
                 const MailboxListing& options) {
  auto shown = look_at(postoffice, name);
  if (!shown) return fail(shown.error());
  if (options.as_json) {
    return print({{"name", shown->name},
                  {"address", shown->address},
                  {"folder", shown->folder},
                  {"full_name", shown->settings.full_name},
                  {"messages", shown->messages},
                  {"unread", shown->unread},
                  {"octets", shown->octets},
                  {"newest", shown->newest},
                  {"aliases", shown->aliases},
                  {"groups", shown->groups},
                  {"settings", as_json(shown->settings)}});
  }
  std::cout << "Mailbox    " << printable(shown->address) << '\n';
  if (!shown->settings.full_name.empty()) {
    std::cout << "Name       " << printable(shown->settings.full_name) << '\n';
  }
  std::cout << "Folder     " << printable(shown->folder) << '\n'
            << "Messages   " << shown->messages << ", " << shown->unread << " unread, "
            << shown->octets << " octets\n";
  if (!shown->newest.empty()) std::cout << "Newest     " << shown->newest << '\n';
  for (const std::string& alias : shown->aliases) {
    std::cout << "Alias      " << printable(alias) << '\n';
  }
  for (const std::string& group : shown->groups) {
    std::cout << "Group      " << printable(group) << '\n';
  }
  print_settings(shown->settings);
  return EX_OK;
}

}  // namespace smtpgate::postoffice
