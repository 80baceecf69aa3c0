// The file that a message is written to before it is filed. It has no name until it is linked into
// its first mailbag, where the file system can do that: nothing need be made for it or removed, and
// a crash leaves nothing. Elsewhere it is TO_NC.API in a work directory. Internal to this room.
//
// Not for what must have a name while it is worked on: files taken out of outboxes, outgoing mail.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "postoffice/file_system.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"
#include "postoffice/work_directory.h"

namespace smtpgate::postoffice {

/// Belongs to one thread.
struct MessageFile {
  std::optional<WorkDirectory> work;  ///< outlives the file; empty: it has no name
  std::unique_ptr<File> file;         ///< to write and read
  std::string id;                     ///< unique; the work directory's, if there is one
  std::string path;                   ///< in the work directory, or empty
};

/// In P1/<this host>, which is made if it is not there. Each time anew it is tried to do without a
/// directory: where that cannot be done the kernel knows it without asking a disk or a server, and
/// what was remembered would be wrong after the next mount.
Expected<MessageFile> create_message_file(const Postoffice& postoffice);

}  // namespace smtpgate::postoffice
