// Signs of life and taking over: keep_alive() and adopt() of OutgoingMail. docs/outgoing.md,
// "Taking".
//
// A host is dead when its SMTP/.alive-<host> is older than ours by more than the lease. Both times
// are set by the file system, so that no host's clock counts.
#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>

#include "postoffice/folder.h"
#include "postoffice/locked_directory.h"
#include "postoffice/outgoing.h"
#include "postoffice/outgoing_folder.h"
#include "postoffice/work_directory.h"

namespace smtpgate::postoffice {

namespace {

class TakeOver {
 public:
  explicit TakeOver(const Postoffice& postoffice)
      : postoffice_(postoffice), files_(postoffice.files()) {}

  /// Hosts that are dead by their own sign of life and ours of this moment.
  void by_lease(std::int64_t lease) {
    auto now = files_.status(alive_path(postoffice_, postoffice_.host()));
    if (!now) return note(now.error());
    const std::int64_t oldest = now->modified - lease;
    for_hosts(
        [&](const std::string& host) {
          if (host == postoffice_.host()) return false;
          auto found = dead_.find(host);
          if (found == dead_.end()) found = dead_.emplace(host, is_dead(host, oldest)).first;
          return found->second;
        },
        oldest);
  }

  void by_name(const std::string& host) {
    for_hosts([&](const std::string& other) { return other == host; }, std::nullopt);
  }

  /// What a removal or a command did not get done with.
  void clear_gone() {
    const std::string directory = postoffice_.path(layout::outgoing);
    auto names = files_.list(directory);
    if (!names) return note(names.error());
    // Whoever renamed it may have died before his sync: what is in it goes only once a power cut
    // cannot bring it back under its old name.
    if (std::any_of(names->begin(), names->end(), is_gone)) {
      if (auto synced = files_.sync_directory(directory); !synced) return note(synced.error());
    }
    for (const std::string& name : *names) {
      if (!attention_id(name).empty()) {
        // Taken away a moment early it has been heard of all the same.
        auto removed = files_.remove(path_in(directory, name));
        if (!removed) note(removed.error());
        continue;
      }
      if (!is_gone(name)) continue;
      auto removed = remove_with_files(files_, path_in(directory, name));
      if (!removed) note(removed.error());
    }
  }

  Expected<std::uint64_t> result() const {
    if (problem_) return failure(*problem_);
    return count_;
  }

 private:
  static bool is_gone(const std::string& name) { return name.starts_with(".gone-"); }

  void note(const Outcome& problem) {
    if (!problem_) problem_ = problem;  // the others are dealt with all the same
  }
  void note(const FileError& error) {
    if (error.code != ENOENT) note(error.outcome());  // its own process was faster
  }

  bool is_dead(const std::string& host, std::int64_t oldest) {
    auto status = files_.status(alive_path(postoffice_, host));
    if (status) return status->modified < oldest;
    if (status.error().code != ENOENT) {
      note(status.error());
      return false;
    }
    // It never said so, or a crash lost it: its lease begins now.
    if (auto problem = mark_alive(postoffice_.on_host(host))) note(*problem);
    return false;
  }

  template <typename Choose>
  void for_hosts(Choose choose, std::optional<std::int64_t> oldest) {
    auto places = outgoing_places(postoffice_, false);
    if (!places) return note(places.error());
    for (const OutgoingPlace& place : *places) {
      if (!place.host.empty() && choose(place.host)) give_back(place);
    }
    auto hosts = files_.list(postoffice_.path(layout::work));
    if (!hosts) return note(hosts.error());
    for (const std::string& host : *hosts) {
      if (host != postoffice_.host()) take_work(host, choose, oldest);
    }
  }

  void give_back(const OutgoingPlace& place) {
    const OutgoingPlace free{place.id, {}, false};
    move(place.path(postoffice_), free.path(postoffice_));
  }

  template <typename Choose>
  void take_work(const std::string& host, Choose choose, std::optional<std::int64_t> oldest) {
    const std::string work = postoffice_.path(layout::work);
    auto names = files_.list(path_in(work, host));
    if (!names) {
      if (names.error().code != ENOTDIR) note(names.error());
      return;
    }
    for (const std::string& name : *names) {
      const std::string path = path_in(path_in(work, host), name);
      if (!is_outgoing_id(name) || !is_outgoing_work(path)) continue;
      // Only now: a host that does nothing but file inbound mail needs no sign of life.
      if (!choose(host)) return;
      if (oldest) {
        // A program there may be at work although nothing keeps its host's sign of life.
        auto status = files_.status(path);
        if (!status || status->modified >= *oldest) continue;
      }
      if (auto problem = make_host_directory(postoffice_)) return note(*problem);
      move(path, path_in(path_in(work, postoffice_.host()), name));
    }
  }

  bool is_outgoing_work(const std::string& path) {
    return std::any_of(std::begin(kept_files), std::end(kept_files), [&](std::string_view name) {
      return files_.status(path_in(path, name)).has_value();
    });
  }

  void move(const std::string& from, const std::string& to) {
    auto lock = lock_directory(files_, from);
    if (!lock) return note(lock.error());
    if (!*lock) return;
    auto moved = move_directory(files_, **lock, from, to);
    if (!moved) return note(moved.error());
    ++count_;
  }

  static constexpr std::string_view kept_files[] = {layout::taken_file, layout::outgoing_mmff,
                                                    layout::outgoing_internet};

  const Postoffice& postoffice_;
  FileSystem& files_;
  std::map<std::string, bool> dead_;
  std::uint64_t count_ = 0;
  std::optional<Outcome> problem_;
};

}  // namespace

Expected<std::uint64_t> OutgoingMail::keep_alive(std::int64_t lease) const {
  if (auto problem = make_outgoing_parts(*postoffice_)) return failure(*problem);
  if (auto problem = mark_alive(*postoffice_)) return failure(*problem);
  TakeOver take_over(*postoffice_);
  take_over.by_lease(lease);
  take_over.clear_gone();
  return take_over.result();
}

Expected<std::uint64_t> OutgoingMail::adopt(std::string_view host) const {
  if (auto problem = mark_alive(*postoffice_)) return failure(*problem);
  TakeOver take_over(*postoffice_);
  take_over.by_name(host_component(host));
  draw_attention(*postoffice_);
  return take_over.result();
}

}  // namespace smtpgate::postoffice
