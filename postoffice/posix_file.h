// One open file of the real file system, and what every POSIX call of this room needs: its error as
// a value, and EINTR retried. Internal to posix_file.cpp and posix_file_system.cpp; everybody else
// uses file_system.h.
#pragma once

#include <cerrno>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <sys/stat.h>

#include "postoffice/file_system.h"

namespace smtpgate::postoffice {

/// errno now, as an error of `operation` on `path`.
tl::unexpected<FileError> error_of(std::string_view operation, const std::string& path);

FileStatus to_status(const struct stat& raw);

/// Calls again while a signal interrupts. Not for close(), whose descriptor is gone either way.
template <typename Call>
auto retry(Call call) {
  decltype(call()) result;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

/// Owns its descriptor.
class PosixFile : public File {
 public:
  /// `path` is for sentences; of a file without a name it is its directory.
  PosixFile(int descriptor, std::string path);
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;
  ~PosixFile() override;

  FileResult<std::size_t> read(std::span<char> buffer) override;
  FileResult<std::size_t> read_at(std::uint64_t offset, std::span<char> buffer) override;
  FileResult<void> write(std::string_view data) override;
  FileResult<void> append_from(File& source, std::uint64_t offset, std::uint64_t size) override;
  FileResult<void> sync() override;
  FileResult<void> set_mode(mode_t mode) override;
  FileResult<void> set_owner(uid_t owner, gid_t group) override;
  FileResult<void> set_modified(std::int64_t seconds) override;
  FileResult<void> touch() override;
  FileResult<FileStatus> status() override;
  FileResult<Hole> hole() override;
  FileResult<bool> try_lock() override;
  FileResult<void> link_to(const std::string& path) override;
  FileResult<void> close() override;

  /// Whether link_to() can be used on this file: it keeps what was synced before it had a name, and
  /// the kernel can be told which file is meant.
  bool is_linkable() const;

 private:
  std::uint64_t copy_in_kernel(PosixFile& source, std::uint64_t offset, std::uint64_t size);
  FileResult<void> copy_through_memory(File& source, std::uint64_t offset, std::uint64_t size);

  int descriptor_;
  std::string path_;
  bool was_linked_ = false;  ///< by link_to()
};

}  // namespace smtpgate::postoffice
