// Replacing; see the header. The order is the one that every durable replacement has: write beside,
// sync, rename, sync the directory.
#include "postoffice/hand_rest.h"

#include <algorithm>
#include <memory>

#include "postoffice/folder.h"
#include "postoffice/unique_id.h"

namespace smtpgate::postoffice {

namespace {

FileResult<void> write_rest(File& made, File& old, std::uint64_t size,
                            const std::vector<RestPiece>& rest) {
  for (const RestPiece& piece : rest) {
    if (auto written = made.write(piece.lines); !written) return written;
    const std::uint64_t end = std::min(piece.end, size);
    if (piece.begin >= end) continue;
    if (auto copied = made.append_from(old, piece.begin, end - piece.begin); !copied) return copied;
  }
  return {};
}

/// Owner, group and mode of the old file. Where the group cannot be given, its members get what
/// everybody has: what the mode grants must not go to another group.
FileResult<void> take_after(File& made, const FileStatus& old) {
  auto now = made.status();
  if (!now) return tl::unexpected(now.error());
  mode_t mode = old.mode & 0777;
  if (now->owner != old.owner || now->group != old.group) {
    if (!made.set_owner(old.owner, old.group) && !made.set_owner(now->owner, old.group)) {
      const mode_t everybody = mode & 0007;
      mode = (mode & 0700) | (mode & (everybody << 3)) | everybody;
    }
  }
  return made.set_mode(mode);
}

FileResult<void> write_beside(FileSystem& files, const std::string& path, File& old,
                              const std::vector<RestPiece>& rest) {
  auto status = old.status();
  if (!status) return tl::unexpected(status.error());
  auto made = files.create(path, 0600);
  if (!made) return tl::unexpected(made.error());
  auto done = write_rest(**made, old, status->size, rest);
  if (done) done = take_after(**made, *status);
  if (done) done = (*made)->sync();
  if (done) done = (*made)->close();
  return done;
}

}  // namespace

RestResult replace_by_rest(FileSystem& files, const std::string& path, File& old,
                           const std::vector<RestPiece>& rest) {
  const std::string directory = parent_directory(path);
  const std::string temporary = path_in(directory, ".smtpput-" + random_hex(8));
  auto done = write_beside(files, temporary, old, rest);
  if (done) done = files.rename(temporary, path);
  if (!done) {
    (void)files.remove(temporary);  // the first error is the one to report
    return {false, done.error()};
  }
  if (auto synced = files.sync_directory(directory); !synced) return {true, synced.error()};
  return {true, std::nullopt};
}

FileResult<void> remove_delivered(FileSystem& files, const std::string& path) {
  if (auto removed = files.remove(path); !removed) return removed;
  return files.sync_directory(parent_directory(path));
}

}  // namespace smtpgate::postoffice
