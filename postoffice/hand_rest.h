// What a file put by hand still holds when some of it could not be delivered: the file is replaced,
// in one step, by the messages that are left, so that the next try files nothing twice
// (docs/postoffice-format.md, "Filing by hand").
//
// Not for finding out what is left (hand_put.h), nor for a file that is delivered and removed.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "postoffice/file_system.h"

namespace smtpgate::postoffice {

/// `lines`, then the octets [begin, end) of the old file; what would lie behind its end is not
/// there.
struct RestPiece {
  static constexpr std::uint64_t end_of_file = std::numeric_limits<std::uint64_t>::max();

  std::string lines;  ///< token lines to put before them, with their line ends
  std::uint64_t begin = 0;
  std::uint64_t end = end_of_file;
};

struct RestResult {
  bool is_replaced = false;        ///< false: the old file is there as before
  std::optional<FileError> error;  ///< with is_replaced: a crash may bring the old file back
};

/// Puts the pieces in the place of the file of that name, whose contents `old` has open. A crash at
/// any moment leaves the old file or the new one, whole. The new file has the old one's mode, and
/// its owner and group as far as this process may give them (never wider access than before). A
/// link given as `path` is itself replaced.
RestResult replace_by_rest(FileSystem& files, const std::string& path, File& old,
                           const std::vector<RestPiece>& rest);

/// All of the file was delivered: it goes, durably, so that nobody puts it again.
FileResult<void> remove_delivered(FileSystem& files, const std::string& path);

}  // namespace smtpgate::postoffice
