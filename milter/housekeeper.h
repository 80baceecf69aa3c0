// What a daemon does beside mail, on a thread of its own since it may take as long as a disk takes:
// clears what dead processes left in postoffices, at the start and once a day; tells the postmaster
// of dead letters; proves that a claim by DISCARD is safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string_view>

#include "milter/configuration_source.h"
#include "milter/discard_claim.h"
#include "milter/letters_watch.h"
#include "milter/log.h"
#include "postoffice/outcome.h"

namespace smtpgate::milter {

/// Asks Postfix, if the configuration wants messages claimed by DISCARD. Logs what it finds.
void prove_discard(DiscardClaim& discard, const CurrentConfiguration& current);

class Housekeeper {
 public:
  /// All outlive it.
  Housekeeper(CurrentConfiguration& configuration, Log& log, DiscardClaim& discard)
      : configuration_(configuration), log_(log), discard_(discard), letters_(log) {}

  /// Never returns: the process ends under it, which is safe at any step of the work.
  [[noreturn]] void run();

  /// Any thread: the configuration is another one, and what was proved with the old one is void.
  void ask_proof();

 private:
  void clean_up();
  void report(std::string_view what, const converter::ServedPostoffice& served,
              const Expected<std::uint64_t>& count);

  CurrentConfiguration& configuration_;
  Log& log_;
  DiscardClaim& discard_;
  LettersWatch letters_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool proof_asked_ = false;
};

}  // namespace smtpgate::milter
