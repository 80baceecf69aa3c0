// How the disk in memory is steered and looked at; see the header. The calls are in
// simulated_disk_calls.cpp, what is kept of them in simulated_disk_image.h.
#include "tests/crash/simulated_disk.h"

#include <utility>

#include "tests/crash/simulated_disk_image.h"

namespace smtpgate::crash {

using postoffice::FileStatus;

SimulatedDisk::SimulatedDisk() : image_(std::make_unique<Image>()) {
  Inode top;
  top.is_directory = true;
  top.seen.mode = top.on_disk.mode = 0755;
  image_->inodes.emplace(root_inode, std::move(top));
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
  forgotten_.reset();
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
  image_->cut_power(loss);
  restart_process();
}

std::size_t SimulatedDisk::pending_names() const {
  return image_->pending.size();
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
  put_unsynced(path, contents, 0644);
  const Place place = Place::find(*image_, path);
  image_->sync_contents_of(place.inode);
  image_->sync_names_of(place.directory);
}

void SimulatedDisk::put_unsynced(const std::string& path, std::string_view contents, mode_t mode) {
  const Place place = Place::find(*image_, path);
  const InodeNumber file = image_->make(false, mode);
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

void SimulatedDisk::put_back(const std::string& from, const std::string& to) {
  move(from, to);
  image_->write_down_last();
}

void SimulatedDisk::erase(const std::string& path) {
  const Place place = Place::find(*image_, path);
  if (place.inode == 0) return;
  image_->apply({{{place.directory, place.name, 0}}});
  image_->write_down_last();
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
  const bool is_forgotten =
      forgotten_ && operation.is_sync() && index >= forgotten_->first && index < forgotten_->second;
  return {0, Moment::instead, is_forgotten};
}

}  // namespace smtpgate::crash
