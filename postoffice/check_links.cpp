// Copies that could be one file; see the header.
//
// A name gets the other file in one step (name_exchange.h): there is no moment without the
// message, and a reader who moves or deletes it at the same time has his way.
#include "postoffice/check_links.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "postoffice/byte_stream.h"
#include "postoffice/folder.h"
#include "postoffice/name_exchange.h"
#include "postoffice/put.h"
#include "postoffice/table.h"
#include "postoffice/unique_id.h"

namespace smtpgate::postoffice {

namespace {

constexpr mode_t shared_mode = 0444;
/// Copies beyond so many names are there because links end (65,000 on ext4).
constexpr std::uint64_t most_links = 32'000;
constexpr std::size_t most_replaced = 1'000;  ///< before their directories are synced

/// K of the names K, K-2 ...; nothing of others.
std::optional<std::string_view> key_in(std::string_view name) {
  const std::string_view key = name.substr(0, content_key_size);
  if (!is_content_key(key) || (name.size() > content_key_size && name[content_key_size] != '-')) {
    return std::nullopt;
  }
  return key;
}

std::uint64_t number_of(std::string_view key) {
  std::uint64_t number = 0;
  std::from_chars(key.data(), key.data() + 16, number, 16);
  return number;
}

bool is_shareable(const FileStatus& status, uid_t gateway) {
  return status.kind == FileKind::regular && status.owner == gateway && status.mode == shared_mode;
}

struct Place {
  std::string mailbag;  ///< its directory
  std::string_view part;
  std::string name;
};

/// One file, wherever it lies.
struct Copy {
  FileStatus status;
  std::vector<Place> places;
};

/// Files that are alike from outside: the same key, size, arrival, group and file system.
using Likeness =
    std::tuple<std::string, std::uint64_t, std::int64_t, gid_t, std::uint64_t /* device */>;
using Alike = std::map<std::uint64_t /* inode */, Copy>;

/// Of the same octets. The first is the one that the others are to become.
using SameMessage = std::vector<Copy>;

std::string path_of(const Place& place) {
  return path_in(path_in(place.mailbag, place.part), place.name);
}

bool is_same_file(const FileStatus& one, const FileStatus& other) {
  return one.inode == other.inode && one.device == other.device && one.size == other.size &&
         one.modified == other.modified && one.mode == other.mode && one.owner == other.owner;
}

class Comparing {
 public:
  explicit Comparing(FileSystem& files) : files_(files) {}

  /// Nothing: one of them is not there any more, or is another file.
  FileResult<std::optional<bool>> are_equal(const Copy& one, const Copy& other) {
    auto first = open(one);
    auto second = open(other);
    if (!first) return tl::unexpected(first.error());
    if (!second) return tl::unexpected(second.error());
    if (!*first || !*second) return std::nullopt;
    for (;;) {
      auto left = read(**first, first_);
      auto right = read(**second, second_);
      if (!left) return tl::unexpected(left.error());
      if (!right) return tl::unexpected(right.error());
      if (*left != *right) return false;
      if (left->empty()) return true;
    }
  }

 private:
  FileResult<std::unique_ptr<File>> open(const Copy& copy) {
    auto file = files_.open(path_of(copy.places.front()));
    if (!file && file.error().code == ENOENT) return std::unique_ptr<File>();
    if (!file) return file;
    const auto status = (*file)->status();
    if (!status) return tl::unexpected(status.error());
    if (!is_same_file(*status, copy.status)) return std::unique_ptr<File>();
    return file;
  }
  static FileResult<std::string_view> read(File& file, std::string& buffer) {
    buffer.resize(stream_buffer_size);
    std::size_t size = 0;
    while (size < buffer.size()) {
      auto count = file.read(std::span(buffer).subspan(size));
      if (!count) return tl::unexpected(count.error());
      if (*count == 0) break;
      size += *count;
    }
    return std::string_view(buffer).substr(0, size);
  }

  FileSystem& files_;
  std::string first_;
  std::string second_;
};

/// Makes one file of several. What is replaced is kept under ids/ until the new names are on disk.
class Sharing {
 public:
  explicit Sharing(FileSystem& files) : files_(files) {}

  FileResult<void> run(const std::vector<SameMessage>& messages) {
    auto done = share(messages);
    auto finished = finish();
    return done ? finished : done;
  }

 private:
  FileResult<void> share(const std::vector<SameMessage>& messages) {
    for (const SameMessage& message : messages) {
      const Place& kept = message.front().places.front();
      // Nobody may have synced what was restored.
      auto file = files_.open(path_of(kept));
      if (!file && file.error().code == ENOENT) continue;
      if (!file) return tl::unexpected(file.error());
      if (auto synced = (*file)->sync(); !synced) return synced;
      for (std::size_t i = 1; i < message.size(); ++i) {
        for (const Place& place : message[i].places) {
          auto done = replace(place, message[i].status, kept, message.front().status);
          if (!done) return done;
        }
      }
    }
    return {};
  }

  FileResult<void> replace(const Place& place, const FileStatus& old, const Place& kept,
                           const FileStatus& kept_status) {
    const std::string path = path_of(place);
    const std::string hidden =
        path_in(path_in(place.mailbag, layout::markers), "." + new_unique_id());
    auto linked = files_.link(path_of(kept), hidden);
    // What goes away meanwhile stays as it is. Where links end, copies are right.
    if (!linked && (linked.error().code == ENOENT || linked.error().code == EMLINK)) return {};
    if (!linked) return linked;
    auto ours = files_.status(hidden);
    if (!ours) return tl::unexpected(ours.error());
    if (!is_same_file(*ours, kept_status)) return files_.remove(hidden);
    auto exchanged = exchange_names(files_, hidden, path);
    if (!exchanged) {
      (void)files_.remove(hidden);  // the first error is the one to report
      return exchanged.error().code == ENOENT ? FileResult<void>() : exchanged;
    }
    const auto taken = files_.status(hidden);
    if (!taken) return tl::unexpected(taken.error());
    if (!is_same_file(*taken, old)) return give_back(hidden, path);
    replaced_.push_back(hidden);
    changed_.insert(path_in(place.mailbag, place.part));
    return replaced_.size() < most_replaced ? FileResult<void>() : finish();
  }

  /// Somebody laid another file there a moment ago.
  FileResult<void> give_back(const std::string& hidden, const std::string& path) {
    if (exchange_names(files_, hidden, path)) return files_.remove(hidden);
    return files_.rename_new(hidden, path);
  }

  FileResult<void> finish() {
    for (const std::string& directory : changed_) {
      auto synced = files_.sync_directory(directory);
      if (!synced && synced.error().code != ENOENT) return synced;
    }
    for (const std::string& hidden : replaced_) {
      auto removed = files_.remove(hidden);
      if (!removed && removed.error().code != ENOENT) return removed;
    }
    changed_.clear();
    replaced_.clear();
    return {};
  }

  FileSystem& files_;
  std::vector<std::string> replaced_;
  std::set<std::string> changed_;
};

/// All files of the keys, each with its places, as they are now.
class Gathering {
 public:
  Gathering(const Postoffice& postoffice, uid_t gateway, std::unordered_set<std::uint64_t> keys)
      : postoffice_(postoffice), gateway_(gateway), keys_(std::move(keys)) {}

  FileResult<void> look_into(const std::string& mailbox) {
    const std::string mailbag = postoffice_.mailbag_directory(mailbox);
    for (const std::string_view part : {layout::unread, layout::read, layout::sent}) {
      const std::string directory = path_in(mailbag, part);
      auto names = postoffice_.files().list(directory);
      if (!names && names.error().code == ENOENT) continue;
      if (!names) return tl::unexpected(names.error());
      for (std::string& name : *names) {
        const auto key = key_in(name);
        if (!key || !keys_.contains(number_of(*key))) continue;
        auto status = postoffice_.files().status(path_in(directory, name));
        if (!status && status.error().code == ENOENT) continue;
        if (!status) return tl::unexpected(status.error());
        if (!is_shareable(*status, gateway_)) continue;
        Copy& copy = alike_[{std::string(*key), status->size, status->modified, status->group,
                             status->device}][status->inode];
        copy.status = *status;
        copy.places.push_back({mailbag, part, std::move(name)});
      }
    }
    return {};
  }

  std::map<Likeness, Alike>& alike() { return alike_; }

 private:
  const Postoffice& postoffice_;
  uid_t gateway_;
  std::unordered_set<std::uint64_t> keys_;
  std::map<Likeness, Alike> alike_;
};

/// Those that are the same to the last octet as the one with the most names.
FileResult<SameMessage> same_message(FileSystem& files, Alike& alike) {
  SameMessage same;
  for (auto& [inode, copy] : alike) same.push_back(std::move(copy));
  std::stable_sort(same.begin(), same.end(), [](const Copy& one, const Copy& other) {
    return one.status.links > other.status.links;
  });
  Comparing comparing(files);
  std::uint64_t links = same.front().status.links;
  std::size_t kept = 1;
  for (std::size_t i = 1; i < same.size(); ++i) {
    links += same[i].status.links;
    if (links > most_links) break;
    auto equal = comparing.are_equal(same.front(), same[i]);
    if (!equal) return tl::unexpected(equal.error());
    if (!*equal || !**equal) continue;
    if (kept != i) same[kept] = std::move(same[i]);
    ++kept;
  }
  same.resize(kept);
  return same;
}

/// A copy costs room and nothing else, so it is no fault.
void tell(CheckReport& report, FileSystem& files, const std::vector<SameMessage>& messages,
          std::string what) {
  CheckFinding finding = {"message-unshared", std::move(what), "--repair makes links of them",
                          CheckFinding::State::note};
  if (!report.options().repairs) return report.find(std::move(finding));
  const auto done = Sharing(files).run(messages);
  if (!done && done.error().code == EOPNOTSUPP) {
    finding.remedy =
        "this file system cannot exchange two names in one step; to have links, copy the folder "
        "there with them (rsync -H)";
    return report.find(std::move(finding));
  }
  report.find(std::move(finding),
              [&done] { return done ? Outcome::delivered("links") : done.error().outcome(); });
}

}  // namespace

void LinkCheck::saw(std::string_view name, const FileStatus& status) {
  const auto key = key_in(name);
  if (!key || !is_shareable(status, gateway_)) return;
  // Large odd factors: all that counts is that few unlike files have the same number.
  seen_.push_back(
      {number_of(*key), status.size * 0x9E3779B97F4A7C15U ^
                            static_cast<std::uint64_t>(status.modified) * 0xC2B2AE3D27D4EB4FU ^
                            status.device * 0x165667B19E3779F9U ^ status.group});
}

void LinkCheck::finish(const std::vector<std::string>& mailboxes) {
  std::sort(seen_.begin(), seen_.end());
  std::unordered_set<std::uint64_t> keys;
  for (std::size_t i = 1; i < seen_.size(); ++i) {
    if (seen_[i] == seen_[i - 1]) keys.insert(seen_[i].key);
  }
  seen_ = {};
  if (keys.empty()) return;
  Gathering gathering(postoffice_, gateway_, std::move(keys));
  for (const std::string& mailbox : mailboxes) {
    if (auto looked = gathering.look_into(mailbox); !looked) {
      report_.trouble(looked.error().outcome());
    }
  }
  std::vector<SameMessage> messages;
  std::uint64_t files = 0;
  std::uint64_t octets = 0;
  for (auto& [likeness, alike] : gathering.alike()) {
    if (alike.size() < 2) continue;
    auto same = same_message(postoffice_.files(), alike);
    if (!same) {
      report_.trouble(same.error().outcome());
      continue;
    }
    if (same->size() < 2) continue;
    files += same->size() - 1;
    octets += (same->size() - 1) * same->front().status.size;
    messages.push_back(std::move(*same));
  }
  if (messages.empty()) return;
  tell(report_, postoffice_.files(), messages,
       fmt::format("{} files hold the same message as another file; as links of that one they "
                   "would need {} less",
                   files, short_size(octets)));
}

}  // namespace smtpgate::postoffice
