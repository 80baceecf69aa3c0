// Whose turn it is to run the command for one message of a folder mailbox, and how often it was
// tried: two small files in the message's own directory. Never two at once, on this host or on two
// (docs/folder-mailboxes.md, "Once at a time").
//
// Not for running it (hook_runner.h). Needs no more rights than the mailbox's group has. One
// thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "postoffice/file_system.h"
#include "postoffice/outcome.h"

namespace smtpgate::postoffice {

/// Seconds after which a claim of another host that was not renewed is nobody's.
inline constexpr std::int64_t hook_claim_lasts = 300;

/// `.hook-run` in a message's directory, made by whoever runs its command and removed after; on one
/// host it is also locked, so that a dead process's claim is seen at once.
class HookClaim {
 public:
  /// Nothing: somebody else has it. Temporary: the disk.
  static Expected<std::optional<HookClaim>> take(FileSystem& files, const std::string& directory,
                                                 const std::string& host);

  HookClaim(HookClaim&&) noexcept = default;
  HookClaim& operator=(HookClaim&& other) noexcept;
  ~HookClaim();

  /// Says that we are still at it; to be called every minute. False: it is not ours any more, and
  /// what runs must be ended.
  bool renew();
  /// The message's directory was moved or removed by us: nothing is left to remove.
  void forget() { path_.clear(); }

 private:
  HookClaim(FileSystem& files, std::string path, std::unique_ptr<File> file)
      : files_(&files), path_(std::move(path)), file_(std::move(file)) {}
  void remove() noexcept;

  FileSystem* files_;
  std::string path_;  ///< empty: gone
  std::unique_ptr<File> file_;
};

/// `.hook-state`: what became of the tries so far.
struct HookState {
  int failures = 0;           ///< exit codes that count
  int delays = 0;             ///< 75, signals, time-outs
  std::int64_t next_try = 0;  ///< seconds since 1970
  bool is_set_aside = false;  ///< not run again before a person says so
  bool is_reported = false;   ///< the postmaster was told
  std::string last;           ///< how the last try ended, one line

  /// What a file that is not there, or is none of ours, says: nothing was tried.
  static HookState read(FileSystem& files, const std::string& directory);
  Outcome write(FileSystem& files, const std::string& directory) const;
};

/// Seconds until the next try after so many: 60, 120, ... an hour at most.
std::int64_t hook_pause(int tries);
/// Whether the next try is due. One that is further off than any pause was written by a clock that
/// has been set back since.
bool is_hook_due(const HookState& state, std::int64_t now);

}  // namespace smtpgate::postoffice
