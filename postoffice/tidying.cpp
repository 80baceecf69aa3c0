// Tidying; see the header.
#include "postoffice/tidying.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <vector>

#include "postoffice/folder.h"
#include "postoffice/locked_directory.h"
#include "postoffice/message_folder.h"
#include "postoffice/shared_lock.h"
#include "postoffice/unique_id.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::int64_t day_seconds = 86'400;

class Tidying {
 public:
  Tidying(const Postoffice& postoffice, std::int64_t now)
      : postoffice_(postoffice), files_(postoffice.files()), now_(now) {}

  Expected<std::uint64_t> run() {
    for (const std::string_view place :
         {std::string_view("GLB"), layout::mailbox_settings, layout::groups}) {
      clear_files(postoffice_.path(place), half_written_prefix);
    }
    clear_mailbags();
    if (auto mailboxes = postoffice_.list_mailboxes()) {
      for (const std::string& mailbox : *mailboxes) {
        clear_files(path_in(postoffice_.mailbag_directory(mailbox), layout::outbox), draft_prefix);
      }
    } else {
      note(mailboxes.error());
    }
    if (problem_) return failure(*problem_);
    return cleared_;
  }

 private:
  void note(const Outcome& problem) {
    if (!problem_) problem_ = problem;
  }
  /// One that somebody else removed is as good.
  void clear(const std::string& path, FileResult<void> (*remove)(FileSystem&, const std::string&)) {
    const FileResult<void> removed = remove(files_, path);
    if (removed) {
      ++cleared_;
    } else if (removed.error().code != ENOENT) {
      note(removed.error().outcome());
    }
  }
  bool is_old(const FileResult<FileStatus>& status, FileKind kind) const {
    // A day off on either side: a clock may have been set back meanwhile.
    return status && status->kind == kind && std::abs(now_ - status->modified) > day_seconds;
  }

  std::vector<std::string> names_in(const std::string& directory) {
    auto names = files_.list(directory);
    if (names) return std::move(*names);
    if (names.error().code != ENOENT) note(names.error().outcome());
    return {};
  }

  void clear_files(const std::string& directory, std::string_view prefix) {
    for (const std::string& name : names_in(directory)) {
      if (!name.starts_with(prefix)) continue;
      const std::string path = path_in(directory, name);
      if (!is_old(files_.status(path), FileKind::regular)) continue;
      clear(path, [](FileSystem& files, const std::string& file) { return files.remove(file); });
    }
  }

  /// Whoever changes mailboxes has this lock; one that is made by a look-up does without.
  void clear_mailbags() {
    const std::string directory = postoffice_.path(layout::mailbags);
    auto lock = take_shared_lock(postoffice_, layout::mailbox_lock, {layout::mailbags});
    if (!lock) return note(lock.error().outcome());
    if (!*lock) return;
    for (const std::string& name : names_in(directory)) {
      const std::string path = path_in(directory, name);
      const bool is_half_made =
          name.starts_with(half_written_prefix) && is_old(files_.status(path), FileKind::directory);
      if (is_half_made || name.starts_with(gone_prefix)) clear(path, remove_mailbag);
    }
  }

  const Postoffice& postoffice_;
  FileSystem& files_;
  std::int64_t now_;
  std::uint64_t cleared_ = 0;
  std::optional<Outcome> problem_;
};

}  // namespace

std::string being_made_name() {
  return std::string(half_written_prefix) + random_hex(8);
}

std::string being_removed_name(std::string_view folded) {
  return std::string(leaving_prefix) + std::string(folded);
}

std::string removed_name() {
  return std::string(gone_prefix) + random_hex(8);
}

/// Takes away what add_mailbox and its users put there: files, directories of files, which are
/// taken out of their reach first, and empty ones. Nothing else is walked, so a mailbox's own group
/// cannot lead the removal elsewhere by a link.
FileResult<void> remove_mailbag(FileSystem& files, const std::string& directory) {
  auto parts = files.list(directory);
  if (!parts) return tl::unexpected(parts.error());
  // ids last: directories of messages are moved there to be removed.
  std::stable_partition(parts->begin(), parts->end(),
                        [](const std::string& part) { return part != layout::markers; });
  for (const std::string& part : *parts) {
    const std::string part_path = path_in(directory, part);
    auto status = files.status(part_path);
    if (!status) return tl::unexpected(status.error());
    if (status->kind != FileKind::directory) {
      if (auto removed = files.remove(part_path); !removed) return removed;
      continue;
    }
    auto names = files.list(part_path);
    if (!names) return tl::unexpected(names.error());
    for (const std::string& name : *names) {
      auto removed = files.remove(path_in(part_path, name));
      if (!removed && (removed.error().code == EISDIR || removed.error().code == EPERM)) {
        removed = part == layout::markers
                      ? remove_with_files(files, path_in(part_path, name))
                      : remove_folder(files, directory, path_in(part_path, name));
      }
      if (!removed) return removed;
    }
    if (auto removed = files.remove_directory(part_path); !removed) return removed;
  }
  return files.remove_directory(directory);
}

Expected<std::uint64_t> clear_half_done(const Postoffice& postoffice, std::int64_t now) {
  return Tidying(postoffice, now).run();
}

}  // namespace smtpgate::postoffice
