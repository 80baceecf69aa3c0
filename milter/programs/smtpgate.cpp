// smtpgate: the daemon, door 2, the recipient look-up and the check of the configuration, as verbs
// of one program. A thin main: everything it does is in the milter room's library.
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <sysexits.h>
#include <unistd.h>

#include "converter/address_list.h"
#include "milter/check.h"
#include "milter/configuration.h"
#include "milter/control_programs.h"
#include "milter/daemon.h"
#include "milter/doors.h"
#include "milter/shadow_programs.h"
#include "milter/status_programs.h"
#include "milter/try_program.h"
#include "postoffice/kept_memory.h"
#include "postoffice/printable.h"

namespace {

using namespace smtpgate;

constexpr const char* description =
    "Internet mail out of Postfix, decoded and durable, into a postoffice that is a folder.\n\n"
    "  smtpgate check                     does everything hold, Postfix's settings included?\n"
    "  smtpgate serve                     the daemon behind smtpd_milters (door 1)\n"
    "  smtpgate status                    what a running daemon is doing; top shows it live\n"
    "  smtpgate reload                    it reads its configuration again; says what changed\n"
    "  smtpgate log door1 debug           more, or less, in one area of its log\n"
    "  smtpgate shadow                    what shadow mode would have done\n"
    "  smtpgate try FILE.eml --rcpt A     what would become of a message, without delivering it\n"
    "  smtpgate deliver                   an LMTP server on standard input and output (door 2)\n"
    "  smtpgate lookup                    a socketmap server on standard input and output\n\n"
    "master.cf runs the last two:\n"
    "  smtpgate-door   unix - n n - 20 spawn user=smtpgate argv=/usr/local/bin/smtpgate deliver\n"
    "  smtpgate-lookup unix - n n - 0 spawn user=smtpgate argv=/usr/local/bin/smtpgate lookup";

int run(int argc, char** argv) {
  CLI::App app{description, "smtpgate"};
  app.set_version_flag("--version", "smtpgate " SMTPGATE_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  std::string configuration = milter::default_configuration_path;
  app.add_option("--config", configuration, "the configuration file")
      ->capture_default_str()
      ->type_name("FILE");
  CLI::App* serve = app.add_subcommand(
      "serve",
      "Serve Postfix as a milter, in the foreground. SIGTERM finishes what is in hand and "
      "leaves; SIGUSR1 reads the configuration again.");
  CLI::App* deliver = app.add_subcommand(
      "deliver",
      "Speak LMTP on standard input and output: what Postfix's spawn(8) runs for the "
      "transport. Works with the daemon stopped.");
  CLI::App* lookup = app.add_subcommand(
      "lookup",
      "Answer Postfix's socketmap client on standard input and output: which recipients "
      "exist.");
  CLI::App* check = app.add_subcommand(
      "check",
      "Say whether all holds: the configuration, the folders, and Postfix's settings. For each "
      "finding where it is, what happens if it is left, and the command that mends it. Exit code "
      "78 if one is an error.");
  milter::CheckOptions check_options;
  bool json = false;
  check->add_option("--postfix", check_options.postfix_directory, "Postfix's directory (main.cf)")
      ->type_name("DIR");
  check->add_flag("--no-postfix", check_options.skip_postfix, "do not look at Postfix's settings");
  CLI::Option* as_json = check->add_flag("--json", json, "the findings as JSON");
  bool quiet = false;
  check->add_flag("--quiet", quiet, "nothing but what is wrong: for cron")->excludes(as_json);
  milter::StatusOptions status_options;
  CLI::App* status = app.add_subcommand(
      "status",
      "What a running daemon is doing: since when, messages by outcome, what waits, room, the last "
      "warnings. As root or the gateway's user. Exit code 69 if none runs.\n"
      "Example: smtpgate status --json | jq .hour.recipients");
  status->add_flag("--json", status_options.json, "everything it knows, as JSON");
  CLI::App* top =
      app.add_subcommand("top", "The same, live on a terminal: drawn anew each second. q quits.");
  milter::ControlOptions control_options;
  CLI::App* reload = app.add_subcommand(
      "reload",
      "Have a running daemon read its configuration again, and say what came of it: accepted, with "
      "every key that changed; refused, with file and line, and the last good one stays (exit code "
      "78); what waits for a restart. Exit code 75: still being read after 9 seconds, as on a disk "
      "that does not answer; what comes of it is in the log.\nExample: smtpgate reload --json | jq "
      ".changes");
  reload->add_flag("--json", control_options.json, "the answer as JSON");
  std::string log_area;
  std::string log_level;
  CLI::App* log = app.add_subcommand(
      "log",
      "Show how much each area of the log says, or change it in a running daemon until the next "
      "reload; no session ends.\nExample: smtpgate log door1 debug");
  log->add_option("AREA", log_area,
                  "daemon, configuration, door1, door2, lookup, outbound, status");
  log->add_option("LEVEL", log_level, "debug, info, warning or error: this and what is worse");
  log->add_flag("--json", control_options.json, "the levels as JSON");
  milter::ShadowOptions shadow_options;
  CLI::App* shadow = app.add_subcommand(
      "shadow",
      "What shadow mode ([shadow] enabled) has seen: what would have been claimed, left to Postfix "
      "and refused, and why, what was odd, by mailbox.\nExample: smtpgate shadow --json | jq "
      ".left");
  shadow->add_flag(
      "--prepare", shadow_options.prepare,
      "make the shadow postoffices, with the mailboxes, aliases and groups of the real "
      "ones");
  shadow->add_flag("--json", shadow_options.json, "all of it, as JSON")->excludes("--prepare");
  for (CLI::App* one : {status, top, reload, log, shadow}) {
    one->add_option("--work", status_options.work,
                    "its work directory, if the configuration cannot be read")
        ->type_name("DIR");
  }
  milter::TryOptions try_options;
  CLI::App* try_message = app.add_subcommand(
      "try",
      "Say what would become of a message, and deliver nothing: whose mailbox or why none, the "
      "text, the attachments, what is odd, by which door, and what Postfix would be answered. "
      "Nothing is written to a postoffice. The exit code is that of the worst recipient.");
  try_message
      ->add_option("FILE", try_options.message, "the message (RFC 5322); - is standard input")
      ->required();
  try_message->add_option("--rcpt", try_options.recipients, "a recipient; may be given again")
      ->required()
      ->type_name("ADDRESS")
      ->take_all();
  CLI::Option* from =
      try_message
          ->add_option("--from", try_options.sender,
                       "envelope sender, <> for none (default: its Return-Path, or its From)")
          ->type_name("ADDRESS");
  try_message->add_flag("--authenticated", try_options.is_authenticated,
                        "as if its sender had logged in");
  try_message->add_option("--lines", try_options.lines, "how much of the text is shown")
      ->capture_default_str()
      ->type_name("N");
  try_message->add_flag("--json", try_options.json, "all of it, as JSON");
  try_message->footer("Example:\n  smtpgate try message.eml --rcpt anna@example.com");
  CLI::App* spellings = app.add_subcommand(
      "spellings",
      "Print each way in which a domain can be written, one a line: A-labels (xn--), then U-labels "
      "if it has any. Postfix's tables compare what is written, so they need all; smtpgate-setup "
      "asks here.");
  for (CLI::App* command : {serve, deliver, lookup, check}) {
    command->footer("Example:\n  smtpgate " + command->get_name() + " --config " +
                    milter::default_configuration_path +
                    "\nWithout --config the same file is read.");
  }
  spellings->footer("Example:\n  smtpgate spellings b\u00fccher.example");
  std::vector<std::string> domains;
  spellings->add_option("DOMAIN", domains, "such as b\u00fccher.example")->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? EX_OK : EX_USAGE;
  }
  if (*check) {
    check_options.configuration_path = configuration;
    check_options.as_gateway_user = true;
    return milter::run_check(check_options, json    ? milter::CheckOutput::json
                                            : quiet ? milter::CheckOutput::problems
                                                    : milter::CheckOutput::all);
  }
  status_options.configuration_path = configuration;
  control_options.configuration_path = shadow_options.configuration_path = configuration;
  control_options.work = shadow_options.work = status_options.work;
  if (*reload) return milter::run_reload(control_options);
  if (*log) return milter::run_log(control_options, log_area, log_level);
  if (*shadow) return milter::run_shadow(shadow_options);
  if (*status) return milter::run_status(status_options);
  if (*top) return milter::run_top(status_options);
  if (*try_message) {
    try_options.configuration_path = configuration;
    try_options.has_sender = from->count() > 0;
    return milter::run_try(try_options);
  }
  if (*spellings) {
    for (const std::string& domain : domains) {
      for (const std::string& one : converter::domain_spellings(domain))
        std::puts(printable(one).c_str());
    }
    return EX_OK;
  }
  if (*serve || *deliver) postoffice::keep_freed_memory();
  if (*serve) return milter::serve(configuration);
  if (*deliver) return milter::run_deliver(configuration, STDIN_FILENO, STDOUT_FILENO);
  if (*lookup) return milter::run_lookup(configuration, STDIN_FILENO, STDOUT_FILENO);
  return EX_USAGE;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "smtpgate: %s\n", exception.what());
    return EX_SOFTWARE;
  }
}
