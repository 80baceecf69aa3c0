// The program `smtpput`: files an MMFF file in mailbags by hand, with the switches and the error
// form of the File Format API's put programs (Q118787, Q104280, Q104425). Thin: routing and filing
// are in hand_put.h. Manual: docs/man/smtpput.1.scd.
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <sysexits.h>
#include <unistd.h>

#include "postoffice/folder.h"
#include "postoffice/hand_put.h"
#include "postoffice/hand_rest.h"
#include "postoffice/printable.h"
#include "postoffice/programs/file_format_program.h"

namespace smtpgate::postoffice {
namespace {

constexpr std::uint64_t largest_envelope = std::uint64_t{256} << 20;

constexpr const char* description =
    "Files the messages of an MMFF file in the mailbags of a postoffice.\n\n"
    "  smtpput -d /srv/postoffice BATCH.API\n"
    "  smtpput -d /srv/postoffice -k -r ACME/MAIN/anna TO_NC.API\n"
    "  smtpput -d /srv/postoffice -e SMTP_IN.ENV TO_NC.API\n\n"
    "Without -r or -e each message goes to its own TO and CC, never to the Internet. The file is\n"
    "removed when all was delivered; when some was, it is replaced by what is left, to be tried\n"
    "again. -k keeps it as it is.\n"
    "Errors are written as error-message-line: \"142-1-2 Bad address ...\".\n"
    "Exit codes: 0 all delivered, 64 wrong command line, 65 the file is at fault, 66 it cannot be\n"
    "read, 73 no log, 74 filed, but the file is as before, 75 some must be tried again, 77 the "
    "file\n"
    "could not be removed afterwards.";

struct Options {
  FileFormatOptions common;
  std::vector<std::string> recipients;
  std::string envelope;
  bool keeps = false;
  std::string file;
  std::string external_directory;
};

class Put {
 public:
  explicit Put(Options options) : options_(std::move(options)) {}

  int run() {
    if (!report_.open(options_.common.log, options_.file)) return EX_CANTCREAT;
    if (const int code = prepare(); code != EX_OK) return code;
    auto postoffice = Postoffice::open(options_.common.directory);
    if (!postoffice) {
      report_.error("201-0-0 " + printable(postoffice.error().sentence()));
      return EX_TEMPFAIL;
    }
    report_.use_clock_of(*postoffice);
    const auto result =
        put_by_hand(*postoffice, *file_, hand_put_, [this](const HandPutNote& note) {
          note.number == 0 ? report_.done(note.str()) : report_.error(note.str());
        });
    if (result.all_delivered) return remove_input();
    if (!result.filed.empty()) {
      if (const int code = replace_input(result); code != EX_OK) return code;
    }
    return result.some_temporary ? EX_TEMPFAIL : EX_DATAERR;
  }

 private:
  /// Everything that can be wrong before the first filing.
  int prepare() {
    hand_put_.reader.line_end = options_.common.forced_line_end();
    hand_put_.reader.external_directory = options_.external_directory;
    for (const std::string& recipient : options_.recipients) {
      auto address = NativeAddress::parse(recipient);
      if (!address) {
        report_.error("142-0-0 Bad address " + printable(recipient) + "; write NET/PO/MAILBOX");
        return EX_USAGE;
      }
      hand_put_.recipients.push_back(std::move(*address));
    }
    if (!options_.envelope.empty()) {
      if (const int code = read_envelope(); code != EX_OK) return code;
    }
    return open_input();
  }

  int read_envelope() {
    auto text = read_whole(FileSystem::posix(), without_links(options_.envelope), largest_envelope);
    if (!text) {
      report_.error("52-0-0 " + printable(text.error().sentence()));
      return EX_NOINPUT;
    }
    auto lines = parse_envelope_file(*text, options_.envelope);
    if (!lines) {
      report_.error("142-0-0 " + lines.error());
      return EX_DATAERR;
    }
    hand_put_.envelope = std::move(*lines);
    return EX_OK;
  }

  int open_input() {
    auto file = FileSystem::posix().open(without_links(options_.file));
    auto status = file ? (*file)->status() : FileResult<FileStatus>(tl::unexpected(file.error()));
    if (!status) {
      report_.error("52-0-0 " + printable(status.error().sentence()));
      return EX_NOINPUT;
    }
    if (status->kind != FileKind::regular) {
      report_.error("52-0-0 " + printable(options_.file) + " is no regular file");
      return EX_NOINPUT;
    }
    // Found out now: a file that stays as it was would be filed again the next time.
    if (!options_.keeps && ::access(parent_directory(options_.file).c_str(), W_OK) != 0) {
      report_.error("52-0-0 cannot remove " + printable(options_.file) +
                    " afterwards; give -k to keep it");
      return EX_NOPERM;
    }
    // Two at once would both file it: the second one waits for another day, or finds it gone.
    auto locked = options_.keeps ? FileResult<bool>(true) : (*file)->try_lock();
    if (!locked || !*locked) {
      report_.error("52-0-0 " + printable(options_.file) +
                    (locked ? " is being put by another smtpput"
                            : ": " + printable(locked.error().sentence())) +
                    "; try again later");
      return EX_TEMPFAIL;
    }
    auto named = FileSystem::posix().status(without_links(options_.file));
    if (!named) {
      report_.error("52-0-0 " + printable(options_.file) + " was put by another smtpput just now");
      return EX_NOINPUT;
    }
    if (named->inode != status->inode || named->device != status->device) {
      report_.error("52-0-0 " + printable(options_.file) +
                    " was replaced just now, perhaps by another smtpput; try again");
      return EX_TEMPFAIL;
    }
    file_ = std::move(*file);
    return EX_OK;
  }

  /// By hand nothing is a duplicate, so what was filed goes out of the file, or a script that tries
  /// it again must know.
  int replace_input(const HandPutResult& result) {
    if (options_.keeps) {
      report_.error(filed_already(result));
      return EX_OK;
    }
    std::string problem = result.rest_problem;
    if (problem.empty()) {
      const RestResult replaced =
          replace_by_rest(FileSystem::posix(), options_.file, *file_, result.rest);
      if (replaced.is_replaced) return report_replaced(replaced);
      problem = replaced.error->sentence();
    }
    report_.error("52-0-0 " + printable(problem) + "; " + printable(options_.file) +
                  " is as it was");
    report_.error(filed_already(result));
    return EX_IOERR;
  }

  int report_replaced(const RestResult& replaced) {
    if (replaced.error) {
      report_.error("52-0-0 " + printable(replaced.error->sentence()) +
                    "; until it is on disk, a " + "crash may bring back in " +
                    printable(options_.file) + " what was filed");
      return EX_IOERR;
    }
    report_.error("201-0-0 " + printable(options_.file) +
                  " now holds only what is not delivered; try it again");
    return EX_OK;
  }

  std::string filed_already(const HandPutResult& result) const {
    std::vector<std::string> filed;
    for (const HandPutResult::Filed& one : result.filed) {
      filed.push_back(
          one.mailboxes.empty()
              ? std::to_string(one.message)
              : fmt::format("{} (in {})", one.message,
                            printable(fmt::format("{}", fmt::join(one.mailboxes, ", ")))));
    }
    return fmt::format(
        "201-0-0 filed already: message {}; take out what was filed before you try {} again, or it "
        "is filed twice",
        fmt::join(filed, ", "), printable(options_.file));
  }

  int remove_input() {
    if (options_.keeps) return EX_OK;
    auto removed = remove_delivered(FileSystem::posix(), options_.file);
    if (removed) return EX_OK;
    report_.error("52-0-0 all was delivered, but " + printable(removed.error().sentence()) +
                  "; remove it by hand, or it will be filed again");
    return EX_IOERR;
  }

  Options options_;
  FileFormatReport report_{"smtpput"};
  HandPutOptions hand_put_;
  std::unique_ptr<File> file_;
};

int run(int count, char** words) {
  Options options;
  CLI::App app(description, "smtpput");
  add_options(app, options.common, "Token lines end in: 0 CR, 1 LF, 2 CR LF (default: told)",
              "what was filed");
  CLI::Option* const recipients =
      app.add_option("-r", options.recipients, "A recipient; may be repeated")
          ->type_name("NET/PO/MAILBOX")
          ->allow_extra_args(false);
  app.add_option("-e", options.envelope, "Recipients from an envelope file (SMTP_IN.ENV)")
      ->type_name("FILE")
      ->excludes(recipients);
  app.add_flag("-k", options.keeps, "Keep FILE.API");
  app.add_option("--external", options.external_directory,
                 "Where XTEXT and XATTACH may name files; without it they are errors")
      ->type_name("DIR");
  bool is_extended = false;
  app.add_flag("-h", is_extended, "Extended format: always understood, taken for old scripts");
  app.add_option("FILE.API", options.file, "The MMFF file")->required()->type_name("");
  try {
    app.parse(count, words);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? EX_OK : EX_USAGE;
  }
  return Put(std::move(options)).run();
}

}  // namespace
}  // namespace smtpgate::postoffice

int main(int count, char** words) {
  return smtpgate::postoffice::run_program("smtpput", count, words, smtpgate::postoffice::run);
}
