// What matters where a postoffice lies on a file system that other hosts use at the same time
// (docs/scale.md): locks that they see, and how long they may follow a name that is gone.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "postoffice/file_system.h"

namespace smtpgate::postoffice {

/// For implementations of FileSystem: a second face of theirs. One without it is a local disk.
class SharedFileSystem {
 public:
  virtual ~SharedFileSystem() = default;

  /// A file that is there, to lock it: open for writing, because file servers give an exclusive
  /// lock only to such (NFS). It is never written.
  virtual FileResult<std::unique_ptr<File>> open_to_lock(const std::string& path) = 0;
  /// What clients of the file system of `path` keep in memory, at most; 0 on a local disk.
  virtual std::chrono::milliseconds name_memory(const std::string& path) = 0;
};

FileResult<std::unique_ptr<File>> open_to_lock(FileSystem& files, const std::string& path);

/// How long another host may still follow a name in the file system of `path` that was renamed or
/// removed; 0 where all see the same at once.
std::chrono::milliseconds name_memory(FileSystem& files, const std::string& path);

/// Asks the server what is in a directory, where names are remembered: until then a file that
/// another host replaced a moment ago may be read as it was before (GlusterFS: for a second). One
/// that is not there is no error.
FileResult<void> see_anew(FileSystem& files, const std::string& directory);

}  // namespace smtpgate::postoffice
