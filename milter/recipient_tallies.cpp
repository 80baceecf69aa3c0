// Outcomes of recipients, added up; see the header.
#include "milter/recipient_tallies.h"

#include <algorithm>

#include <fmt/format.h>

namespace smtpgate::milter {

void RecipientTallies::expect(const Places& places) {
  for (const std::size_t place : places) ++tallies_[place].expected;
}

void RecipientTallies::add(const Places& places, const Outcome& outcome) {
  for (const std::size_t place : places) {
    Tally& tally = tallies_[place];
    ++tally.added;
    if (outcome.is_delivered()) {
      ++tally.good;
      if (!tally.first_good) tally.first_good = outcome;
    } else {
      tally.bad = tally.bad ? worse(*tally.bad, outcome) : outcome;
    }
  }
}

bool RecipientTallies::is_complete(std::size_t place) const {
  const Tally& tally = tallies_[place];
  return tally.expected > 0 && tally.added >= tally.expected;
}

bool RecipientTallies::all_delivered(const Places& places) const {
  return std::all_of(places.begin(), places.end(),
                     [this](std::size_t place) { return outcome(place).is_delivered(); });
}

Outcome RecipientTallies::outcome(std::size_t place) const {
  const Tally& tally = tallies_[place];
  if (tally.bad && (tally.bad->is_temporary() || tally.good == 0)) return *tally.bad;
  if (tally.good == 1) return *tally.first_good;
  if (tally.good > 1) return Outcome::delivered(fmt::format("delivered to {} members", tally.good));
  return Outcome::temporary("not tried yet");
}

}  // namespace smtpgate::milter
