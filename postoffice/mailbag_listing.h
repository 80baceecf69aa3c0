// What `postoffice list` shows of a mailbag: a table for people, JSON for programs. Opens only the
// messages that are shown. Not for showing one message (mmff_show.h) or for finding some
// (mailbag_search.h).
#pragma once

#include <limits>
#include <ostream>

#include "postoffice/mailbag.h"
#include "postoffice/message_summary.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"
#include "postoffice/table.h"

namespace smtpgate::postoffice {

enum class ListingOrder { date, correspondent, subject, size };

struct ListingOptions {
  std::size_t newest = std::numeric_limits<std::size_t>::max();
  bool only_unread = false;
  /// Of those that are shown. By date and size the greatest first, by names from A to Z, without
  /// regard to case; equal ones newest first.
  ListingOrder order = ListingOrder::date;
  bool is_reversed = false;
  bool as_json = false;
  Terminal terminal;
  TimeZone zone = readers_zone();  ///< of the table
};

/// A message that cannot be read is listed with what is wrong with it; that is no failure of the
/// listing.
Outcome list_mailbag(const Postoffice& postoffice, const Mailbag& mailbag,
                     const ListingOptions& options, std::ostream& out);

}  // namespace smtpgate::postoffice
