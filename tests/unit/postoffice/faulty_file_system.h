// A FileSystem for tests: passes everything to another one, writes down each operation, and fails
// the one it is told to. For "what if exactly this call fails?", asked of every call in turn.
//
// An operation is one call of a FileSystem or File function that can touch the disk (reads
// included, close not: it only counts where the caller calls it). Not for losing unsynced data.
// Safe to use from several threads; the order of operations is then the order of arrival.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "postoffice/file_system.h"

namespace smtpgate::postoffice {

struct Operation {
  std::string name;  ///< as in FileSystem and File: "create", "link", "sync_directory", "write" ...
  std::string path;
  std::string to;  ///< of link and rename

  std::string str() const { return name + " " + path + (to.empty() ? "" : " -> " + to); }
};

class FaultyFileSystem : public FileSystem {
 public:
  explicit FaultyFileSystem(FileSystem& real = FileSystem::posix()) : real_(real) {}

  /// When an operation fails.
  enum class Moment {
    instead,    ///< nothing is done
    afterwards  ///< it is done, and yet reported as failed (a lost answer of a file server)
  };

  /// Fails the n-th operation from now (the first is 0) with `code`, and all after it if `for_good`
  /// (a disk that stays full or read-only).
  void fail_at(std::uint64_t n, int code, Moment moment = Moment::instead, bool for_good = false) {
    const std::lock_guard lock(mutex_);
    fail_at_ = operations_.size() + n;
    code_ = code;
    moment_ = moment;
    for_good_ = for_good;
  }
  /// Fails every operation that `choose` says yes to.
  void fail_if(std::function<bool(const Operation&)> choose, int code,
               Moment moment = Moment::instead) {
    const std::lock_guard lock(mutex_);
    choose_ = std::move(choose);
    code_ = code;
    moment_ = moment;
  }
  /// Runs before each operation; may change the disk behind the caller's back. Empty: nothing.
  void before(std::function<void(const Operation&)> hook) {
    const std::lock_guard lock(mutex_);
    before_ = std::move(hook);
  }
  /// How many octets each read gives at most (at least 1), as a file server may. Empty: all.
  void shorten_reads(std::function<std::size_t()> most) {
    const std::lock_guard lock(mutex_);
    most_to_read_ = std::move(most);
  }
  /// It knows no files that get their names later: NFS, GlusterFS, Btrfs. Not healed, no fault.
  void has_no_linkable_files() { has_linkable_files_ = false; }
  void heal() {
    const std::lock_guard lock(mutex_);
    fail_at_.reset();
    choose_ = nullptr;
    before_ = nullptr;
    most_to_read_ = nullptr;
  }

  std::vector<Operation> operations() const {
    const std::lock_guard lock(mutex_);
    return operations_;
  }
  void forget_operations() {
    const std::lock_guard lock(mutex_);
    operations_.clear();
  }
  /// True if a fault was met since the last fail_at() or fail_if() ... heal().
  std::uint64_t faults() const {
    const std::lock_guard lock(mutex_);
    return faults_;
  }

  FileResult<std::unique_ptr<File>> open(const std::string& path) override {
    return wrap(path, perform({"open", path, {}}, [&] { return real_.open(path); }));
  }
  FileResult<std::unique_ptr<File>> open_directory(const std::string& path) override {
    return wrap(path,
                perform({"open_directory", path, {}}, [&] { return real_.open_directory(path); }));
  }
  FileResult<std::unique_ptr<File>> create(const std::string& path, mode_t mode) override {
    return wrap(path, perform({"create", path, {}}, [&] { return real_.create(path, mode); }));
  }
  FileResult<std::unique_ptr<File>> create_unnamed(const std::string& directory) override {
    return wrap(directory, perform({"create_unnamed", directory, {}},
                                   [&] { return real_.create_unnamed(directory); }));
  }
  FileResult<std::unique_ptr<File>> create_linkable(const std::string& directory) override {
    if (!has_linkable_files_) return FileSystem::create_linkable(directory);
    return wrap(directory, perform({"create_linkable", directory, {}},
                                   [&] { return real_.create_linkable(directory); }));
  }
  FileResult<void> make_directory(const std::string& path, mode_t mode) override {
    return perform({"make_directory", path, {}}, [&] { return real_.make_directory(path, mode); });
  }
  FileResult<void> remove(const std::string& path) override {
    return perform({"remove", path, {}}, [&] { return real_.remove(path); });
  }
  FileResult<void> remove_directory(const std::string& path) override {
    return perform({"remove_directory", path, {}}, [&] { return real_.remove_directory(path); });
  }
  FileResult<void> link(const std::string& from, const std::string& to) override {
    return perform({"link", from, to}, [&] { return real_.link(from, to); });
  }
  FileResult<void> rename(const std::string& from, const std::string& to) override {
    return perform({"rename", from, to}, [&] { return real_.rename(from, to); });
  }
  FileResult<FileStatus> status(const std::string& path) override {
    return perform({"status", path, {}}, [&] { return real_.status(path); });
  }
  FileResult<void> sync_directory(const std::string& path) override {
    return perform({"sync_directory", path, {}}, [&] { return real_.sync_directory(path); });
  }
  FileResult<std::vector<std::string>> list(const std::string& path) override {
    return perform({"list", path, {}}, [&] { return real_.list(path); });
  }

 private:
  class FaultyFile;

  FileResult<std::unique_ptr<File>> wrap(const std::string& path,
                                         FileResult<std::unique_ptr<File>> file);

  /// The code to fail `operation` with, or 0; writes it down.
  int judge(const Operation& operation) {
    std::function<void(const Operation&)> hook;
    {
      const std::lock_guard lock(mutex_);
      hook = before_;
    }
    if (hook) hook(operation);
    const std::lock_guard lock(mutex_);
    const std::uint64_t index = operations_.size();
    operations_.push_back(operation);
    const bool by_number = fail_at_ && (index == *fail_at_ || (for_good_ && index > *fail_at_));
    if (!by_number && !(choose_ && choose_(operation))) return 0;
    ++faults_;
    return code_;
  }

  std::span<char> room_of(std::span<char> buffer) {
    const std::lock_guard lock(mutex_);
    if (!most_to_read_) return buffer;
    return buffer.first(std::min(buffer.size(), most_to_read_()));
  }

  template <typename Call>
  auto perform(const Operation& operation, Call call) -> decltype(call()) {
    const int code = judge(operation);
    if (code == 0) return call();
    if (moment_ == Moment::afterwards) (void)call();
    return tl::unexpected(FileError{code, operation.name, operation.path});
  }

  FileSystem& real_;
  mutable std::mutex mutex_;
  std::vector<Operation> operations_;
  std::optional<std::uint64_t> fail_at_;
  std::function<bool(const Operation&)> choose_;
  std::function<void(const Operation&)> before_;
  std::function<std::size_t()> most_to_read_;
  int code_ = 0;
  Moment moment_ = Moment::instead;
  bool for_good_ = false;
  bool has_linkable_files_ = true;
  std::uint64_t faults_ = 0;
};

class FaultyFileSystem::FaultyFile : public File {
 public:
  FaultyFile(FaultyFileSystem& owner, std::string path, std::unique_ptr<File> real)
      : owner_(owner), path_(std::move(path)), real_(std::move(real)) {}

  FileResult<std::size_t> read(std::span<char> buffer) override {
    return owner_.perform({"read", path_, {}}, [&] { return real_->read(owner_.room_of(buffer)); });
  }
  FileResult<std::size_t> read_at(std::uint64_t offset, std::span<char> buffer) override {
    return owner_.perform({"read_at", path_, {}},
                          [&] { return real_->read_at(offset, owner_.room_of(buffer)); });
  }
  FileResult<void> write(std::string_view data) override {
    return owner_.perform({"write", path_, {}}, [&] { return real_->write(data); });
  }
  FileResult<void> append_from(File& source, std::uint64_t offset, std::uint64_t size) override {
    // The real one gets the real one, so that its copy in the kernel is what is tested.
    auto* wrapped = dynamic_cast<FaultyFile*>(&source);
    File& inner = wrapped != nullptr ? *wrapped->real_ : source;
    return owner_.perform({"append_from", path_, {}},
                          [&] { return real_->append_from(inner, offset, size); });
  }
  FileResult<void> sync() override {
    return owner_.perform({"sync", path_, {}}, [&] { return real_->sync(); });
  }
  FileResult<void> set_mode(mode_t mode) override {
    return owner_.perform({"set_mode", path_, {}}, [&] { return real_->set_mode(mode); });
  }
  FileResult<void> set_owner(uid_t owner, gid_t group) override {
    return owner_.perform({"set_owner", path_, {}}, [&] { return real_->set_owner(owner, group); });
  }
  FileResult<void> set_modified(std::int64_t seconds) override {
    return owner_.perform({"set_modified", path_, {}},
                          [&] { return real_->set_modified(seconds); });
  }
  FileResult<void> touch() override {
    return owner_.perform({"touch", path_, {}}, [&] { return real_->touch(); });
  }
  FileResult<FileStatus> status() override {
    return owner_.perform({"file_status", path_, {}}, [&] { return real_->status(); });
  }
  FileResult<Hole> hole() override {
    return owner_.perform({"hole", path_, {}}, [&] { return real_->hole(); });
  }
  FileResult<bool> try_lock() override {
    return owner_.perform({"try_lock", path_, {}}, [&] { return real_->try_lock(); });
  }
  FileResult<void> link_to(const std::string& path) override {
    return owner_.perform({"link", path_, path}, [&] { return real_->link_to(path); });
  }
  FileResult<void> close() override {
    return owner_.perform({"close", path_, {}}, [&] { return real_->close(); });
  }

 private:
  FaultyFileSystem& owner_;
  std::string path_;
  std::unique_ptr<File> real_;
};

inline FileResult<std::unique_ptr<File>> FaultyFileSystem::wrap(
    const std::string& path, FileResult<std::unique_ptr<File>> file) {
  if (!file) return file;
  return std::make_unique<FaultyFile>(*this, path, std::move(*file));
}

}  // namespace smtpgate::postoffice
