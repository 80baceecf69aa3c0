// Locks on files; see the header.
#include "postoffice/shared_lock.h"

#include <cerrno>
#include <string>
#include <utility>

#include "postoffice/folder.h"
#include "postoffice/shared_file_system.h"

namespace smtpgate::postoffice {

namespace {

FileResult<std::unique_ptr<File>> lock(std::unique_ptr<File> file) {
  auto locked = file->try_lock();
  if (!locked) return tl::unexpected(locked.error());
  if (!*locked) return std::unique_ptr<File>();
  return file;
}

}  // namespace

FileResult<std::unique_ptr<File>> take_shared_lock(
    const Postoffice& postoffice, std::string_view place,
    std::initializer_list<std::string_view> directories) {
  FileSystem& files = postoffice.files();
  const std::string path = postoffice.path(place);
  auto file = open_to_lock(files, path);
  if (!file && file.error().code == ENOENT) {
    auto owner = owner_for_new_files(files, postoffice.directory());
    if (!owner) return tl::unexpected(owner.error());
    file = files.create(path, 0600);
    if (file && *owner) {
      auto owned = (*file)->set_owner((*owner)->user, (*owner)->group);
      if (!owned) return tl::unexpected(owned.error());
    }
    // Another process was faster.
    if (!file && file.error().code == EEXIST) file = open_to_lock(files, path);
  }
  if (!file) return file;
  auto locked = lock(std::move(*file));
  if (!locked || !*locked) return locked;
  for (const std::string_view directory : directories) {
    if (auto seen = see_anew(files, postoffice.path(directory)); !seen) {
      return tl::unexpected(seen.error());
    }
  }
  return locked;
}

FileResult<bool> is_shared_lock_taken(const Postoffice& postoffice, std::string_view place) {
  auto file = open_to_lock(postoffice.files(), postoffice.path(place));
  if (!file && file.error().code == ENOENT) return false;
  if (!file) return tl::unexpected(file.error());
  auto locked = lock(std::move(*file));
  if (!locked) return tl::unexpected(locked.error());
  return *locked == nullptr;
}

}  // namespace smtpgate::postoffice
