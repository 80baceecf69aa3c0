// Looks at what surrounds the daemon and changes without it: room on disks, what waits in SMTP/ and
// in BAD, whether mail could be filed; and, seldom and slowly, how large the mailbags are and what
// `smtpgate check` finds. Remembers the last answer, so that nobody who asks waits for a disk.
//
// Writes nothing but the check's probe files. look() may hang with a network file system and so has
// a thread of its own; look_slowly() another.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "milter/configuration.h"
#include "milter/status_report.h"

namespace smtpgate::milter {

/// What one mailbag or look may cost.
struct LookoutLimits {
  std::uint64_t entries = 500'000;  ///< message files of one count of all mailbags
  std::size_t shown = 20;           ///< messages of a queue, mailbags
  std::uint64_t least_bytes = std::uint64_t{16} << 20;  ///< of room, for being ready
  std::uint64_t least_inodes = 100;
};

class Lookout {
 public:
  struct Seen {
    std::int64_t when = 0;  ///< 0: not yet
    std::vector<QueueReport> queues;
    std::vector<DiskReport> disks;
    ReadinessReport readiness;
  };

  /// `configuration` gives the one in force; `configuration_problem` says why it is not the one in
  /// the file, or nothing.
  Lookout(std::function<std::shared_ptr<const Configuration>()> configuration,
          std::function<std::string()> configuration_problem, LookoutLimits limits = {});

  void look();
  /// Counts mailbags, with pauses, and asks the check. Ends early when `stopping` says so.
  void look_slowly(const std::function<bool()>& stopping, bool with_check);

  Seen seen() const;
  MailbagsReport mailbags() const;
  CheckReport check() const;

 private:
  QueueReport look_at_queue(const converter::ServedPostoffice& served) const;
  DiskReport look_at_disk(const std::string& place, const std::string& path) const;
  void judge(const Configuration& configuration, Seen& seen) const;
  void count_office(const converter::ServedPostoffice& served, MailbagsReport& report,
                    std::uint64_t& entries, const std::function<bool()>& stopping) const;

  std::function<std::shared_ptr<const Configuration>()> configuration_;
  std::function<std::string()> configuration_problem_;
  LookoutLimits limits_;
  mutable std::mutex mutex_;
  Seen seen_;
  MailbagsReport mailbags_;
  CheckReport check_;
};

}  // namespace smtpgate::milter
