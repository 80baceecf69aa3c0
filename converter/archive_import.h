// Internet mail out of an archive into a mailbox (docs/archives.md, "Import"): converted and filed
// as what is delivered is, durably and once. Not for reading the archive (archive_source.h), and
// not for delivering: rights, quotas, forwards and receipts play no part. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "converter/archive_source.h"
#include "converter/inbound.h"
#include "postoffice/mailbag.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::converter {

struct ImportCount {
  std::uint64_t filed = 0;
  std::uint64_t were_there = 0;
  std::uint64_t failed = 0;  ///< told
};

struct ImportWatcher {
  std::function<void(std::uint64_t done, unsigned percent)> progress;
  std::function<void(const std::string& name, const Outcome& outcome)> failed;
};

struct ImportOptions {
  InboundSettings settings;
  bool dry_run = false;  ///< everything but filing
};

/// An error is of the mailbox as a whole; what was filed by then stays.
Expected<ImportCount> import_into(const postoffice::Postoffice& postoffice,
                                  const postoffice::Mailbag& mailbag, ArchiveSource& source,
                                  const ImportOptions& options, const ImportWatcher& watcher);

}  // namespace smtpgate::converter
