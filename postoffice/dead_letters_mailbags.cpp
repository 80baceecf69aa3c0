// Dead letters in mailbags: what lies in outboxes and is not sent, what commands have failed for,
// what is no message, mailboxes that were being removed. See dead_letters.h.
//
// The mailbox's group may write in these folders: names there are hostile, and what goes away
// between two looks is no letter.
#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "postoffice/dead_letters_looks.h"
#include "postoffice/derived_key.h"
#include "postoffice/folder.h"
#include "postoffice/hook_claim.h"
#include "postoffice/mailbag.h"
#include "postoffice/mailbox_settings.h"
#include "postoffice/message_summary.h"
#include "postoffice/mmff_reader.h"
#include "postoffice/outbox_look.h"
#include "postoffice/outbox_taken.h"
#include "postoffice/shared_lock.h"
#include "postoffice/tidying.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::size_t id_octets = 16;
/// Octets of files in outboxes that one look reads only to say what is wrong with them: their
/// owners choose how many and how large they are.
constexpr std::uint64_t most_read = std::uint64_t{256} << 20;

/// Made of where it lies, so that it stays the same when somebody mends the file.
std::string letter_id(std::string_view kind, std::string_view mailbox, std::string_view name) {
  return derived_key(fmt::format("smtpgate-letter-1\n{}\n{}\n{}", kind, mailbox, name), id_octets);
}

/// A header is read to be shown: not one as large as any may be.
ReaderOptions modest_options() {
  ReaderOptions options;
  options.longest_line = std::uint64_t{1} << 20;
  options.largest_header = std::uint64_t{4} << 20;
  return options;
}

class MailbagLook {
 public:
  MailbagLook(const Postoffice& postoffice, const LetterLook& look, LettersFound& found)
      : postoffice_(postoffice), files_(postoffice.files()), look_(look), found_(found) {}

  void run() {
    auto mailboxes = postoffice_.list_mailboxes();
    if (!mailboxes) return trouble(mailboxes.error());
    for (const std::string& mailbox : *mailboxes) {
      look_at_outbox(mailbox);
      look_at_messages(mailbox);
    }
    look_for_leaving();
  }

 private:
  void trouble(Outcome outcome) { found_.troubles.push_back(std::move(outcome)); }

  /// Somebody took it away; or all of the folder is away, and then nobody knows.
  void gone() {
    if (auto problem = why_not_there(postoffice_)) trouble(*problem);
  }

  bool is_long(std::int64_t since) const { return look_.now - since > look_.waits; }

  void look_at_outbox(const std::string& mailbox) {
    auto listed = files_.list_with_status(outbox_directory(postoffice_, mailbox));
    if (!listed) {
      if (listed.error().code != ENOENT) return trouble(listed.error().outcome());
      return gone();
    }
    for (const NamedStatus& one : *listed) {
      const bool is_refused = name_before_set_aside(one.name).has_value();
      if (!is_refused && (!is_outbox_name(one.name) || !is_long(one.status.modified))) continue;
      DeadLetter letter;
      letter.reason = is_refused ? LetterReason::outbox_refused : LetterReason::outbox_ignored;
      letter.id = outbox_letter_id(mailbox, one.name, one.status);
      letter.mailbox = mailbox;
      letter.name = one.name;
      letter.path = path_in(outbox_directory(postoffice_, mailbox), one.name);
      letter.since = one.status.modified;
      if (one.status.kind == FileKind::regular) letter.size = one.status.size;
      auto why = why_refused(postoffice_, mailbox, one.name, {}, most_read - read_);
      const bool is_read = letter.size <= most_read - read_;
      if (is_read) read_ += letter.size;
      if (!why) {
        if (why.error().is_permanent()) {
          gone();
          continue;
        }
        letter.detail = why.error().sentence();
      } else if (*why) {
        letter.detail = **why;
      } else if (!is_read) {
        letter.detail = "there is too much to read to say why again; its owner was told";
      } else if (is_refused) {
        letter.detail = "nothing is wrong with it any more: have it sent by redrive";
      } else {
        letter.detail = "nothing is wrong with it: no gateway has looked at this outbox";
      }
      if (one.status.kind == FileKind::regular) describe_letter(postoffice_, letter);
      found_.letters.push_back(std::move(letter));
    }
  }

  /// Where messages are of no use to anybody: unread ones whose command failed, and files of any
  /// age that are no messages.
  void look_at_messages(const std::string& mailbox) {
    auto mailbag = Mailbag::open(postoffice_, mailbox);
    if (!mailbag) {
      if (mailbag.error().is_temporary()) trouble(mailbag.error());
      return;
    }
    auto entries = mailbag->list();
    if (!entries) return trouble(entries.error());
    for (const MailbagEntry& entry : *entries) {
      if (entry.is_folder && !entry.is_read) look_at_command(*mailbag, entry);
      if (look_.most_opened && opened_ >= *look_.most_opened) {
        ++found_.unopened;
        continue;
      }
      ++opened_;
      look_into(*mailbag, entry);
    }
  }

  DeadLetter letter_of(const Mailbag& mailbag, const MailbagEntry& entry, LetterReason reason) {
    DeadLetter letter;
    letter.reason = reason;
    letter.id = letter_id(reason == LetterReason::unreadable ? "unreadable" : "command",
                          mailbag.mailbox(), entry.id);
    letter.mailbox = mailbag.mailbox();
    letter.name = entry.id;
    letter.is_read = entry.is_read;
    letter.is_folder = entry.is_folder;
    letter.path = mailbag.path(entry);
    if (entry.is_folder) letter.path = path_in(letter.path, layout::folder_message);
    letter.size = entry.size;
    letter.since = entry.arrival;
    letter.to = postoffice_.settings().name.str() + "/" + mailbag.mailbox();
    letter.recipients = 1;
    return letter;
  }

  void look_at_command(const Mailbag& mailbag, const MailbagEntry& entry) {
    const HookState state = HookState::read(files_, mailbag.path(entry));
    if (state.failures + state.delays == 0) return;
    if (!state.is_set_aside && !is_long(entry.arrival)) return;
    DeadLetter letter =
        letter_of(mailbag, entry,
                  state.is_set_aside ? LetterReason::command_gave_up : LetterReason::command_fails);
    letter.detail = fmt::format("{} tries; the last: {}", state.failures + state.delays,
                                state.last.empty() ? "not written down" : state.last);
    describe_letter(postoffice_, letter);
    found_.letters.push_back(std::move(letter));
  }

  void look_into(const Mailbag& mailbag, const MailbagEntry& entry) {
    auto file = mailbag.open_message(entry);
    if (!file) {
      if (file.error().is_temporary()) trouble(file.error());
      return;
    }
    FileSource source(**file);
    Reader reader(source);
    auto header = reader.next();
    if (!header && header.error().is_file_error) return trouble(header.error().outcome());
    if (header && *header) return;
    DeadLetter letter = letter_of(mailbag, entry, LetterReason::unreadable);
    letter.detail = header ? "there is no message in it" : header.error().str();
    found_.letters.push_back(std::move(letter));
  }

  /// Whoever removes mailboxes has the lock; while somebody does, there is nothing to say.
  void look_for_leaving() {
    const std::string mailbags = postoffice_.path(layout::mailbags);
    auto names = files_.list(mailbags);
    if (!names) return trouble(names.error().outcome());
    std::erase_if(*names,
                  [](const std::string& name) { return !name.starts_with(leaving_prefix); });
    if (names->empty()) return;
    const auto taken = is_shared_lock_taken(postoffice_, layout::mailbox_lock);
    if (!taken) return trouble(taken.error().outcome());
    if (*taken) return;
    for (const std::string& name : *names) {
      const std::string path = path_in(mailbags, name);
      auto messages = count_messages(files_, path);
      auto status = files_.status(path);
      if (!messages || !status || *messages == 0) continue;
      DeadLetter letter;
      letter.reason = LetterReason::mailbox_leaving;
      letter.mailbox = name.substr(leaving_prefix.size());
      letter.id = letter_id("leaving", letter.mailbox, "");
      letter.name = name;
      letter.path = path;
      letter.since = status->modified;
      letter.to = postoffice_.settings().name.str() + "/" + letter.mailbox;
      letter.detail = fmt::format("{} message{} in it", *messages, *messages == 1 ? "" : "s");
      found_.letters.push_back(std::move(letter));
    }
  }

  const Postoffice& postoffice_;
  FileSystem& files_;
  const LetterLook& look_;
  LettersFound& found_;
  std::uint64_t opened_ = 0;
  std::uint64_t read_ = 0;
};

}  // namespace

std::string outbox_letter_id(std::string_view mailbox, std::string_view name,
                             const FileStatus& status) {
  // Not when its directory entry changed: a file that is refused again is renamed there and back.
  const std::string of_file =
      derived_key(fmt::format("smtpgate-letter-file-1\n{}\n{}\n{}\n{}", status.device, status.inode,
                              status.modified, status.size),
                  id_octets);
  return letter_id("outbox", mailbox, name).substr(0, letter_place_digits) +
         of_file.substr(letter_place_digits);
}

void describe_letter(const Postoffice& postoffice, DeadLetter& letter) {
  auto file = postoffice.files().open(letter.path);
  if (!file) return;
  FileSource source(**file);
  Reader reader(source, modest_options());
  const auto header = reader.next();
  if (!header || !*header) return;
  const MessageSummary summary = summarize(**header, postoffice.settings().character_set);
  if (letter.from.empty()) letter.from = summary.from.address;
  if (letter.to.empty()) {
    letter.to = summary.to.address;
    letter.recipients = summary.recipients;
  }
  letter.subject = summary.subject;
}

void look_at_mailbags(const Postoffice& postoffice, const LetterLook& look, LettersFound& found) {
  MailbagLook(postoffice, look, found).run();
}

}  // namespace smtpgate::postoffice
