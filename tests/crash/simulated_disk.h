// A disk in memory for the crash tests: counts operations, stops at one, fails one, forgets a sync,
// and at a power cut loses what was not synced, in any way that POSIX allows.
//
// The model, which is stricter than any journalled file system:
// - what a file holds, its mode, owner and time are on the disk after a sync of the file;
// - a name (made, linked, renamed, removed) is on the disk after a sync of its directory. A rename
//   is one change of both directories, and on the disk after a sync of either;
// - of all other changes any may be on the disk after a power cut and any may not, in any order;
// but
//   changes of one name keep theirs;
// - a sync that fails has lost the file: the kernel calls the pages clean, and no later sync of the
//   same file brings them back.
// The mode and owner of a directory come with its name.
//
// Not for symbolic links, permissions or several file systems: a fault stands in for those. One
// thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "postoffice/file_system.h"

namespace smtpgate::crash {

/// One call that touches the disk; close is none.
struct Operation {
  std::string name;  ///< "create", "link", "sync directory", "write" ...
  std::string path;  ///< of a file without a name: its directory
  std::string to;    ///< of link and rename
  bool is_sync() const { return name == "sync" || name == "sync directory"; }
  std::string str() const { return name + " " + path + (to.empty() ? "" : " -> " + to); }
};

/// What of the unsynced is on the disk after a power cut.
struct Loss {
  enum class Names { none, all, all_but_one, only_one, random };
  enum class Data { none, all, zeros, half, random };
  Names names = Names::none;
  Data data = Data::none;
  std::size_t which = 0;   ///< of all_but_one and only_one: how many changes back
  std::uint32_t seed = 0;  ///< of random
  std::string str() const;
};

class SimulatedDisk : public postoffice::FileSystem {
 public:
  template <typename T>
  using Result = postoffice::FileResult<T>;
  using OpenFile = std::unique_ptr<postoffice::File>;

  enum class Moment {
    instead,     ///< nothing is done
    halfway,     ///< of a write: half of it is done
    afterwards,  ///< it is done, and reported as failed all the same
  };
  struct Fault {
    std::function<bool(std::uint64_t index, const Operation&)> when;
    int code = 0;
    Moment moment = Moment::instead;
  };

  SimulatedDisk();
  SimulatedDisk(const SimulatedDisk&) = delete;
  SimulatedDisk& operator=(const SimulatedDisk&) = delete;
  ~SimulatedDisk() override;

  /// All that is on it, to begin again from.
  struct Image;
  std::shared_ptr<const Image> image() const;
  void restore(const Image& image);

  // What is to happen; operations are counted from restart() or count_anew().
  void stop_at(std::uint64_t index) { stop_at_ = index; }
  void fail(Fault fault) { fault_ = std::move(fault); }
  /// A fault that is no fault but how this disk is; not healed, not counted.
  void set_condition(std::optional<Fault> condition) { condition_ = std::move(condition); }
  /// Whether it has files that get their names later; otherwise a work directory is needed. Stays
  /// over restarts.
  void set_linkable_files(bool has_them) { has_linkable_files_ = has_them; }
  /// So many operations from there on, if they are syncs, do nothing and say that they did.
  void forget_syncs(std::uint64_t index, std::uint64_t count) {
    forgotten_ = {index, index + count};
  }
  /// Called before each operation; may change the disk by the functions without a count below.
  void before(std::function<void(std::uint64_t, const Operation&)> hook) {
    before_ = std::move(hook);
  }
  void heal();
  void count_anew();
  bool has_stopped() const { return stopped_; }
  std::uint64_t faults() const { return faults_; }
  const std::vector<Operation>& operations() const { return operations_; }

  /// Called before each operation like before(), but never from within itself: somebody else who
  /// works on the same disk at the same time. Stays over restarts until it is set anew.
  void set_neighbour(std::function<void()> neighbour) { neighbour_ = std::move(neighbour); }
  bool is_locked(const std::string& path) const;
  /// Operations since the last restore(), over all lives: with `is_on`, kept for a story.
  void keep_history(bool is_on) { keeps_history_ = is_on; }
  const std::vector<std::string>& history() const { return history_; }

  /// Stops now: nothing does anything until restart().
  void stop() { stopped_ = true; }
  /// The process died and the machine did not: locks and unnamed files are gone, all else is there.
  void restart_process();
  /// The power was cut.
  void restart_machine(const Loss& loss);
  /// Changes of names that a sync has not reached yet.
  std::size_t pending_names() const;

  // Behind everybody's back, not counted: what others do, and what a test looks at.
  bool exists(const std::string& path) const;
  std::vector<std::string> names(const std::string& directory) const;
  std::optional<std::string> contents(const std::string& path) const;
  postoffice::FileStatus look(const std::string& path) const;
  /// A file as a user writes it: durable.
  void put(const std::string& path, std::string_view contents);
  /// As a backup brings a message back.
  void put_unsynced(const std::string& path, std::string_view contents, mode_t mode = 0444);
  void move(const std::string& from, const std::string& to);      ///< not durable
  void put_back(const std::string& from, const std::string& to);  ///< likewise, but durable
  void erase(const std::string& path);                            ///< durable
  void sync_all();

  Result<OpenFile> open(const std::string& path) override;
  Result<OpenFile> open_directory(const std::string& path) override;
  Result<OpenFile> create(const std::string& path, mode_t mode) override;
  Result<OpenFile> create_unnamed(const std::string& directory) override;
  Result<OpenFile> create_linkable(const std::string& directory) override;
  Result<void> make_directory(const std::string& path, mode_t mode) override;
  Result<void> remove(const std::string& path) override;
  Result<void> remove_directory(const std::string& path) override;
  Result<void> link(const std::string& from, const std::string& to) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<postoffice::FileStatus> status(const std::string& path) override;
  Result<void> sync_directory(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& path) override;

 private:
  class OpenedFile;
  struct Place;

  template <typename T, typename Call>
  Result<T> perform(Operation operation, Call call);
  struct Verdict {
    int code = 0;  ///< 0: it is done
    Moment moment = Moment::instead;
    bool is_forgotten = false;
  };
  Verdict judge(const Operation& operation);

  std::unique_ptr<Image> image_;
  std::vector<Operation> operations_;
  std::optional<std::uint64_t> stop_at_;
  std::optional<std::pair<std::uint64_t, std::uint64_t>> forgotten_;  ///< from, and before
  std::optional<Fault> fault_;
  std::optional<Fault> condition_;
  std::function<void(std::uint64_t, const Operation&)> before_;
  std::function<void()> neighbour_;
  bool neighbour_is_at_work_ = false;
  bool has_linkable_files_ = true;
  bool keeps_history_ = false;
  std::vector<std::string> history_;
  std::map<std::uint64_t, std::uint64_t> locks_;  ///< by inode: which open file
  std::uint64_t life_ = 0;                        ///< open files of an earlier one are dead
  std::uint64_t next_handle_ = 0;
  std::uint64_t faults_ = 0;
  bool stopped_ = false;
};

}  // namespace smtpgate::crash
