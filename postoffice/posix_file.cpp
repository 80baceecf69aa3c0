// An open file: see the header, and file_system.h for the contract.
#include "postoffice/posix_file.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "postoffice/stop_point.h"

namespace smtpgate::postoffice {

namespace {

/// The name by which the kernel knows an open file, where /proc is mounted. (linkat() with
/// AT_EMPTY_PATH needs none, but a right that we do not have.)
std::string name_in_proc(int descriptor) {
  return "/proc/self/fd/" + std::to_string(descriptor);
}

/// Seen before: not looked for each time, since link_to() finds out that it has gone.
std::atomic<bool> is_proc_there = false;

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

/// File systems that keep what was synced of a file without a name when it gets one. Others may
/// know O_TMPFILE and not do that: Btrfs wrote nothing to its log for such a file (Linux 6.1), and
/// ZFS waits for a whole transaction group, seconds, when it is linked. What OverlayFS does is the
/// matter of what lies below.
bool keeps_unnamed(const struct statfs& raw) {
  switch (static_cast<std::uint32_t>(raw.f_type)) {
    case EXT4_SUPER_MAGIC:
    case XFS_SUPER_MAGIC:
    case TMPFS_MAGIC:  // keeps nothing anyway
      return true;
    default:
      return false;
  }
}

/// Of a file that is open. It cannot be absent, but another host may have removed or replaced it,
/// which GlusterFS tells as ENOENT: that must never be taken for a name that is not there.
tl::unexpected<FileError> file_error(std::string_view operation, const std::string& path) {
  if (errno == ENOENT) errno = ESTALE;
  return error_of(operation, path);
}

}  // namespace

tl::unexpected<FileError> error_of(std::string_view operation, const std::string& path) {
  return tl::unexpected(FileError{errno, std::string(operation), path});
}

FileStatus to_status(const struct stat& raw) {
  FileStatus status;
  if (S_ISREG(raw.st_mode)) status.kind = FileKind::regular;
  if (S_ISDIR(raw.st_mode)) status.kind = FileKind::directory;
  if (S_ISLNK(raw.st_mode)) status.kind = FileKind::symbolic_link;
  status.size = static_cast<std::uint64_t>(raw.st_size);
  status.links = raw.st_nlink;
  status.owner = raw.st_uid;
  status.group = raw.st_gid;
  status.mode = raw.st_mode & 07777;
  status.modified = raw.st_mtim.tv_sec;
  status.device = raw.st_dev;
  status.inode = raw.st_ino;
  status.changed = raw.st_ctim.tv_sec * std::int64_t{1'000'000'000} + raw.st_ctim.tv_nsec;
  return status;
}

PosixFile::PosixFile(int descriptor, std::string path)
    : descriptor_(descriptor), path_(std::move(path)) {}

PosixFile::~PosixFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

FileResult<std::size_t> PosixFile::read(std::span<char> buffer) {
  const ssize_t count = retry([&] { return ::read(descriptor_, buffer.data(), buffer.size()); });
  if (count < 0) return file_error("read", path_);
  return static_cast<std::size_t>(count);
}

FileResult<std::size_t> PosixFile::read_at(std::uint64_t offset, std::span<char> buffer) {
  const ssize_t count = retry([&] {
    return ::pread(descriptor_, buffer.data(), buffer.size(), static_cast<off_t>(offset));
  });
  if (count < 0) return file_error("read", path_);
  return static_cast<std::size_t>(count);
}

FileResult<void> PosixFile::write(std::string_view data) {
  stop_point(path_);
  while (!data.empty()) {
    const ssize_t count = retry([&] { return ::write(descriptor_, data.data(), data.size()); });
    if (count < 0) return file_error("write", path_);
    data.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

FileResult<void> PosixFile::append_from(File& source, std::uint64_t offset, std::uint64_t size) {
  stop_point(path_);
  if (auto* posix = dynamic_cast<PosixFile*>(&source)) {
    const std::uint64_t copied = copy_in_kernel(*posix, offset, size);
    offset += copied;
    size -= copied;
  }
  return copy_through_memory(source, offset, size);
}

FileResult<void> PosixFile::sync() {
  stop_point(path_);
  if (retry([&] { return ::fsync(descriptor_); }) < 0) return file_error("sync", path_);
  return {};
}

FileResult<void> PosixFile::set_mode(mode_t mode) {
  stop_point(path_);
  if (retry([&] { return ::fchmod(descriptor_, mode); }) < 0) {
    return file_error("set the mode of", path_);
  }
  return {};
}

FileResult<void> PosixFile::set_owner(uid_t owner, gid_t group) {
  stop_point(path_);
  if (retry([&] { return ::fchown(descriptor_, owner, group); }) < 0) {
    return file_error("set the owner of", path_);
  }
  return {};
}

FileResult<void> PosixFile::set_modified(std::int64_t seconds) {
  stop_point(path_);
  const struct timespec times[2] = {{0, UTIME_OMIT}, {static_cast<time_t>(seconds), 0}};
  if (retry([&] { return ::futimens(descriptor_, times); }) < 0) {
    return file_error("set the time of", path_);
  }
  return {};
}

FileResult<void> PosixFile::touch() {
  const struct timespec times[2] = {{0, UTIME_OMIT}, {0, UTIME_NOW}};
  if (retry([&] { return ::futimens(descriptor_, times); }) < 0) {
    return file_error("touch", path_);
  }
  return {};
}

FileResult<FileStatus> PosixFile::status() {
  struct stat raw;
  if (retry([&] { return ::fstat(descriptor_, &raw); }) < 0) return file_error("look at", path_);
  return to_status(raw);
}

FileResult<Hole> PosixFile::hole() {
  const off_t position = ::lseek(descriptor_, 0, SEEK_CUR);
  const off_t end = ::lseek(descriptor_, 0, SEEK_END);
  if (position < 0 || end < 0) return file_error("seek in", path_);
  // What lies behind the end counts as a hole, too.
  const off_t first = end == 0 ? end : ::lseek(descriptor_, 0, SEEK_HOLE);
  const bool is_end_written = end == 0 || ::lseek(descriptor_, end - 1, SEEK_DATA) >= 0;
  if (::lseek(descriptor_, position, SEEK_SET) < 0) return file_error("seek in", path_);
  if (first < 0 || first >= end) return Hole::none;
  return is_end_written ? Hole::inside : Hole::at_end;
}

FileResult<bool> PosixFile::try_lock() {
  // flock, not fcntl: a directory can be locked, and closing another descriptor of the same file
  // elsewhere in the process does not drop the lock. On network file systems that of a directory
  // holds within the host, which is all that P1/<host> needs, and that of a file everywhere.
  if (retry([&] { return ::flock(descriptor_, LOCK_EX | LOCK_NB); }) == 0) return true;
  if (errno == EWOULDBLOCK) return false;
  return file_error("lock", path_);
}

FileResult<void> PosixFile::link_to(const std::string& path) {
  stop_point(path);
  const std::string source = name_in_proc(descriptor_);
  const int done = retry([&] {
    return ::linkat(AT_FDCWD, source.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW);
  });
  if (done == 0) {
    was_linked_ = true;
    return {};
  }
  auto error = error_of("link a new file of " + path_ + " to", path);
  if (error.value().code != ENOENT) return error;
  // Of the target; or of the source, since all its names were removed, or /proc was.
  struct stat raw;
  const bool has_lost_all = was_linked_ && ::fstat(descriptor_, &raw) == 0 && raw.st_nlink == 0;
  if (!exists(source)) is_proc_there = false;
  if (has_lost_all || !is_proc_there) error.value().code = ENOTSUP;
  return error;
}

bool PosixFile::is_linkable() const {
  struct statfs raw;
  if (retry([&] { return ::fstatfs(descriptor_, &raw); }) < 0 || !keeps_unnamed(raw)) return false;
  if (!is_proc_there) is_proc_there = exists(name_in_proc(descriptor_));
  return is_proc_there;
}

FileResult<void> PosixFile::close() {
  const int descriptor = std::exchange(descriptor_, -1);
  // Linux has closed it even after EINTR, and then what was synced is safe all the same.
  if (descriptor >= 0 && ::close(descriptor) < 0 && errno != EINTR) {
    return file_error("close", path_);
  }
  return {};
}

/// How many octets the kernel copied; it stops early where it cannot (other file system, old
/// kernel) and the copy through memory then finds out what the matter is.
std::uint64_t PosixFile::copy_in_kernel(PosixFile& source, std::uint64_t offset,
                                        std::uint64_t size) {
  constexpr std::uint64_t largest_step = std::uint64_t{1} << 30;
  std::uint64_t copied = 0;
  while (copied < size) {
    auto from = static_cast<off64_t>(offset + copied);
    const auto step = static_cast<std::size_t>(std::min(size - copied, largest_step));
    const ssize_t count = retry([&] {
      return ::copy_file_range(source.descriptor_, &from, descriptor_, nullptr, step, 0);
    });
    if (count <= 0) break;
    copied += static_cast<std::uint64_t>(count);
  }
  return copied;
}

FileResult<void> PosixFile::copy_through_memory(File& source, std::uint64_t offset,
                                                std::uint64_t size) {
  if (size == 0) return {};
  std::string buffer(std::min<std::uint64_t>(size, 256U << 10U), '\0');
  while (size > 0) {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(size, buffer.size()));
    auto count = source.read_at(offset, std::span<char>(buffer.data(), want));
    if (!count) return tl::unexpected(count.error());
    if (*count == 0) {
      return tl::unexpected(FileError{EIO, "copy all of what should be in", path_});
    }
    if (auto written = write(std::string_view(buffer.data(), *count)); !written) return written;
    offset += *count;
    size -= *count;
  }
  return {};
}

}  // namespace smtpgate::postoffice
