// What is done about a dead letter; see dead_letters.h. Each act is the one that whoever handles
// such mail does by itself, at another's word: no second way in, so nothing that could double.
#include <cerrno>
#include <ctime>
#include <utility>

#include <fmt/format.h>

#include "postoffice/address.h"
#include "postoffice/dead_letters.h"
#include "postoffice/dead_letters_looks.h"
#include "postoffice/folder.h"
#include "postoffice/hook_claim.h"
#include "postoffice/mailbag.h"
#include "postoffice/mailbox_changes.h"
#include "postoffice/mailbox_plan.h"
#include "postoffice/mmff_reader.h"
#include "postoffice/outbox_taken.h"
#include "postoffice/shared_lock.h"
#include "postoffice/shell_word.h"

namespace smtpgate::postoffice {

namespace {

using Tell = std::function<void(const OutboxNote&)>;

/// Somebody took it away; or all of the folder is away, and then nobody knows.
Outcome gone(const Postoffice& postoffice, const DeadLetter& letter) {
  if (auto problem = why_not_there(postoffice)) return *problem;
  return Outcome::permanent("dead letter " + letter.id + " is not there any more", "5.2.0");
}

MailbagEntry entry_of(const DeadLetter& letter) {
  MailbagEntry entry;
  entry.id = letter.name;
  entry.short_id = letter.name;
  entry.is_read = letter.is_read;
  entry.is_folder = letter.is_folder;
  entry.arrival = letter.since;
  entry.size = letter.size;
  return entry;
}

/// What walk_taken_file() told, as one outcome: what was refused is worst.
class Notes {
 public:
  explicit Notes(const Tell& tell) : tell_(tell) {}

  void operator()(const OutboxNote& note) {
    tell_(note);
    // A recipient that failed was reported to the mailbox: the file itself was served.
    if (!note.recipient.empty() || note.outcome.is_delivered()) return;
    worst_ = worst_ ? worse(*worst_, note.outcome) : note.outcome;
  }
  Outcome outcome(const Expected<OutboxResult>& result) const {
    if (!result) return result.error();
    if (worst_) return *worst_;
    return Outcome::delivered(
        result->handed_over > 0
            ? fmt::format("sent on its way: {} message{} wait{} for Postfix", result->handed_over,
                          result->handed_over == 1 ? "" : "s", result->handed_over == 1 ? "s" : "")
            : "served");
  }

 private:
  const Tell& tell_;
  std::optional<Outcome> worst_;
};

/// Between the list and the deed its owner may have put another file there.
std::optional<Outcome> why_another_file(const Postoffice& postoffice, const DeadLetter& letter) {
  auto status = postoffice.files().status(letter.path);
  if (!status && status.error().code == ENOENT) return gone(postoffice, letter);
  if (!status) return status.error().outcome();
  if (outbox_letter_id(letter.mailbox, letter.name, *status) == letter.id) return std::nullopt;
  return Outcome::permanent(letter.path + " is another file now; list again", "5.2.0");
}

Outcome redrive_outbox(const Postoffice& postoffice, const DeadLetter& letter, const Tell& tell) {
  if (auto why = why_another_file(postoffice, letter)) return *why;
  Notes notes(tell);
  const std::string as_name = name_before_set_aside(letter.name).value_or(letter.name);
  return notes.outcome(pick_up_again(postoffice, letter.mailbox, letter.name, as_name, {},
                                     [&](const OutboxNote& note) { notes(note); }));
}

Outcome elsewhere(const Postoffice& postoffice, const DeadLetter& letter) {
  return Outcome::permanent(
      fmt::format("host {} has it; if that is dead: postoffice -d {} queue adopt {}", letter.host,
                  shell_word(postoffice.directory()), shell_word(letter.host)),
      "5.2.0");
}

Outcome redrive_taken(const Postoffice& postoffice, const DeadLetter& letter, const Tell& tell) {
  if (letter.host != postoffice.host()) return elsewhere(postoffice, letter);
  Notes notes(tell);
  return notes.outcome(
      resume_taken_file(postoffice, letter.name, {}, [&](const OutboxNote& note) { notes(note); }));
}

/// The claim that whoever runs the command has; nobody else writes beside it.
Expected<HookClaim> claim(const Postoffice& postoffice, const DeadLetter& letter) {
  const std::string directory = parent_directory(letter.path);
  auto taken = HookClaim::take(postoffice.files(), directory, postoffice.host());
  if (!taken) return failure(taken.error());
  if (*taken) return std::move(**taken);
  auto there = postoffice.files().status(directory);
  if (!there && there.error().code == ENOENT) return failure(gone(postoffice, letter));
  return failure(Outcome::permanent(
      "the command of mailbox " + letter.mailbox + " runs for it at this moment", "5.2.0"));
}

Outcome redrive_command(const Postoffice& postoffice, const DeadLetter& letter) {
  auto claimed = claim(postoffice, letter);
  if (!claimed) return claimed.error();
  const Outcome written = HookState().write(postoffice.files(), parent_directory(letter.path));
  if (!written.is_delivered()) return written;
  return Outcome::delivered("due again: `postoffice run-hooks` runs the command of mailbox " +
                            letter.mailbox + " for it");
}

Outcome redrive_unreadable(const Postoffice& postoffice, const DeadLetter& letter) {
  auto mailbag = Mailbag::open(postoffice, letter.mailbox);
  if (!mailbag) return mailbag.error();
  auto file = mailbag->open_message(entry_of(letter));
  if (!file) return file.error();
  FileSource source(**file);
  Reader reader(source);
  auto header = reader.next();
  if (header && *header) return Outcome::delivered("it can be read now");
  return Outcome::permanent(
      "it still cannot be read: " + (header ? "there is no message in it" : header.error().str()) +
          "; a message file is never changed: export it, mend the copy, file "
          "that with smtpput, and discard this one",
      "5.6.0");
}

Outcome bring_back(const Postoffice& postoffice, const DeadLetter& letter) {
  // Not MailboxChanges::begin(): what it finishes first may be this very removal.
  auto lock = take_shared_lock(postoffice, layout::mailbox_lock, {"GLB", layout::mailbags});
  if (!lock) return lock.error().outcome();
  if (!*lock) {
    return Outcome::temporary("somebody else is changing mailboxes of " + postoffice.directory() +
                              "; try again");
  }
  auto plan = read_plan(postoffice);
  if (!plan) return plan.error();
  const auto given_up = std::erase_if(plan->changes, [&](const MailboxChange& one) {
    return one.kind == MailboxChange::Kind::remove &&
           fold_mailbox_name(one.mailbox) == letter.mailbox;
  });
  if (given_up > 0) {
    const Outcome written =
        plan->changes.empty() ? remove_plan(postoffice) : write_plan(postoffice, *plan);
    if (!written.is_delivered()) return written;
  }
  auto moved =
      postoffice.files().rename_new(letter.path, postoffice.mailbag_directory(letter.mailbox));
  if (!moved && moved.error().code == ENOENT) return gone(postoffice, letter);
  if (!moved && moved.error().code == EEXIST) {
    return Outcome::permanent("there is a mailbox " + letter.mailbox + " again; move " +
                                  letter.path + " and its messages by hand",
                              "5.2.0");
  }
  if (moved) moved = postoffice.files().sync_directory(postoffice.path(layout::mailbags));
  if (!moved) return moved.error().outcome();
  return Outcome::delivered("mailbox " + letter.mailbox + " is back, with " + letter.detail);
}

Outcome discard_from_outbox(const Postoffice& postoffice, const DeadLetter& letter) {
  if (auto why = why_another_file(postoffice, letter)) return *why;
  FileSystem& files = postoffice.files();
  auto status = files.status(letter.path);
  if (!status && status.error().code == ENOENT) return gone(postoffice, letter);
  if (!status) return status.error().outcome();
  if (status->kind == FileKind::directory) {
    return Outcome::permanent(letter.path + " is a directory; whoever made it may remove it",
                              "5.2.0");
  }
  auto removed = files.remove(letter.path);
  if (!removed && removed.error().code == ENOENT) return gone(postoffice, letter);
  if (removed) removed = files.sync_directory(parent_directory(letter.path));
  if (!removed) return removed.error().outcome();
  return Outcome::delivered("discarded");
}

Outcome discard_taken(const Postoffice& postoffice, const DeadLetter& letter) {
  if (letter.host != postoffice.host()) return elsewhere(postoffice, letter);
  auto taken = TakenFile::take_up(postoffice, letter.name);
  if (!taken) return taken.error();
  if (!*taken) return gone(postoffice, letter);
  auto finished = (*taken)->finish();
  if (!finished) return finished.error().outcome();
  return Outcome::delivered("discarded");
}

Outcome discard_from_mailbag(const Postoffice& postoffice, const DeadLetter& letter) {
  auto mailbag = Mailbag::open(postoffice, letter.mailbox);
  if (!mailbag) return mailbag.error();
  std::optional<HookClaim> held;
  if (letter.is_folder) {
    auto claimed = claim(postoffice, letter);
    if (!claimed) return claimed.error();
    held.emplace(std::move(*claimed));
  }
  const Outcome removed = mailbag->remove(entry_of(letter));
  if (!removed.is_delivered()) return removed;
  if (held) held->forget();
  return Outcome::delivered("discarded");
}

}  // namespace

std::string letters_command(const Postoffice& postoffice) {
  return "postoffice -d " + shell_word(postoffice.directory()) + " letters";
}

std::vector<std::string> letter_remedies(const Postoffice& postoffice, const DeadLetter& letter) {
  const std::string folder = "postoffice -d " + shell_word(postoffice.directory());
  const std::string letters = letters_command(postoffice);
  // Of a file that is to be mended first, the part of its ID that mending does not change.
  const std::string again =
      letters + " redrive " +
      (may_be_exchanged(letter) ? letter.id.substr(0, letter_place_digits) : letter.id);
  const std::string discards = letters + " discard " + letter.id + " --yes";
  const std::string exports = letters + " export " + letter.id + " --to DIR";
  const std::string path = shell_word(letter.path);
  switch (letter.reason) {
    case LetterReason::not_converted:
      return {"Look at it: " + letters + " show " + letter.id,
              "Mend what the reason names (the address map, the file " + path + "), then: " + again,
              "Or give it up and tell its sender so: " + folder + " queue return " + letter.id};
    case LetterReason::nobody_told:
      return {"Mend what the answer complains of (an address, a peer), then: " + again,
              "Or keep a copy and give it up: " + exports + "; then: " + discards};
    case LetterReason::state_damaged:
      return {"Mend STATE.json in " + shell_word(parent_directory(letter.path)) +
                  " by hand (docs/outgoing.md), then: " + again,
              "Or keep a copy and give it up: " + exports + "; then: " + discards};
    case LetterReason::waits_long:
      return {"See whether the designated host answers: smtpgate check",
              "Have it tried at once: " + again,
              "Or give it up and tell its sender so: " + folder + " queue return " + letter.id};
    case LetterReason::held_long:
      return {"Let it go: " + folder + " queue release " + letter.id,
              "Or give it up and tell its sender so: " + folder + " queue return " + letter.id};
    case LetterReason::outbox_refused:
      return {"Mend the file " + path + " as the reason says, then: " + again,
              "Or let its owner delete it, or: " + discards};
    case LetterReason::outbox_ignored:
      return {"See whether the daemon runs: smtpgate status",
              "Mend what the reason names, then have it taken at once: " + again};
    case LetterReason::taken_left:
      if (letter.host != postoffice.host()) {
        return {"If that host is dead, take over what it had: " + folder + " queue adopt " +
                shell_word(letter.host)};
      }
      return {"The daemon goes on with it when it next looks; at once: " + again};
    case LetterReason::command_gave_up:
    case LetterReason::command_fails:
      return {
          "Mend the mailbox's command: " + folder + " mailbox show " + shell_word(letter.mailbox),
          "Then have it run again: " + again, "Or handle the message by hand, and: " + discards};
    case LetterReason::unreadable:
      return {"Keep a copy: " + exports,
              fmt::format("Mend the copy and file it: smtpput -d {} -r {} COPY",
                          shell_word(postoffice.directory()),
                          shell_word(postoffice.settings().name.str() + "/" + letter.mailbox)),
              "Then: " + discards};
    case LetterReason::mailbox_leaving:
      return {"Bring the mailbox back: " + again, "To remove it with its mail then: " + folder +
                                                      " mailbox remove " +
                                                      shell_word(letter.mailbox) + " --with-mail"};
  }
  return {};
}

Expected<std::unique_ptr<File>> open_letter(const Postoffice& postoffice,
                                            const DeadLetter& letter) {
  if (letter.reason == LetterReason::mailbox_leaving) {
    return failure(Outcome::permanent(
        "a mailbox is no message; bring it back by redrive and read what is in it", "5.2.0"));
  }
  FileSystem& files = postoffice.files();
  auto status = files.status(letter.path);
  if (!status && status.error().code == ENOENT) return failure(gone(postoffice, letter));
  if (!status) return failure(status.error().outcome());
  if (status->kind != FileKind::regular) {
    return failure(Outcome::permanent(letter.path + " is no regular file", "5.2.0"));
  }
  auto file = files.open(letter.path);
  if (!file) return failure(file.error().outcome());
  auto opened = (*file)->status();
  if (!opened) return failure(opened.error().outcome());
  if (opened->kind != FileKind::regular) return failure(gone(postoffice, letter));
  return std::move(*file);
}

Outcome redrive_letter(const Postoffice& postoffice, const DeadLetter& letter, const Tell& tell) {
  switch (letter.reason) {
    case LetterReason::not_converted:
    case LetterReason::nobody_told:
    case LetterReason::state_damaged:
    case LetterReason::waits_long:
      return OutgoingMail(postoffice).retry(letter.name);
    case LetterReason::held_long:
      return Outcome::permanent(
          "somebody holds it; let it go: `postoffice queue release " + letter.id + "`", "5.2.0");
    case LetterReason::outbox_refused:
    case LetterReason::outbox_ignored:
      return redrive_outbox(postoffice, letter, tell);
    case LetterReason::taken_left:
      return redrive_taken(postoffice, letter, tell);
    case LetterReason::command_gave_up:
    case LetterReason::command_fails:
      return redrive_command(postoffice, letter);
    case LetterReason::unreadable:
      return redrive_unreadable(postoffice, letter);
    case LetterReason::mailbox_leaving:
      return bring_back(postoffice, letter);
  }
  return gone(postoffice, letter);
}

Outcome would_redrive(const Postoffice& postoffice, const DeadLetter& letter) {
  if (!definition_of(letter.reason).is_mended_by_redrive)
    return redrive_letter(postoffice, letter, {});
  if (letter.reason == LetterReason::outbox_refused ||
      letter.reason == LetterReason::outbox_ignored) {
    auto why = why_refused(postoffice, letter.mailbox, letter.name, {});
    if (!why) return why.error();
    if (*why) return Outcome::permanent("it would be refused again: " + **why, "5.6.0");
  }
  if (letter.reason == LetterReason::unreadable) return redrive_unreadable(postoffice, letter);
  if (letter.reason == LetterReason::taken_left && letter.host != postoffice.host()) {
    return elsewhere(postoffice, letter);
  }
  return Outcome::delivered("would be handled again");
}

Outcome discard_letter(const Postoffice& postoffice, const DeadLetter& letter) {
  switch (letter.reason) {
    case LetterReason::not_converted:
    case LetterReason::nobody_told:
    case LetterReason::state_damaged:
    case LetterReason::waits_long:
    case LetterReason::held_long:
      return OutgoingMail(postoffice).remove(letter.name);
    case LetterReason::outbox_refused:
    case LetterReason::outbox_ignored:
      return discard_from_outbox(postoffice, letter);
    case LetterReason::taken_left:
      return discard_taken(postoffice, letter);
    case LetterReason::command_gave_up:
    case LetterReason::command_fails:
    case LetterReason::unreadable:
      return discard_from_mailbag(postoffice, letter);
    case LetterReason::mailbox_leaving:
      return Outcome::permanent(
          "a mailbox is not discarded with its mail; bring it back by redrive, then remove it",
          "5.2.0");
  }
  return gone(postoffice, letter);
}

}  // namespace smtpgate::postoffice
