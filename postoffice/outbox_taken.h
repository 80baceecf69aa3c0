// A file that was taken out of an outbox, in its work directory P1/<host>/<id>/ (docs/outgoing.md,
// "The outbox", 3 and 4): taking it, taking it up again after a crash, the copy that counts,
// putting it back as .bad, and letting it go. Internal to this room. Belongs to one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "postoffice/file_system.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"
#include "postoffice/work_directory.h"

namespace smtpgate::postoffice {

/// Where it came from: ORIGIN in its directory.
struct OutboxOrigin {
  std::string mailbox;         ///< folded
  std::string file;            ///< its name in the outbox; hostile
  bool is_in_mailbag = false;  ///< lies in the mailbag's ids/, since the outbox is another disk
};

/// "MBG/<mailbox>/outbox".
std::string outbox_directory(const Postoffice& postoffice, std::string_view mailbox);

/// A name for `name` set aside, not taken yet: "x.API.bad", "x.API.bad-2" ... Cut where the two
/// together are too long.
FileResult<std::string> free_bad_name(const Postoffice& postoffice, std::string_view mailbox,
                                      std::string_view name);

/// The name that a file had before it was set aside: "x.API" of "x.API.bad-2". What was cut off
/// with its ending gets that again. nullopt: it is no name of free_bad_name().
std::optional<std::string> name_before_set_aside(std::string_view bad_name);

/// What lies taken in P1/<host>/<id>, without touching it: its origin, where the file is. nullopt:
/// nothing taken is there. An error: what is wrong with it.
struct TakenPlace {
  OutboxOrigin origin;
  std::string path;
};
Expected<std::optional<TakenPlace>> look_at_taken(const Postoffice& postoffice,
                                                  const std::string& host, const std::string& id);

class TakenFile {
 public:
  /// Takes MBG/<mailbox>/outbox/<name>. nullopt: somebody else was faster. From here on it is
  /// called `as_name` (empty: as it was): one that was set aside has its own name again.
  static Expected<std::optional<TakenFile>> take(const Postoffice& postoffice,
                                                 std::string_view mailbox, std::string_view name,
                                                 std::string_view as_name = {});
  /// Takes up the directory `id` of P1/<this host>. nullopt: it is at work, gone, or holds no file
  /// of an outbox.
  static Expected<std::optional<TakenFile>> take_up(const Postoffice& postoffice,
                                                    const std::string& id);

  TakenFile(TakenFile&&) noexcept = default;
  TakenFile& operator=(TakenFile&&) = delete;
  /// Whatever was not finished stays, and can be taken up again.
  ~TakenFile();

  const std::string& id() const { return id_; }
  const OutboxOrigin& origin() const { return origin_; }
  /// When it was taken, seconds since 1970: told by the id.
  std::int64_t taken_at() const;

  /// Where the file taken lies.
  std::string file_path() const;
  /// Of the file taken, as it is now; its writer may still hold it.
  FileResult<FileStatus> status() const;
  /// FROM_NC.API anew: a copy that nobody else can write. Open for reading. EFBIG: it has more than
  /// `size_limit` octets (0: no limit). A copy that fails is removed.
  FileResult<std::unique_ptr<File>> copy(std::uint64_t size_limit) const;

  /// If the mailbox was renamed after the file was taken, the file is its new name's from here on.
  Expected<bool> follow_rename();
  /// The mailbox was removed: what is put back goes into the outbox of another.
  void set_home(std::string mailbox) { home_ = std::move(mailbox); }
  const std::string& home() const { return home_; }
  /// The file itself back into the outbox as `bad_name`; the directory goes.
  FileResult<void> put_back(const std::string& bad_name);
  /// A part of `copy`, from its message `number` on, as a new file `bad_name` of the outbox, by one
  /// rename.
  FileResult<void> put_back_part(std::uint64_t number, const std::string& bad_name, File& copy,
                                 std::uint64_t offset, std::uint64_t size) const;
  /// Whether put_back_part() was done for it, should the file be gone through again.
  FileResult<bool> was_put_back(std::uint64_t number) const;
  /// All was done with it.
  FileResult<void> finish();

 private:
  TakenFile(const Postoffice& postoffice, std::string directory, std::string id,
            std::unique_ptr<File> lock, OutboxOrigin origin);
  FileResult<void> write_origin() const;
  /// `name` of the outbox, into its place. True if it was taken.
  FileResult<bool> pull(std::string_view name);
  /// What is to be put back, until it is.
  std::string part_path(std::uint64_t number) const;
  FileResult<void> write_part(const std::string& path, File& copy, std::uint64_t offset,
                              std::uint64_t size) const;
  FileResult<void> remove_directory();

  Postoffice postoffice_;
  std::string directory_;
  std::string id_;
  std::unique_ptr<File> lock_;  ///< null: moved from, or gone
  OutboxOrigin origin_;
  std::string home_;  ///< whose outbox has back what is at fault
};

}  // namespace smtpgate::postoffice
