// What GLB/postoffice.toml said when it was read last, for as long as it is the same file: a
// message asks for it several times, and parsing it cost a tenth of the processor time of a
// delivery. Not for the settings of mailboxes, and nothing that could make an old file count: a
// file that was changed a moment ago, or whose file system does not say when, is never remembered,
// and what is remembered ends after a minute, so that the zone's own file is read anew.
//
// Internal to this room. Safe from several threads.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "postoffice/file_system.h"
#include "postoffice/folder_settings.h"

namespace smtpgate::postoffice {

class KnownSettings {
 public:
  /// Of `path`, if `status` is still that of the file that was read; `now` in nanoseconds since
  /// 1970.
  std::optional<FolderSettings> find(const std::string& path, const FileStatus& status,
                                     std::int64_t now);
  /// `status` was taken before the file was read.
  void keep(const std::string& path, const FileStatus& status, const FolderSettings& settings,
            std::int64_t now);

 private:
  struct Entry {
    FileStatus status;
    std::int64_t read = 0;
    FolderSettings settings;
  };
  std::mutex mutex_;
  std::map<std::string, Entry> entries_;
};

}  // namespace smtpgate::postoffice
