// House-keeping: see the header.
#include "milter/housekeeper.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "milter/kept_chain.h"
#include "milter/postfix_view.h"
#include "milter/shadow.h"
#include "postoffice/outgoing.h"
#include "postoffice/put.h"
#include "postoffice/tidying.h"

namespace smtpgate::milter {

using postoffice::FileSystem;
using postoffice::Postoffice;

namespace {

constexpr std::chrono::hours housekeeping_interval{24};
/// Between two looks at the time of day.
constexpr std::chrono::seconds letters_interval{60};

}  // namespace

void prove_discard(DiscardClaim& discard, const CurrentConfiguration& current) {
  const std::uint64_t era = discard.era();
  const auto configuration = current.get();
  discard.prove(*configuration, real_postfix_program(configuration->milter.postfix_directory), era);
}

void Housekeeper::run() {
  clean_up();
  letters_.look(*configuration_.get());
  auto next = std::chrono::steady_clock::now() + housekeeping_interval;
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto wake = std::min(next, std::chrono::steady_clock::now() + letters_interval);
    changed_.wait_until(lock, wake, [this] { return proof_asked_; });
    const bool proves = std::exchange(proof_asked_, false);
    lock.unlock();
    if (proves) prove_discard(discard_, configuration_);
    if (std::chrono::steady_clock::now() >= next) {
      clean_up();
      next += housekeeping_interval;
    }
    letters_.look(*configuration_.get());
    lock.lock();
  }
}

void Housekeeper::ask_proof() {
  const std::lock_guard guard(mutex_);
  proof_asked_ = true;
  changed_.notify_one();
}

void Housekeeper::clean_up() {
  const auto configuration = configuration_.get();
  clear_incomplete_chains(*configuration, FileSystem::posix());
  for (const converter::ServedPostoffice& served : configuration->converter.postoffices) {
    const auto opened = Postoffice::open(served.directory);
    if (!opened) {
      log_.warning(opened.error().sentence() + "; its mail waits in Postfix's queue");
      continue;
    }
    // Nothing is tidied in a folder that is not ours to touch, either.
    if (const auto wrong = why_wrong_kind(*configuration, served)) {
      log_.warning(wrong->sentence());
      continue;
    }
    report("work directories of dead processes removed", served,
           postoffice::clear_abandoned_work(*opened));
    report("old duplicate markers removed", served,
           postoffice::expire_markers(*opened, std::time(nullptr)));
    report("half made and half removed files of dead commands removed", served,
           postoffice::clear_half_done(*opened, std::time(nullptr)));
    report("old markers of outgoing mail removed", served,
           postoffice::expire_outgoing_markers(*opened, std::time(nullptr)));
  }
}

void Housekeeper::report(std::string_view what, const converter::ServedPostoffice& served,
                         const Expected<std::uint64_t>& count) {
  if (!count) {
    log_.warning(served.name.str() + ": " + count.error().sentence());
  } else if (*count > 0) {
    log_.info(fmt::format("{}: {}: {}", served.name.str(), what, *count));
  }
}

}  // namespace smtpgate::milter
