// Work directories and the clearing of abandoned ones. Both sides lock first and then look whether
// the name still means the directory they locked: a cleaner may remove a directory between its
// making and its locking, and then the maker simply takes another one.
#include "postoffice/work_directory.h"

#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <utility>

#include "postoffice/folder.h"
#include "postoffice/locked_directory.h"
#include "postoffice/put.h"
#include "postoffice/unique_id.h"

namespace smtpgate::postoffice {

namespace {

std::string host_directory(const Postoffice& postoffice) {
  return path_in(postoffice.path(layout::work), postoffice.host());
}

/// Empty and new: somebody may be about to lock it. Left alone, so that clearing never makes a
/// delivery start over; a lock comes before the first file, so a directory with files needs no age.
FileResult<bool> may_be_starting(FileSystem& files, const std::string& path, std::int64_t now) {
  constexpr std::int64_t longest_start = 60;  // seconds
  auto status = files.status(path);
  if (!status) return tl::unexpected(status.error());
  if (std::abs(now - status->modified) > longest_start) return false;
  auto names = files.list(path);
  if (!names) return tl::unexpected(names.error());
  return names->empty();
}

/// Removes what a dead process left; false if somebody has it locked, or may yet lock it.
FileResult<bool> clear_if_abandoned(FileSystem& files, const std::string& path, std::int64_t now) {
  auto starting = may_be_starting(files, path, now);
  if (!starting) return tl::unexpected(starting.error());
  if (*starting) return false;
  auto lock = lock_directory(files, path);
  if (!lock) return tl::unexpected(lock.error());
  if (!*lock) return false;
  // A file that was taken out of an outbox: its sender has no other copy.
  auto taken = files.status(path_in(path, layout::taken_file));
  if (taken) return false;
  if (taken.error().code != ENOENT) return tl::unexpected(taken.error());
  // Its process may have died between removing such a file and the sync: a power cut must not bring
  // it back when markers are lost with it.
  if (auto synced = files.sync_directory(path); !synced) return tl::unexpected(synced.error());
  auto removed = remove_with_files(files, path);
  if (!removed) return tl::unexpected(removed.error());
  return true;
}

}  // namespace

std::optional<Outcome> make_host_directory(const Postoffice& postoffice) {
  FileSystem& files = postoffice.files();
  auto owner = owner_for_new_files(files, postoffice.directory());
  if (!owner) return owner.error().outcome();
  auto made = make_owned_directory(files, host_directory(postoffice), 0700, *owner);
  if (made || made.error().code == EEXIST) return std::nullopt;
  if (auto problem = why_not_there(postoffice)) return problem;
  return made.error().outcome();
}

Expected<WorkDirectory> WorkDirectory::make(const Postoffice& postoffice) {
  constexpr int most_attempts = 20;
  FileSystem& files = postoffice.files();
  auto owner = owner_for_new_files(files, postoffice.directory());
  if (!owner) return failure(owner.error().outcome());
  const std::string host = host_directory(postoffice);
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    std::string id = new_unique_id();
    std::string path = path_in(host, id);
    auto made = make_owned_directory(files, path, 0700, *owner);
    if (!made && made.error().code == ENOENT && attempt == 0) {
      // The first message of this host, or the folder is not there at all.
      if (auto problem = make_host_directory(postoffice)) return failure(*problem);
      continue;
    }
    if (!made) {
      // EEXIST: the same id twice. ENOENT: cleared between making it and giving it its owner.
      if (made.error().code == EEXIST || made.error().code == ENOENT) continue;
      return failure(made.error().outcome());
    }
    auto lock = lock_directory(files, path);
    if (!lock) {
      (void)files.remove_directory(path);  // the lock's error is the one to report
      return failure(lock.error().outcome());
    }
    if (*lock) return WorkDirectory(files, std::move(path), std::move(id), std::move(*lock));
  }
  return failure(Outcome::temporary("cannot keep a work directory in " + host +
                                    ": something removes or locks each new one; find out what"));
}

WorkDirectory::WorkDirectory(FileSystem& files, std::string path, std::string id,
                             std::unique_ptr<File> lock)
    : files_(&files), path_(std::move(path)), id_(std::move(id)), lock_(std::move(lock)) {}

WorkDirectory::WorkDirectory(WorkDirectory&&) noexcept = default;

WorkDirectory& WorkDirectory::operator=(WorkDirectory&& other) noexcept {
  if (this != &other) {
    remove();
    files_ = other.files_;
    path_ = std::move(other.path_);
    id_ = std::move(other.id_);
    lock_ = std::move(other.lock_);
  }
  return *this;
}

WorkDirectory::~WorkDirectory() {
  remove();
}

std::unique_ptr<File> WorkDirectory::release() {
  return std::move(lock_);
}

void WorkDirectory::remove() noexcept {
  if (!lock_) return;
  constexpr std::string_view usual[] = {layout::message_file};
  (void)remove_with_files(*files_, path_, usual);  // what stays is cleared once the lock is gone
  lock_.reset();
}

Expected<std::uint64_t> clear_abandoned_work(const Postoffice& postoffice) {
  FileSystem& files = postoffice.files();
  const std::string host = host_directory(postoffice);
  auto names = files.list(host);
  if (!names) {
    if (names.error().code == ENOENT && !why_not_there(postoffice)) return 0;
    return failure(names.error().outcome());
  }
  std::uint64_t cleared = 0;
  std::optional<Outcome> problem;
  for (const std::string& name : *names) {
    auto done = clear_if_abandoned(files, path_in(host, name), std::time(nullptr));
    if (done && *done) ++cleared;
    // The others are cleared all the same. ENOENT: its own process was faster.
    if (!done && done.error().code != ENOENT && !problem) problem = done.error().outcome();
  }
  if (problem) return failure(*problem);
  return cleared;
}

}  // namespace smtpgate::postoffice
