// What lies in a mailbag under the name of a message: whether it is one that we filed, and making
// it durable before it counts as delivered. Internal to this room.
//
// The mailbox's own group may write to new/ and cur/. So nothing that lies there is trusted by its
// name: only a regular file that belongs to the gateway is a message that we filed, or a directory
// that belongs to it with such a file in it. Anything else is left alone, and the message gets
// another name beside it.
//
// Not for placing a message, nor for markers: filing.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "postoffice/file_system.h"

namespace smtpgate::postoffice {

enum class Found {
  nothing,
  ours,
  not_ours,
  too_old,  ///< ours, of another message with the same content, filed before the days that count
};

/// One thread; `files` outlives it.
class FoundMessages {
 public:
  /// `our_user` owns what we file; `oldest` (seconds since 1970) is the first arrival that counts.
  FoundMessages(FileSystem& files, uid_t our_user, std::int64_t oldest)
      : files_(files), our_user_(our_user), oldest_(oldest) {}

  FileResult<Found> look_at(const std::string& path);
  /// The same of what was looked at already.
  FileResult<Found> judge(const FileStatus& status, const std::string& path);

  /// What lies in `directory` as `name`: who put it there may have died before its sync, so if it
  /// is ours it is synced, file and directory. Nothing: moved or deleted since the look at it.
  FileResult<Found> make_durable(const std::string& directory, const std::string& name);

 private:
  Found judge_file(const FileStatus& status) const;
  FileResult<std::unique_ptr<File>> open(const std::string& path);
  FileResult<void> sync_rest(const std::string& path);

  FileSystem& files_;
  const uid_t our_user_;
  const std::int64_t oldest_;
};

}  // namespace smtpgate::postoffice
