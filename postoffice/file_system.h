// The one door to the disk for everything on the delivery path, so that tests can replace it: to
// fail an operation, to stop at it, or to lose what was not synced.
//
// Not for: reading configuration, listing for people, or a program's own output files; those may
// use Boost.Filesystem and streams.
//
// Each operation is one system call, or the few that belong together, and nothing is retried behind
// the caller's back but EINTR and short writes. Symbolic links are never followed in the last
// component of a path; the directories above it belong to the gateway (docs/postoffice-format.md).
// Implementations are safe to use from several threads; one File belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>
#include <tl/expected.hpp>

#include "postoffice/outcome.h"

namespace smtpgate::postoffice {

/// What the kernel said: errno, the operation ("create", "link", "sync" ...) and the path.
struct FileError {
  int code = 0;
  std::string operation;
  std::string path;

  /// "cannot sync /po/P1/x/TO_NC.API: No space left on device".
  std::string sentence() const;
  /// Always temporary: 4.3.1 for a full disk or quota, 4.3.0 otherwise.
  Outcome outcome() const;
};

template <typename T>
using FileResult = tl::expected<T, FileError>;

enum class FileKind { regular, directory, symbolic_link, other };

struct FileStatus {
  FileKind kind = FileKind::other;
  std::uint64_t size = 0;   ///< octets
  std::uint64_t links = 0;  ///< number of hard links
  uid_t owner = 0;
  gid_t group = 0;
  mode_t mode = 0;            ///< permission bits only
  std::int64_t modified = 0;  ///< seconds since 1970, UTC
  std::uint64_t device = 0;   ///< with `inode`: which file it is
  std::uint64_t inode = 0;
  /// When it, or what the directory says of it, was last changed: nanoseconds since 1970, in steps
  /// that are the file system's. 0: unknown.
  std::int64_t changed = 0;
};

/// A part of a file that was never written: its writer sets the size before it writes, as file
/// servers let their clients do, or the file was made so (sparse).
enum class Hole { none, inside, at_end };

/// What lies in a directory under a name.
struct NamedStatus {
  std::string name;
  FileStatus status;
};

/// An open file. Closed by its destructor; errors of close are reported by close() only.
class File {
 public:
  virtual ~File() = default;

  /// Up to buffer.size() octets from the current position; 0 at the end.
  virtual FileResult<std::size_t> read(std::span<char> buffer) = 0;
  /// As read(), from `offset`, leaving the position alone.
  virtual FileResult<std::size_t> read_at(std::uint64_t offset, std::span<char> buffer) = 0;
  /// All of `data` at the current position.
  virtual FileResult<void> write(std::string_view data) = 0;
  /// Copies `size` octets of `source` from `offset` to our current position, in the kernel where
  /// it can. An early end of `source` is EIO.
  virtual FileResult<void> append_from(File& source, std::uint64_t offset, std::uint64_t size) = 0;
  /// Data and metadata on disk. After an error the file is to be given up, never synced again:
  /// the kernel forgets the failed pages.
  virtual FileResult<void> sync() = 0;
  virtual FileResult<void> set_mode(mode_t mode) = 0;
  virtual FileResult<void> set_owner(uid_t owner, gid_t group) = 0;
  /// Modification time, seconds since 1970.
  virtual FileResult<void> set_modified(std::int64_t seconds) = 0;
  /// Modification time now, by the clock of the file system, which on a server is not ours.
  virtual FileResult<void> touch() = 0;
  virtual FileResult<FileStatus> status() = 0;
  /// What of it was never written. None where the file system cannot tell.
  virtual FileResult<Hole> hole() { return Hole::none; }
  /// An exclusive advisory lock for as long as the file is open; false if another process has it.
  virtual FileResult<bool> try_lock() = 0;
  /// A name, the first or a further one, for a file of create_linkable(); never over something:
  /// EEXIST. ENOTSUP where it can get none: the kernel gives none to a file that has lost all that
  /// it had. Otherwise as FileSystem::link().
  virtual FileResult<void> link_to(const std::string& path);
  virtual FileResult<void> close() = 0;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  /// The real one. One object for the process; lives for ever.
  static FileSystem& posix();

  /// For reading; never blocks on a FIFO or device (O_NONBLOCK), never follows a link.
  virtual FileResult<std::unique_ptr<File>> open(const std::string& path) = 0;
  /// A directory, to lock it.
  virtual FileResult<std::unique_ptr<File>> open_directory(const std::string& path) = 0;
  /// A new file to write and read; EEXIST if the name is taken.
  virtual FileResult<std::unique_ptr<File>> create(const std::string& path, mode_t mode) = 0;
  /// A file without a name in `directory`, gone when closed.
  virtual FileResult<std::unique_ptr<File>> create_unnamed(const std::string& directory) = 0;
  /// The same, to be named by File::link_to() once it is complete: what was synced before it had a
  /// name is safe. EOPNOTSUPP where that cannot be done, at no cost worth remembering it.
  virtual FileResult<std::unique_ptr<File>> create_linkable(const std::string& directory);
  virtual FileResult<void> make_directory(const std::string& path, mode_t mode) = 0;
  virtual FileResult<void> remove(const std::string& path) = 0;
  virtual FileResult<void> remove_directory(const std::string& path) = 0;
  virtual FileResult<void> link(const std::string& from, const std::string& to) = 0;
  virtual FileResult<void> rename(const std::string& from, const std::string& to) = 0;
  /// lstat(2).
  virtual FileResult<FileStatus> status(const std::string& path) = 0;
  virtual FileResult<void> sync_directory(const std::string& path) = 0;
  /// Names in a directory without "." and "..", in no order.
  virtual FileResult<std::vector<std::string>> list(const std::string& path) = 0;
  /// list(), and status() of each; what went away meanwhile is left out. For large directories: the
  /// real one looks in the order in which the disk has the inodes, which is several times faster
  /// where they are not in memory.
  virtual FileResult<std::vector<NamedStatus>> list_with_status(const std::string& path);
  /// As rename(), but never over something: EEXIST. Atomic where the file system can do that.
  virtual FileResult<void> rename_new(const std::string& from, const std::string& to);
};

}  // namespace smtpgate::postoffice
