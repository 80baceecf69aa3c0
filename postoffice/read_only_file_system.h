// The real files, to look at only: every operation that would change something fails with EROFS
// before the kernel is asked. For what promises to write nothing (`smtpgate try`): the promise then
// holds whatever the code above it does.
//
// Not a guard against other processes, and not a lock.
#pragma once

#include "postoffice/file_system.h"

namespace smtpgate::postoffice {

/// Safe from several threads.
class ReadOnlyFileSystem : public FileSystem {
 public:
  /// `real` outlives it.
  explicit ReadOnlyFileSystem(FileSystem& real = FileSystem::posix()) : real_(real) {}

  FileResult<std::unique_ptr<File>> open(const std::string& path) override;
  FileResult<std::unique_ptr<File>> open_directory(const std::string& path) override;
  FileResult<FileStatus> status(const std::string& path) override;
  FileResult<std::vector<std::string>> list(const std::string& path) override;
  FileResult<std::vector<NamedStatus>> list_with_status(const std::string& path) override;

  FileResult<std::unique_ptr<File>> create(const std::string& path, mode_t mode) override;
  FileResult<std::unique_ptr<File>> create_unnamed(const std::string& directory) override;
  FileResult<std::unique_ptr<File>> create_linkable(const std::string& directory) override;
  FileResult<void> make_directory(const std::string& path, mode_t mode) override;
  FileResult<void> remove(const std::string& path) override;
  FileResult<void> remove_directory(const std::string& path) override;
  FileResult<void> link(const std::string& from, const std::string& to) override;
  FileResult<void> rename(const std::string& from, const std::string& to) override;
  FileResult<void> rename_new(const std::string& from, const std::string& to) override;
  /// Nothing was written, so there is nothing to sync: done.
  FileResult<void> sync_directory(const std::string& path) override;

 private:
  FileSystem& real_;
};

}  // namespace smtpgate::postoffice
