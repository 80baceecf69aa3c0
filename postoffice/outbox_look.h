// A first look at a file in an outbox: whether it is one to take, one to wait for, or none that
// anybody may send (docs/outgoing.md, "The outbox", 1 and 2). Internal to this room.
//
// Nothing is decided here about what the message says: the file may be exchanged before it is
// taken, and then the one that was taken counts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "postoffice/file_system.h"
#include "postoffice/mmff.h"
#include "postoffice/outbox.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

/// "*.API" in any case, without a dot in front.
bool is_outbox_name(std::string_view name);

/// Why a file that EACCES hides is not sent, as the end of the sentence "the file ...".
inline constexpr std::string_view not_readable =
    "cannot be read by the gateway; let others read it (chmod o+r), the folder keeps them out";

/// Whether it is larger than size_limit, and the end of that sentence.
bool is_too_large(const FileStatus& file, const OutboxOptions& options);
std::string why_too_large(const OutboxOptions& options);

/// Why a file of this kind and owner is nobody's to send, as the end of the sentence "NAME ...";
/// nothing if it may be sent. `outbox` is the folder's own status. The error: the user database
/// cannot be asked (temporary).
Expected<std::optional<std::string>> why_not_to_be_sent(const FileStatus& file,
                                                        const FileStatus& outbox,
                                                        const OutboxOptions& options);

/// Whether the octets are whole messages: a read error, or the format error that the file ends
/// with. `is_short` is set where more octets might mend it.
struct Completeness {
  std::optional<FormatError> error;
  bool is_short = false;
};
Completeness check_completeness(File& file, std::uint64_t size);

/// An incomplete file last changed at `modified` may still be growing. One from the future is not:
/// nobody's clock is behind by that much.
bool may_be_growing(std::int64_t modified, std::int64_t now, std::int64_t wait);

}  // namespace smtpgate::postoffice
