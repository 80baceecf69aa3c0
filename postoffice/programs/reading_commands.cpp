// Commands that read mailbags; see the header. Manual: docs/man/postoffice.1.scd.
#include "postoffice/programs/reading_commands.h"

#include <cerrno>
#include <iostream>
#include <map>
#include <string>

#include "postoffice/mailbag.h"
#include "postoffice/mailbag_listing.h"
#include "postoffice/message_summary.h"
#include "postoffice/mmff_extract.h"
#include "postoffice/mmff_show.h"
#include "postoffice/programs/command_output.h"
#include "postoffice/programs/pager.h"
#include "postoffice/receipts.h"
#include "postoffice/report_lines.h"
#include "postoffice/table.h"

namespace smtpgate::postoffice {

namespace {

/// Which mailbag, and where a command is for one message, which.
struct MessageOptions {
  std::string mailbox;
  std::string id;
  bool is_sent = false;

  MailbagPart part() const { return is_sent ? MailbagPart::sent : MailbagPart::received; }
};

void add_message_options(CLI::App& command, MessageOptions& options) {
  command.add_option("MAILBOX", options.mailbox, "The mailbox")->required();
  command.add_option("ID", options.id, "The message; a beginning will do")->required();
}

CLI::Option* add_sent_option(CLI::App& command, MessageOptions& options) {
  return command.add_flag("--sent", options.is_sent, "Of what the mailbox sent, kept in sent/");
}

struct ReceiptOptions {
  bool is_wanted = false;
  bool is_forbidden = false;

  ReceiptWish wish() const {
    if (is_forbidden) return ReceiptWish::forbidden;
    return is_wanted ? ReceiptWish::by_hand : ReceiptWish::as_set;
  }
};

/// `--receipt`, and `--no-receipt`.
std::pair<CLI::Option*, CLI::Option*> add_receipt_options(CLI::App& command,
                                                          ReceiptOptions& options) {
  CLI::Option* wanted = command.add_flag("--receipt", options.is_wanted,
                                         "Answer its request for a receipt, whatever is set");
  CLI::Option* forbidden =
      command.add_flag("--no-receipt", options.is_forbidden, "Do not answer it, whatever is set")
          ->excludes(wanted);
  return {wanted, forbidden};
}

/// The exit code: what goes wrong on the side does not undo that the message was read, but who
/// asked for a receipt is told if there is none.
int answer(const Postoffice& postoffice, const Mailbag& mailbag, const MailbagEntry& entry,
           const ReceiptOptions& options) {
  const ReceiptResult result = answer_receipt_request(postoffice, mailbag, entry, options.wish());
  if (options.is_wanted || result.is_worth_telling) {
    std::cerr << "postoffice: " << printable(result.outcome.sentence()) << '\n';
  }
  return options.is_wanted ? exit_code(result.outcome) : EX_OK;
}

struct ListOptions : MessageOptions {
  std::uint64_t newest = 0;
  ListingOptions listing;
};

int list_messages(const Postoffice& postoffice, const ListOptions& options) {
  auto mailbag = Mailbag::open(postoffice, options.mailbox, options.part());
  if (!mailbag) return fail(mailbag.error());
  ListingOptions listing = options.listing;
  if (options.newest != 0) listing.newest = options.newest;
  listing.terminal = Terminal::of_standard_output();
  const Outcome outcome = list_mailbag(postoffice, *mailbag, listing, std::cout);
  return outcome.is_delivered() ? EX_OK : fail(outcome);
}

struct ReadOptions : MessageOptions {
  ReceiptOptions receipt;
  bool with_headers = false;
  bool marks_read = false;
  bool without_pager = false;
};

int read_message(const Postoffice& postoffice, const ReadOptions& options) {
  auto mailbag = Mailbag::open(postoffice, options.mailbox, options.part());
  if (!mailbag) return fail(mailbag.error());
  auto entry = mailbag->find(options.id);
  if (!entry) return fail(entry.error());
  auto file = mailbag->open_message(*entry);
  if (!file) return fail(file.error());
  FileSource source(**file);
  ShowOptions show;
  show.character_set = postoffice.settings().character_set;
  show.with_header_lines = options.with_headers;
  show.with_fields = options.with_headers;
  show.further_lines = [&](const MessageHeader& header, const std::string& set) {
    return report_lines(postoffice, mailbag->mailbox(), header, set);
  };
  show.view =
      ReaderView{readers_zone(), entry->arrival, Terminal::of_standard_output().with_colours};
  Pager pager(!options.without_pager);
  const bool has_pager = pager.is_running();
  auto shown = show_text(source, std::cout, show);
  std::cout.flush();
  pager.finish();
  if (!shown) return fail(shown.error().outcome());
  // Nobody has read what could not be shown; what he passed over in a pager he did not want to.
  if (!has_pager && !std::cout)
    return fail(FileError{EIO, "write", "the standard output"}.outcome());
  if (options.is_sent) return EX_OK;
  if (options.marks_read) {
    const Outcome marked = mailbag->mark_read(*entry);
    if (!marked.is_delivered()) return fail(marked);
  }
  return answer(postoffice, *mailbag, *entry, options.receipt);
}

struct MarkOptions : MessageOptions {
  ReceiptOptions receipt;
  bool is_read = false;
  bool is_unread = false;
};

int mark_message(const Postoffice& postoffice, const MarkOptions& options) {
  auto mailbag = Mailbag::open(postoffice, options.mailbox);
  if (!mailbag) return fail(mailbag.error());
  auto entry = mailbag->find(options.id);
  if (!entry) return fail(entry.error());
  const Outcome marked =
      options.is_read ? mailbag->mark_read(*entry) : mailbag->mark_unread(*entry);
  const int code = report(marked);
  if (code != EX_OK || options.is_unread) return code;
  return answer(postoffice, *mailbag, *entry, options.receipt);
}

struct ExtractOptionsOfCommand : MessageOptions {
  std::string out;
  bool short_names = false;
};

int extract_message(const Postoffice& postoffice, const ExtractOptionsOfCommand& options) {
  auto mailbag = Mailbag::open(postoffice, options.mailbox, options.part());
  if (!mailbag) return fail(mailbag.error());
  auto entry = mailbag->find(options.id);
  if (!entry) return fail(entry.error());
  auto file = mailbag->open_message(*entry);
  if (!file) return fail(file.error());
  FileSource source(**file);
  ExtractOptions how;
  how.character_set = postoffice.settings().character_set;
  how.short_names = options.short_names || postoffice.settings().short_attachment_names;
  auto extracted = extract(source, options.out, how);
  if (!extracted) return fail(extracted.error());
  Table table({{"File", false}, {"Octets", true}});
  for (const ExtractedFile& one : *extracted) {
    table.add({printable(one.path), std::to_string(one.size)});
  }
  table.print(std::cout, 0, false);
  return EX_OK;
}

}  // namespace

void add_reading_commands(CLI::App& app, PostofficeCommand& run) {
  auto [list, listing] =
      add_command<ListOptions>(app, "list", "Lists a mailbox, newest first", run, list_messages);
  list->add_option("MAILBOX", listing->mailbox, "The mailbox")->required();
  list->add_option("--newest", listing->newest, "Only so many")->check(CLI::PositiveNumber);
  list->add_flag("--unread", listing->listing.only_unread, "Only unread messages");
  list->add_option("--sort", listing->listing.order, "By date, from, subject or size")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, ListingOrder>{{"date", ListingOrder::date},
                                              {"from", ListingOrder::correspondent},
                                              {"subject", ListingOrder::subject},
                                              {"size", ListingOrder::size}}))
      ->option_text("date|from|subject|size");
  list->add_flag("--reverse", listing->listing.is_reversed, "The other way round");
  list->add_flag("--json", listing->listing.as_json, "For programs");
  add_sent_option(*list, *listing);

  auto [read, reading] =
      add_command<ReadOptions>(app, "read", "Shows a message", run, read_message);
  add_message_options(*read, *reading);
  read->add_flag("--headers", reading->with_headers,
                 "Also the header lines on top of the text, and all fields");
  read->add_flag("--no-pager", reading->without_pager,
                 "All at once; on a terminal PAGER shows it, else less");
  CLI::Option* marks =
      read->add_flag("--mark-read", reading->marks_read, "Moves it from new to cur");
  const auto [wanted, forbidden] = add_receipt_options(*read, reading->receipt);
  add_sent_option(*read, *reading)->excludes(marks)->excludes(wanted)->excludes(forbidden);

  auto [mark, marking] =
      add_command<MarkOptions>(app, "mark", "Marks a message as read or unread", run, mark_message);
  add_message_options(*mark, *marking);
  CLI::Option_group* states = mark->add_option_group("State");
  states->add_flag("--read", marking->is_read, "Moves it from new to cur");
  CLI::Option* unread =
      states->add_flag("--unread", marking->is_unread, "Moves it from cur to new");
  states->require_option(1);
  const auto [with, without] = add_receipt_options(*mark, marking->receipt);
  unread->excludes(with)->excludes(without);

  auto [extract, extracting] = add_command<ExtractOptionsOfCommand>(
      app, "extract", "Writes text and attachments as files", run, extract_message);
  add_message_options(*extract, *extracting);
  extract->add_option("--out", extracting->out, "Directory, made if it is not there")->required();
  extract->add_flag("--short-names", extracting->short_names,
                    "Attachments under names for DOS, in the form 8.3");
  add_sent_option(*extract, *extracting);
}

}  // namespace smtpgate::postoffice
