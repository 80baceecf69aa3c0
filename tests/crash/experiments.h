// What is done to a scenario: stopped at every step, its power cut at every step, its syncs left
// out one by one, its disk failing in every way; and what came of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/crash/world.h"

namespace smtpgate::crash {

inline constexpr std::size_t most_complaints = 12;
inline constexpr std::int64_t day = 86'400;  // seconds
/// A complaint as it is printed: cut, and without line ends.
std::string one_line(std::string text);

struct Tally {
  std::uint64_t steps = 0;     ///< stops, cuts or faults: each is a run of its own
  std::uint64_t messages = 0;  ///< copies that had to be there, over all runs
  std::uint64_t lost = 0;
  std::uint64_t doubled = 0;
  std::uint64_t damaged = 0;
  std::uint64_t left_over = 0;  ///< files that should have been cleared
  std::uint64_t untold = 0;     ///< faults without a line that says which file, or with a 5xx
  std::uint64_t in_doubt = 0;   ///< second copies that RFC 1047 allows
  std::uint64_t by_reader = 0;  ///< second copies because a reader took the first away too early
  /// Second copies and missing receipts because a command was broken off, as its document says.
  std::uint64_t by_command = 0;
  std::vector<std::string> complaints;  ///< the first few

  std::vector<std::string> history;  ///< operations that led to the first, if they are kept

  Tally& operator+=(const Tally& other);
  bool is_clean() const { return lost + doubled + damaged + left_over + untold == 0; }
};

/// How thoroughly.
struct Depth {
  bool is_long = false;
  /// Only every so many-th step of a scenario with more than `most_steps` of them.
  std::uint64_t most_steps = 60;
  std::uint32_t random_losses = 2;
};

class Experiments {
 public:
  Experiments(World& world, const Scenario& scenario, const Depth& depth);

  Tally stop_at_every_step();
  Tally stop_between_answers();
  Tally stop_twice();
  Tally read_at_every_step();
  Tally work_beside_every_step();
  Tally cut_power_at_every_step();
  Tally fail_every_step();
  Tally vanish_at_every_step();
  Tally jump_at_every_step();

  struct SyncRemovals {
    struct Site {
      std::string label;  ///< which sync of the code
      bool is_caught = false;
      std::string by;  ///< the first loss that was seen
    };
    std::vector<Site> sites;
    std::uint64_t runs = 0;
  };
  SyncRemovals remove_syncs();

  std::uint64_t steps() const { return steps_; }

 private:
  void finish();
  void live_to_the_end();
  std::uint64_t steps_after_stop(std::uint64_t stop);
  void judge(Tally& tally, const std::string& story, std::uint64_t allowed_by_reader = 0);
  std::vector<Loss> losses(bool with_random) const;
  std::uint64_t stride() const;

  World& world_;
  const Scenario& scenario_;
  Depth depth_;
  Findings expected_;
  Findings expected_of_check_;
  Findings checked_;  ///< by the last finish()
  std::uint64_t steps_ = 0;
  std::vector<Operation> operations_;
};

}  // namespace smtpgate::crash
