// A mailbag written for other readers, what is new of it (docs/archives.md, "Out"). Not for how a
// message looks there (archived_message.h) or where it lies (archive_target.h). One thread.
#pragma once

#include <cstdint>
#include <functional>

#include "converter/address_map.h"
#include "converter/archive_target.h"
#include "postoffice/mailbag.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::converter {

struct ExportCount {
  std::uint64_t written = 0;
  std::uint64_t were_there = 0;
  std::uint64_t failed = 0;  ///< told, and tried again next time
};

struct ExportWatcher {
  std::function<void(std::uint64_t done, std::uint64_t all)> progress;
  std::function<void(const std::string& id, const Outcome& outcome)> failed;
};

/// Oldest first. `map` may be nullptr. An error is of the target or the mailbag as a whole; what
/// was committed by then stays.
Expected<ExportCount> export_mailbag(const postoffice::Postoffice& postoffice,
                                     const postoffice::Mailbag& mailbag, ArchiveTarget& target,
                                     const AddressMap* map, const std::string& work,
                                     const ExportWatcher& watcher);

}  // namespace smtpgate::converter
