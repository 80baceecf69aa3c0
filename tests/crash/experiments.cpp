// The experiments but those with a failing disk (experiments_faults.cpp); see the header.
#include "tests/crash/experiments.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <stdexcept>
#include <system_error>

#include "tests/crash/sync_labels.h"
#include "tests/crash/test_clock.h"

namespace smtpgate::crash {

namespace {

constexpr int most_lives = 6;
constexpr std::int64_t first_pause = 120;     // seconds
constexpr std::int64_t longest_pause = 4000;  // Postfix's maximal_backoff_time

}  // namespace

std::string one_line(std::string text) {
  constexpr std::size_t longest = 300;
  std::replace(text.begin(), text.end(), '\n', '|');
  if (text.size() > longest) text = text.substr(0, longest) + "...";
  return text;
}

Tally& Tally::operator+=(const Tally& other) {
  steps += other.steps;
  messages += other.messages;
  lost += other.lost;
  doubled += other.doubled;
  damaged += other.damaged;
  left_over += other.left_over;
  untold += other.untold;
  in_doubt += other.in_doubt;
  by_reader += other.by_reader;
  by_command += other.by_command;
  for (const std::string& one : other.complaints) {
    if (complaints.size() < most_complaints) complaints.push_back(one);
  }
  return *this;
}

Experiments::Experiments(World& world, const Scenario& scenario, const Depth& depth)
    : world_(world), scenario_(scenario), depth_(depth) {
  world_.begin(scenario_);
  world_.live();
  if (!world_.is_over()) {
    std::string text = scenario_.name + ": even undisturbed it does not come to its end";
    for (const std::string& line : world_.log().lines()) text += "\n  " + line;
    throw std::runtime_error(text);
  }
  operations_ = world_.disk().operations();
  steps_ = operations_.size();
  finish();
  expected_ = world_.findings();
  expected_of_check_ = checked_;
  Tally tally;
  judge(tally, "undisturbed");
  if (!tally.is_clean()) {
    std::string text = tally.complaints.front();
    for (const std::string& line : tally.history) text += "\n  " + line;
    throw std::runtime_error(text);
  }
}

void Experiments::live_to_the_end() {
  for (int life = 0; life < most_lives; ++life) {
    world_.live();
    if (world_.is_over()) return;
    move_clock(life < 2 ? first_pause : longest_pause);
    world_.start();
  }
}

/// What may come late comes; the last power cut shows whether what was promised was durable; and
/// the cleaning is done when it may be.
void Experiments::finish() {
  move_clock(120);
  world_.start();
  live_to_the_end();
  world_.die(Death::machine);
  world_.start();
  live_to_the_end();
  move_clock(2 * day);
  world_.start();
  checked_ = world_.check();
}

void Experiments::judge(Tally& tally, const std::string& story, std::uint64_t allowed_by_reader) {
  const auto complain = [&](const std::string& what) {
    if (tally.complaints.empty()) tally.history = world_.disk().history();
    if (tally.complaints.size() < most_complaints) {
      tally.complaints.push_back(one_line(story + ": " + what));
    }
  };
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> counts;
  for (const std::string& one : expected_) ++counts[one].first;
  for (const std::string& one : world_.findings()) ++counts[one].second;
  for (const std::string& one : world_.damaged()) {
    ++tally.damaged;
    complain("damaged: " + one);
    --counts[one].second;
  }
  std::uint64_t doubt_left = world_.in_doubt();
  std::uint64_t reader_left = allowed_by_reader + world_.unmarked();
  std::uint64_t command_left = world_.may_double();
  std::uint64_t missing_left = world_.may_lose();
  for (const auto& [text, count] : counts) {
    const auto [wanted, found] = count;
    tally.messages += wanted;
    for (std::uint64_t i = found; i < wanted; ++i) {
      if (missing_left > 0) {
        --missing_left;
        ++tally.by_command;
        continue;
      }
      ++tally.lost;
      complain("lost: " + text);
    }
    for (std::uint64_t i = wanted; i < found; ++i) {
      if (text.starts_with("submitted") && wanted > 0 && doubt_left > 0) {
        --doubt_left;
        ++tally.in_doubt;
      } else if (wanted > 0 && command_left > 0) {
        --command_left;
        ++tally.by_command;
      } else if (wanted > 0 && reader_left > 0) {
        --reader_left;
        ++tally.by_reader;
      } else {
        ++tally.doubled;
        complain((wanted > 0 ? "doubled: " : "unexpected: ") + text);
      }
    }
  }
  for (const std::string& one : world_.leftovers()) {
    ++tally.left_over;
    complain("left over: " + one);
  }
  for (const std::string& one : checked_) {
    const auto& known = expected_of_check_;
    if (std::find(known.begin(), known.end(), one) != known.end()) continue;
    ++tally.left_over;
    complain("found by check: " + one);
  }
  for (const std::string& one : world_.refusals()) {
    ++tally.untold;
    complain("refused for good: " + one);
  }
  if (!world_.is_over()) {
    ++tally.untold;
    complain("it never comes to an end");
  }
}

std::uint64_t Experiments::stride() const {
  if (depth_.is_long) return 1;
  return std::max<std::uint64_t>(1, (steps_ + depth_.most_steps - 1) / depth_.most_steps);
}

Tally Experiments::stop_at_every_step() {
  Tally tally;
  for (const bool keeps_deletions : {true, false}) {
    // The second makes a difference only where door 1 deletes.
    if (!keeps_deletions && (scenario_.inbound.empty() || !scenario_.inbound.front().by_door_1)) {
      continue;
    }
    for (const bool is_read : {false, true}) {
      if (is_read && !scenario_.may_be_read) continue;
      for (std::uint64_t step = 0; step <= steps_; ++step) {
        // The sample has every step, but not in every way.
        const bool is_read_here =
            scenario_.may_be_read && (step + (keeps_deletions ? 1 : 0)) % 2 == 0;
        if (!depth_.is_long && (is_read != is_read_here || (!keeps_deletions && step % 4 != 0))) {
          continue;
        }
        world_.begin(scenario_);
        world_.keeps_deletions = keeps_deletions;
        world_.disk().stop_at(step);
        world_.live();
        world_.die(Death::process);
        if (is_read) world_.read_all();
        world_.start();
        live_to_the_end();
        finish();
        ++tally.steps;
        judge(tally, "stopped at " + std::to_string(step) +
                         (step < steps_ ? " (" + operations_[step].str() + ")" : " (the end)") +
                         (is_read ? ", then read" : ""));
      }
    }
  }
  return tally;
}

Tally Experiments::stop_between_answers() {
  Tally tally;
  std::size_t answers = 1;
  for (const InboundMail& mail : scenario_.inbound) answers += 2 * mail.recipients.size() + 1;
  for (const Death death : {Death::process, Death::machine}) {
    for (const bool keeps_deletions : {true, false}) {
      for (std::size_t count = 0; count < answers; ++count) {
        world_.begin(scenario_);
        world_.answers_left = count;
        world_.keeps_deletions = keeps_deletions;
        world_.live();
        world_.die(death);
        world_.start();
        live_to_the_end();
        finish();
        ++tally.steps;
        judge(tally, std::string(death == Death::process ? "process" : "machine") + " dead after " +
                         std::to_string(count) + " answers");
      }
    }
  }
  return tally;
}

Tally Experiments::stop_twice() {
  Tally tally;
  const std::uint64_t between = depth_.is_long ? 7 : 4 * stride() + 1;
  for (std::uint64_t first = 0; first <= steps_; first += between) {
    for (std::uint64_t second = 0; second <= steps_; second += between) {
      for (const Death death : {Death::process, Death::machine}) {
        world_.begin(scenario_);
        world_.disk().stop_at(first);
        world_.live();
        world_.die(death);
        world_.disk().stop_at(second);
        world_.start();
        if (!world_.disk().has_stopped()) world_.live();
        world_.die(death);
        world_.start();
        live_to_the_end();
        finish();
        ++tally.steps;
        judge(tally,
              "stopped at " + std::to_string(first) + " and again at " + std::to_string(second));
      }
    }
  }
  return tally;
}

/// A reader at every step, with and without a stop behind it.
Tally Experiments::read_at_every_step() {
  Tally tally;
  const std::uint64_t between = stride();
  for (const bool deletes : {false, true}) {
    if (!(deletes ? scenario_.may_be_deleted : scenario_.may_be_read)) continue;
    for (std::uint64_t step = 0; step < steps_; step += between) {
      for (std::uint64_t stop = step; stop <= steps_; stop += depth_.is_long ? 3 : 4 * between) {
        world_.begin(scenario_);
        bool was_done = false;
        std::uint64_t unmarked = 0;
        world_.disk().before([&](std::uint64_t index, const Operation&) {
          if (index != step || was_done) return;
          was_done = true;
          if (deletes) {
            unmarked = world_.delete_all();
          } else {
            world_.read_all();
          }
        });
        if (stop > step) world_.disk().stop_at(stop);
        world_.live();
        world_.die(Death::process);
        world_.start();
        live_to_the_end();
        finish();
        ++tally.steps;
        // Deleted before the marker was made, and tried again: allowed (docs/postoffice-format.md).
        judge(tally,
              std::string(deletes ? "deleted" : "read") + " at " + std::to_string(step) +
                  ", stopped at " + std::to_string(stop),
              stop > step || scenario_.is_a_retry ? unmarked : 0);
      }
    }
  }
  return tally;
}

/// How many operations there are from the start behind a stop to the end.
std::uint64_t Experiments::steps_after_stop(std::uint64_t stop) {
  world_.begin(scenario_);
  world_.disk().stop_at(stop);
  world_.live();
  world_.die(Death::process);
  world_.start();
  world_.live();
  return world_.disk().operations().size();
}

/// Another thread or gateway does all that it can do between two operations: in an undisturbed
/// life, and in the one after a stop.
Tally Experiments::work_beside_every_step() {
  Tally tally;
  if (scenario_.sends_meanwhile) return tally;  // it has a neighbour of its own, at every step
  const std::uint64_t no_stop = steps_ + 1;
  const std::uint64_t between = stride();
  const auto run = [&](std::uint64_t stop, std::uint64_t step, World::Neighbour neighbour) {
    world_.begin(scenario_);
    if (stop < no_stop) {
      world_.disk().stop_at(stop);
      world_.live();
      world_.die(Death::process);
    }
    std::uint64_t count = 0;
    world_.disk().set_neighbour([&] {
      if (count++ == step) world_.work_beside(neighbour);
    });
    if (stop < no_stop) world_.start();
    world_.live();
    world_.disk().set_neighbour(nullptr);
    live_to_the_end();
    finish();
    ++tally.steps;
    judge(tally, std::string(neighbour == World::Neighbour::sender ? "sender" : "gateway") +
                     " at work before operation " + std::to_string(step) +
                     (stop < no_stop ? " after a stop at " + std::to_string(stop) : ""));
  };
  for (const auto neighbour : {World::Neighbour::sender, World::Neighbour::gateway}) {
    for (std::uint64_t step = 0; step <= steps_; step += between) run(no_stop, step, neighbour);
  }
  for (std::uint64_t stop = 0; stop <= steps_; stop += depth_.is_long ? 1 : 2 * between) {
    const std::uint64_t steps = steps_after_stop(stop);
    const std::uint64_t least = depth_.is_long ? 1 : steps / 4 + 1;
    for (const auto neighbour : {World::Neighbour::sender, World::Neighbour::gateway}) {
      // Of a sample each stop has other steps.
      const std::uint64_t first = depth_.is_long ? 0 : stop % least;
      for (std::uint64_t step = first; step < steps; step += least) run(stop, step, neighbour);
    }
  }
  return tally;
}

std::vector<Loss> Experiments::losses(bool with_random) const {
  using Names = Loss::Names;
  using Data = Loss::Data;
  std::vector<Loss> result{{Names::none, Data::none},
                           {Names::all, Data::none},
                           {Names::all, Data::zeros},
                           {Names::all, Data::half}};
  if (depth_.is_long) result.push_back({Names::all, Data::all});
  const std::size_t pending = world_.disk().pending_names();
  const std::size_t most = depth_.is_long ? 24 : 3;
  for (std::size_t i = 0; i < std::min(pending, most); ++i) {
    result.push_back({Names::only_one, Data::none, i});
    result.push_back({Names::all_but_one, Data::all, i});
  }
  if (!with_random) return result;
  for (std::uint32_t seed = 1; seed <= depth_.random_losses; ++seed) {
    result.push_back({Names::random, Data::random, 0, seed});
  }
  return result;
}

Tally Experiments::cut_power_at_every_step() {
  Tally tally;
  for (std::uint64_t step = 0; step <= steps_; step += stride()) {
    std::vector<Loss> todo;
    for (std::size_t i = 0; i == 0 || i < todo.size(); ++i) {
      world_.begin(scenario_);
      world_.disk().stop_at(step);
      world_.live();
      if (scenario_.counts_from && !scenario_.counts_from(world_)) break;
      if (i == 0) todo = losses(true);
      world_.die(Death::machine, todo[i]);
      world_.start();
      live_to_the_end();
      finish();
      ++tally.steps;
      judge(tally, "power cut at " + std::to_string(step) +
                       (step < steps_ ? " (" + operations_[step].str() + ")" : " (the end)") +
                       ", " + todo[i].str());
    }
  }
  return tally;
}

Experiments::SyncRemovals Experiments::remove_syncs() {
  SyncRemovals result;
  // Those that show nearly every missing sync.
  const std::vector<Loss> telling_losses{{Loss::Names::none, Loss::Data::none},
                                         {Loss::Names::all, Loss::Data::none},
                                         {Loss::Names::only_one, Loss::Data::none, 0},
                                         {Loss::Names::all_but_one, Loss::Data::all, 0}};
  for (std::uint64_t sync = 0; sync < steps_; ++sync) {
    if (!operations_[sync].is_sync()) continue;
    // The record of a quota is an estimate that is counted anew within a day; what is lost of it
    // costs no message, so nothing is seen here.
    if (operations_[sync].path.find("/usage") != std::string::npos) continue;
    SyncRemovals::Site site{label_of(operations_, sync), false, {}};
    // One rename, and on this disk durable by the sync of either of its directories.
    const bool is_pair = are_of_one_rename(operations_, sync);
    if (is_pair) site.label += ", and of the other directory of that rename";
    // Most are seen at once, and those of a report by the time it is filed.
    constexpr std::uint64_t closely = 12;
    constexpr std::uint64_t nearly = 60;
    const auto next = [&](std::uint64_t step) {
      if (depth_.is_long || step < sync + closely) return step + 1;
      return step + (step < sync + nearly ? std::min<std::uint64_t>(stride(), 3) : stride());
    };
    for (std::uint64_t step = sync + 1; step <= steps_ && !site.is_caught; step = next(step)) {
      std::vector<Loss> todo;
      for (std::size_t i = 0; (i == 0 || i < todo.size()) && !site.is_caught; ++i) {
        world_.begin(scenario_);
        world_.disk().forget_syncs(sync, is_pair ? 2 : 1);
        world_.disk().stop_at(step);
        world_.live();
        if (scenario_.counts_from && !scenario_.counts_from(world_)) break;
        if (i == 0) todo = depth_.is_long ? losses(true) : telling_losses;
        world_.die(Death::machine, todo[i]);
        world_.start();
        live_to_the_end();
        finish();
        ++result.runs;
        Tally tally;
        judge(tally, "cut at " + std::to_string(step) + ", " + todo[i].str());
        if (tally.is_clean()) continue;
        site.is_caught = true;
        site.by = tally.complaints.front();
      }
    }
    result.sites.push_back(std::move(site));
    if (is_pair) ++sync;
  }
  return result;
}

}  // namespace smtpgate::crash
