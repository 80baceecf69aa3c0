// Dates in mail: RFC 5322 with its obsolete forms, two- and three-digit years, zone names, missing
// seconds, comments, missing weekday, and the shapes that broken programs send. To a moment and the
// zone it was written in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace smtpgate::converter {

struct MailDate {
  std::int64_t seconds = 0;   ///< since 1970, UTC
  int zone_minutes = 0;       ///< east of UTC
  bool zone_unknown = false;  ///< "-0000", missing or an unknown name: taken as UTC

  std::string rfc3339() const;  ///< "2026-11-21T10:00:00+01:00"; "-00:00" for an unknown zone
  std::string rfc5322() const;  ///< "Sat, 21 Nov 2026 10:00:00 +0100"; "-0000" for an unknown zone
};

std::optional<MailDate> parse_mail_date(std::string_view value);

/// "Sat, 21 Nov 2026 10:00:00 +0100" (RFC 5322, 3.3).
std::string format_mail_date(std::int64_t seconds, int zone_minutes);

}  // namespace smtpgate::converter
