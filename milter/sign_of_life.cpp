// Signs of life: see the header.
#include "milter/sign_of_life.h"

#include <algorithm>
#include <exception>

#include <fmt/format.h>

#include "milter/shadow.h"
#include "postoffice/outgoing.h"
#include "postoffice/postoffice.h"

namespace smtpgate::milter {

namespace {

/// A disk may be slow, for all postoffices together; beyond that the thread hangs.
constexpr std::chrono::minutes longest_turn{15};

}  // namespace

std::chrono::seconds sign_pause(const OutboundGatewaySettings& settings) {
  constexpr int signs_in_a_lease = 4;
  return std::max(std::chrono::seconds(1),
                  std::min(settings.poll, settings.lease / signs_in_a_lease));
}

void SignOfLife::give_in(const converter::ServedPostoffice& office,
                         const Configuration& configuration) {
  const auto opened = postoffice::Postoffice::open(office.directory, *surroundings_.files);
  // Whoever looks at its outboxes says so.
  if (!opened || why_wrong_kind(configuration, office, *surroundings_.files)) return;
  const auto taken_over =
      postoffice::OutgoingMail(*opened).keep_alive(configuration.outbound.lease.count());
  if (!taken_over) {
    surroundings_.log->warning(office.name.str() + ": " + taken_over.error().sentence());
  } else if (*taken_over > 0) {
    surroundings_.log->info(fmt::format("{}: taken over from a host that is not alive: {}",
                                        office.name.str(), *taken_over));
    taken_over_();
  }
}

void SignOfLife::run() {
  for (;;) {
    const auto configuration = surroundings_.configuration();
    surroundings_.beat("sign of life", sign_pause(configuration->outbound) + longest_turn);
    for (const auto& office : configuration->converter.postoffices) {
      try {
        give_in(office, *configuration);
      } catch (const std::exception& exception) {
        surroundings_.log->error(fmt::format("{}: no sign of life could be given: {}",
                                             office.name.str(), exception.what()));
      }
    }
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, sign_pause(configuration->outbound),
                          [this] { return stopping_; })) {
      return;
    }
  }
}

void SignOfLife::stop() {
  const std::lock_guard guard(mutex_);
  stopping_ = true;
  changed_.notify_all();
}

}  // namespace smtpgate::milter
