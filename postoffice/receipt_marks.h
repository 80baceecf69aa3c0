// The marks that a message's request for a receipt was answered: cur/.receipt-<ID>
// (docs/receipts.md, "Once"). Made by whoever answers (receipts.h); here are their names and how
// they go. Internal to this room.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "postoffice/file_system.h"

namespace smtpgate::postoffice {

/// ".receipt-<ID>".
std::string receipt_mark(std::string_view id);
bool is_receipt_mark(std::string_view name);

/// Removes from `mailbag`/cur marks made before `oldest` (seconds since 1970) whose message is
/// neither in new/ nor in cur/. Returns how many. A mailbag that is not there has none.
FileResult<std::uint64_t> remove_stale_receipt_marks(FileSystem& files, const std::string& mailbag,
                                                     std::int64_t oldest);

}  // namespace smtpgate::postoffice
