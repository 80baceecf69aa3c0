// Finding messages of a mailbag by what they say: `postoffice find`. Each message is opened, its
// header read, and its text only if the header does not decide. Constant memory for each message.
//
// Not for finding one by its ID (mailbag.h). There is no index: what is searched is what lies
// there.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postoffice/mailbag.h"
#include "postoffice/message_summary.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"
#include "postoffice/time_zone.h"

namespace smtpgate::postoffice {

/// A message is found if all of this is true of it. Texts are compared as folded_text.h has it, and
/// may stand anywhere in what they are looked for in.
struct SearchTerms {
  std::vector<std::string> from;         ///< each in the sender's name or address
  std::vector<std::string> to;           ///< each in the name or address of one of TO and CC
  std::vector<std::string> subject;      ///< each
  std::vector<std::string> text;         ///< each, in the text without the header lines on top
  std::vector<std::string> attachments;  ///< each in the name of one
  std::int64_t since = std::numeric_limits<std::int64_t>::min();   ///< arrival, seconds since 1970
  std::int64_t before = std::numeric_limits<std::int64_t>::max();  ///< arrived earlier
  bool only_unread = false;
  std::size_t newest = std::numeric_limits<std::size_t>::max();  ///< enough, when so many are found
};

struct SearchResult {
  std::size_t looked_at = 0;
  std::size_t found = 0;
  std::size_t unreadable = 0;  ///< no MMFF, or gone meanwhile: not found, whatever was looked for
};

struct SearchListener {
  /// Newest first.
  std::function<void(const MailbagEntry&, const MessageSummary&)> found;
  /// Before each message that is opened: how many there were, of how many, and the found ones.
  std::function<void(std::size_t, std::size_t, std::size_t)> progress;
};

Expected<SearchResult> search_mailbag(const Postoffice& postoffice, const Mailbag& mailbag,
                                      const SearchTerms& terms, const SearchListener& listener);

/// A moment as people write it: "2026-11-21", "2026-11-21 10:30" in `zone`, or so long before
/// `now`: "30m", "5h", "2d", "3w". Seconds since 1970; nullopt if it is none of these.
std::optional<std::int64_t> parse_moment(std::string_view text, const TimeZone& zone,
                                         std::int64_t now);

}  // namespace smtpgate::postoffice
