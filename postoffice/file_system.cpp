// FileError: what the kernel said, as a sentence and as an Outcome; and what a file system does
// that has no better way. The real one is in posix_file_system.cpp and posix_file.cpp.
#include "postoffice/file_system.h"

#include <cerrno>
#include <system_error>
#include <utility>

namespace smtpgate::postoffice {

namespace {

/// What the administrator can do about it; empty where the words of the kernel say it all.
std::string_view advice(int code) {
  switch (code) {
    case ENOSPC:
      return "; free space or inodes there";
    case EDQUOT:
      return "; raise the quota or free space there";
    case EIO:
      return "; the disk may be failing: look into the kernel's log";
    case EROFS:
      return "; mount it for writing, or let the service's unit write there (ReadWritePaths=)";
    case EACCES:
    case EPERM:
      return "; check its owner and mode";
    case ENFILE:
    case EMFILE:
      return "; raise the limit of open files";
    default:
      return "";
  }
}

}  // namespace

std::string FileError::sentence() const {
  std::string text = "cannot " + operation + " " + path + ": ";
  text += std::generic_category().message(code);
  text += advice(code);
  return text;
}

Outcome FileError::outcome() const {
  const bool is_full = code == ENOSPC || code == EDQUOT;
  return Outcome::temporary(sentence(), is_full ? "4.3.1" : "4.3.0");
}

FileResult<void> File::link_to(const std::string& path) {
  return tl::unexpected(FileError{ENOTSUP, "link an open file to", path});
}

FileResult<std::unique_ptr<File>> FileSystem::create_linkable(const std::string& directory) {
  return tl::unexpected(FileError{EOPNOTSUPP, "create a file without a name in", directory});
}

FileResult<std::vector<NamedStatus>> FileSystem::list_with_status(const std::string& path) {
  auto names = list(path);
  if (!names) return tl::unexpected(names.error());
  std::vector<NamedStatus> entries;
  entries.reserve(names->size());
  for (std::string& name : *names) {
    auto found = status(path + "/" + name);
    if (found) {
      entries.push_back({std::move(name), *found});
    } else if (found.error().code != ENOENT) {
      return tl::unexpected(found.error());
    }
  }
  return entries;
}

FileResult<void> FileSystem::rename_new(const std::string& from, const std::string& to) {
  auto taken = status(to);
  if (taken) return tl::unexpected(FileError{EEXIST, "rename " + from + " to", to});
  if (taken.error().code != ENOENT) return tl::unexpected(taken.error());
  return rename(from, to);
}

}  // namespace smtpgate::postoffice
