// What `postoffice queue list` and `queue show` print of outgoing mail: tables for people, JSON for
// programs.
#pragma once

#include <ostream>
#include <vector>

#include "postoffice/outgoing.h"
#include "postoffice/postoffice.h"
#include "postoffice/table.h"

namespace smtpgate::postoffice {

/// `now` in seconds since 1970.
void print_queue(const Postoffice& postoffice, const std::vector<OutgoingEntry>& entries,
                 std::int64_t now, const Terminal& terminal, std::ostream& out);
void print_queue_json(const Postoffice& postoffice, const std::vector<OutgoingEntry>& entries,
                      std::ostream& out);

/// One message with each of its recipients.
void print_queued(const Postoffice& postoffice, const OutgoingEntry& entry, std::int64_t now,
                  const Terminal& terminal, std::ostream& out);
void print_queued_json(const Postoffice& postoffice, const OutgoingEntry& entry, std::ostream& out);

}  // namespace smtpgate::postoffice
