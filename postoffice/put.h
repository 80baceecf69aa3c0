// SMTPPUT: files a message, durably and once, in mailbags. Rules 1, 3 and 9 of the design live here
// (docs/postoffice-format.md, "Filing"): write in P1, sync, link into new/, sync the directory,
// mark. For many mailboxes each of these steps is taken in all of them before the next, so that
// they share the commits of the file system's journal.
//
// Not for deciding who the recipients are, and not for making the MMFF file's content.
//
// A Delivery belongs to one thread; many may run at once on one postoffice, in many processes and
// hosts.
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
#include "postoffice/mailbox_settings.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

inline constexpr std::size_t content_key_size = 64;  ///< octets
/// So many lower-case hex digits: what a content key looks like.
bool is_content_key(std::string_view text);

/// A mailbox that a message is to be filed in.
struct FilingTarget {
  std::string mailbox;  ///< folded
  Quota quota{};
};

/// Asked with a mailbox's place among the targets before anything is done for it: nothing, or the
/// outcome that it gets instead (the deadline has passed; what goes before the message failed).
using BeforeFiling = std::function<std::optional<Outcome>(std::size_t place)>;

/// How many mailboxes are begun before the first of them is finished.
inline constexpr std::size_t filed_together = 64;

/// One message on its way into mailbags: a file in P1/<host> that goes away with the object,
/// without a name or in a locked directory P1/<host>/<id>/ (message_file.h).
class Delivery {
 public:
  static Expected<Delivery> begin(const Postoffice& postoffice);

  Delivery(Delivery&&) noexcept;
  Delivery& operator=(Delivery&&) noexcept;
  /// Removes what is left of it in P1. What was filed stays filed.
  ~Delivery();

  /// TO_NC.API, whatever its name, open for writing; write the message, then seal().
  File& message_file();

  /// The message is complete: mode 0444, modification time `arrival`, synced. `content_key` is K
  /// (64 hex digits) or empty for a message that is never a duplicate, which gets a name of its
  /// own.
  Outcome seal(std::int64_t arrival, std::string_view content_key);

  /// Files it in one mailbag (a folded name). Delivered: durable there now, or a duplicate of what
  /// is (the sentence says "filed as ID" or "duplicate of ID"). Anything else: not there, or not
  /// known to be durable. May be called for many mailboxes after one seal().
  /// What has no room within `quota` is refused (usage.h), unless it lies there already.
  Outcome file_into(std::string_view mailbox, const Quota& quota = {});

  /// file_into() for each of them, faster: placed in up to `filed_together` mailbags, then all of
  /// their directories synced, then all marked. One Outcome for each, in their order; each holds
  /// for its mailbox alone, whatever happens to others. What was begun is finished, however late
  /// it is by then. A mailbox that is named twice is filed in once, and has one outcome.
  std::vector<Outcome> file_into_all(std::span<const FilingTarget> targets,
                                     const BeforeFiling& before_each = {});

  /// The sender's own copy, in sent/ of a mailbox (a folded name); only with a key.
  Outcome keep_sent(std::string_view mailbox);

  /// Name of the message in mailbags.
  const std::string& id() const;

 private:
  struct State;
  explicit Delivery(std::unique_ptr<State> state);
  std::optional<Outcome> why_not_now(std::string_view mailbox) const;
  std::unique_ptr<State> state_;
};

/// What Delivery::file_into() would say of a message with this content key and so many octets,
/// arriving at `arrival` (seconds since 1970): delivered ("would be filed", or "is there already"),
/// or why not. Writes nothing, so it knows nothing of what a full disk would say.
Outcome would_file_into(const Postoffice& postoffice, std::string_view mailbox, const Quota& quota,
                        std::string_view content_key, std::uint64_t octets, std::int64_t arrival);

/// What is left in P1/<this host>/ of processes that died: every directory nobody holds locked is
/// removed, but those with a TAKEN.API (outbox.h). Returns how many. Safe at any time beside
/// running deliveries.
Expected<std::uint64_t> clear_abandoned_work(const Postoffice& postoffice);

/// Markers in ids/ older than dedupe_days, of all mailboxes; marks of receipts (receipts.h) and
/// originals (kept_original.h) as old whose message has gone. Returns how many were removed.
Expected<std::uint64_t> expire_markers(const Postoffice& postoffice, std::int64_t now);

}  // namespace smtpgate::postoffice
