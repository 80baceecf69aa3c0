// Locked directories; see the header.
#include "postoffice/locked_directory.h"

#include <cerrno>

#include "postoffice/folder.h"

namespace smtpgate::postoffice {

FileResult<bool> is_named(FileSystem& files, File& directory, const std::string& path) {
  auto ours = directory.status();
  if (!ours) return tl::unexpected(ours.error());
  auto named = files.status(path);
  if (!named) {
    if (named.error().code == ENOENT) return false;
    return tl::unexpected(named.error());
  }
  return named->device == ours->device && named->inode == ours->inode;
}

FileResult<std::unique_ptr<File>> lock_directory(FileSystem& files, const std::string& path) {
  auto directory = files.open_directory(path);
  if (!directory) {
    if (directory.error().code == ENOENT) return std::unique_ptr<File>();
    return directory;
  }
  auto locked = (*directory)->try_lock();
  if (!locked) return tl::unexpected(locked.error());
  if (!*locked) return std::unique_ptr<File>();
  auto named = is_named(files, **directory, path);
  if (!named) return tl::unexpected(named.error());
  if (!*named) return std::unique_ptr<File>();
  return directory;
}

FileResult<void> move_directory(FileSystem& files, File& lock, const std::string& from,
                                const std::string& to) {
  auto moved = files.rename(from, to);
  if (moved) return moved;
  auto arrived = is_named(files, lock, to);
  if (arrived && *arrived) return {};
  return moved;
}

FileResult<void> remove_with_files(FileSystem& files, const std::string& directory,
                                   std::span<const std::string_view> known) {
  for (const std::string_view name : known) {
    auto removed = files.remove(path_in(directory, name));
    if (!removed && removed.error().code != ENOENT) return removed;
  }
  if (!known.empty()) {
    auto removed = files.remove_directory(directory);
    if (removed || (removed.error().code != ENOTEMPTY && removed.error().code != EEXIST)) {
      return removed;
    }
  }
  auto names = files.list(directory);
  if (!names) return tl::unexpected(names.error());
  for (const std::string& name : *names) {
    auto removed = files.remove(path_in(directory, name));
    if (!removed && removed.error().code != ENOENT) return removed;
  }
  return files.remove_directory(directory);
}

}  // namespace smtpgate::postoffice
