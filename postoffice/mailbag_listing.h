// What `postoffice list` shows of a mailbag: a table for people, JSON for programs. Opens only the
// messages that are shown. Not for showing one message (mmff_show.h).
#pragma once

#include <ostream>

#include "postoffice/mailbag.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"
#include "postoffice/table.h"

namespace smtpgate::postoffice {

struct ListingOptions {
  std::size_t newest = std::numeric_limits<std::size_t>::max();
  bool as_json = false;
  Terminal terminal;
};

/// A message that cannot be read is listed with what is wrong with it; that is no failure of the
/// listing.
Outcome list_mailbag(const Postoffice& postoffice, const Mailbag& mailbag,
                     const ListingOptions& options, std::ostream& out);

}  // namespace smtpgate::postoffice
