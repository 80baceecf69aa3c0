// A file system to look at: see the header. A file that open() gives is open for reading alone; the
// little that can be changed through such a descriptor all the same (mode, owner, times) is refused
// by ReadOnlyFile.
#include "postoffice/read_only_file_system.h"

#include <cerrno>
#include <utility>

namespace smtpgate::postoffice {

namespace {

tl::unexpected<FileError> refused(const char* operation, const std::string& path) {
  return tl::unexpected(FileError{EROFS, operation, path});
}

class ReadOnlyFile : public File {
 public:
  ReadOnlyFile(std::unique_ptr<File> real, std::string path)
      : real_(std::move(real)), path_(std::move(path)) {}

  FileResult<std::size_t> read(std::span<char> buffer) override { return real_->read(buffer); }
  FileResult<std::size_t> read_at(std::uint64_t offset, std::span<char> buffer) override {
    return real_->read_at(offset, buffer);
  }
  FileResult<FileStatus> status() override { return real_->status(); }
  FileResult<Hole> hole() override { return real_->hole(); }
  FileResult<bool> try_lock() override { return real_->try_lock(); }
  FileResult<void> close() override { return real_->close(); }

  FileResult<void> write(std::string_view) override { return refused("write", path_); }
  FileResult<void> append_from(File&, std::uint64_t, std::uint64_t) override {
    return refused("write", path_);
  }
  FileResult<void> sync() override { return {}; }
  FileResult<void> set_mode(mode_t) override { return refused("set the mode of", path_); }
  FileResult<void> set_owner(uid_t, gid_t) override { return refused("set the owner of", path_); }
  FileResult<void> set_modified(std::int64_t) override { return refused("set the time of", path_); }
  FileResult<void> touch() override { return refused("set the time of", path_); }

 private:
  std::unique_ptr<File> real_;
  std::string path_;
};

FileResult<std::unique_ptr<File>> guarded(FileResult<std::unique_ptr<File>> opened,
                                          const std::string& path) {
  if (!opened) return opened;
  return std::make_unique<ReadOnlyFile>(std::move(*opened), path);
}

}  // namespace

FileResult<std::unique_ptr<File>> ReadOnlyFileSystem::open(const std::string& path) {
  return guarded(real_.open(path), path);
}

FileResult<std::unique_ptr<File>> ReadOnlyFileSystem::open_directory(const std::string& path) {
  return guarded(real_.open_directory(path), path);
}

FileResult<FileStatus> ReadOnlyFileSystem::status(const std::string& path) {
  return real_.status(path);
}

FileResult<std::vector<std::string>> ReadOnlyFileSystem::list(const std::string& path) {
  return real_.list(path);
}

FileResult<std::vector<NamedStatus>> ReadOnlyFileSystem::list_with_status(const std::string& path) {
  return real_.list_with_status(path);
}

FileResult<std::unique_ptr<File>> ReadOnlyFileSystem::create(const std::string& path, mode_t) {
  return refused("create", path);
}

FileResult<std::unique_ptr<File>> ReadOnlyFileSystem::create_unnamed(const std::string& directory) {
  return refused("create a file in", directory);
}

FileResult<std::unique_ptr<File>> ReadOnlyFileSystem::create_linkable(
    const std::string& directory) {
  return refused("create a file in", directory);
}

FileResult<void> ReadOnlyFileSystem::make_directory(const std::string& path, mode_t) {
  return refused("make", path);
}

FileResult<void> ReadOnlyFileSystem::remove(const std::string& path) {
  return refused("remove", path);
}

FileResult<void> ReadOnlyFileSystem::remove_directory(const std::string& path) {
  return refused("remove", path);
}

FileResult<void> ReadOnlyFileSystem::link(const std::string&, const std::string& to) {
  return refused("link to", to);
}

FileResult<void> ReadOnlyFileSystem::rename(const std::string&, const std::string& to) {
  return refused("rename to", to);
}

FileResult<void> ReadOnlyFileSystem::rename_new(const std::string&, const std::string& to) {
  return refused("rename to", to);
}

FileResult<void> ReadOnlyFileSystem::sync_directory(const std::string&) {
  return {};
}

}  // namespace smtpgate::postoffice
