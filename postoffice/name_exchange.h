// Exchanging two names in one step: what a FileSystem may be able to do beside the rest, and not
// every file system can (NFS). Only for what is left alone where it cannot be done.
//
// From any thread.
#pragma once

#include <string>

#include "postoffice/file_system.h"

namespace smtpgate::postoffice {

/// Implemented by file systems that can.
class NameExchange {
 public:
  virtual ~NameExchange() = default;

  /// Each name gets what the other one was. ENOENT if one is not there; EOPNOTSUPP where the kernel
  /// or the disk's file system cannot do it.
  virtual FileResult<void> exchange(const std::string& one, const std::string& other) = 0;
};

/// EOPNOTSUPP if `files` is none that can.
FileResult<void> exchange_names(FileSystem& files, const std::string& one,
                                const std::string& other);

}  // namespace smtpgate::postoffice
