// Postoffices kept open by those who need them for every message: reading and checking
// GLB/postoffice.toml costs more than most of what is then done with it.
//
// Not for commands, which open once: Postoffice::open().
//
// Safe to use from several threads.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "postoffice/file_system.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

class OpenedPostoffices {
 public:
  explicit OpenedPostoffices(FileSystem& files = FileSystem::posix()) : files_(&files) {}

  /// As Postoffice::open(), but read again only if GLB/postoffice.toml is another file or was
  /// changed, and at least once a minute: the zone's own file, which the machine keeps, may have
  /// changed too. Errors are not kept.
  Expected<std::shared_ptr<const Postoffice>> open(const std::string& directory);

 private:
  using Clock = std::chrono::steady_clock;

  struct Opened {
    std::shared_ptr<const Postoffice> postoffice;
    FileStatus settings;      ///< of the file, before it was read
    Clock::time_point until;  ///< read again then, whatever the file says
  };

  FileSystem* files_;
  std::mutex mutex_;
  std::map<std::string, Opened> opened_;
};

}  // namespace smtpgate::postoffice
