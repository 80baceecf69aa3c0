// How much a mailbox with a quota holds, and whether a message more may come in: the record
// MBG/<mailbox>/usage/ (docs/postoffice-format.md, "Quotas"). It is cheap for each delivery, safe
// beside those of other processes and hosts, and heals itself: what it says is never trusted to
// refuse a message unless the mailbag was counted.
//
// Not for mailboxes without a quota: nobody calls this for them, and they have no record.
//
// One object belongs to one thread; many may work on one mailbox.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "postoffice/file_system.h"
#include "postoffice/mailbox_settings.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

/// What lies in new/ and cur/.
struct Usage {
  std::uint64_t messages = 0;
  std::uint64_t octets = 0;
};

/// Room for one message in one mailbox, kept from before it is filed.
class ReservedRoom {
 public:
  /// `refused` gets the outcome if there is no room: 4.2.2, or 5.2.2 where the postoffice is set
  /// so; 5.2.3 for a message that is larger than the whole quota. Then, and after an error, there
  /// is none.
  static FileResult<std::optional<ReservedRoom>> take(const Postoffice& postoffice,
                                                      const std::string& mailbox,
                                                      const Quota& quota, std::uint64_t octets,
                                                      std::optional<Outcome>& refused);

  ReservedRoom(ReservedRoom&& other) noexcept;
  ReservedRoom& operator=(ReservedRoom&&) = delete;
  /// Given back, unless the message was filed.
  ~ReservedRoom();

  /// The message lies in new/ now. An error is none: the next count finds the message.
  void filed();

 private:
  ReservedRoom(FileSystem& files, std::string directory, std::string name)
      : files_(&files), directory_(std::move(directory)), name_(std::move(name)) {}

  FileSystem* files_;
  std::string directory_;
  std::string name_;  ///< empty: nothing is kept any more
};

/// Counts the mailbag and writes the record anew: after changes by hand, a restore, or a crash.
/// permanent 5.1.1 if there is no such mailbox.
Expected<Usage> recount_usage(const Postoffice& postoffice, std::string_view mailbox);

/// Nothing, or what ReservedRoom::take() would refuse a message of so many octets with. Counts the
/// mailbag and writes nothing; what is being filed at this moment is not looked at.
Expected<std::optional<Outcome>> why_no_room(const Postoffice& postoffice,
                                             const std::string& mailbox, const Quota& quota,
                                             std::uint64_t octets);

/// A hint, without counting anything: true only if the mailbag was counted, has not changed since,
/// and had no room.
bool is_surely_full(const Postoffice& postoffice, const std::string& mailbox, const Quota& quota);

}  // namespace smtpgate::postoffice
