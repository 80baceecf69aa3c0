// The two trees and what a power cut leaves; see the header.
#include "tests/crash/simulated_disk_image.h"

#include <algorithm>
#include <ctime>
#include <set>

#include <unistd.h>

namespace smtpgate::crash {

using postoffice::FileKind;
using postoffice::FileStatus;

InodeNumber SimulatedDisk::Image::make(bool is_directory, mode_t mode) {
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

void SimulatedDisk::Image::apply(Change change) {
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

void SimulatedDisk::Image::write_down(const Change& change) {
  for (const Change::Entry& entry : change.entries) {
    Entries& names = at(entry.directory).entries_on_disk;
    names.erase(entry.name);
    if (entry.inode != 0) names.emplace(entry.name, entry.inode);
  }
}

void SimulatedDisk::Image::write_down_chosen(std::vector<bool> chosen) {
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

void SimulatedDisk::Image::write_down_last() {
  std::vector<bool> chosen(pending.size(), false);
  if (!chosen.empty()) chosen.back() = true;
  write_down_chosen(std::move(chosen));
}

void SimulatedDisk::Image::sync_names_of(InodeNumber directory) {
  std::vector<bool> chosen;
  for (const Change& change : pending) {
    chosen.push_back(std::any_of(
        change.entries.begin(), change.entries.end(),
        [directory](const Change::Entry& entry) { return entry.directory == directory; }));
  }
  write_down_chosen(std::move(chosen));
}

void SimulatedDisk::Image::sync_contents_of(InodeNumber file) {
  Inode& inode = at(file);
  if (inode.is_lost) return;
  inode.on_disk = inode.seen;
  inode.is_dirty = false;
}

void SimulatedDisk::Image::collect() {
  std::map<InodeNumber, Inode> kept;
  std::vector<InodeNumber> open{root_inode};
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

void SimulatedDisk::Image::lose_names(const Loss& loss, std::mt19937& random) {
  std::vector<bool> chosen(
      pending.size(), loss.names == Loss::Names::all || loss.names == Loss::Names::all_but_one);
  const std::size_t count = chosen.size();
  if (loss.names == Loss::Names::random) {
    for (std::size_t i = 0; i < count; ++i) chosen[i] = random() % 2 == 0;
  } else if (loss.which < count) {
    if (loss.names == Loss::Names::all_but_one) chosen[count - 1 - loss.which] = false;
    if (loss.names == Loss::Names::only_one) chosen[count - 1 - loss.which] = true;
  }
  write_down_chosen(std::move(chosen));
  pending.clear();
}

void SimulatedDisk::Image::lose_contents(const Loss& loss, std::mt19937& random) {
  for (auto& [number, inode] : inodes) {
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
}

void SimulatedDisk::Image::cut_power(const Loss& loss) {
  std::mt19937 random(loss.seed);
  lose_names(loss, random);
  lose_contents(loss, random);
  collect();
}

SimulatedDisk::Place SimulatedDisk::Place::find(const Image& image, const std::string& path) {
  Place place;
  place.inode = root_inode;
  place.directory = root_inode;
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

}  // namespace smtpgate::crash
