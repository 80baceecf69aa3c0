// Import and export of mailboxes; see the header. Formats: docs/import.md.
#include "postoffice/programs/import_commands.h"

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "postoffice/derived_key.h"
#include "postoffice/mailbox_changes.h"
#include "postoffice/mailbox_import.h"
#include "postoffice/programs/command_output.h"
#include "postoffice/programs/progress.h"

namespace smtpgate::postoffice {

namespace {

struct ImportOptions {
  std::string file;
  std::string format;
  std::string character_set;
  bool is_dry_run = false;
};

ImportFormat format_of(const ImportOptions& options) {
  if (!options.format.empty()) {
    return options.format == "csv" ? ImportFormat::csv : ImportFormat::import;
  }
  return options.file.ends_with(".csv") || options.file.ends_with(".CSV") ? ImportFormat::csv
                                                                          : ImportFormat::import;
}

/// The whole of a file, or of standard input; a little more than allowed is enough to see that.
bool read_input(const std::string& path, std::string& text) {
  const auto close = [](std::FILE* file) {
    if (file != stdin) (void)std::fclose(file);
  };
  const std::unique_ptr<std::FILE, decltype(close)> file(
      path == "-" ? stdin : std::fopen(path.c_str(), "rb"), close);
  if (!file) return false;
  std::string buffer(std::size_t{64} << 10, '\0');
  while (text.size() <= largest_import) {
    const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), file.get());
    text.append(buffer, 0, count);
    if (count == 0) break;
  }
  return std::ferror(file.get()) == 0;
}

int say(const std::string& file, std::vector<ImportProblem> problems) {
  std::stable_sort(problems.begin(), problems.end(),
                   [](const auto& a, const auto& b) { return a.line < b.line; });
  for (const ImportProblem& problem : problems) {
    std::cerr << printable(file) << ':' << problem.line << ": " << printable(problem.text) << '\n';
  }
  std::cerr << fmt::format("postoffice: {} errors; nothing was done\n", problems.size());
  return EX_DATAERR;
}

int apply(const MailboxChanges& changes, const MailboxImport& wanted, const std::string& file,
          const std::string& source) {
  MailboxChanges::Result result;
  {
    ProgressLine progress;
    const auto show = [&](std::size_t done) {
      progress.show([&] { return progress_bar(done, wanted.changes.size()); });
    };
    result = changes.apply(wanted.changes, show, source);
  }
  std::size_t done = 0;
  for (std::size_t i = 0; i < result.outcomes.size(); ++i) {
    const Outcome& outcome = result.outcomes[i];
    if (outcome.is_delivered()) {
      ++done;
    } else {
      std::cerr << printable(file) << ':' << wanted.lines[i] << ": "
                << printable(outcome.sentence()) << '\n';
    }
  }
  if (result.trouble) {
    return fail(result.trouble->with("; run the command again to finish it"));
  }
  std::cout << fmt::format("{} of {} changes done\n", done, wanted.changes.size());
  return done == wanted.changes.size() ? EX_OK : EX_DATAERR;
}

int import_file(const Postoffice& postoffice, const ImportOptions& options) {
  std::string text;
  if (!read_input(options.file, text)) {
    std::cerr << "postoffice: cannot read " << printable(options.file) << '\n';
    return EX_NOINPUT;
  }
  auto changes = MailboxChanges::begin(postoffice);
  if (!changes) return fail(changes.error());
  const std::string source = derived_key("smtpgate-import-1\n" + text);
  if (changes->finished() > 0 && changes->finished_source() == source) {
    std::cout << fmt::format("what was left of an earlier import of the file is done: {} changes\n",
                             changes->finished());
    return EX_OK;
  }
  const ImportFormat format = format_of(options);
  MailboxImport wanted = read_import(postoffice, text, format, options.character_set);
  if (wanted.trouble) return fail(*wanted.trouble);
  auto problems = changes->check(wanted.changes);
  if (!problems) return fail(problems.error());
  for (const ChangeProblem& problem : *problems) {
    wanted.problems.push_back({wanted.lines[problem.index], problem.outcome.sentence()});
  }
  if (!wanted.problems.empty()) return say(options.file, std::move(wanted.problems));
  if (!options.is_dry_run) return apply(*changes, wanted, options.file, source);
  for (std::size_t i = 0; i < wanted.changes.size(); ++i) {
    std::cout << "line " << wanted.lines[i] << ": " << printable(describe(wanted.changes[i]))
              << '\n';
  }
  std::cout << fmt::format("{} changes would be done\n", wanted.changes.size());
  return EX_OK;
}

int export_all(const Postoffice& postoffice, const ImportOptions& options) {
  auto exported = export_mailboxes(postoffice, format_of(options));
  if (!exported) return fail(exported.error());
  for (const std::string& remark : exported->remarks) {
    std::cerr << "postoffice: " << printable(remark) << '\n';
  }
  std::cout << exported->text;
  std::cout.flush();
  return std::cout ? EX_OK : EX_IOERR;
}

}  // namespace

void add_import_commands(CLI::App& mailbox, PostofficeCommand& run) {
  auto [import_app, importing] = add_command<ImportOptions>(
      mailbox, "import", "Adds, changes, removes the mailboxes that a file names", run,
      import_file);
  import_app->add_option("FILE", importing->file, "The file; -: standard input")->required();
  import_app
      ->add_option("--format", importing->format,
                   "Lines of the original's IMPORT, or CSV (default: by the name, .csv)")
      ->check(CLI::IsMember({"import", "csv"}));
  import_app->add_option("--character-set", importing->character_set,
                         "Of the file, such as CP850 (default UTF-8)");
  import_app->add_flag("--dry-run", importing->is_dry_run, "Say what would be done, do nothing");
  auto [export_app, exporting] = add_command<ImportOptions>(
      mailbox, "export", "Writes all mailboxes for an import, to standard output", run, export_all);
  exporting->format = "csv";
  export_app->add_option("--format", exporting->format, "As for import (default csv)")
      ->check(CLI::IsMember({"import", "csv"}));
}

}  // namespace smtpgate::postoffice
