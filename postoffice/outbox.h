// Outboxes: files that people and programs drop in MBG/<mailbox>/outbox/ become mail
// (docs/outgoing.md, "The outbox"): looked at, taken, copied, judged, filed for recipients here and
// handed over to SMTP/ for the others; or set aside with a report.
//
// Not for watching the folders (milter/outbox_watch.h): this is one look at one outbox. Not for
// composing from the command line: compose.h makes the MMFF that is dropped.
//
// Everything found in an outbox is hostile: links, devices, growing files, other people's files,
// forged FROM lines. Safe from several threads, processes and hosts at once.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

/// One event for the log: a recipient filed here, a message handed over, a file set aside ...
struct OutboxNote {
  std::string mailbox;    ///< whose outbox
  std::string file;       ///< its name there; hostile
  std::string id;         ///< of the message; empty if none was made
  std::string recipient;  ///< "CSI:..." or "SMTP:..."; empty: about the file
  Outcome outcome;
};

/// Since when files in outboxes are waited for, because they are not whole: the memory of who looks
/// at them again and again. What is forgotten is waited for anew. Belongs to one thread.
class GrowingFiles {
 public:
  /// When this file was asked for the first time; `now` if that is this time.
  std::int64_t since(const std::string& directory, const std::string& name, std::uint64_t inode,
                     std::int64_t now);
  /// Files of `directory` that are not among `names` (sorted) are forgotten.
  void keep_only(const std::string& directory, const std::vector<std::string>& names);

 private:
  struct File {
    std::uint64_t inode = 0;
    std::int64_t since = 0;
  };
  std::map<std::pair<std::string, std::string>, File> files_;
};

struct OutboxOptions {
  std::int64_t wait = 30;  ///< seconds without change after which an incomplete file is given up
  /// Seconds after which what still cannot be done for a recipient is reported as failed.
  std::int64_t expire = 2 * 86'400;
  std::uint64_t size_limit = 0;  ///< octets; a larger file is set aside uncopied; 0: none
  /// One turn: so many files are looked at, those whose names come behind `behind`. 0: all.
  std::size_t most = 0;
  std::string behind = {};
  GrowingFiles* growing = nullptr;    ///< null: an incomplete file may grow for ever
  std::function<std::int64_t()> now;  ///< seconds since 1970; empty: the clock
  /// Whether a user is of a group; empty: the system's user database is asked.
  std::function<Expected<bool>(uid_t user, gid_t group)> is_member = {};
};

struct OutboxResult {
  std::uint64_t taken = 0;        ///< files, or taken up
  std::uint64_t handed_over = 0;  ///< messages that now lie in SMTP/
  /// Files that met trouble which may pass (it was told). Those that were taken wait in P1 for
  /// resume_taken_files(), the others in the outbox: call both again after a pause.
  std::uint64_t unfinished = 0;
  /// An incomplete file must be looked at again at this time (seconds since 1970), by the function
  /// that says so.
  std::optional<std::int64_t> look_again;
  /// There were more than `most`: the last name that was looked at.
  std::optional<std::string> behind;
};

/// Looks at one mailbox's outbox and deals with every file in it (or those of a turn). Trouble with
/// one file is told and stops nothing; the error is trouble with the folder itself (temporary).
Expected<OutboxResult> pick_up_outbox(const Postoffice& postoffice, std::string_view mailbox,
                                      const OutboxOptions& options,
                                      const std::function<void(const OutboxNote&)>& tell);

/// At the start, after a take-over, and after `unfinished`: P1/<this host>/ directories with
/// TAKEN.API that no process holds locked are finished. Before clear_abandoned_work(), which leaves
/// them alone.
Expected<OutboxResult> resume_taken_files(const Postoffice& postoffice,
                                          const OutboxOptions& options,
                                          const std::function<void(const OutboxNote&)>& tell);

/// What would become of MBG/<mailbox>/outbox/<name> if it were picked up now, whatever its name:
/// the error that would set it aside ("140-1-0 the file ..."); nothing if it would be sent. Changes
/// nothing, and looks no recipients up. A file of more than `most_read` octets is not read.
/// Temporary: it cannot be said now.
Expected<std::optional<std::string>> why_refused(
    const Postoffice& postoffice, std::string_view mailbox, std::string_view name,
    const OutboxOptions& options,
    std::uint64_t most_read = std::numeric_limits<std::uint64_t>::max());

/// A file of an outbox picked up now as `as_name`, though its own name may be none that is sent (it
/// was set aside): taken and served, or set aside again with a report. permanent: it cannot be
/// taken as it is, and stays; or it is gone.
Expected<OutboxResult> pick_up_again(const Postoffice& postoffice, std::string_view mailbox,
                                     std::string_view name, std::string_view as_name,
                                     const OutboxOptions& options,
                                     const std::function<void(const OutboxNote&)>& tell);

/// One file that was taken and left in P1/<this host>/<id> (resume_taken_files()). permanent: none
/// such, or some process is at it.
Expected<OutboxResult> resume_taken_file(const Postoffice& postoffice, const std::string& id,
                                         const OutboxOptions& options,
                                         const std::function<void(const OutboxNote&)>& tell);

}  // namespace smtpgate::postoffice
