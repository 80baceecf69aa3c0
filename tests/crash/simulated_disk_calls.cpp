// What programs call on the disk in memory: each call is counted, and done, failed or forgotten as
// was told; see the header. What the calls change is in simulated_disk_image.h.
#include <algorithm>
#include <ctime>
#include <utility>

#include "tests/crash/simulated_disk.h"
#include "tests/crash/simulated_disk_image.h"

namespace smtpgate::crash {

using postoffice::File;
using postoffice::FileError;
using postoffice::FileStatus;

template <typename T, typename Call>
SimulatedDisk::Result<T> SimulatedDisk::perform(Operation operation, Call call) {
  const Verdict verdict = judge(operation);
  if constexpr (std::is_void_v<T>) {
    if (verdict.is_forgotten) return {};
  }
  if (verdict.code == 0) return call(false);
  const bool is_write = operation.name == "write" || operation.name == "copy";
  if (verdict.moment == Moment::afterwards) (void)call(false);
  if (verdict.moment == Moment::halfway && is_write) (void)call(true);
  std::string name = operation.name;
  if (!operation.to.empty()) name += " " + operation.path + " to";
  return tl::unexpected(FileError{verdict.code, std::move(name),
                                  operation.to.empty() ? operation.path : operation.to});
}

class SimulatedDisk::OpenedFile : public File {
 public:
  OpenedFile(SimulatedDisk& disk, std::string path, InodeNumber inode)
      : disk_(disk),
        path_(std::move(path)),
        inode_(inode),
        life_(disk.life_),
        handle_(++disk.next_handle_) {}
  ~OpenedFile() override { unlock(); }

  Result<std::size_t> read(std::span<char> buffer) override {
    return perform<std::size_t>("read", [&](bool) -> Result<std::size_t> {
      const std::size_t count = copy_out(position_, buffer);
      position_ += count;
      return count;
    });
  }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<char> buffer) override {
    return perform<std::size_t>(
        "read", [&](bool) -> Result<std::size_t> { return copy_out(offset, buffer); });
  }
  Result<void> write(std::string_view data) override {
    return perform<void>("write", [&](bool halfway) -> Result<void> {
      put_at_position(data.substr(0, halfway ? data.size() / 2 : data.size()));
      return {};
    });
  }
  Result<void> append_from(File& source, std::uint64_t offset, std::uint64_t size) override {
    return perform<void>("copy", [&](bool halfway) -> Result<void> {
      auto* other = dynamic_cast<OpenedFile*>(&source);
      if (other == nullptr || disk_.image_->at(other->inode_).seen.octets.size() < offset + size) {
        return tl::unexpected(FileError{EIO, "copy all of what should be in", path_});
      }
      put_at_position(
          disk_.image_->at(other->inode_).seen.octets.substr(offset, halfway ? size / 2 : size));
      return {};
    });
  }
  Result<void> sync() override {
    return perform<void>("sync", [&](bool) -> Result<void> {
      if (inode().is_directory) {
        disk_.image_->sync_names_of(inode_);
      } else {
        disk_.image_->sync_contents_of(inode_);
      }
      return {};
    });
  }
  Result<void> set_mode(mode_t mode) override {
    return perform<void>("set the mode of", [&](bool) -> Result<void> {
      change().mode = mode;
      return {};
    });
  }
  Result<void> set_owner(uid_t owner, gid_t group) override {
    return perform<void>("set the owner of", [&](bool) -> Result<void> {
      change().owner = owner;
      change().group = group;
      return {};
    });
  }
  Result<void> set_modified(std::int64_t seconds) override {
    return perform<void>("set the time of", [&](bool) -> Result<void> {
      change().modified = seconds;
      return {};
    });
  }
  Result<void> touch() override { return set_modified(std::time(nullptr)); }
  Result<FileStatus> status() override {
    return perform<FileStatus>(
        "look at", [&](bool) -> Result<FileStatus> { return status_of(inode(), inode_); });
  }
  Result<bool> try_lock() override {
    return perform<bool>("lock", [&](bool) -> Result<bool> {
      const auto [lock, is_new] = disk_.locks_.try_emplace(inode_, handle_);
      return is_new || lock->second == handle_;
    });
  }
  Result<void> link_to(const std::string& path) override {
    return perform<void>(
        "link",
        [&](bool) -> Result<void> {
          const Place target = Place::find(*disk_.image_, path);
          // What is gone gets no name any more.
          if (was_linked_ && inode().links == 0) return failed(ENOTSUP, "link", path);
          if (target.directory == 0) return failed(target.code, "link", path);
          if (target.inode != 0) return failed(EEXIST, "link", path);
          disk_.image_->apply({{{target.directory, target.name, inode_}}});
          was_linked_ = true;
          return {};
        },
        path);
  }
  Result<void> close() override {
    unlock();
    return {};
  }

 private:
  static tl::unexpected<FileError> failed(int code, const char* operation,
                                          const std::string& path) {
    return tl::unexpected(FileError{code, operation, path});
  }
  template <typename T, typename Call>
  Result<T> perform(const char* name, Call call, const std::string& to = {}) {
    if (life_ != disk_.life_) return tl::unexpected(FileError{EIO, name, path_});
    if (std::string_view(name) == "sync" && inode().is_directory) name = "sync directory";
    auto result = disk_.perform<T>({name, path_, to}, call);
    // The kernel tells of it once and then forgets.
    if (!result && std::string_view(name) == "sync" && !disk_.stopped_) inode().is_lost = true;
    return result;
  }
  Inode& inode() { return disk_.image_->at(inode_); }
  Contents& change() {
    inode().is_dirty = true;
    return inode().seen;
  }
  std::size_t copy_out(std::uint64_t offset, std::span<char> buffer) {
    const std::string& octets = inode().seen.octets;
    if (offset >= octets.size()) return 0;
    const std::size_t count = std::min<std::size_t>(buffer.size(), octets.size() - offset);
    std::copy_n(octets.data() + offset, count, buffer.data());
    return count;
  }
  void put_at_position(std::string_view data) {
    std::string& octets = change().octets;
    octets.resize(std::max<std::size_t>(octets.size(), position_ + data.size()));
    std::copy(data.begin(), data.end(), octets.begin() + static_cast<std::ptrdiff_t>(position_));
    position_ += data.size();
    change().modified = std::time(nullptr);
  }
  void unlock() {
    if (life_ != disk_.life_) return;
    const auto lock = disk_.locks_.find(inode_);
    if (lock != disk_.locks_.end() && lock->second == handle_) disk_.locks_.erase(lock);
  }

  SimulatedDisk& disk_;
  std::string path_;
  InodeNumber inode_;
  std::uint64_t life_;
  std::uint64_t handle_;
  std::uint64_t position_ = 0;
  bool was_linked_ = false;  ///< by link_to()
};

namespace {

tl::unexpected<FileError> error_of(int code, const char* operation, const std::string& path) {
  return tl::unexpected(FileError{code, operation, path});
}

}  // namespace

SimulatedDisk::Result<SimulatedDisk::OpenFile> SimulatedDisk::open(const std::string& path) {
  return perform<OpenFile>({"open", path, {}}, [&](bool) -> Result<OpenFile> {
    const Place place = Place::find(*image_, path);
    if (place.inode == 0) return error_of(place.code, "open", path);
    return std::make_unique<OpenedFile>(*this, path, place.inode);
  });
}

SimulatedDisk::Result<SimulatedDisk::OpenFile> SimulatedDisk::open_directory(
    const std::string& path) {
  return perform<OpenFile>({"open directory", path, {}}, [&](bool) -> Result<OpenFile> {
    const Place place = Place::find(*image_, path);
    if (place.inode == 0) return error_of(place.code, "open", path);
    if (!image_->at(place.inode).is_directory) return error_of(ENOTDIR, "open", path);
    return std::make_unique<OpenedFile>(*this, path, place.inode);
  });
}

SimulatedDisk::Result<SimulatedDisk::OpenFile> SimulatedDisk::create(const std::string& path,
                                                                     mode_t mode) {
  return perform<OpenFile>({"create", path, {}}, [&](bool) -> Result<OpenFile> {
    const Place place = Place::find(*image_, path);
    if (place.directory == 0) return error_of(place.code, "create", path);
    if (place.inode != 0) return error_of(EEXIST, "create", path);
    const InodeNumber file = image_->make(false, mode);
    image_->apply({{{place.directory, place.name, file}}});
    return std::make_unique<OpenedFile>(*this, path, file);
  });
}

SimulatedDisk::Result<SimulatedDisk::OpenFile> SimulatedDisk::create_unnamed(
    const std::string& directory) {
  return perform<OpenFile>({"create a file in", directory, {}}, [&](bool) -> Result<OpenFile> {
    const Place place = Place::find(*image_, directory);
    if (place.inode == 0) return error_of(place.code, "create a file in", directory);
    return std::make_unique<OpenedFile>(*this, directory, image_->make(false, 0600));
  });
}

SimulatedDisk::Result<SimulatedDisk::OpenFile> SimulatedDisk::create_linkable(
    const std::string& directory) {
  if (!has_linkable_files_) return FileSystem::create_linkable(directory);
  return create_unnamed(directory);
}

SimulatedDisk::Result<void> SimulatedDisk::make_directory(const std::string& path, mode_t mode) {
  return perform<void>({"make the directory", path, {}}, [&](bool) -> Result<void> {
    const Place place = Place::find(*image_, path);
    if (place.directory == 0) return error_of(place.code, "make the directory", path);
    if (place.inode != 0) return error_of(EEXIST, "make the directory", path);
    image_->apply({{{place.directory, place.name, image_->make(true, mode)}}});
    return {};
  });
}

SimulatedDisk::Result<void> SimulatedDisk::remove(const std::string& path) {
  return perform<void>({"remove", path, {}}, [&](bool) -> Result<void> {
    const Place place = Place::find(*image_, path);
    if (place.inode == 0) return error_of(place.code, "remove", path);
    if (image_->at(place.inode).is_directory) return error_of(EISDIR, "remove", path);
    image_->apply({{{place.directory, place.name, 0}}});
    return {};
  });
}

SimulatedDisk::Result<void> SimulatedDisk::remove_directory(const std::string& path) {
  return perform<void>({"remove the directory", path, {}}, [&](bool) -> Result<void> {
    const Place place = Place::find(*image_, path);
    if (place.inode == 0) return error_of(place.code, "remove the directory", path);
    if (!image_->at(place.inode).is_directory) return error_of(ENOTDIR, "remove", path);
    if (!image_->at(place.inode).entries.empty()) return error_of(ENOTEMPTY, "remove", path);
    image_->apply({{{place.directory, place.name, 0}}});
    return {};
  });
}

SimulatedDisk::Result<void> SimulatedDisk::link(const std::string& from, const std::string& to) {
  return perform<void>({"link", from, to}, [&](bool) -> Result<void> {
    const Place source = Place::find(*image_, from);
    const Place target = Place::find(*image_, to);
    if (source.inode == 0) return error_of(source.code, "link", from);
    if (target.directory == 0) return error_of(target.code, "link", to);
    if (target.inode != 0) return error_of(EEXIST, "link", to);
    if (image_->at(source.inode).is_directory) return error_of(EPERM, "link", from);
    image_->apply({{{target.directory, target.name, source.inode}}});
    return {};
  });
}

SimulatedDisk::Result<void> SimulatedDisk::rename(const std::string& from, const std::string& to) {
  return perform<void>({"rename", from, to}, [&](bool) -> Result<void> {
    const Place source = Place::find(*image_, from);
    const Place target = Place::find(*image_, to);
    if (source.inode == 0) return error_of(source.code, "rename", from);
    if (target.directory == 0) return error_of(target.code, "rename", to);
    if (target.inode == source.inode) return {};
    if (target.inode != 0 && image_->at(target.inode).is_directory) {
      if (!image_->at(source.inode).is_directory) return error_of(EISDIR, "rename", to);
      if (!image_->at(target.inode).entries.empty()) return error_of(ENOTEMPTY, "rename", to);
    }
    image_->apply(
        {{{source.directory, source.name, 0}, {target.directory, target.name, source.inode}}});
    return {};
  });
}

SimulatedDisk::Result<FileStatus> SimulatedDisk::status(const std::string& path) {
  return perform<FileStatus>({"look at", path, {}}, [&](bool) -> Result<FileStatus> {
    const Place place = Place::find(*image_, path);
    if (place.inode == 0) return error_of(place.code, "look at", path);
    return status_of(image_->at(place.inode), place.inode);
  });
}

SimulatedDisk::Result<void> SimulatedDisk::sync_directory(const std::string& path) {
  return perform<void>({"sync directory", path, {}}, [&](bool) -> Result<void> {
    const Place place = Place::find(*image_, path);
    if (place.inode == 0) return error_of(place.code, "sync the directory", path);
    image_->sync_names_of(place.inode);
    return {};
  });
}

SimulatedDisk::Result<std::vector<std::string>> SimulatedDisk::list(const std::string& path) {
  return perform<std::vector<std::string>>({"list", path, {}},
                                           [&](bool) -> Result<std::vector<std::string>> {
                                             const Place place = Place::find(*image_, path);
                                             if (place.inode == 0)
                                               return error_of(place.code, "list", path);
                                             return names(path);
                                           });
}

}  // namespace smtpgate::crash
