// An archive that is one mbox file. See archive_target.h and docs/archives.md.
#pragma once

#include <memory>
#include <string>

#include "converter/archive_target.h"

namespace smtpgate::converter {

Expected<std::unique_ptr<ArchiveTarget>> open_mbox(const std::string& directory,
                                                   const std::string& mailbox,
                                                   postoffice::FileSystem& files);

}  // namespace smtpgate::converter
