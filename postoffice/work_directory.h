// P1/<host>/<id>: the locked directory in which one message is got ready. The lock says that its
// process lives; a directory that nobody holds locked is left over and may be cleared
// (clear_abandoned_work in put.h). Internal to this room. Belongs to one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "postoffice/file_system.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

class WorkDirectory {
 public:
  static Expected<WorkDirectory> make(const Postoffice& postoffice);

  WorkDirectory(WorkDirectory&&) noexcept;
  WorkDirectory& operator=(WorkDirectory&&) noexcept;
  /// Removes the directory with the files in it. What cannot be removed is left to
  /// clear_abandoned_work().
  ~WorkDirectory();

  /// The directory was renamed to where others look after it: it is not removed, and its lock ends
  /// with the returned file.
  std::unique_ptr<File> release();
  File& lock() { return *lock_; }

  const std::string& id() const { return id_; }
  const std::string& path() const { return path_; }

 private:
  WorkDirectory(FileSystem& files, std::string path, std::string id, std::unique_ptr<File> lock);
  void remove() noexcept;

  FileSystem* files_;
  std::string path_;
  std::string id_;
  std::unique_ptr<File> lock_;  ///< null: moved from
};

/// P1/<this host>, if it is not there. Nothing, or why not.
std::optional<Outcome> make_host_directory(const Postoffice& postoffice);

}  // namespace smtpgate::postoffice
