// Whether a file system does what a postoffice needs of it, tried on files of one's own
// (docs/scale.md, "NFS and SMB"): for `postoffice init` and `smtpgate check`, before there is mail
// in it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "postoffice/file_system.h"

namespace smtpgate::postoffice {

/// How the files that are made for it begin: what a trial that died may leave.
inline constexpr std::string_view store_probe_prefix = ".smtpgate-check-";

/// Nothing, or a sentence: what it cannot do, with the path. Tried: durable files, modes, hard
/// links that never overwrite, renames that do, locks. `directory` must be writable; what is made
/// in it is removed.
std::optional<std::string> why_no_store(FileSystem& files, const std::string& directory);

}  // namespace smtpgate::postoffice
