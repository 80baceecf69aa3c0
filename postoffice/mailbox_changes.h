// Adding, changing, renaming and removing mailboxes with all that hangs on them (aliases, settings,
// memberships of groups), several at once if need be, so that neither a kill nor a crash leaves
// half of it: what is to be done is written down first (GLB/CHANGES.json), then done step by step,
// each of which may be done twice; whoever changes mailboxes next finishes what was left
// (docs/postoffice-format.md, "Changing mailboxes").
//
// Not for a single alias (postoffice.h) or group (groups.h), and not for messages.
//
// One transaction at a time on a postoffice; it belongs to one thread.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postoffice/file_system.h"
#include "postoffice/mailbox_settings.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

struct MailboxChange {
  enum class Kind { add, set, rename, remove };
  Kind kind = Kind::add;
  std::string mailbox;                      ///< as written; folded here
  std::string new_name{};                   ///< rename
  std::string group{};                      ///< add: of the system; empty: the postoffice's own
  MailboxSettings settings{};               ///< add, set: all of them
  std::vector<std::string> new_aliases{};   ///< add, set
  std::vector<std::string> lost_aliases{};  ///< set
  bool with_messages = false;               ///< remove
};

/// Why one of several changes cannot be, or was not, done.
struct ChangeProblem {
  std::size_t index = 0;  ///< of the change
  Outcome outcome;
};

class MailboxChanges {
 public:
  /// Waits for nobody: temporary if another program is changing mailboxes. What such a program left
  /// unfinished when it died is finished now; finished() says so.
  static Expected<MailboxChanges> begin(const Postoffice& postoffice);

  /// Why they cannot be done one after the other, all that is wrong; empty: they can. Nothing is
  /// written. An error: it cannot be told.
  Expected<std::vector<ChangeProblem>> check(const std::vector<MailboxChange>& changes) const;

  struct Result {
    std::vector<Outcome> outcomes;  ///< one for each change, in order
    /// Not delivered: trouble that may pass. What is left is finished by the next begin().
    std::optional<Outcome> trouble;
  };
  /// After a check() without problems. `progress` hears how many are done. `source` says where they
  /// come from, for finished_source() of the next program if this one dies.
  Result apply(const std::vector<MailboxChange>& changes,
               const std::function<void(std::size_t)>& progress = {},
               const std::string& source = {}) const;

  /// How many changes of an earlier program begin() finished, and the `source` of these.
  std::size_t finished() const { return finished_; }
  const std::string& finished_source() const { return finished_source_; }

 private:
  MailboxChanges(const Postoffice& postoffice, std::unique_ptr<File> lock)
      : postoffice_(postoffice), lock_(std::move(lock)) {}

  Postoffice postoffice_;
  std::unique_ptr<File> lock_;
  std::size_t finished_ = 0;
  std::string finished_source_;
};

/// One change, from begin() to its end; the first thing that is wrong with it is the outcome.
Outcome change_mailbox(const Postoffice& postoffice, const MailboxChange& change);

/// The mailbox's new name, if it is being renamed at this moment, or a rename of it was left
/// unfinished.
Expected<std::optional<std::string>> renamed_just_now(const Postoffice& postoffice,
                                                      std::string_view folded);

/// For what still says an old name: the mailbox that the alias of that name means, if there is no
/// mailbox of the name itself and it was renamed. nullopt: it was not, or is there.
Expected<std::optional<std::string>> new_name_of(const Postoffice& postoffice,
                                                 std::string_view mailbox);

}  // namespace smtpgate::postoffice
