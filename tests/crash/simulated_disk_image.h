// What the disk in memory holds (simulated_disk.h): two trees, the one that programs see and the
// one that is on the disk. A change of names is a record that waits until a sync of one of its
// directories moves it from the one to the other; a power cut makes the second tree the first.
//
// Not for counting operations or failing them. For the files of the simulated disk only.
#pragma once

#include <cerrno>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/crash/simulated_disk.h"

namespace smtpgate::crash {

using InodeNumber = std::uint64_t;
using Entries = std::map<std::string, InodeNumber, std::less<>>;

inline constexpr InodeNumber root_inode = 1;

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

struct SimulatedDisk::Image {
  std::map<InodeNumber, Inode> inodes;
  std::vector<Change> pending;
  InodeNumber next = root_inode + 1;

  Inode& at(InodeNumber number) { return inodes.at(number); }
  const Inode& at(InodeNumber number) const { return inodes.at(number); }

  InodeNumber make(bool is_directory, mode_t mode);
  /// As programs see it, at once; on the disk once a sync reaches it.
  void apply(Change change);

  void write_down(const Change& change);
  /// The chosen changes with all earlier ones of the same names, in their order.
  void write_down_chosen(std::vector<bool> chosen);

  void write_down_last();

  void sync_names_of(InodeNumber directory);
  void sync_contents_of(InodeNumber file);
  /// What was not synced is lost, or not, as `loss` says.
  void cut_power(const Loss& loss);

 private:
  void lose_names(const Loss& loss, std::mt19937& random);
  void lose_contents(const Loss& loss, std::mt19937& random);
  /// What cannot be reached any more goes.
  void collect();
};

/// A path looked up: the directory it is in, and what it means there.
struct SimulatedDisk::Place {
  InodeNumber directory = 0;  ///< 0: there is none
  std::string name;
  InodeNumber inode = 0;  ///< 0: nothing has that name
  int code = ENOENT;      ///< where there is no directory

  static Place find(const Image& image, const std::string& path);
};

postoffice::FileStatus status_of(const Inode& inode, InodeNumber number);

}  // namespace smtpgate::crash
