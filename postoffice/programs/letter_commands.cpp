// The commands `postoffice letters ...`; see the header. Thin: dead_letters.h does the work.
//
// Run by root they become the gateway's user first, all but export: folders of mailboxes are their
// groups' to write in, and what is made there must be the gateway's.
#include "postoffice/programs/letter_commands.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "postoffice/byte_stream.h"
#include "postoffice/dead_letters.h"
#include "postoffice/letter_log.h"
#include "postoffice/mailbag_search.h"
#include "postoffice/mmff_show.h"
#include "postoffice/printable.h"
#include "postoffice/programs/command_output.h"
#include "postoffice/programs/letter_export.h"
#include "postoffice/programs/letter_listing.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::size_t piece = std::size_t{64} << 10;

struct LetterOptions {
  std::vector<std::string> ids;
  std::string older;
  std::string waits = "1d";
  std::vector<std::string> reasons;
  std::string mailbox;
  std::string directory;
  bool is_all = false;
  bool as_json = false;
  bool is_quick = false;
  bool is_raw = false;
  bool is_dry = false;
  bool is_sure = false;
  bool needs_choice = false;  ///< IDs or --all must be given
};

/// Root becomes the owner of the postoffice, for good.
Outcome become_gateway(const Postoffice& postoffice) {
  if (::geteuid() != 0) return Outcome::delivered("nobody to become");
  auto status = postoffice.files().status(postoffice.directory());
  if (!status) return status.error().outcome();
  if (status->owner == 0) return Outcome::delivered("it is root's own");
  const struct passwd* const entry = ::getpwuid(status->owner);
  const bool has_groups = entry != nullptr ? ::initgroups(entry->pw_name, status->group) == 0
                                           : ::setgroups(1, &status->group) == 0;
  if (!has_groups || ::setresgid(status->group, status->group, status->group) != 0 ||
      ::setresuid(status->owner, status->owner, status->owner) != 0) {
    return FileError{errno, "become the owner of", postoffice.directory()}.outcome();
  }
  return Outcome::delivered("the gateway's user");
}

/// "2d" and the like as seconds before `now`.
Expected<std::int64_t> age_in(const Postoffice& postoffice, const std::string& text,
                              std::int64_t now) {
  auto zone = TimeZone::open(postoffice.settings().time_zone);
  const auto moment = zone ? parse_moment(text, *zone, now) : std::nullopt;
  if (moment && *moment <= now) return now - *moment;
  return failure(Outcome::permanent(
      "\"" + text + "\" is no age; write it as 30m, 5h, 2d, 3w or as a date", "5.2.0"));
}

struct Chosen {
  LettersFound found;
  std::vector<DeadLetter> letters;
  std::int64_t now = 0;
};

bool is_wanted(const DeadLetter& letter, const LetterOptions& options, std::int64_t older,
               std::int64_t now) {
  if (!options.older.empty() && now - letter.since < older) return false;
  if (!options.mailbox.empty() && letter.mailbox != fold_mailbox_name(options.mailbox))
    return false;
  if (options.reasons.empty()) return true;
  return std::find(options.reasons.begin(), options.reasons.end(),
                   definition_of(letter.reason).word) != options.reasons.end();
}

/// By ID, however short it has waited; but what an outbox has not taken yet, and may take at any
/// moment, by its whole ID alone: the beginning of one may be the name of a newer file. Messages
/// are opened only if the others have no such ID.
Outcome find_named(const Postoffice& postoffice, const std::vector<std::string>& ids,
                   LetterLook look, std::int64_t waits, Chosen& chosen) {
  look.waits = -1;
  Outcome problem = Outcome::delivered("found");
  for (const bool opens : {false, true}) {
    look.most_opened = opens ? std::optional<std::uint64_t>() : 0;
    chosen.found = find_dead_letters(postoffice, look);
    chosen.letters.clear();
    LettersFound by_beginning = chosen.found;
    std::erase_if(by_beginning.letters, [&](const DeadLetter& one) {
      return one.reason == LetterReason::outbox_ignored && look.now - one.since <= waits;
    });
    problem = Outcome::delivered("found");
    for (const std::string& id : ids) {
      auto letter =
          find_letter(postoffice, is_whole_letter_id(id) ? chosen.found : by_beginning, id);
      if (!letter) {
        problem = letter.error();
        break;
      }
      chosen.letters.push_back(std::move(*letter));
    }
    if (problem.is_delivered()) break;
  }
  return problem;
}

/// Those that were named, or all that the filters let through. A wrong name shows before anything
/// is done.
Expected<Chosen> choose(const Postoffice& postoffice, const LetterOptions& options) {
  Chosen chosen;
  chosen.now = std::time(nullptr);
  auto waits = age_in(postoffice, options.waits, chosen.now);
  if (!waits) return failure(waits.error());
  std::int64_t older = 0;
  if (!options.older.empty()) {
    auto age = age_in(postoffice, options.older, chosen.now);
    if (!age) return failure(age.error());
    older = *age;
  }
  LetterLook look;
  look.now = chosen.now;
  if (!options.ids.empty()) {
    auto named = find_named(postoffice, options.ids, look, *waits, chosen);
    return named.is_delivered() ? Expected<Chosen>(std::move(chosen)) : failure(named);
  }
  look.waits = *waits;
  if (options.is_quick) look.most_opened = 0;
  chosen.found = find_dead_letters(postoffice, look);
  for (const DeadLetter& one : chosen.found.letters) {
    if (is_wanted(one, options, older, chosen.now)) chosen.letters.push_back(one);
  }
  return chosen;
}

/// What could not be looked at is told, and is the exit code.
int code_of(const LettersFound& found) {
  int code = EX_OK;
  for (const Outcome& one : found.troubles) code = fail(one);
  return code;
}

int list(const Postoffice& postoffice, const LetterOptions& options) {
  const auto chosen = choose(postoffice, options);
  if (!chosen) return fail(chosen.error());
  if (options.as_json) {
    print_letters_json(postoffice, chosen->letters, chosen->found, chosen->now, std::cout);
  } else {
    print_letters(postoffice, chosen->letters, chosen->found, chosen->now,
                  Terminal::of_standard_output(), std::cout);
  }
  std::cout.flush();
  return code_of(chosen->found);
}

int explain(const Postoffice& postoffice, const LetterOptions& options) {
  const auto chosen = choose(postoffice, options);
  if (!chosen) return fail(chosen.error());
  const DeadLetter& letter = chosen->letters.front();
  std::cout << (options.as_json ? letter_json(postoffice, letter, chosen->now)
                                : explanation(postoffice, letter, chosen->now));
  return EX_OK;
}

/// All octets of it, as they are or made printable.
int copy_out(File& file, bool is_raw) {
  FileSource source(file);
  std::string buffer(piece, '\0');
  for (;;) {
    auto count = source.read(buffer);
    if (!count) return fail(count.error().outcome());
    if (*count == 0) break;
    const std::string_view octets(buffer.data(), *count);
    if (is_raw) {
      std::cout << octets;
    } else {
      std::cout << printable_text(octets);
    }
  }
  std::cout.flush();
  if (std::cout) return EX_OK;
  return fail(Outcome::temporary("standard output cannot be written"));
}

int show(const Postoffice& postoffice, const LetterOptions& options) {
  const auto chosen = choose(postoffice, options);
  if (!chosen) return fail(chosen.error());
  const DeadLetter& letter = chosen->letters.front();
  auto file = open_letter(postoffice, letter);
  if (!file) return fail(file.error());
  if (options.is_raw) return copy_out(**file, true);
  std::cout << explanation(postoffice, letter, chosen->now) << '\n';
  if (letter.content == OutgoingContent::internet) return copy_out(**file, false);
  OffsetSource source(**file);
  ShowOptions how;
  how.character_set = postoffice.settings().character_set;
  auto shown = show_text(source, std::cout, how);
  std::cout.flush();
  if (shown) return EX_OK;
  if (shown.error().is_file_error) return fail(shown.error().outcome());
  // What is no message is shown as the octets that it is.
  std::cout << "\nNot read as a message: " << shown.error().str() << "\n\n";
  return copy_out(**file, false);
}

void print_note(const OutboxNote& note) {
  std::cout << "  " << (note.recipient.empty() ? printable(note.file) : printable(note.recipient))
            << ": " << printable(note.outcome.sentence()) << '\n';
}

int say(const DeadLetter& letter, const Outcome& outcome) {
  const std::string line = letter.id + ": " + printable(outcome.sentence());
  if (outcome.is_delivered()) {
    std::cout << line << '\n';
    return EX_OK;
  }
  std::cout.flush();
  std::cerr << "postoffice: " << line << '\n';
  return exit_code(outcome);
}

/// What was done must not be undone because it could not be written down: told.
int note_act(const Postoffice& postoffice, std::string_view act, const DeadLetter& letter,
             const Outcome& outcome) {
  const Outcome logged = log_letter_act(postoffice, act, letter, outcome.sentence());
  return logged.is_delivered() ? EX_OK : fail(logged);
}

int redrive(const Postoffice& postoffice, const LetterOptions& options) {
  const auto chosen = choose(postoffice, options);
  if (!chosen) return fail(chosen.error());
  int code = options.is_all ? code_of(chosen->found) : EX_OK;
  for (const DeadLetter& letter : chosen->letters) {
    // Of all, those that it can do something for.
    if (options.is_all && !definition_of(letter.reason).is_mended_by_redrive) continue;
    const Outcome outcome = options.is_dry ? would_redrive(postoffice, letter)
                                           : redrive_letter(postoffice, letter, print_note);
    int one = say(letter, outcome);
    if (!options.is_dry && one == EX_OK) one = note_act(postoffice, "redrive", letter, outcome);
    if (one != EX_OK) code = one;
  }
  if (chosen->letters.empty()) std::cout << "no dead letters\n";
  return code;
}

int discard(const Postoffice& postoffice, const LetterOptions& options) {
  const auto chosen = choose(postoffice, options);
  if (!chosen) return fail(chosen.error());
  if (!options.is_sure) {
    for (const DeadLetter& letter : chosen->letters) {
      std::cout << explanation(postoffice, letter, chosen->now) << '\n';
    }
    std::cout.flush();
    std::cerr << "postoffice: nothing was discarded; say --yes to delete this for good\n";
    return EX_USAGE;
  }
  for (std::size_t i = 0; i < chosen->letters.size(); ++i) {
    const DeadLetter& letter = chosen->letters[i];
    if (!may_be_exchanged(letter) || is_whole_letter_id(options.ids[i])) continue;
    return fail(Outcome::permanent(
        fmt::format("{} is a file in an outbox, which may be another one than was listed: look at "
                    "it, and say its whole ID: {} discard {} --yes",
                    letter.path, letters_command(postoffice), letter.id),
        "5.2.0"));
  }
  int code = EX_OK;
  for (const DeadLetter& letter : chosen->letters) {
    // First the trace, then the deed.
    const Outcome logged = log_letter_act(postoffice, "discard", letter, "begun");
    if (!logged.is_delivered()) {
      return fail(logged.with("; nothing is discarded without a line in the log"));
    }
    const Outcome outcome = discard_letter(postoffice, letter);
    const int one =
        std::max(say(letter, outcome), note_act(postoffice, "discard", letter, outcome));
    if (one != EX_OK) code = one;
  }
  return code;
}

int export_letters(const Postoffice& postoffice, const LetterOptions& options) {
  const auto chosen = choose(postoffice, options);
  if (!chosen) return fail(chosen.error());
  FileSystem& files = postoffice.files();
  auto made = files.make_directory(options.directory, 0700);
  if (!made && made.error().code != EEXIST) return fail(made.error().outcome());
  int code = options.is_all ? code_of(chosen->found) : EX_OK;
  for (const DeadLetter& letter : chosen->letters) {
    const Outcome outcome = export_letter(postoffice, letter, chosen->now, options.directory);
    if (const int one = say(letter, outcome); one != EX_OK) code = one;
  }
  if (chosen->letters.empty()) std::cout << "no dead letters\n";
  return code;
}

class LetterCommands {
 public:
  LetterCommands(CLI::App& app, PostofficeCommand& run)
      : letters_(app.add_subcommand(
            "letters", "Lists what could not be handled, either way, and has it handled again")),
        run_(run) {
    letters_->fallthrough();
    letters_->require_subcommand(1);
  }

  void add() {
    CLI::App* one = command("list", "Lists all that could not be handled, oldest first", list);
    add_filters(one);
    one->add_flag("--quick", options_->is_quick,
                  "Does not open each message to see whether it can be read");
    one->add_flag("--json", options_->as_json, "For programs");
    one = command("explain", "Says what happened to one, and the command that mends it", explain);
    add_id(one);
    one->add_flag("--json", options_->as_json, "For programs");
    one = command("show", "Shows one as text, made safe for a terminal", show);
    add_id(one);
    one->add_flag("--raw", options_->is_raw, "Its octets as they lie there, and nothing else");
    one = command("redrive", "Has them handled again, once what was wrong is mended", redrive);
    add_ids_or_all(one);
    one->add_flag("--dry-run", options_->is_dry, "Changes nothing; says what would be tried");
    one = command("export", "Writes them as files: as they lie there, as .eml, and the reason",
                  export_letters, User::whoever);
    add_ids_or_all(one);
    one->add_option("--to", options_->directory, "Directory, made if it is not there")
        ->required()
        ->type_name("DIR");
    one = command("discard", "Deletes them for good, with a line in LOG/letters.log", discard);
    one->add_option("ID", options_->ids, "The letters; a file in an outbox by its whole ID")
        ->required();
    one->add_flag("--yes", options_->is_sure, "Without it they are only shown");
  }

 private:
  enum class User { gateway, whoever };

  CLI::App* command(const std::string& name, const std::string& what,
                    int (*action)(const Postoffice&, const LetterOptions&),
                    User user = User::gateway) {
    CLI::App* added = letters_->add_subcommand(name, what);
    added->fallthrough();
    added->callback([options = options_, action, user, &run = run_] {
      if (options->needs_choice && options->ids.empty() && !options->is_all) {
        throw CLI::RequiredError("ID or --all");
      }
      run = [options, action, user](const Postoffice& postoffice) {
        if (user == User::gateway) {
          const Outcome became = become_gateway(postoffice);
          if (!became.is_delivered()) return fail(became);
        }
        return action(postoffice, *options);
      };
    });
    return added;
  }

  void add_id(CLI::App* command) {
    command->add_option("ID", options_->ids, "The letter; a beginning will do")
        ->required()
        ->expected(1);
  }

  std::vector<CLI::Option*> add_filters(CLI::App* command) {
    std::vector<std::string> words;
    for (const LetterDefinition& one : letter_definitions()) words.emplace_back(one.word);
    return {
        command
            ->add_option("--waits", options_->waits,
                         "What is still tried counts when it has waited for so long")
            ->type_name("AGE")
            ->capture_default_str(),
        command->add_option("--older", options_->older, "Only what is older than this (2d, 5h)")
            ->type_name("AGE"),
        command->add_option("--reason", options_->reasons, "Only of this reason; may be repeated")
            ->check(CLI::IsMember(words))
            ->type_name("WORD"),
        command->add_option("--mailbox", options_->mailbox, "Only of this mailbox")
            ->type_name("MAILBOX")};
  }

  /// The filters go with --all.
  void add_ids_or_all(CLI::App* command) {
    CLI::Option* ids = command->add_option("ID", options_->ids, "The letters; beginnings will do");
    CLI::Option* all = command->add_flag("--all", options_->is_all, "All of them");
    ids->excludes(all);
    for (CLI::Option* filter : add_filters(command)) filter->needs(all);
    command->preparse_callback([options = options_](std::size_t) { options->needs_choice = true; });
  }

  CLI::App* letters_;
  PostofficeCommand& run_;
  std::shared_ptr<LetterOptions> options_ = std::make_shared<LetterOptions>();
};

}  // namespace

void add_letter_commands(CLI::App& app, PostofficeCommand& run) {
  LetterCommands(app, run).add();
}

}  // namespace smtpgate::postoffice
