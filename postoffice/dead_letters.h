// Dead letters: all that lies in a postoffice because it could not be handled, either way, and that
// nothing will happen to by itself (docs/dead-letters.md). Finding them, saying of each what it is
// and what mends it, having it handled again, discarding it.
//
// Not for what waits in Postfix's queue: that is Postfix's. Not for printing
// (programs/letter_listing.h) nor for the daily summary (letter_summary.h).
//
// Nothing here goes by time: a dead letter lies where it is until somebody acts. Each act is one
// step that only one can win, under the lock of whoever handles such mail otherwise. Functions are
// safe from several threads, processes and hosts at once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "postoffice/file_system.h"
#include "postoffice/outbox.h"
#include "postoffice/outcome.h"
#include "postoffice/outgoing.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

enum class LetterReason {
  not_converted,    ///< SMTP/BAD: no Internet mail can be made of it; its sender was told
  nobody_told,      ///< SMTP/BAD: a program's mail that failed, so that nobody could be told
  state_damaged,    ///< SMTP or SMTP/BAD: STATE.json or the content cannot be read
  waits_long,       ///< SMTP: still tried, for longer than usual
  held_long,        ///< SMTP: held by an administrator
  outbox_refused,   ///< an outbox: set aside as NAME.bad; its owner was told
  outbox_ignored,   ///< an outbox: a message that nobody takes
  taken_left,       ///< P1: taken out of an outbox, not served to its end
  command_gave_up,  ///< a folder mailbox: its command failed too often
  command_fails,    ///< a folder mailbox: its command has failed, and is still tried
  unreadable,       ///< a mailbag: a file that is no message
  mailbox_leaving,  ///< MBG: a mailbox whose removal was broken off, with mail in it
};

struct LetterDefinition {
  LetterReason reason;
  std::string_view word;  ///< "not-converted": does not change between releases
  bool is_inbound;
  std::string_view what;      ///< what happened, a sentence without its full stop
  bool is_mended_by_redrive;  ///< redrive can do something about it
};
std::span<const LetterDefinition> letter_definitions();
const LetterDefinition& definition_of(LetterReason reason);
std::optional<LetterReason> parse_letter_reason(std::string_view word);

struct DeadLetter {
  LetterReason reason = LetterReason::not_converted;
  /// 32 hexadecimal digits, the same as long as it lies there. Of a file in an outbox the first
  /// half is of its name, the second of the very file: names come again.
  std::string id;
  std::string mailbox;  ///< folded; whose it is; empty: nobody's here
  std::string from;     ///< UTF-8, as somebody wrote it; empty: not known
  std::string to;       ///< the first recipient
  std::uint64_t recipients = 0;
  std::string subject;
  std::uint64_t size = 0;  ///< octets of the message
  std::int64_t since = 0;  ///< seconds since 1970
  std::string detail;      ///< why, of this one; may hold hostile bytes
  std::string path;        ///< of the message's file; of a mailbox, its directory
  OutgoingContent content = OutgoingContent::mmff;
  std::string name;  ///< the outgoing message, the work in P1, the file or the message in a mailbag
  std::string host;  ///< that has it; empty: nobody
  bool is_read = false;    ///< in a mailbag: lies in cur/
  bool is_folder = false;  ///< in a mailbag: a directory
};

struct LetterLook {
  std::int64_t now = 0;         ///< seconds since 1970
  std::int64_t waits = 86'400;  ///< what waits for longer is listed
  /// Messages of mailbags that are opened to see whether they can be read, the newest of each
  /// mailbox first; nothing: all of them.
  std::optional<std::uint64_t> most_opened;
};

struct LettersFound {
  std::vector<DeadLetter> letters;  ///< oldest first
  std::vector<Outcome> troubles;    ///< what could not be looked at
  std::uint64_t unopened = 0;       ///< messages beyond most_opened
};
LettersFound find_dead_letters(const Postoffice& postoffice, const LetterLook& look);

/// Whether names of other files may come in its place: a file in an outbox, which its owner may
/// exchange. Then a whole ID is of this very file, and the beginning of one of its name.
bool may_be_exchanged(const DeadLetter& letter);
bool is_whole_letter_id(std::string_view text);

/// One of `found` by the unique beginning of its ID. permanent: none, or more than one, or the file
/// that had this ID is another one now; temporary: none, but not everything could be looked at.
Expected<DeadLetter> find_letter(const Postoffice& postoffice, const LettersFound& found,
                                 std::string_view beginning);

/// What mends it: sentences with the very commands, for a person.
std::vector<std::string> letter_remedies(const Postoffice& postoffice, const DeadLetter& letter);
/// "postoffice -d DIR letters", for a shell.
std::string letters_command(const Postoffice& postoffice);

/// The message's file for reading. permanent: it has none that can be opened, or is gone.
Expected<std::unique_ptr<File>> open_letter(const Postoffice& postoffice, const DeadLetter& letter);

/// Has it handled again. Delivered: it was, or will be at once; the sentence says what became of
/// it. permanent: it still cannot, and lies where it lay; the sentence says what to do. What
/// becomes of a file of an outbox is told besides.
Outcome redrive_letter(const Postoffice& postoffice, const DeadLetter& letter,
                       const std::function<void(const OutboxNote&)>& tell);
/// Nothing is done; whether redrive_letter() would try, and why not.
Outcome would_redrive(const Postoffice& postoffice, const DeadLetter& letter);

/// Deletes it for good; nobody is told. permanent: it is gone, or it is none that is deleted so.
Outcome discard_letter(const Postoffice& postoffice, const DeadLetter& letter);

}  // namespace smtpgate::postoffice
