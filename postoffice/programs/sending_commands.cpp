// Commands for mail that goes on; see the header. Manual: docs/man/postoffice.1.scd.
#include "postoffice/programs/sending_commands.h"

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/filesystem.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sysexits.h>

#include "postoffice/compose.h"
#include "postoffice/groups.h"
#include "postoffice/programs/command_output.h"
#include "postoffice/table.h"

namespace smtpgate::postoffice {

namespace {

constexpr const char* address_forms = "name, NET/PO/MAILBOX or user@host";

struct SendOptions {
  Composition composition;
  bool wants_receipt = false;
  std::string text;
};

class StandardInput : public ByteSource {
 public:
  FileResult<std::size_t> read(std::span<char> buffer) override {
    std::cin.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    if (std::cin.bad()) return tl::unexpected(FileError{EIO, "read", "the standard input"});
    return static_cast<std::size_t>(std::cin.gcount());
  }
};

int send(const Postoffice& postoffice, const SendOptions& options) {
  Composition composition = options.composition;
  if (options.wants_receipt) composition.priority = "R";
  if (options.text.empty() || options.text == "-") {
    StandardInput input;
    return report(drop_message(postoffice, composition, input));
  }
  boost::system::error_code error;
  const auto path = boost::filesystem::canonical(options.text, error);
  auto file = postoffice.files().open(error ? options.text : path.string());
  if (!file) {
    fail(file.error().outcome());
    return EX_NOINPUT;
  }
  FileSource source(**file);
  return report(drop_message(postoffice, composition, source));
}

void add_send(CLI::App& app, PostofficeCommand& run) {
  auto [send_app, options] =
      add_command<SendOptions>(app, "send", "Sends a message as a mailbox", run, send);
  Composition& composition = options->composition;
  send_app
      ->add_option("--from", composition.mailbox, "The mailbox it is from, by its name or an alias")
      ->required()
      ->type_name("MAILBOX");
  for (auto [name, what, list] :
       {std::tuple{"--to", "A recipient; may be repeated", &composition.to},
        {"--cc", "Gets a copy", &composition.cc},
        {"--bcc", "Gets a copy that nobody sees", &composition.bcc}}) {
    send_app->add_option(name, *list, std::string(what) + ": " + address_forms)
        ->type_name("ADDRESS")
        ->allow_extra_args(false);
  }
  send_app->add_option("--subject", composition.subject, "What it is about");
  send_app->add_option("--attach", composition.attachments, "A file to go with it; may be repeated")
      ->type_name("FILE")
      ->allow_extra_args(false);
  CLI::Option* priority =
      send_app->add_option("--priority", composition.priority, "1 (low) to 5 (high), or a letter");
  send_app->add_flag("--receipt", options->wants_receipt, "Ask for a receipt (priority R)")
      ->excludes(priority);
  send_app->add_option("TEXTFILE", options->text, "The text, UTF-8; - or none: standard input");
}

struct GroupOptions {
  std::string name;
  std::string owner;
  std::vector<std::string> members;
  bool as_json = false;
};

int add_group(const Postoffice& postoffice, const GroupOptions& options) {
  if (auto known = read_group(postoffice, options.name); known || known.error().is_temporary()) {
    if (!known) return fail(known.error());
    return fail(Outcome::permanent("group " + known->name + " exists already; change it with " +
                                   "`postoffice group member`"));
  }
  return report(write_group(postoffice, {options.name, options.owner, options.members}));
}

nlohmann::json as_json(const Group& group) {
  return {{"name", group.name}, {"owner", group.owner}, {"members", group.members}};
}

int print(const nlohmann::json& json) {
  std::cout << json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
  return EX_OK;
}

int list_all_groups(const Postoffice& postoffice, const GroupOptions& options) {
  auto names = list_groups(postoffice);
  if (!names) return fail(names.error());
  Table table({{"Group", false}, {"Owner", false}, {"Members", true}});
  nlohmann::json all = nlohmann::json::array();
  int code = EX_OK;
  for (const std::string& name : *names) {
    auto group = read_group(postoffice, name);
    if (!group) {
      code = fail(group.error());
      continue;
    }
    table.add({printable(name), printable(group->owner), std::to_string(group->members.size())});
    all.push_back(as_json(*group));
  }
  if (options.as_json) {
    print({{"groups", all}});
  } else if (!all.empty()) {
    table.print(std::cout, 0, false);
  }
  return code;
}

int show_group(const Postoffice& postoffice, const GroupOptions& options) {
  auto group = read_group(postoffice, options.name);
  if (!group) return fail(group.error());
  auto all = distribute(postoffice, {{}, "group", group->name});
  if (!all) return fail(all.error());
  if (options.as_json) {
    nlohmann::json json = as_json(*group);
    json["mailboxes"] = all->mailboxes;
    json["beyond"] = nlohmann::json::array();
    for (const auto& one : all->beyond) json["beyond"].push_back(one.address.str());
    json["failures"] = nlohmann::json::array();
    for (const auto& one : all->failures) {
      json["failures"].push_back({{"member", one.member},
                                  {"where", one.where},
                                  {"status", one.outcome.status()},
                                  {"reason", one.outcome.sentence()}});
    }
    return print(json);
  }
  std::cout << "Group      " << printable(group->name) << "\nOwner      " << printable(group->owner)
            << '\n';
  for (const auto& one : group->members) std::cout << "Member     " << printable(one) << '\n';
  for (const auto& one : all->mailboxes) std::cout << "Mailbox    " << printable(one) << '\n';
  for (const auto& one : all->beyond) {
    std::cout << "Beyond     " << printable(one.address.str()) << '\n';
  }
  for (const auto& one : all->failures) {
    std::cout << "Failure    " << printable(one.member) << " (" << printable(one.where)
              << "): " << printable(one.outcome.sentence()) << '\n';
  }
  return EX_OK;
}

int add_members(const Postoffice& postoffice, const GroupOptions& options) {
  return report(change_group(postoffice, options.name, [&](Group& group) {
    std::size_t added = 0;
    for (const std::string& member : options.members) {
      const auto known = std::find(group.members.begin(), group.members.end(), member);
      if (known != group.members.end()) continue;
      group.members.push_back(member);
      ++added;
    }
    return Outcome::delivered(fmt::format("{} added to group {}", added, group.name));
  }));
}

int remove_members(const Postoffice& postoffice, const GroupOptions& options) {
  return report(change_group(postoffice, options.name, [&](Group& group) {
    for (const std::string& member : options.members) {
      if (std::erase(group.members, member) > 0) continue;
      return Outcome::permanent(member + " is no member of group " + group.name +
                                    "; write it as `postoffice group show` does",
                                "5.1.1");
    }
    return Outcome::delivered(
        fmt::format("{} removed from group {}", options.members.size(), group.name));
  }));
}

int remove_whole_group(const Postoffice& postoffice, const GroupOptions& options) {
  return report(remove_group(postoffice, options.name));
}

void add_group_commands(CLI::App& app, PostofficeCommand& run) {
  CLI::App* group = app.add_subcommand("group", "Adds, removes, lists, shows, changes groups");
  group->fallthrough();
  group->require_subcommand(1);
  const auto named = [&](CLI::App& parent, const char* name, const char* what,
                         int (*action)(const Postoffice&, const GroupOptions&)) {
    auto made = add_command<GroupOptions>(parent, name, what, run, action);
    made.first->add_option("NAME", made.second->name, "The group; kept in lower case")->required();
    return made;
  };
  const std::string member = std::string("A member: ") + address_forms;
  auto [add, adding] = named(*group, "add", "Makes a group", add_group);
  add->add_option("MEMBER", adding->members, member);
  add->add_option("--owner", adding->owner, "Mailbox that hears of members who cannot be reached")
      ->type_name("MAILBOX");
  named(*group, "remove", "Removes a group", remove_whole_group);
  auto [list, listing] =
      add_command<GroupOptions>(*group, "list", "Lists all groups", run, list_all_groups);
  list->add_flag("--json", listing->as_json, "For programs");
  auto [show, showing] = named(
      *group, "show", "Shows its members, and whom mail for it reaches in the end", show_group);
  show->add_flag("--json", showing->as_json, "For programs");
  CLI::App* members = group->add_subcommand("member", "Adds members to a group, or removes them");
  members->fallthrough();
  members->require_subcommand(1);
  auto [more, with_more] = named(*members, "add", "Adds members", add_members);
  more->add_option("MEMBER", with_more->members, member)->required();
  auto [fewer, with_fewer] = named(*members, "remove", "Removes members", remove_members);
  fewer->add_option("MEMBER", with_fewer->members, "As `group show` writes it")->required();
}

}  // namespace

void add_sending_commands(CLI::App& app, PostofficeCommand& run) {
  add_group_commands(app, run);
  add_send(app, run);
}

}  // namespace smtpgate::postoffice
