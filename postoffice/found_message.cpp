// What lies in a mailbag: see the header.
#include "postoffice/found_message.h"

#include <cerrno>

#include "postoffice/folder.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

FileResult<Found> FoundMessages::look_at(const std::string& path) {
  auto status = files_.status(path);
  if (status) return judge(*status, path);
  if (status.error().code == ENOENT) return Found::nothing;
  return tl::unexpected(status.error());
}

/// A directory is one of ours if it belongs to us and holds our message.
FileResult<Found> FoundMessages::judge(const FileStatus& status, const std::string& path) {
  if (status.kind == FileKind::directory && status.owner == our_user_) {
    auto inside = files_.status(path_in(path, layout::folder_message));
    if (inside) return judge_file(*inside);
    if (inside.error().code != ENOENT) return tl::unexpected(inside.error());
    // Moved by its reader since we looked at the directory, or one without a message.
    auto again = files_.status(path);
    if (!again && again.error().code == ENOENT) return Found::nothing;
    if (!again) return tl::unexpected(again.error());
  }
  return judge_file(status);
}

Found FoundMessages::judge_file(const FileStatus& status) const {
  if (status.kind != FileKind::regular || status.owner != our_user_) return Found::not_ours;
  return status.modified >= oldest_ ? Found::ours : Found::too_old;
}

FileResult<Found> FoundMessages::make_durable(const std::string& directory,
                                              const std::string& name) {
  const std::string path = path_in(directory, name);
  auto file = open(path);
  if (!file && file.error().code == ENOENT) return Found::nothing;
  if (!file) return tl::unexpected(file.error());
  auto status = (*file)->status();
  if (!status) return tl::unexpected(status.error());
  const Found found = judge_file(*status);
  if (found != Found::ours) return found;
  if (auto synced = (*file)->sync(); !synced) return tl::unexpected(synced.error());
  if (auto synced = sync_rest(path); !synced) return tl::unexpected(synced.error());
  if (auto synced = files_.sync_directory(directory); !synced) {
    return tl::unexpected(synced.error());
  }
  return Found::ours;
}

/// The message itself, in its directory if it has one.
FileResult<std::unique_ptr<File>> FoundMessages::open(const std::string& path) {
  auto status = files_.status(path);
  if (!status) return tl::unexpected(status.error());
  const bool is_folder = status->kind == FileKind::directory;
  return files_.open(is_folder ? path_in(path, layout::folder_message) : path);
}

/// What is in a directory beside the message, and the directory; nothing for a file. Whoever put
/// it there may have restored it and synced nothing.
FileResult<void> FoundMessages::sync_rest(const std::string& path) {
  auto status = files_.status(path);
  if (!status) return tl::unexpected(status.error());
  if (status->kind != FileKind::directory) return {};
  auto names = files_.list(path);
  if (!names) return tl::unexpected(names.error());
  for (const std::string& name : *names) {
    if (name == layout::folder_message) continue;
    auto part = files_.status(path_in(path, name));
    if (!part && part.error().code == ENOENT) continue;
    if (!part) return tl::unexpected(part.error());
    // What its readers laid there is theirs.
    if (part->kind != FileKind::regular || part->owner != our_user_) continue;
    auto file = files_.open(path_in(path, name));
    if (!file && file.error().code == ENOENT) continue;
    if (!file) return tl::unexpected(file.error());
    if (auto synced = (*file)->sync(); !synced) return synced;
  }
  return files_.sync_directory(path);
}

}  // namespace smtpgate::postoffice
