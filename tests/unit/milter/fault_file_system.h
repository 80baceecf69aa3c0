// A file system on the real one that fails an operation on purpose, or calls a test back before it.
// It has no files that get their names later, so each name is asked about here.
#pragma once

#include <cerrno>
#include <functional>
#include <string>

#include "postoffice/file_system.h"

namespace smtpgate::test {

class FaultFileSystem : public postoffice::FileSystem {
 public:
  using FileSystem = postoffice::FileSystem;
  template <typename T>
  using Result = postoffice::FileResult<T>;
  using OpenFile = std::unique_ptr<postoffice::File>;

  /// Asked before each operation, by its name and path: an errno to fail with, or 0.
  std::function<int(const std::string& operation, const std::string& path)> fault =
      [](const std::string&, const std::string&) { return 0; };

  Result<OpenFile> open(const std::string& path) override {
    return guarded<OpenFile>("open", path, [&] { return real_.open(path); });
  }
  Result<OpenFile> open_directory(const std::string& path) override {
    return guarded<OpenFile>("open directory", path, [&] { return real_.open_directory(path); });
  }
  Result<OpenFile> create(const std::string& path, mode_t mode) override {
    return guarded<OpenFile>("create", path, [&] { return real_.create(path, mode); });
  }
  Result<OpenFile> create_unnamed(const std::string& directory) override {
    return guarded<OpenFile>("create unnamed", directory,
                             [&] { return real_.create_unnamed(directory); });
  }
  Result<void> make_directory(const std::string& path, mode_t mode) override {
    return guarded<void>("make directory", path, [&] { return real_.make_directory(path, mode); });
  }
  Result<void> remove(const std::string& path) override {
    return guarded<void>("remove", path, [&] { return real_.remove(path); });
  }
  Result<void> remove_directory(const std::string& path) override {
    return guarded<void>("remove directory", path, [&] { return real_.remove_directory(path); });
  }
  Result<void> link(const std::string& from, const std::string& to) override {
    return guarded<void>("link", to, [&] { return real_.link(from, to); });
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    return guarded<void>("rename", to, [&] { return real_.rename(from, to); });
  }
  Result<postoffice::FileStatus> status(const std::string& path) override {
    return guarded<postoffice::FileStatus>("status", path, [&] { return real_.status(path); });
  }
  Result<void> sync_directory(const std::string& path) override {
    return guarded<void>("sync directory", path, [&] { return real_.sync_directory(path); });
  }
  Result<std::vector<std::string>> list(const std::string& path) override {
    return guarded<std::vector<std::string>>("list", path, [&] { return real_.list(path); });
  }

 private:
  template <typename T, typename Call>
  Result<T> guarded(const char* operation, const std::string& path, Call call) {
    if (const int code = fault(operation, path); code != 0) {
      return tl::unexpected(postoffice::FileError{code, operation, path});
    }
    return call();
  }

  FileSystem& real_ = FileSystem::posix();
};

}  // namespace smtpgate::test
