// One sealed message into one mailbag: house rule 3, step by step as docs/postoffice-format.md,
// "Filing", has it. Internal to this room; put.h is the public face, and filing_batch.h has many
// mailbags.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "postoffice/file_system.h"
#include "postoffice/message_folder.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"
#include "postoffice/put.h"

namespace smtpgate::postoffice {

/// A message file in P1, complete and synced.
struct SealedMessage {
  File* file = nullptr;              ///< open for reading; outlives the filing
  std::string path;                  ///< empty: it has no name in P1 (message_file.h)
  FileStatus status;                 ///< after sealing
  std::string id;                    ///< its name where it has no key
  std::string key;                   ///< K, or empty
  std::int64_t arrival = 0;          ///< seconds since 1970
  std::optional<FolderOwner> owner;  ///< of what is made for it; empty: the process's own
  /// Its parts, for mailboxes with folder delivery: made when the first asks, for all of them.
  std::function<Expected<const UnpackedMessage*>()> unpacked;
};

/// The way of one message into one mailbag, as a file, or as a directory where the mailbox is set
/// so: three steps, so that other mailboxes' steps can be between them.
class FilingSteps {
 public:
  /// Does nothing yet. Keeps references to `postoffice` and `message`; `now` in seconds since 1970.
  static Expected<FilingSteps> prepare(const Postoffice& postoffice, const SealedMessage& message,
                                       const FilingTarget& target, std::int64_t now);
  FilingSteps(FilingSteps&&) noexcept;
  FilingSteps& operator=(FilingSteps&&) noexcept;
  ~FilingSteps();

  /// Looks, and places it. Nothing: it lies in new/, not durable yet, and the other steps are to
  /// follow. An Outcome: that is all; a duplicate, refused, or failed. What else it takes for this
  /// mailbox is done here: room reserved, a directory filled and synced, a duplicate synced.
  std::optional<Outcome> begin();
  /// After a begin() that placed it: makes that durable. Nothing, or why it is not known to be.
  std::optional<Outcome> sync();
  /// Marks it; only after a sync() that succeeded.
  Outcome finish();

 private:
  explicit FilingSteps(std::unique_ptr<class Filing> filing);
  std::unique_ptr<class Filing> filing_;
};

/// Whether FilingSteps would find that message there, filed before. Writes nothing.
FileResult<bool> is_filed_already(const Postoffice& postoffice, const SealedMessage& message,
                                  std::string_view mailbox, std::int64_t now);

/// Makes the empty marker ids/<key> in a mailbag (its directory), and syncs nothing. Where it is
/// already, nothing is done.
FileResult<void> make_marker(FileSystem& files, const std::string& mailbag, std::string_view key,
                             const std::optional<FolderOwner>& owner);

/// The sender's own copy: into sent/ of `mailbox`, under the message's key, which must not be
/// empty. Lying there already is delivered.
Outcome keep_in_sent(const Postoffice& postoffice, const SealedMessage& message,
                     std::string_view mailbox, std::int64_t now);

}  // namespace smtpgate::postoffice
