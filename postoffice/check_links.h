// Message files that `postoffice check` finds to be copies of one another: where there were no hard
// links on the way, as after a restore without them. Internal to this room; docs/checking.md,
// "One file for many mailboxes".
//
// Not for messages that are directories: what lies in those is within reach of the mailbox's group,
// which could lead a new name elsewhere.
//
// Files are looked at once more before anything is done; only those whose key, size and time of
// arrival are those of another are ever read. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "postoffice/check_report.h"

namespace smtpgate::postoffice {

class LinkCheck {
 public:
  LinkCheck(const Postoffice& postoffice, CheckReport& report, uid_t gateway)
      : postoffice_(postoffice), report_(report), gateway_(gateway) {}

  /// A file in new/, cur/ or sent/; one with several names once.
  void saw(std::string_view name, const FileStatus& status);
  /// All were seen: tells how many could share, and has them share if that is asked for.
  void finish(const std::vector<std::string>& mailboxes);

 private:
  /// What must be equal before two files are compared: 16 octets for each file seen.
  struct Trait {
    std::uint64_t key = 0;
    std::uint64_t rest = 0;
    friend auto operator<=>(const Trait&, const Trait&) = default;
  };

  const Postoffice& postoffice_;
  CheckReport& report_;
  uid_t gateway_;
  std::vector<Trait> seen_;
};

}  // namespace smtpgate::postoffice
