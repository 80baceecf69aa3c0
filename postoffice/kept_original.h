// The message as it came, kept beside the decoded one: MBG/<mailbox>/original/<content key>.eml,
// for mailboxes that are set so (docs/postoffice-format.md, "Originals").
//
// Not for the decoded message (put.h), nor for the chain files of a gateway.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "postoffice/file_system.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

/// One message on its way into original/ of one mailbox or several; one thread.
class OriginalKeeper {
 public:
  using Writer = std::function<FileResult<void>(File&)>;

  /// `write` writes the message as it came. `key` is its content key, `arrival` seconds since 1970.
  OriginalKeeper(const Postoffice& postoffice, std::string_view key, std::int64_t arrival,
                 Writer write)
      : postoffice_(postoffice), key_(key), arrival_(arrival), write_(std::move(write)) {}

  /// Delivered: it lies there, durably. Another mailbox shares the file where links reach.
  Outcome keep_in(const std::string& mailbox);

 private:
  FileResult<void> place(const std::string& mailbag, const std::string& target);
  FileResult<void> write_copy(const std::string& mailbag, const std::string& target);

  const Postoffice& postoffice_;
  std::string key_;
  std::int64_t arrival_;
  Writer write_;
  std::string first_;  ///< path of the first copy
};

/// Makes original/ for a mailbox that is to keep them, with its group.
Outcome prepare_originals(const Postoffice& postoffice, const std::string& mailbox);

/// Originals of messages that are in the mailbag no more, of `mailbag` (its directory). Only those
/// that came before `oldest`, since their message may be about to be filed. Returns how many went.
FileResult<std::uint64_t> remove_stale_originals(FileSystem& files, const std::string& mailbag,
                                                 std::int64_t oldest);

}  // namespace smtpgate::postoffice
