// The program `postoffice`: makes, looks after and reads a postoffice folder by hand. Thin: each
// command asks the library and prints. Exit codes: sysexits.h. Manual: docs/man/postoffice.1.scd.
#include "postoffice/postoffice.h"

#include <cstdio>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <grp.h>
#include <nlohmann/json.hpp>
#include <pwd.h>
#include <unistd.h>

#include "postoffice/printable.h"
#include "postoffice/programs/archive_commands.h"
#include "postoffice/programs/check_commands.h"
#include "postoffice/programs/command_examples.h"
#include "postoffice/programs/command_output.h"
#include "postoffice/programs/expiry_commands.h"
#include "postoffice/programs/hook_commands.h"
#include "postoffice/programs/letter_commands.h"
#include "postoffice/programs/mailbag_commands.h"
#include "postoffice/programs/mailbox_commands.h"
#include "postoffice/programs/queue_commands.h"
#include "postoffice/programs/reading_commands.h"
#include "postoffice/programs/sending_commands.h"
#include "postoffice/programs/statistics_commands.h"
#include "postoffice/table.h"

namespace smtpgate::postoffice {
namespace {

constexpr const char* description =
    "Makes, looks after and reads a postoffice that is a folder.\n\n"
    "  postoffice -d /srv/postoffice init --name ACME/MAIN --owner smtpgate\n"
    "  postoffice -d /srv/postoffice mailbox add anna --name 'Anna Berg' --alias sales\n"
    "  postoffice -d /srv/postoffice list anna --newest 10\n"
    "  postoffice -d /srv/postoffice read anna 3f2c\n"
    "  postoffice -d /srv/postoffice find anna --from jo --text \"purchase order\" --since 2w\n"
    "  postoffice -d /srv/postoffice send --from anna --to jo@example.com --subject Plan "
    "plan.txt\n"
    "  postoffice -d /srv/postoffice queue list\n"
    "  postoffice -d /srv/postoffice letters list\n\n"
    "A message's ID is its file name; any unique beginning of it will do.\n"
    "Exit codes as in sysexits.h: 0 done, 64 wrong command line, 65 refused, 67 no such mailbox,\n"
    "75 try again, 78 the postoffice or its settings are at fault.";

struct PostofficeOptions {
  std::string directory;
  std::string name;  ///< of a postoffice, mailbox or alias
  std::string mailbox;
  std::string owner;
  std::string line_end = "lf";
  std::string attachment_names = "long";
  PostofficeSettings settings;
  bool as_json = false;
};

/// USER or USER:GROUP, names or numbers, to what the system knows them as.
Expected<FolderOwner> parse_owner(const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::string user = text.substr(0, colon);
  const struct passwd* entry = ::getpwnam(user.c_str());
  if (entry == nullptr) {
    return failure(Outcome::permanent("there is no user " + user + "; make it with adduser"));
  }
  FolderOwner owner{entry->pw_uid, entry->pw_gid};
  if (colon == std::string::npos) return owner;
  const std::string group = text.substr(colon + 1);
  const struct group* found = ::getgrnam(group.c_str());
  if (found == nullptr) {
    return failure(Outcome::permanent("there is no group " + group + "; make it with addgroup"));
  }
  owner.group = found->gr_gid;
  return owner;
}

int init(PostofficeOptions& options) {
  auto name = PostofficeName::parse(options.name);
  if (!name) {
    return fail(
        Outcome::permanent("\"" + options.name + "\" is no postoffice name; write it as NET/PO"));
  }
  options.settings.name = *name;
  options.settings.line_end = *parse_line_end(options.line_end);
  options.settings.short_attachment_names = options.attachment_names == "8.3";
  std::optional<FolderOwner> owner;
  if (!options.owner.empty()) {
    if (::geteuid() != 0) {
      return fail(Outcome::permanent("only root can use --owner; run this as the owner instead"));
    }
    auto parsed = parse_owner(options.owner);
    if (!parsed) return fail(parsed.error());
    owner = *parsed;
  }
  return report(Postoffice::init(options.directory, options.settings, FileSystem::posix(), owner));
}

int list_aliases(const Postoffice& postoffice, const PostofficeOptions& options) {
  auto aliases = postoffice.list_aliases();
  if (!aliases) return fail(aliases.error());
  if (options.as_json) {
    nlohmann::json list = {{"aliases", nlohmann::json::array()}};
    for (const Postoffice::Alias& alias : *aliases) {
      list["aliases"].push_back({{"name", alias.name}, {"mailbox", alias.mailbox}});
    }
    std::cout << list.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
    return EX_OK;
  }
  Table table({{"Alias", false}, {"Mailbox", false}});
  for (const Postoffice::Alias& alias : *aliases) {
    table.add({printable(alias.name), printable(alias.mailbox)});
  }
  if (!aliases->empty()) table.print(std::cout, 0, false);
  return EX_OK;
}

/// The command line. Each command sets `run`.
class CommandLine {
 public:
  CommandLine() : app_(description, "postoffice") {
    app_.set_version_flag("--version", "postoffice (smtpgate) " SMTPGATE_VERSION);
    app_.require_subcommand(1);
    app_.fallthrough();
    app_.add_option("-d,--directory", options_.directory, "The postoffice's folder")
        ->required()
        ->envname("POSTOFFICE")
        ->type_name("FOLDER");
    add_init();
    add_mailbox_commands(app_, run_);
    add_sending_commands(app_, run_);
    add_alias();
    add_reading_commands(app_, run_);
    add_mailbag_commands(app_, run_);
    add_hook_commands(app_, run_);
    add_queue_commands(app_, run_);
    add_letter_commands(app_, run_);
    add_archive_commands(app_, run_);
    add_statistics_commands(app_, run_);
    add_check_commands(app_, run_);
    add_expiry_commands(app_, run_);
    add_examples(app_);
  }

  int run(int count, char** words) {
    try {
      app_.parse(count, words);
    } catch (const CLI::ParseError& error) {
      return app_.exit(error) == 0 ? EX_OK : EX_USAGE;
    }
    if (init_->parsed()) return init(options_);
    auto postoffice = Postoffice::open(options_.directory);
    if (!postoffice) return fail(postoffice.error());
    return run_(*postoffice);
  }

 private:
  using Command = int (*)(const Postoffice&, const PostofficeOptions&);

  CLI::App* command(CLI::App* parent, const std::string& name, const std::string& what,
                    Command action) {
    CLI::App* added = parent->add_subcommand(name, what);
    added->fallthrough();
    if (action != nullptr) {
      added->callback([this, action] {
        run_ = [this, action](const Postoffice& postoffice) {
          return action(postoffice, options_);
        };
      });
    }
    return added;
  }

  void add_init() {
    init_ = command(&app_, "init", "Makes a postoffice in an empty or new directory", nullptr);
    init_->add_option("--name", options_.name, "Its name, NET/PO")->required();
    init_->add_option("--owner", options_.owner, "USER[:GROUP] it is to belong to (root only)");
    init_->add_option("--character-set", options_.settings.character_set,
                      "Character set of its message files (default UTF-8)");
    init_->add_option("--time-zone", options_.settings.time_zone,
                      "Its zone, such as Europe/Berlin (default: the machine's)");
    init_->add_option("--line-end", options_.line_end, "Line ends of its message files")
        ->check(CLI::IsMember({"lf", "crlf", "cr"}))
        ->capture_default_str();
    init_
        ->add_option("--attachment-names", options_.attachment_names,
                     "What attachments are called: as sent, or as DOS has it (ANGEBO~1.PDF)")
        ->check(CLI::IsMember({"long", "8.3"}))
        ->capture_default_str();
  }

  void add_alias() {
    CLI::App* alias = command(&app_, "alias", "Adds, removes, lists other names", nullptr);
    alias->require_subcommand(1);
    CLI::App* add = command(alias, "add", "Lets a name mean a mailbox",
                            [](const Postoffice& postoffice, const PostofficeOptions& options) {
                              return report(postoffice.add_alias(options.name, options.mailbox));
                            });
    add->add_option("NAME", options_.name, "The part before the @, or a whole address")->required();
    add->add_option("MAILBOX", options_.mailbox, "The mailbox")->required();
    command(alias, "remove", "Takes the name out",
            [](const Postoffice& postoffice, const PostofficeOptions& options) {
              return report(postoffice.remove_alias(options.name));
            })
        ->add_option("NAME", options_.name, "The alias")
        ->required();
    command(alias, "list", "Lists all aliases", list_aliases)
        ->add_flag("--json", options_.as_json, "For programs");
  }

  CLI::App app_;
  CLI::App* init_ = nullptr;
  PostofficeOptions options_;
  PostofficeCommand run_;
};

}  // namespace
}  // namespace smtpgate::postoffice

int main(int count, char** words) {
  try {
    return smtpgate::postoffice::CommandLine().run(count, words);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "postoffice: %s\n", error.what());
    return EX_SOFTWARE;
  }
}
