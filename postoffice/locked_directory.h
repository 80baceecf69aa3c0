// Directories that stand for one message each, held by a lock on the directory itself: locking one
// under its name, renaming one that is locked, and removing one with the files in it. Internal to
// this room; used for P1/<host>/<id> and SMTP/<id>.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "postoffice/file_system.h"

namespace smtpgate::postoffice {

/// The directory locked and still of that name; null if somebody else has it or it is gone.
FileResult<std::unique_ptr<File>> lock_directory(FileSystem& files, const std::string& path);

/// Whether `path` is the directory that is open as `directory`; false if there is nothing.
FileResult<bool> is_named(FileSystem& files, File& directory, const std::string& path);

/// Renames the directory that `lock` is. An error whose rename was done all the same (a lost answer
/// of a file server) is none, if a look at `to` can be had; else only is_named(from) says that it
/// was not done.
FileResult<void> move_directory(FileSystem& files, File& lock, const std::string& from,
                                const std::string& to);

/// A directory of files only. What is gone already is no error. It is listed only if `known`, the
/// names that are in it in all likelihood, were not all: that saves half of the system calls.
FileResult<void> remove_with_files(FileSystem& files, const std::string& directory,
                                   std::span<const std::string_view> known = {});

}  // namespace smtpgate::postoffice
