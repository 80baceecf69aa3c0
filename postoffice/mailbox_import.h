// Many mailboxes from one file, and back: the line format of the original's IMPORT utility
// (Q104869, Q99419, Q132681) and CSV (RFC 4180). Formats: docs/import.md.
//
// Not for doing what the file says: that is a list of changes for mailbox_changes.h.
//
// Files come from elsewhere: bounded in size, read in one pass, every error with its line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postoffice/mailbox_changes.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

enum class ImportFormat { import, csv };

struct ImportProblem {
  int line = 0;  ///< counted from 1
  std::string text;
};

struct MailboxImport {
  std::vector<MailboxChange> changes;
  std::vector<int> lines;  ///< of each change
  std::vector<ImportProblem> problems;
  /// The folder could not be looked at: what the problems say may not be so, and trying again
  /// helps.
  std::optional<Outcome> trouble{};
};

inline constexpr std::uint64_t largest_import = std::uint64_t{64} << 20;  ///< octets

/// `text` in UTF-8 or in `character_set` (any that iconv knows; empty: UTF-8). Settings that are
/// there are read, so the caller holds the lock (MailboxChanges::begin()).
MailboxImport read_import(const Postoffice& postoffice, std::string_view text, ImportFormat format,
                          const std::string& character_set);

struct MailboxExport {
  std::string text;                  ///< UTF-8
  std::vector<std::string> remarks;  ///< what the format cannot hold
};

/// All mailboxes, so that read_import() makes the same ones of it.
Expected<MailboxExport> export_mailboxes(const Postoffice& postoffice, ImportFormat format);

/// What a change is, for a person: "add mailbox anna (Anna Berg), aliases a, b".
std::string describe(const MailboxChange& change);

}  // namespace smtpgate::postoffice
