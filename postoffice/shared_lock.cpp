// Locks on files; see the header.
#include "postoffice/shared_lock.h"

#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "postoffice/folder.h"
#include "postoffice/shared_file_system.h"
#include "postoffice/unique_id.h"

namespace smtpgate::postoffice {

namespace {

FileResult<std::unique_ptr<File>> lock(std::unique_ptr<File> file) {
  auto locked = file->try_lock();
  if (!locked) return tl::unexpected(locked.error());
  if (!*locked) return std::unique_ptr<File>();
  return file;
}

/// With its owner before it has its name: a file that root left to itself would keep the gateway
/// out for ever. That another process was faster is no error.
FileResult<void> make_lock_file(FileSystem& files, const std::string& path,
                                const std::optional<FolderOwner>& owner) {
  if (!owner) {
    auto made = files.create(path, 0600);
    if (made || made.error().code == EEXIST) return {};
    return tl::unexpected(made.error());
  }
  const std::string temporary =
      path_in(parent_directory(path), std::string(half_written_prefix) + random_hex(8));
  auto file = files.create(temporary, 0600);
  if (!file) return tl::unexpected(file.error());
  auto done = (*file)->set_owner(owner->user, owner->group);
  if (done) done = files.rename_new(temporary, path);
  if (done) return done;
  (void)files.remove(temporary);  // the first error is the one to report
  if (done.error().code == EEXIST) return {};
  return done;
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
    if (auto made = make_lock_file(files, path, *owner); !made) return tl::unexpected(made.error());
    file = open_to_lock(files, path);
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
