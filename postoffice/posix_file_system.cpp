// The real file system: POSIX calls, errors as values. See file_system.h for the contract.
//
// EINTR is retried and short writes are continued; nothing else is. Modes are set with chmod after
// the call that creates, because a umask would otherwise decide who may read mail.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <future>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "postoffice/file_system.h"
#include "postoffice/name_exchange.h"
#include "postoffice/posix_file.h"
#include "postoffice/shared_file_system.h"
#include "postoffice/stop_point.h"
#include "postoffice/unique_id.h"

namespace smtpgate::postoffice {

namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

class PosixFileSystem : public FileSystem, public NameExchange, public SharedFileSystem {
 public:
  PosixFileSystem() {
    const mode_t mask = ::umask(077);
    ::umask(mask);
    is_owner_unmasked_ = (mask & 0700) == 0;
  }

  FileResult<std::unique_ptr<File>> open(const std::string& path) override {
    return open_with(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, "open");
  }

  FileResult<std::unique_ptr<File>> open_to_lock(const std::string& path) override {
    return open_with(path, O_RDWR | O_NONBLOCK | O_NOCTTY, 0, "open");
  }

  FileResult<std::unique_ptr<File>> open_directory(const std::string& path) override {
    return open_with(path, O_RDONLY | O_DIRECTORY, 0, "open");
  }

  FileResult<std::unique_ptr<File>> create(const std::string& path, mode_t mode) override {
    stop_point(path);
    auto file = open_with(path, O_RDWR | O_CREAT | O_EXCL, mode & 0700, "create");
    if (!file || is_mode_kept(mode)) return file;
    if (auto done = (*file)->set_mode(mode); !done) {
      ::unlink(path.c_str());
      return tl::unexpected(done.error());
    }
    return file;
  }

  FileResult<std::unique_ptr<File>> create_unnamed(const std::string& directory) override {
    auto file = open_with(directory, O_RDWR | O_TMPFILE, 0600, "create a file in");
    if (file) return file;
    return is_no_tmpfile(file.error().code) ? create_and_forget(directory) : std::move(file);
  }

  FileResult<std::unique_ptr<File>> create_linkable(const std::string& directory) override {
    const int descriptor = open_descriptor(directory, O_RDWR | O_TMPFILE, 0600);
    if (descriptor < 0) {
      // Where it is not known the kernel says so without asking the disk, or a file server.
      if (is_no_tmpfile(errno)) errno = EOPNOTSUPP;
      return error_of("create a file in", directory);
    }
    auto file = std::make_unique<PosixFile>(descriptor, directory);
    if (file->is_linkable()) return file;
    errno = EOPNOTSUPP;
    return error_of("create a file in", directory);
  }

  FileResult<void> make_directory(const std::string& path, mode_t mode) override {
    stop_point(path);
    if (retry([&] { return ::mkdir(path.c_str(), mode & 0700); }) < 0) {
      return error_of("make the directory", path);
    }
    if (is_mode_kept(mode)) return {};
    // By descriptor: what takes the name's place meanwhile must not get the mode, nor what a link
    // in its place points to.
    auto directory = open_with(path, O_RDONLY | O_DIRECTORY, 0, "set the mode of");
    auto done = directory ? (*directory)->set_mode(mode)
                          : FileResult<void>(tl::unexpected(directory.error()));
    if (!done) ::rmdir(path.c_str());
    return done;
  }

  FileResult<void> remove(const std::string& path) override {
    stop_point(path);
    if (retry([&] { return ::unlink(path.c_str()); }) < 0) return error_of("remove", path);
    return {};
  }

  FileResult<void> remove_directory(const std::string& path) override {
    stop_point(path);
    if (retry([&] { return ::rmdir(path.c_str()); }) < 0) {
      return error_of("remove the directory", path);
    }
    return {};
  }

  FileResult<void> link(const std::string& from, const std::string& to) override {
    stop_point(to);
    if (retry([&] { return ::linkat(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), 0); }) < 0) {
      return error_of("link " + from + " to", to);
    }
    return {};
  }

  FileResult<void> rename(const std::string& from, const std::string& to) override {
    stop_point(to);
    if (retry([&] { return ::rename(from.c_str(), to.c_str()); }) < 0) {
      return error_of("rename " + from + " to", to);
    }
    return {};
  }

  FileResult<FileStatus> status(const std::string& path) override {
    struct stat raw;
    if (retry([&] { return ::lstat(path.c_str(), &raw); }) < 0) return error_of("look at", path);
    return to_status(raw);
  }

  FileResult<void> sync_directory(const std::string& path) override {
    auto directory = open_with(path, O_RDONLY | O_DIRECTORY, 0, "sync the directory");
    if (!directory) return tl::unexpected(directory.error());
    return (*directory)->sync();
  }

  FileResult<std::vector<std::string>> list(const std::string& path) override {
    std::vector<std::string> names;
    auto walked = walk(path, [&](const struct dirent& entry) { names.emplace_back(entry.d_name); });
    if (!walked) return tl::unexpected(walked.error());
    return names;
  }

  FileResult<std::vector<NamedStatus>> list_with_status(const std::string& path) override {
    std::vector<FoundName> found;
    auto walked = walk(
        path, [&](const struct dirent& entry) { found.emplace_back(entry.d_ino, entry.d_name); });
    if (!walked) return tl::unexpected(walked.error());
    std::sort(found.begin(), found.end());
    const int directory = ::dirfd(walked->get());
    const std::size_t threads = found.size() < enough_for_threads ? 1 : most_threads;
    const std::size_t share = found.size() / threads + 1;
    std::vector<std::future<FileResult<std::vector<NamedStatus>>>> parts;
    for (std::size_t from = 0; from < found.size(); from += share) {
      const std::span<FoundName> part(&found[from], std::min(share, found.size() - from));
      const auto look = [directory, part, &path] { return look_at(directory, part, path); };
      // Several at once: a disk that is waited for can do more than one thing. The first share is
      // ours, and so is what there is no thread for.
      const auto policy = from == 0 ? std::launch::deferred : std::launch::async;
      try {
        parts.push_back(std::async(policy, look));
      } catch (const std::system_error&) {
        parts.push_back(std::async(std::launch::deferred, look));
      }
    }
    std::vector<NamedStatus> entries;
    entries.reserve(found.size());
    std::optional<FileError> failed;
    for (auto& part : parts) {
      auto looked_at = part.get();
      if (!looked_at) {
        failed = looked_at.error();
        continue;
      }
      entries.insert(entries.end(), std::make_move_iterator(looked_at->begin()),
                     std::make_move_iterator(looked_at->end()));
    }
    if (failed) return tl::unexpected(*failed);
    return entries;
  }

  FileResult<void> rename_new(const std::string& from, const std::string& to) override {
    stop_point(to);
    if (retry([&] {
          return ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE);
        }) == 0) {
      return {};
    }
    // EINVAL: a file system that cannot; ENOSYS: a kernel.
    if (errno != EINVAL && errno != ENOSYS) return error_of("rename " + from + " to", to);
    return FileSystem::rename_new(from, to);
  }

  std::chrono::milliseconds name_memory(const std::string& path) override {
    struct statfs raw;
    int done = retry([&] { return ::statfs(path.c_str(), &raw); });
    if (done < 0 && errno == ENOENT) {
      const std::string parent = path.substr(0, path.rfind('/'));
      done = retry([&] { return ::statfs(parent.c_str(), &raw); });
    }
    if (done < 0) return longest_name_memory;
    switch (static_cast<std::uint32_t>(raw.f_type)) {
      case NFS_SUPER_MAGIC:  // acdirmax, 60 s unless the mount says otherwise
        return longest_name_memory;
      case FUSE_SUPER_MAGIC:  // GlusterFS: entry-timeout, 1 s
      case SMB_SUPER_MAGIC:   // actimeo, 1 s
      case CIFS_SUPER_MAGIC:
      case SMB2_SUPER_MAGIC:
        return std::chrono::seconds(3);
      default:
        return std::chrono::milliseconds(0);
    }
  }

  FileResult<void> exchange(const std::string& one, const std::string& other) override {
    stop_point(other);
    if (retry([&] {
          return ::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE);
        }) == 0) {
      return {};
    }
    // EINVAL: a file system that cannot; ENOSYS: a kernel.
    if (errno == EINVAL || errno == ENOSYS) errno = EOPNOTSUPP;
    return error_of("exchange " + one + " with", other);
  }

 private:
  /// Whether what is made with `mode` has it at once: a umask, or a directory's default access
  /// list, can only take from it, and who may do what beyond the owner is nothing already.
  bool is_mode_kept(mode_t mode) const { return (mode & ~mode_t{0700}) == 0 && is_owner_unmasked_; }

  using Directory = std::unique_ptr<DIR, CloseDirectory>;
  using FoundName = std::pair<std::uint64_t, std::string>;  ///< inode and name
  static constexpr std::size_t enough_for_threads = 4096;
  static constexpr std::size_t most_threads = 8;
  static constexpr std::chrono::seconds longest_name_memory{65};

  static FileResult<std::vector<NamedStatus>> look_at(int directory, std::span<FoundName> names,
                                                      const std::string& path) {
    std::vector<NamedStatus> entries;
    entries.reserve(names.size());
    for (auto& [inode, name] : names) {
      struct stat raw;
      const int done =
          retry([&] { return ::fstatat(directory, name.c_str(), &raw, AT_SYMLINK_NOFOLLOW); });
      if (done == 0) {
        entries.push_back({std::move(name), to_status(raw)});
      } else if (errno != ENOENT && errno != ESTALE) {
        // ESTALE: gone on the file server, which the kernel asked twice.
        return error_of("look at", path + "/" + name);
      }
    }
    return entries;
  }

  /// `see` hears of each entry but "." and ".."; the directory stays open with what is returned.
  template <typename See>
  static FileResult<Directory> walk(const std::string& path, See see) {
    const int descriptor = retry(
        [&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC); });
    if (descriptor < 0) return error_of("list", path);
    Directory directory(::fdopendir(descriptor));
    if (!directory) {
      auto error = error_of("list", path);
      ::close(descriptor);
      return error;
    }
    for (;;) {
      errno = 0;
      const struct dirent* entry = ::readdir(directory.get());
      if (entry == nullptr) break;
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") see(*entry);
    }
    if (errno != 0) return error_of("list", path);
    return directory;
  }

  static FileResult<std::unique_ptr<File>> open_with(const std::string& path, int flags,
                                                     mode_t mode, std::string_view operation) {
    const int descriptor = open_descriptor(path, flags, mode);
    if (descriptor < 0) return error_of(operation, path);
    return std::make_unique<PosixFile>(descriptor, path);
  }

  static int open_descriptor(const std::string& path, int flags, mode_t mode) {
    return retry([&] { return ::open(path.c_str(), flags | O_NOFOLLOW | O_CLOEXEC, mode); });
  }

  /// A kernel (EISDIR, EINVAL) or a file system that does not know O_TMPFILE.
  static bool is_no_tmpfile(int code) {
    return code == EOPNOTSUPP || code == EISDIR || code == EINVAL;
  }

  FileResult<std::unique_ptr<File>> create_and_forget(const std::string& directory) {
    const std::string path = directory + "/.unnamed-" + random_hex(16);
    auto file = create(path, 0600);
    if (!file) return file;
    if (auto removed = remove(path); !removed) return tl::unexpected(removed.error());
    return file;
  }

  bool is_owner_unmasked_ = false;  ///< the umask leaves the owner's rights alone
};

}  // namespace

FileSystem& FileSystem::posix() {
  static PosixFileSystem file_system;
  return file_system;
}

FileResult<std::unique_ptr<File>> open_to_lock(FileSystem& files, const std::string& path) {
  auto* shared = dynamic_cast<SharedFileSystem*>(&files);
  return shared != nullptr ? shared->open_to_lock(path) : files.open(path);
}

std::chrono::milliseconds name_memory(FileSystem& files, const std::string& path) {
  auto* shared = dynamic_cast<SharedFileSystem*>(&files);
  return shared != nullptr ? shared->name_memory(path) : std::chrono::milliseconds(0);
}

FileResult<void> see_anew(FileSystem& files, const std::string& directory) {
  if (name_memory(files, directory).count() == 0) return {};
  auto names = files.list(directory);
  if (!names && names.error().code != ENOENT) return tl::unexpected(names.error());
  return {};
}

FileResult<void> exchange_names(FileSystem& files, const std::string& one,
                                const std::string& other) {
  auto* can = dynamic_cast<NameExchange*>(&files);
  if (can != nullptr) return can->exchange(one, other);
  return tl::unexpected(FileError{EOPNOTSUPP, "exchange " + one + " with", other});
}

}  // namespace smtpgate::postoffice
