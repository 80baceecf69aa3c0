// `postoffice export` and `postoffice import`: see postoffice/programs/archive_commands.h and
// docs/archives.md.
#include "postoffice/programs/archive_commands.h"

#include <iostream>
#include <optional>
#include <string>

#include "converter/archive_export.h"
#include "converter/archive_import.h"
#include "converter/settings.h"
#include "postoffice/mailbag.h"
#include "postoffice/programs/command_output.h"
#include "postoffice/programs/progress.h"
#include "postoffice/settings_file.h"

namespace smtpgate::postoffice {

namespace {

using converter::ArchiveFormat;
using converter::ArchiveTarget;

struct SettingsOptions {
  std::string configuration;
  std::string map;
};

Expected<converter::ConverterSettings> read_settings(const SettingsOptions& options) {
  converter::ConverterSettings settings;
  if (!options.configuration.empty()) {
    auto file = SettingsFile::read(options.configuration);
    if (!file) return failure(Outcome::temporary(file.error(), "4.3.5"));
    settings = converter::read_converter_settings(*file);
    const auto errors = file->errors();
    if (!errors.empty()) return failure(Outcome::temporary(errors.front(), "4.3.5"));
  }
  if (!options.map.empty()) {
    auto map = converter::AddressMap::read(options.map);
    if (!map) return failure(Outcome::temporary(map.error().front(), "4.3.5"));
    settings.map = std::move(*map);
  }
  return settings;
}

struct ExportOptions : SettingsOptions {
  std::string mailbox;
  std::string format;
  std::string out;
  bool is_sent = false;
};

int export_messages(const Postoffice& postoffice, const ExportOptions& options) {
  auto mailbag = Mailbag::open(postoffice, options.mailbox,
                               options.is_sent ? MailbagPart::sent : MailbagPart::received);
  if (!mailbag) return fail(mailbag.error());
  auto settings = read_settings(options);
  if (!settings) return fail(settings.error());
  const std::string name = postoffice.settings().name.str() + "/" + mailbag->mailbox() +
                           (options.is_sent ? " sent" : "");
  auto target = ArchiveTarget::open(*converter::parse_archive_format(options.format), options.out,
                                    name, postoffice.files());
  if (!target) return fail(target.error());
  ProgressLine progress;
  converter::ExportWatcher watcher;
  watcher.progress = [&](std::uint64_t done, std::uint64_t all) {
    progress.show([&] { return progress_bar(done, all); });
  };
  watcher.failed = [&](const std::string& id, const Outcome& outcome) {
    progress.clear();
    std::cerr << "postoffice: " << printable(id) << ": " << printable(outcome.sentence()) << '\n';
  };
  const auto count = converter::export_mailbag(postoffice, *mailbag, **target, &settings->map,
                                               options.out, watcher);
  progress.clear();
  if (!count) return fail(count.error());
  std::cout << "Exported " << count->written << " messages to " << printable(options.out) << "; "
            << count->were_there << " were there";
  if (count->failed != 0) std::cout << "; " << count->failed << " could not be exported";
  std::cout << ".\n";
  return count->failed == 0 ? EX_OK : EX_DATAERR;
}

struct ImportOptionsOfCommand : SettingsOptions {
  std::string mailbox;
  std::string format;
  std::string path;
  bool dry_run = false;
};

int import_messages(const Postoffice& postoffice, const ImportOptionsOfCommand& options) {
  auto mailbag = Mailbag::open(postoffice, options.mailbox);
  if (!mailbag) return fail(mailbag.error());
  auto settings = read_settings(options);
  if (!settings) return fail(settings.error());
  auto source = converter::ArchiveSource::open(*converter::parse_archive_format(options.format),
                                               options.path, postoffice.files());
  if (!source) return fail(source.error());
  ProgressLine progress;
  converter::ImportWatcher watcher;
  watcher.progress = [&](std::uint64_t done, unsigned percent) {
    progress.show(
        [&] { return std::to_string(done) + " messages, " + std::to_string(percent) + " %"; });
  };
  watcher.failed = [&](const std::string& name, const Outcome& outcome) {
    progress.clear();
    std::cerr << "postoffice: " << printable(name) << ": " << printable(outcome.sentence()) << '\n';
  };
  const auto count = converter::import_into(postoffice, *mailbag, **source,
                                            {settings->inbound, options.dry_run}, watcher);
  progress.clear();
  if (!count) return fail(count.error());
  std::cout << (options.dry_run ? "Would import " : "Imported ") << count->filed
            << " messages into " << printable(mailbag->mailbox()) << "; " << count->were_there
            << " were there";
  if (count->failed != 0) std::cout << "; " << count->failed << " could not be imported";
  std::cout << ".\n";
  return count->failed == 0 ? EX_OK : EX_DATAERR;
}

}  // namespace

void add_archive_commands(CLI::App& app, PostofficeCommand& run) {
  const CLI::IsMember formats({"maildir", "mbox", "eml"});
  auto [out, exporting] = add_command<ExportOptions>(
      app, "export", "Writes a mailbox for other readers: what is new since the last time", run,
      export_messages);
  out->add_option("MAILBOX", exporting->mailbox, "The mailbox")->required();
  out->add_option("--to", exporting->format, "maildir, mbox or eml")->required()->check(formats);
  out->add_option("--out", exporting->out, "Directory, made if it is not there")->required();
  out->add_option("--map", exporting->map,
                  "ADDR_MAP.CFG, for the domains of the postoffice's own addresses");
  out->add_option("--config", exporting->configuration, "smtpgate.toml, for the same");
  out->add_flag("--sent", exporting->is_sent, "What the mailbox sent, kept in sent/");

  auto [in, importing] = add_command<ImportOptionsOfCommand>(
      app, "import", "Files messages of a Maildir, an mbox or .eml files in a mailbox", run,
      import_messages);
  in->add_option("MAILBOX", importing->mailbox, "The mailbox")->required();
  in->add_option("--from", importing->format, "maildir, mbox or eml")->required()->check(formats);
  in->add_option("PATH", importing->path,
                 "The Maildir, the mbox file, the .eml file or a directory")
      ->required();
  in->add_option("--config", importing->configuration, "smtpgate.toml: its [converter] settings");
  in->add_flag("--dry-run", importing->dry_run, "Says what would be done, files nothing");
}

}  // namespace smtpgate::postoffice
