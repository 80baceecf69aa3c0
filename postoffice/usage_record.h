// The record of what a mailbox with a quota holds, on disk: MBG/<mailbox>/usage/
// (docs/postoffice-format.md, "Quotas"). Names in it:
//   count.<n>            the n-th count; the highest is the one that holds
//   kept.<octets>.<id>   room for a message that is being filed
//   filed.<octets>.<id>  a message that was filed after the count began
//   new.<id>             a count that is being written
// What is used is at most the count and all that is kept or filed. Readers only take away, so it
// may be less; then, at the limit, it is counted again.
//
// Not for what may come in (usage.h). One object belongs to one thread; many may work on one
// mailbox, also of other hosts.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postoffice/file_system.h"
#include "postoffice/postoffice.h"
#include "postoffice/usage.h"

namespace smtpgate::postoffice {

inline constexpr std::string_view kept_room_prefix = "kept.";
inline constexpr std::string_view filed_room_prefix = "filed.";

/// Room that is kept, or a message that was filed, since the count.
struct UsageEntry {
  std::string name;
  std::uint64_t octets = 0;
  bool is_filed = false;
};

/// What the mailbag held when it was counted, and when its directories had changed (seconds).
struct UsageCount {
  Usage usage;
  std::int64_t new_changed = -1;  ///< -1: it may have changed unseen
  std::int64_t read_changed = -1;
};

/// All that the record says.
struct UsageState {
  std::uint64_t generation = 0;  ///< 0: never counted
  std::optional<UsageCount> count;
  std::int64_t counted_at = 0;
  std::vector<UsageEntry> entries;
  std::vector<std::string> unfinished;
};

/// That of one mailbox.
class UsageRecord {
 public:
  UsageRecord(const Postoffice& postoffice, const std::string& mailbox);

  const std::string& directory() const { return directory_; }

  /// A new empty file in the record; the record's directory is made where it is missing.
  FileResult<std::unique_ptr<File>> create(const std::string& name);

  /// One state, whoever counts meanwhile; EBUSY if somebody always does.
  FileResult<UsageState> read();

  /// Counts, and takes away what the count holds. Who counts at the same time and is first, wins.
  FileResult<Usage> recount();

  /// What the mailbag holds at this moment, without a word in the record.
  FileResult<Usage> count_unrecorded();

  /// Room that is kept for a message whose process is dead; the next count gives it back.
  bool has_abandoned_room(const UsageState& record, std::int64_t now);

  /// True if the mailbag is as it was when it was counted.
  bool is_unchanged(const UsageCount& count);

 private:
  std::string count_path(std::uint64_t generation) const;
  FileResult<std::int64_t> changed(std::string_view part);
  FileResult<UsageState> list();
  FileResult<Usage> recount_with(File& file, const std::string& temporary);

  /// Never over another count; on a file system without links nobody else can be told from us.
  FileResult<void> place(const std::string& from, const std::string& to);

  /// What the count holds: messages that were filed before it began. What cannot be removed counts
  /// twice, and so leads to the next count.
  void take_away(const UsageState& before, std::int64_t begun);
  bool is_old(const std::string& name, std::int64_t begun);
  FileResult<UsageCount> count_mailbag(std::int64_t begun);
  FileResult<void> count_part(const std::string& directory, Usage& usage);

  const Postoffice& postoffice_;
  FileSystem& files_;
  std::string mailbag_;
  std::string directory_;
};

}  // namespace smtpgate::postoffice
