// What dead letters are, where the outgoing ones lie, and finding one; see the header. Those in
// mailbags: dead_letters_mailbags.cpp; what is done with one: dead_letter_acts.cpp.
#include "postoffice/dead_letters.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "postoffice/ascii.h"
#include "postoffice/dead_letters_looks.h"
#include "postoffice/folder.h"
#include "postoffice/locked_directory.h"
#include "postoffice/outbox_taken.h"
#include "postoffice/outgoing_folder.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::int64_t minute = 60;

constexpr LetterDefinition definitions[] = {
    {LetterReason::not_converted, "not-converted", false,
     "no Internet mail could be made of it; its sender was told, and it was set aside", true},
    {LetterReason::nobody_told, "nobody-told", false,
     "a program's mail could not be delivered, and there is nobody who could be told", true},
    {LetterReason::state_damaged, "state-damaged", false,
     "what the gateway wrote of it cannot be read, so it is not sent", true},
    {LetterReason::waits_long, "waits-long", false,
     "it waits longer than usual; it is still tried, and returned when it is too old", true},
    {LetterReason::held_long, "held-long", false,
     "somebody holds it, so it is not tried until it is released", false},
    {LetterReason::outbox_refused, "outbox-refused", false,
     "a file in an outbox could not be sent; it was set aside there, and its owner was told", true},
    {LetterReason::outbox_ignored, "outbox-ignored", false,
     "a file in an outbox is not taken, though it has lain there for long", true},
    {LetterReason::taken_left, "taken-left", false,
     "a file was taken out of an outbox, and not all of it was done", true},
    {LetterReason::command_gave_up, "command-gave-up", true,
     "the mailbox's command failed too often; the message waits in the mailbox", true},
    {LetterReason::command_fails, "command-fails", true,
     "the mailbox's command has not done its work; it is still tried", true},
    {LetterReason::unreadable, "unreadable", true,
     "a file in a mailbox is no message that anybody can read", true},
    {LetterReason::mailbox_leaving, "mailbox-leaving", true,
     "a mailbox was being removed when the command died, and there is mail in it", true},
};

/// The newest thing that is known of it.
std::string last_reason(const OutgoingState& state) {
  if (!state.reason.empty()) return state.reason;
  for (const auto wanted : {RecipientState::waiting, RecipientState::failed}) {
    for (const OutgoingRecipient& one : state.recipients) {
      if (one.state == wanted && !one.reason.empty()) return one.reason;
    }
  }
  return "it was not tried yet";
}

std::optional<LetterReason> reason_of(const OutgoingEntry& entry, const LetterLook& look) {
  const OutgoingState& state = entry.state;
  if (state.created == 0) return LetterReason::state_damaged;
  if (entry.is_bad) {
    return state.mailbox.empty() ? LetterReason::nobody_told : LetterReason::not_converted;
  }
  if (look.now - state.created <= look.waits || state.is_done()) return std::nullopt;
  return state.held ? LetterReason::held_long : LetterReason::waits_long;
}

DeadLetter letter_of(const Postoffice& postoffice, const OutgoingEntry& entry,
                     LetterReason reason) {
  const OutgoingState& state = entry.state;
  DeadLetter letter;
  letter.reason = reason;
  letter.id = state.id;
  letter.name = state.id;
  letter.host = entry.host;
  letter.mailbox = state.mailbox;
  if (!state.mailbox.empty()) {
    letter.from = postoffice.settings().name.str() + "/" + state.mailbox;
  } else if (state.sender) {
    letter.from = state.sender->empty() ? "<>" : *state.sender;
  }
  for (const OutgoingRecipient& one : state.recipients) {
    if (one.state == RecipientState::sent) continue;
    if (letter.recipients++ == 0) letter.to = one.address.address;
  }
  letter.size = entry.size;
  letter.since = state.created;
  letter.content = entry.content;
  letter.detail = last_reason(state);
  const std::string directory = OutgoingPlace{state.id, entry.host, entry.is_bad}.path(postoffice);
  letter.path =
      path_in(directory, entry.content == OutgoingContent::mmff ? layout::outgoing_mmff
                                                                : layout::outgoing_internet);
  if (reason == LetterReason::state_damaged) {
    auto status = postoffice.files().status(directory);
    if (status) letter.since = status->modified;
  }
  if (entry.content == OutgoingContent::mmff) describe_letter(postoffice, letter);
  return letter;
}

void look_at_outgoing(const Postoffice& postoffice, const LetterLook& look, LettersFound& found) {
  auto entries = OutgoingMail(postoffice).list();
  if (!entries) {
    found.troubles.push_back(entries.error());
    return;
  }
  for (const OutgoingEntry& entry : *entries) {
    if (const auto reason = reason_of(entry, look)) {
      found.letters.push_back(letter_of(postoffice, entry, *reason));
    }
  }
}

/// A directory of P1 with a file taken from an outbox: of this host, and no process at it; or of
/// another, for longer than anything takes.
class TakenLook {
 public:
  TakenLook(const Postoffice& postoffice, const LetterLook& look, LettersFound& found)
      : postoffice_(postoffice), files_(postoffice.files()), look_(look), found_(found) {}

  void run() {
    auto hosts = files_.list(postoffice_.path(layout::work));
    if (!hosts) {
      found_.troubles.push_back(hosts.error().outcome());
      return;
    }
    for (const std::string& host : *hosts) {
      auto listed = files_.list_with_status(path_in(postoffice_.path(layout::work), host));
      if (!listed) {
        if (listed.error().code == ENOENT || listed.error().code == ENOTDIR) continue;
        found_.troubles.push_back(listed.error().outcome());
        continue;
      }
      for (const NamedStatus& one : *listed) look_at(host, one);
    }
  }

 private:
  void look_at(const std::string& host, const NamedStatus& one) {
    const bool is_ours = host == postoffice_.host();
    const std::int64_t age = look_.now - one.status.modified;
    if (!is_outgoing_id(one.name) || age <= (is_ours ? minute : look_.waits)) return;
    auto place = look_at_taken(postoffice_, host, one.name);
    if (place && !*place) return;
    if (is_ours && is_at_work(path_in(path_in(postoffice_.path(layout::work), host), one.name))) {
      return;
    }
    DeadLetter letter;
    letter.reason = LetterReason::taken_left;
    letter.id = one.name;
    letter.name = one.name;
    letter.host = host;
    letter.since = one.status.modified;
    if (place) {
      letter.mailbox = (*place)->origin.mailbox;
      letter.path = (*place)->path;
      letter.detail = "taken from the outbox as " + (*place)->origin.file + " by host " + host;
      if (auto status = files_.status(letter.path)) letter.size = status->size;
      describe_letter(postoffice_, letter);
    } else {
      letter.path = path_in(path_in(path_in(postoffice_.path(layout::work), host), one.name),
                            layout::taken_file);
      letter.detail = place.error().sentence();
    }
    found_.letters.push_back(std::move(letter));
  }

  /// Its lock is held here only for the moment of looking.
  bool is_at_work(const std::string& directory) {
    auto lock = lock_directory(files_, directory);
    if (!lock) found_.troubles.push_back(lock.error().outcome());
    return !lock || *lock == nullptr;
  }

  const Postoffice& postoffice_;
  FileSystem& files_;
  const LetterLook& look_;
  LettersFound& found_;
};

/// Before "there is none" is said of what a command did that died before its sync.
std::optional<Outcome> settle(const Postoffice& postoffice) {
  std::vector<std::string> places = {postoffice.path(layout::outgoing),
                                     postoffice.path(layout::bad)};
  auto mailboxes = postoffice.list_mailboxes();
  if (!mailboxes) return mailboxes.error();
  for (const std::string& mailbox : *mailboxes) {
    for (const std::string_view part : {layout::outbox, layout::unread}) {
      places.push_back(path_in(postoffice.mailbag_directory(mailbox), part));
    }
  }
  for (const std::string& place : places) {
    auto synced = postoffice.files().sync_directory(place);
    if (!synced && synced.error().code != ENOENT) return synced.error().outcome();
  }
  return std::nullopt;
}

}  // namespace

std::span<const LetterDefinition> letter_definitions() {
  return definitions;
}

const LetterDefinition& definition_of(LetterReason reason) {
  return *std::find_if(std::begin(definitions), std::end(definitions),
                       [reason](const LetterDefinition& one) { return one.reason == reason; });
}

std::optional<LetterReason> parse_letter_reason(std::string_view word) {
  for (const LetterDefinition& one : definitions) {
    if (one.word == word) return one.reason;
  }
  return std::nullopt;
}

LettersFound find_dead_letters(const Postoffice& postoffice, const LetterLook& look) {
  LettersFound found;
  look_at_outgoing(postoffice, look, found);
  TakenLook(postoffice, look, found).run();
  look_at_mailbags(postoffice, look, found);
  std::stable_sort(found.letters.begin(), found.letters.end(),
                   [](const DeadLetter& a, const DeadLetter& b) {
                     return a.since != b.since ? a.since < b.since : a.id < b.id;
                   });
  return found;
}

bool may_be_exchanged(const DeadLetter& letter) {
  return letter.reason == LetterReason::outbox_refused ||
         letter.reason == LetterReason::outbox_ignored;
}

bool is_whole_letter_id(std::string_view text) {
  return is_outgoing_id(text);
}

Expected<DeadLetter> find_letter(const Postoffice& postoffice, const LettersFound& found,
                                 std::string_view beginning) {
  std::vector<const DeadLetter*> matches;
  for (const DeadLetter& one : found.letters) {
    if (!beginning.empty() && starts_with_ignoring_case(one.id, beginning)) {
      matches.push_back(&one);
    }
  }
  if (matches.size() == 1) return *matches.front();
  if (matches.empty() && beginning.size() > letter_place_digits) {
    for (const DeadLetter& one : found.letters) {
      if (!may_be_exchanged(one) ||
          !starts_with_ignoring_case(beginning, one.id.substr(0, letter_place_digits))) {
        continue;
      }
      return failure(Outcome::permanent(
          fmt::format("{} is another file now, or was changed since it had the ID {}; list again: "
                      "its ID is {}",
                      one.path, beginning, one.id),
          "5.2.0"));
    }
  }
  if (matches.empty()) {
    // It may lie where nobody could look.
    for (const Outcome& one : found.troubles) {
      if (one.is_temporary()) return failure(one);
    }
    if (auto problem = settle(postoffice)) return failure(*problem);
    return failure(Outcome::permanent("no dead letter " + std::string(beginning) + "; `" +
                                          letters_command(postoffice) + " list` shows them",
                                      "5.2.0"));
  }
  return failure(Outcome::permanent(
      fmt::format("{} dead letters begin with {}, {} and {} among them; give more of the ID",
                  matches.size(), beginning, matches[0]->id, matches[1]->id),
      "5.2.0"));
}

}  // namespace smtpgate::postoffice
