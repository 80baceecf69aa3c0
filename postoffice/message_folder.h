// A message as a directory, for mailboxes with folder delivery (docs/postoffice-format.md,
// "Messages that are directories"): its parts made and synced once for all such mailboxes, the
// directory of one mailbox got ready where only the gateway can write, and removing one. Internal
// to this room; filing.cpp puts it in its place.
//
// Each belongs to one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postoffice/file_system.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"
#include "postoffice/work_directory.h"

namespace smtpgate::postoffice {

struct SealedMessage;

/// message.txt, message.json and the attachments, each synced, in a work directory of their own
/// that goes away with the object.
class UnpackedMessage {
 public:
  /// One sync for each file. Whatever is wrong is temporary: it is our disk, or our own MMFF.
  static Expected<UnpackedMessage> make(const Postoffice& postoffice, const SealedMessage& message);

  const std::string& directory() const { return work_.path(); }
  const std::vector<std::string>& names() const { return names_; }

 private:
  UnpackedMessage(WorkDirectory work, std::vector<std::string> names)
      : work_(std::move(work)), names_(std::move(names)) {}

  WorkDirectory work_;
  std::vector<std::string> names_;
};

/// The directory of one message for one mailbag: made under ids/, filled with links of the parts
/// and of the message, of the mailbox's group, synced. Removed with the object unless it was
/// placed.
class StagedFolder {
 public:
  static FileResult<StagedFolder> make(const Postoffice& postoffice, const std::string& mailbag,
                                       const SealedMessage& message,
                                       const UnpackedMessage& unpacked);

  StagedFolder(StagedFolder&&) noexcept = default;
  StagedFolder& operator=(StagedFolder&&) = delete;
  ~StagedFolder();

  /// In one step, never over something: EEXIST.
  FileResult<void> place(const std::string& target);
  const FileStatus& status() const { return status_; }  ///< of the directory

 private:
  StagedFolder(FileSystem& files, std::string path)
      : files_(&files), path_(std::make_unique<std::string>(std::move(path))) {}
  FileResult<void> fill(const SealedMessage& message, const UnpackedMessage& unpacked);
  FileResult<void> put_message(const SealedMessage& message);
  FileResult<void> put(const SealedMessage& message, const std::string& source,
                       std::string_view name);

  FileSystem* files_;
  std::unique_ptr<std::string> path_;  ///< null: placed, or moved from
  FileStatus status_;
};

/// Another name for a message's file, never over something: EEXIST.
FileResult<void> link_sealed(FileSystem& files, const SealedMessage& message,
                             const std::string& to);

/// Whether the links of a file end here (too many, another file system, none at all), so that a
/// copy is made.
bool is_link_refused(int code);

/// A copy of a message's file as the file itself is: owner, mode, time, synced. `path` is new.
FileResult<FileStatus> copy_sealed(FileSystem& files, File& source, std::uint64_t size,
                                   const SealedMessage& message, const std::string& path);

/// Takes a message's directory out of new/ or cur/ of `mailbag` in one step, by a rename to ids/,
/// where its group cannot lead us elsewhere by a link, and removes it there. What a crash leaves is
/// cleared by expire_markers().
FileResult<void> remove_folder(FileSystem& files, const std::string& mailbag,
                               const std::string& path);

}  // namespace smtpgate::postoffice
