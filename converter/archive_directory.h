// Archives with a file for each message: a Maildir, or a directory of .eml files. See
// archive_target.h and docs/archives.md.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "converter/archive_target.h"

namespace smtpgate::converter {

Expected<std::unique_ptr<ArchiveTarget>> open_archive_directory(ArchiveFormat format,
                                                                const std::string& directory,
                                                                const std::string& mailbox,
                                                                postoffice::FileSystem& files);

/// Our message's ID in the name of a file that an export made: "SECONDS.ID.smtpgate" with anything
/// behind it, or "ID.eml"; empty if it is none of ours.
std::string_view id_in_archive_name(std::string_view name);

}  // namespace smtpgate::converter
