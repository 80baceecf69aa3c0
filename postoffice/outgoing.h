// Outgoing mail: the folder SMTP/ of a postoffice, where messages wait for Postfix
// (docs/outgoing.md). Making one, listing, taking one for submission, writing down what became of
// its recipients, and letting it go.
//
// Not for picking up outboxes (outbox.h), converting (converter/outbound.h) or speaking SMTP
// (milter/submission.h).
//
// Const methods are safe from several threads, processes and hosts at once: each step is a rename
// that only one can win. A TakenMessage belongs to one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postoffice/address.h"
#include "postoffice/file_system.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

enum class RecipientState { waiting, sent, failed };
/// As in STATE.json and in listings: "waiting", "sent", "failed".
std::string_view state_name(RecipientState state);

struct OutgoingRecipient {
  TypedAddress address;  ///< SMTP:user@host, or CSI:NET/PO/BOX of another postoffice
  RecipientState state = RecipientState::waiting;
  std::string status;     ///< enhanced status of the last try; empty before the first
  std::string reason;     ///< the last answer, one sentence; may hold hostile bytes
  std::string queue_id;   ///< Postfix's, once sent
  bool reported = false;  ///< failed, and its sender has been told
};

/// STATE.json.
struct OutgoingState {
  std::string id;       ///< 32 hexadecimal digits: the name of its directory
  std::string mailbox;  ///< folded; whose mail it is and who gets reports; empty: a program's
  std::int64_t created = 0;
  std::int64_t next_attempt = 0;  ///< seconds since 1970
  unsigned attempts = 0;
  bool held = false;
  bool maybe_sent = false;            ///< a try broke between the data and the reply (RFC 1047)
  std::optional<std::string> sender;  ///< of an SMTP_OUT.822; empty string: <>
  std::string reason;                 ///< of the message as a whole, in BAD
  std::string key;                    ///< of hand_over(); empty: it may be handed over again
  std::vector<OutgoingRecipient> recipients;

  bool is_done() const;  ///< no recipient waits
};

/// Octets of texts that are no UTF-8 become U+FFFD; a reason is cut after 2,000 octets.
std::string render_outgoing_state(const OutgoingState& state);
/// Temporary: what is wrong, with the path. Bounded; never throws.
Expected<OutgoingState> parse_outgoing_state(std::string_view json, const std::string& path);

/// 32 lower-case hexadecimal digits: the name of a message in SMTP/.
bool is_outgoing_id(std::string_view text);

/// A file of this name that appears and goes in SMTP/ says that a command has changed what waits
/// there, and when it is due; ".look-<id>" says it of one message.
inline constexpr std::string_view attention_name = ".look";
/// The ID in ".look-<id>"; empty if it is another name.
std::string attention_id(std::string_view name);

inline constexpr std::size_t most_outgoing_recipients = 100'000;

enum class OutgoingContent {
  mmff,      ///< FROM_NC.API
  internet,  ///< SMTP_OUT.822
};

/// A message in SMTP/ as a listing sees it.
struct OutgoingEntry {
  OutgoingState state;
  OutgoingContent content = OutgoingContent::mmff;
  std::uint64_t size = 0;  ///< octets of its content
  std::string host;        ///< that has it taken; empty: waits
  bool is_bad = false;     ///< lies in BAD
};

/// A message being made: a locked directory P1/<host>/<id>/ that goes away with the object unless
/// it was handed over.
class OutgoingDraft {
 public:
  static Expected<OutgoingDraft> begin(const Postoffice& postoffice, OutgoingContent content);

  OutgoingDraft(OutgoingDraft&&) noexcept;
  OutgoingDraft& operator=(OutgoingDraft&&) noexcept;
  ~OutgoingDraft();

  const std::string& id() const;
  const std::string& path() const;  ///< the directory
  File& content();                  ///< open for writing; write it, then hand_over()

  /// Everything synced, the directory renamed to SMTP/<id>, SMTP synced: only then delivered.
  /// `key` (64 hexadecimal digits or empty): handed over once within dedupe_days; delivered with
  /// "duplicate ..." if it was already. `state.id` and `state.key` are set. After any other
  /// outcome the draft is of no use and goes. permanent: a recipient that is no UTF-8, none that
  /// waits, or more than most_outgoing_recipients.
  Outcome hand_over(OutgoingState state, std::string_view key = {});

 private:
  struct State;
  explicit OutgoingDraft(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Enhanced status of a message that was removed while the disk refused to say that it stays so.
inline constexpr std::string_view gone_until_power_cut = "2.3.0";

/// A message that this process has taken and holds locked; given back by the destructor. One that
/// is_done() already was not removed by a finish() that failed: finish() it, never submit it.
class TakenMessage {
 public:
  TakenMessage(TakenMessage&&) noexcept;
  TakenMessage& operator=(TakenMessage&&) noexcept;
  ~TakenMessage();

  const OutgoingState& state() const;
  OutgoingContent content_kind() const;
  Expected<std::unique_ptr<File>> open_content() const;

  /// The end of the data goes out now, and until save() or finish() the message may have been sent
  /// without a trace of it (RFC 1047): MAYBE_SENT says so to whoever takes it after a crash. It
  /// is not synced, so a power cut can lose it. Trouble is passed over: mail is worth more.
  void mark_in_doubt();
  /// A process was ended in that time; state().maybe_sent is then set. save() forgets it.
  bool was_left_in_doubt() const;

  /// Replaces STATE.json durably.
  Outcome save(OutgoingState state);
  /// No recipient waits: it goes. Temporary if it cannot be removed; then it is tried again and is
  /// never submitted again, because `final_state` has been written. Delivered with
  /// `gone_until_power_cut`: gone, but perhaps not for a power cut; the sentence says so.
  Outcome finish(const OutgoingState& final_state);
  /// To SMTP/BAD with the reason; the message is no longer taken.
  Outcome set_aside(OutgoingState state, std::string reason);

 private:
  friend class OutgoingMail;
  struct State;
  explicit TakenMessage(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

class OutgoingMail {
 public:
  /// `postoffice` outlives the object.
  explicit OutgoingMail(const Postoffice& postoffice) : postoffice_(&postoffice) {}

  /// All that lies in SMTP/ and SMTP/BAD, oldest first. What cannot be read is listed with its
  /// `reason` set, never left out.
  Expected<std::vector<OutgoingEntry>> list() const;
  /// By the unique beginning of an ID.
  Expected<OutgoingEntry> find(std::string_view beginning) const;

  /// One, without taking it; nullopt if it is gone. What cannot be read is as in list().
  Expected<std::optional<OutgoingEntry>> look(std::string_view id) const;

  /// Names only, cheap: IDs that this host may take (waiting, or left over from its own dead
  /// processes), oldest first.
  Expected<std::vector<std::string>> waiting() const;
  /// nullopt: somebody else has it, or it is gone.
  /// Also one that is held or not due: look at state(). Waits up to a quarter of a second for
  /// whoever is just handing it over or giving it back.
  Expected<std::optional<TakenMessage>> take(std::string_view id) const;
  /// The same without touching SMTP/.alive-<host>: for who did so, by take() or keep_alive(), less
  /// than a minute ago. One write less for each message.
  Expected<std::optional<TakenMessage>> take_while_alive(std::string_view id) const;
  /// One in BAD; it stays there when it is given back.
  Expected<std::optional<TakenMessage>> take_bad(std::string_view id) const;

  /// "I am alive": touches SMTP/.alive-<host>, as take() does. Then takes over what hosts left that
  /// were not alive for `lease` seconds: messages are given back to SMTP/, their work in P1 with
  /// TAKEN.API, FROM_NC.API or SMTP_OUT.822 becomes this host's. Returns how many of both. Removes
  /// what finish() left half removed.
  Expected<std::uint64_t> keep_alive(std::int64_t lease) const;
  /// By command: the same for what `host` has, alive or not, except what a process visibly holds.
  Expected<std::uint64_t> adopt(std::string_view host) const;

  /// Commands. permanent if there is no such message, or it is taken at this moment.
  Outcome hold(std::string_view id, bool held) const;
  Outcome retry(std::string_view id) const;   ///< next_attempt now; out of BAD again
  Outcome remove(std::string_view id) const;  ///< deletes it; nobody is told

 private:
  Outcome change_held(std::string_view id, bool held) const;
  /// nullopt: it is not there to be taken.
  Expected<std::optional<Outcome>> make_due(std::string_view id) const;
  Expected<std::optional<Outcome>> bring_out_of_bad(std::string_view id) const;

  const Postoffice* postoffice_;
};

/// Markers in SMTP/ids older than dedupe_days. Returns how many were removed.
Expected<std::uint64_t> expire_outgoing_markers(const Postoffice& postoffice, std::int64_t now);

}  // namespace smtpgate::postoffice
