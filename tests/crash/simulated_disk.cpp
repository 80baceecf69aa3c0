// The disk in memory; see the header. Two trees are kept: what programs see, and what is on the
// disk. A change of names is a record that waits until a sync of one of its directories moves it
// from the one to the other; a power cut makes the second tree the first.
#include "tests/crash/simulated_disk.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <set>
#include <utility>

#include <unistd.h>

namespace smtpgate::crash {

using postoffice::File;
using postoffice::FileError;
using postoffice::FileKind;
using postoffice::FileStatus;

namespace {

using InodeNumber = std::uint64_t;
using Entries = std::map<std::string, InodeNumber, std::less<>>;

constexpr InodeNumber root = 1;

/// What a sync of the file writes.
struct Contents {
  std::string octets;
  mode_t mode = 0;
  uid_t owner = 0;
  gid_t group = 0;
  std::int64_t modified = 0;
};

struct Inode {
  bool is_directory = false;
  Contents seen;
  Contents on_disk;
  bool is_dirty = true;  ///< `seen` and `on_disk` may differ
  bool is_lost = false;  ///< a sync failed: no later one helps
  Entries entries;       ///< of a directory, as seen
  Entries entries_on_disk;
  std::uint64_t links = 0;  ///< as seen
};

/// One change of names, done as a whole or not at all.
struct Change {
  struct Entry {
    InodeNumber directory;
    std::string name;
    InodeNumber inode;  ///< 0: removed
  };
  std::vector<Entry> entries;
};

}  // namespace

struct SimulatedDisk::Image {
  std::map<InodeNumber, Inode> inodes;
  std::vector<Change> pending;
  InodeNumber next = root + 1;

  Inode& at(InodeNumber number) { return inodes.at(number); }
  const Inode& at(InodeNumber number) const { return inodes.at(number); }

  InodeNumber make(bool is_directory, mode_t mode) {
    Inode inode;
    inode.is_directory = is_directory;
    inode.seen.mode = mode;
    inode.seen.owner = ::geteuid();
    inode.seen.group = ::getegid();
    inode.seen.modified = std::time(nullptr);
    inode.on_disk = inode.seen;
    inodes.emplace(next, std::move(inode));
    return next++;
  }

  /// As programs see it, at once; on the disk once a sync reaches it.
  void apply(Change change) {
    for (const Change::Entry& entry : change.entries) {
      Inode& directory = at(entry.directory);
      const auto old = directory.entries.find(entry.name);
      if (old != directory.entries.end()) {
        --at(old->second).links;
        directory.entries.erase(old);
      }
      if (entry.inode != 0) {
        directory.entries.emplace(entry.name, entry.inode);
        ++at(entry.inode).links;
      }
      directory.seen.modified = std::time(nullptr);
    }
    pending.push_back(std::move(change));
  }

  void write_down(const Change& change) {
    for (const Change::Entry& entry : change.entries) {
      Entries& names = at(entry.directory).entries_on_disk;
      names.erase(entry.name);
      if (entry.inode != 0) names.emplace(entry.name, entry.inode);
    }
  }

  /// The chosen changes with all earlier ones of the same names, in their order.
  void write_down_chosen(std::vector<bool> chosen) {
    std::set<std::pair<InodeNumber, std::string>> names;
    for (std::size_t i = pending.size(); i-- > 0;) {
      for (const Change::Entry& entry : pending[i].entries) {
        if (names.contains({entry.directory, entry.name})) chosen[i] = true;
      }
      if (!chosen[i]) continue;
      for (const Change::Entry& entry : pending[i].entries) {
        names.emplace(entry.directory, entry.name);
      }
    }
    std::vector<Change> rest;
    for (std::size_t i = 0; i < pending.size(); ++i) {
      if (chosen[i]) {
        write_down(pending[i]);
      } else {
        rest.push_back(std::move(pending[i]));
      }
    }
    pending = std::move(rest);
  }

  void sync_names_of(InodeNumber directory) {
    std::vector<bool> chosen;
    for (const Change& change : pending) {
      chosen.push_back(std::any_of(
          change.entries.begin(), change.entries.end(),
          [directory](const Change::Entry& entry) { return entry.directory == directory; }));
    }
    write_down_chosen(std::move(chosen));
  }

  void sync_contents_of(InodeNumber file) {
    Inode& inode = at(file);
    if (inode.is_lost) return;
    inode.on_disk = inode.seen;
    inode.is_dirty = false;
  }

  /// What cannot be reached any more goes.
  void collect() {
    std::map<InodeNumber, Inode> kept;
    std::vector<InodeNumber> open{root};
    for (auto& [number, inode] : inodes) inode.links = 0;
    while (!open.empty()) {
      const InodeNumber number = open.back();
      open.pop_back();
      if (!kept.contains(number)) kept.emplace(number, std::move(at(number)));
      for (const auto& [name, target] : kept.at(number).entries) {
        if (!at(target).is_directory || !kept.contains(target)) open.push_back(target);
      }
    }
    for (const auto& [number, inode] : kept) {
      for (const auto& [name, target] : inode.entries) ++kept.at(target).links;
    }
    inodes = std::move(kept);
  }
};

/// A path looked up: the directory it is in, and what it means there.
struct SimulatedDisk::Place {
  InodeNumber directory = 0;  ///< 0: there is none
  std::string name;
  InodeNumber inode = 0;  ///< 0: nothing has that name
  int code = ENOENT;      ///< where there is no directory

  static Place find(const Image& image, const std::string& path) {
    Place place;
    place.inode = root;
    place.directory = root;
    for (std::size_t at = 0; at < path.size();) {
      if (path[at] == '/') {
        ++at;
        continue;
      }
      const std::size_t end = std::min(path.find('/', at), path.size());
      if (place.inode == 0 || !image.at(place.inode).is_directory) {
        place.code = place.inode == 0 ? ENOENT : ENOTDIR;
        place.directory = place.inode = 0;
        return place;
      }
      place.directory = place.inode;
      place.name = path.substr(at, end - at);
      const Entries& entries = image.at(place.directory).entries;
      const auto found = entries.find(place.name);
      place.inode = found == entries.end() ? 0 : found->second;
      at = end;
    }
    return place;
  }
};

namespace {

FileStatus status_of(const Inode& inode, InodeNumber number) {
  FileStatus status;
  status.kind = inode.is_directory ? FileKind::directory : FileKind::regular;
  status.size = inode.seen.octets.size();
  status.links = inode.links;
  status.owner = inode.seen.owner;
  status.group = inode.seen.group;
  status.mode = inode.seen.mode;
  status.modified = inode.seen.modified;
  status.device = 1;
  status.inode = number;
  return status;
}

}  // namespace

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
  Result<void> close() override {
    unlock();
    return {};
  }

 private:
  template <typename T, typename Call>
  Result<T> perform(const char* name, Call call) {
    if (life_ != disk_.life_) return tl::unexpected(FileError{EIO, name, path_});
    if (std::string_view(name) == "sync" && inode().is_directory) name = "sync directory";
    auto result = disk_.perform<T>({name, path_, {}}, call);
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
};

SimulatedDisk::SimulatedDisk() : image_(std::make_unique<Image>()) {
  Inode top;
  top.is_directory = true;
  top.seen.mode = top.on_disk.mode = 0755;
  image_->inodes.emplace(root, std::move(top));
}

SimulatedDisk::~SimulatedDisk() = default;

std::shared_ptr<const SimulatedDisk::Image> SimulatedDisk::image() const {
  return std::make_shared<const Image>(*image_);
}

void SimulatedDisk::restore(const Image& image) {
  *image_ = image;
  heal();
  condition_.reset();
  neighbour_ = nullptr;
  history_.clear();
  restart_process();
}

void SimulatedDisk::heal() {
  stop_at_.reset();
  forgotten_sync_.reset();
  fault_.reset();
  before_ = nullptr;
}

void SimulatedDisk::count_anew() {
  operations_.clear();
  faults_ = 0;
}

bool SimulatedDisk::is_locked(const std::string& path) const {
  const Place place = Place::find(*image_, path);
  return place.inode != 0 && locks_.contains(place.inode);
}

void SimulatedDisk::restart_process() {
  if (keeps_history_) history_.push_back("--- restart");
  ++life_;
  locks_.clear();
  stopped_ = false;
  count_anew();
}

void SimulatedDisk::restart_machine(const Loss& loss) {
  std::mt19937 random(loss.seed);
  std::vector<bool> chosen(image_->pending.size(), loss.names == Loss::Names::all ||
                                                       loss.names == Loss::Names::all_but_one);
  const std::size_t count = chosen.size();
  if (loss.names == Loss::Names::random) {
    for (std::size_t i = 0; i < count; ++i) chosen[i] = random() % 2 == 0;
  } else if (loss.which < count) {
    if (loss.names == Loss::Names::all_but_one) chosen[count - 1 - loss.which] = false;
    if (loss.names == Loss::Names::only_one) chosen[count - 1 - loss.which] = true;
  }
  image_->write_down_chosen(std::move(chosen));
  image_->pending.clear();
  for (auto& [number, inode] : image_->inodes) {
    inode.entries = inode.entries_on_disk;
    if (inode.is_directory || !inode.is_dirty) continue;
    auto data = loss.data;
    if (data == Loss::Data::random) data = static_cast<Loss::Data>(random() % 4);
    if (inode.is_lost && data == Loss::Data::all) data = Loss::Data::zeros;
    std::string octets = inode.seen.octets;
    switch (data) {
      case Loss::Data::none:
      case Loss::Data::random:
        inode.seen = inode.on_disk;
        break;
      case Loss::Data::all:
        break;
      case Loss::Data::zeros:
        inode.seen.octets.assign(octets.size(), '\0');
        break;
      case Loss::Data::half:
        inode.seen.octets.resize(octets.size() / 2);
        break;
    }
    inode.on_disk = inode.seen;
    inode.is_dirty = inode.is_lost = false;
  }
  image_->collect();
  restart_process();
}

std::size_t SimulatedDisk::pending_names() const {
  return image_->pending.size();
}

std::string Loss::str() const {
  static constexpr const char* names_words[] = {"no names", "all names", "all names but one",
                                                "one name", "some names"};
  static constexpr const char* data_words[] = {"no data", "all data", "zeros for data",
                                               "half of the data", "some data"};
  std::string text = names_words[static_cast<int>(names)];
  if (names == Names::all_but_one || names == Names::only_one) {
    text += " (" + std::to_string(which) + " back)";
  }
  text += std::string(", ") + data_words[static_cast<int>(data)];
  if (names == Names::random) text += " (" + std::to_string(seed) + ")";
  return text;
}

// Behind everybody's back.

bool SimulatedDisk::exists(const std::string& path) const {
  return Place::find(*image_, path).inode != 0;
}

std::vector<std::string> SimulatedDisk::names(const std::string& directory) const {
  std::vector<std::string> result;
  const Place place = Place::find(*image_, directory);
  if (place.inode == 0) return result;
  for (const auto& [name, inode] : image_->at(place.inode).entries) result.push_back(name);
  return result;
}

std::optional<std::string> SimulatedDisk::contents(const std::string& path) const {
  const Place place = Place::find(*image_, path);
  if (place.inode == 0) return std::nullopt;
  return image_->at(place.inode).seen.octets;
}

FileStatus SimulatedDisk::look(const std::string& path) const {
  const Place place = Place::find(*image_, path);
  return status_of(image_->at(place.inode), place.inode);
}

void SimulatedDisk::put(const std::string& path, std::string_view contents) {
  put_unsynced(path, contents);
  const Place place = Place::find(*image_, path);
  image_->sync_contents_of(place.inode);
  image_->sync_names_of(place.directory);
}

void SimulatedDisk::put_unsynced(const std::string& path, std::string_view contents) {
  const Place place = Place::find(*image_, path);
  const InodeNumber file = image_->make(false, 0644);
  image_->at(file).seen.octets = contents;
  image_->apply({{{place.directory, place.name, file}}});
}

void SimulatedDisk::move(const std::string& from, const std::string& to) {
  const Place source = Place::find(*image_, from);
  const Place target = Place::find(*image_, to);
  if (source.inode == 0 || target.directory == 0) return;
  image_->apply(
      {{{source.directory, source.name, 0}, {target.directory, target.name, source.inode}}});
}

void SimulatedDisk::erase(const std::string& path) {
  const Place place = Place::find(*image_, path);
  if (place.inode == 0) return;
  image_->apply({{{place.directory, place.name, 0}}});
  std::vector<bool> chosen(image_->pending.size(), false);
  chosen.back() = true;
  image_->write_down_chosen(std::move(chosen));
}

void SimulatedDisk::sync_all() {
  image_->write_down_chosen(std::vector<bool>(image_->pending.size(), true));
  for (auto& [number, inode] : image_->inodes) {
    if (!inode.is_directory) image_->sync_contents_of(number);
  }
}

// The counted operations.

SimulatedDisk::Verdict SimulatedDisk::judge(const Operation& operation) {
  if (neighbour_ && !neighbour_is_at_work_) {
    neighbour_is_at_work_ = true;
    neighbour_();
    neighbour_is_at_work_ = false;
  }
  const std::uint64_t index = operations_.size();
  if (before_) before_(index, operation);
  if (stop_at_ && index >= *stop_at_) stopped_ = true;
  if (stopped_) return {EIO};
  operations_.push_back(operation);
  if (keeps_history_) history_.push_back(std::to_string(index) + " " + operation.str());
  if (fault_ && fault_->when(index, operation)) {
    ++faults_;
    return {fault_->code, fault_->moment};
  }
  if (condition_ && condition_->when(index, operation)) {
    return {condition_->code, condition_->moment};
  }
  return {0, Moment::instead, forgotten_sync_ == index};
}

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
