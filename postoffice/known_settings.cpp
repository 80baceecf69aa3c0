// Settings that were read already: see the header.
#include "postoffice/known_settings.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::int64_t second = 1'000'000'000;  // nanoseconds
/// Times of files have steps, of up to two seconds on some file systems: within one, a file can be
/// written again and look the same.
constexpr std::int64_t steadiness = 3 * second;
constexpr std::int64_t longest_memory = 60 * second;
/// Far more postoffices than a process serves; a program that walks over others starts over.
constexpr std::size_t most_entries = 64;

bool is_steady(const FileStatus& status, std::int64_t now) {
  return status.changed != 0 && status.changed <= now - steadiness;
}

bool is_same(const FileStatus& one, const FileStatus& other) {
  return one.device == other.device && one.inode == other.inode && one.size == other.size &&
         one.changed == other.changed;
}

}  // namespace

std::optional<FolderSettings> KnownSettings::find(const std::string& path, const FileStatus& status,
                                                  std::int64_t now) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(path);
  if (found == entries_.end()) return std::nullopt;
  const Entry& entry = found->second;
  // A clock that was set back makes the memory older than nothing: not trusted either.
  const bool is_recent = entry.read <= now && now - entry.read < longest_memory;
  if (!is_recent || !is_same(entry.status, status)) return std::nullopt;
  return entry.settings;
}

void KnownSettings::keep(const std::string& path, const FileStatus& status,
                         const FolderSettings& settings, std::int64_t now) {
  if (!is_steady(status, now)) return;
  const std::lock_guard lock(mutex_);
  if (entries_.size() >= most_entries) entries_.clear();
  entries_[path] = {status, now, settings};
}

}  // namespace smtpgate::postoffice
