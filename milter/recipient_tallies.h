// What became of each recipient of one message, added up while it is delivered: a recipient may
// come to many mailboxes (a group), and a mailbox may have many recipients.
//
// Not for delivering: inbound_delivery.h. One thread.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "postoffice/outcome.h"

namespace smtpgate::milter {

/// Of recipients: their places in the envelope.
using Places = std::vector<std::size_t>;

class RecipientTallies {
 public:
  explicit RecipientTallies(std::size_t recipients) : tallies_(recipients) {}

  /// Each of them has one outcome more to come.
  void expect(const Places& places);
  void add(const Places& places, const Outcome& outcome);
  /// All that was expected has come.
  bool is_complete(std::size_t place) const;
  bool all_delivered(const Places& places) const;
  /// Temporary as long as anything may still succeed; a member that is nobody fails the recipient
  /// only where there is no other.
  Outcome outcome(std::size_t place) const;

 private:
  struct Tally {
    unsigned expected = 0;
    unsigned added = 0;
    unsigned good = 0;
    std::optional<Outcome> first_good;
    std::optional<Outcome> bad;
  };
  std::vector<Tally> tallies_;
};

}  // namespace smtpgate::milter
