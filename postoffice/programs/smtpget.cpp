// The program `smtpget`: takes messages out of the outgoing mail into an MMFF file, with the
// switches and the error form of the File Format API's get programs (Q118787, Q104280, Q108375,
// Q141981). Thin: the work is in get.h. Manual: docs/man/smtpget.1.scd.
#include <iostream>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <sysexits.h>

#include "postoffice/get.h"
#include "postoffice/printable.h"
#include "postoffice/programs/file_format_program.h"

namespace smtpgate::postoffice {
namespace {

constexpr const char* description =
    "Takes messages out of the outgoing mail of a postoffice into an MMFF file.\n\n"
    "  smtpget -d /srv/postoffice -h FROM_NC.API\n"
    "  smtpget -d /srv/postoffice -h -n1 FROM_NC.API\n"
    "  smtpget -d /srv/postoffice -h -k LOOK.API\n\n"
    "FILE.API must not be there, or be empty; it is made when there is something to take, and\n"
    "complete when it appears. What was taken is removed from SMTP/, unless -k keeps it. Messages\n"
    "that are held or not yet due are left, and so is Internet mail that is passed on as it is.\n"
    "In the extended format (-h) ENVELOPE-TO fields name the recipients where TO and CC do not.\n"
    "Errors are written as error-message-line: \"140-1-0 message ...\".\n"
    "Exit codes: 0 done, 64 wrong command line, 65 some message is at fault and was left, 73\n"
    "FILE.API is there or cannot be written, 75 to be tried again.";

struct Options {
  FileFormatOptions common;
  std::string file;
  GetOptions get;
};

/// "1 held, 2 not yet due"; empty if nothing was left.
std::string what_was_left(const GetResult& result) {
  std::string left;
  const auto add = [&](std::uint64_t count, std::string_view what) {
    if (count > 0) left += fmt::format("{}{} {}", left.empty() ? "" : ", ", count, what);
  };
  add(result.held, "held");
  add(result.not_due, "not yet due");
  add(result.other, "in other hands or not to be taken so");
  add(result.faulty, "at fault");
  return left;
}

int get(const Options& options) {
  FileFormatReport report("smtpget");
  if (!report.open(options.common.log, options.file)) return EX_CANTCREAT;
  if (options.file.empty()) {
    report.error("10-0-0 No output file specified in command line");
    return EX_USAGE;
  }
  auto postoffice = Postoffice::open(options.common.directory);
  if (!postoffice) {
    report.error("201-0-0 " + printable(postoffice.error().sentence()));
    return EX_TEMPFAIL;
  }
  report.use_clock_of(*postoffice);
  auto result =
      get_messages(*postoffice, without_links(options.file), options.get, [&](const GetNote& note) {
        note.number == 0 ? report.done(note.str()) : report.error(note.str());
      });
  if (!result) {
    report.error("52-0-0 " + printable(result.error().sentence()));
    return result.error().is_permanent() ? EX_CANTCREAT : EX_TEMPFAIL;
  }
  const std::string left = what_was_left(*result);
  std::cout << fmt::format("{} message{} taken", result->taken, result->taken == 1 ? "" : "s")
            << (left.empty() ? "" : "; left: " + left) << '\n';
  if (result->some_temporary) return EX_TEMPFAIL;
  return result->faulty > 0 ? EX_DATAERR : EX_OK;
}

int run(int count, char** words) {
  Options options;
  CLI::App app(description, "smtpget");
  add_options(app, options.common, "Lines end in: 0 CR, 1 LF, 2 CR LF (default: the folder's)",
              "what was taken");
  app.add_flag("-h", options.get.extended, "Extended format: with CC and EXT fields");
  app.add_flag("-j", options.get.encapsulated,
               "Encapsulated: each message as the one attachment of a message around it");
  app.add_flag("-k", options.get.keeps, "Keep the messages in SMTP/ too");
  app.add_option("-n", options.get.most, "At most so many messages")
      ->type_name("1..50")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, most_messages_got));
  app.add_option("FILE.API", options.file, "The MMFF file to make")->type_name("");
  try {
    app.parse(count, words);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? EX_OK : EX_USAGE;
  }
  options.get.line_end = options.common.forced_line_end();
  return get(options);
}

}  // namespace
}  // namespace smtpgate::postoffice

int main(int count, char** words) {
  return smtpgate::postoffice::run_program("smtpget", count, words, smtpgate::postoffice::run);
}
