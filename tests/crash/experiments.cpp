// The experiments; see the header.
#include "tests/crash/experiments.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <stdexcept>

#include "tests/crash/test_clock.h"

namespace smtpgate::crash {

namespace {

constexpr std::size_t most_complaints = 12;
constexpr int most_lives = 6;
constexpr std::int64_t day = 86'400;

std::string without_chance(const std::string& path) {
  // P1/<host>/<id>, SMTP/<id>, new/<K>: named by what they are.
  std::string result;
  for (std::size_t at = 0; at < path.size();) {
    std::size_t end = path.find('/', at + 1);
    if (end == std::string::npos) end = path.size();
    const std::string part = path.substr(at, end - at);
    const bool is_chance =
        part.find_first_of("0123456789") != std::string::npos && part.size() > 16;
    result += is_chance ? "/#" : part;
    at = end;
  }
  return result;
}

std::string one_line(std::string text) {
  constexpr std::size_t longest = 300;
  std::replace(text.begin(), text.end(), '\n', '|');
  if (text.size() > longest) text = text.substr(0, longest) + "...";
  return text;
}

}  // namespace

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
  Tally tally;
  judge(tally, "undisturbed");
  if (!tally.is_clean()) throw std::runtime_error(tally.complaints.front());
}

void Experiments::live_to_the_end() {
  for (int life = 0; life < most_lives; ++life) {
    world_.live();
    if (world_.is_over()) return;
    move_clock(120);
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
}

void Experiments::judge(Tally& tally, const std::string& story, std::uint64_t allowed_by_reader) {
  const auto complain = [&](const std::string& what) {
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
  std::uint64_t reader_left = allowed_by_reader;
  for (const auto& [text, count] : counts) {
    const auto [wanted, found] = count;
    tally.messages += wanted;
    for (std::uint64_t i = found; i < wanted; ++i) {
      ++tally.lost;
      complain("lost: " + text);
    }
    for (std::uint64_t i = wanted; i < found; ++i) {
      if (text.starts_with("submitted") && wanted > 0 && doubt_left > 0) {
        --doubt_left;
        ++tally.in_doubt;
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
      for (std::uint64_t step = 0; step <= steps_; ++step) {
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
        judge(tally, std::string(death == Death::process ? "process" : "machine") +
                         " dead after " + std::to_string(count) + " answers");
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
        judge(tally, "stopped at " + std::to_string(first) + " and again at " +
                         std::to_string(second));
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
              stop > step ? unmarked : 0);
      }
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
  const std::size_t most = depth_.is_long ? 24 : 6;
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
  // Every place of the code once: the same operation on the same kind of file.
  std::map<std::string, bool> seen;
  for (std::uint64_t sync = 0; sync < steps_; ++sync) {
    if (!operations_[sync].is_sync()) continue;
    const Operation& operation = operations_[sync];
    SyncRemovals::Site site{operation.name + " " + without_chance(operation.path), false, {}};
    for (std::uint64_t step = sync + 1; step <= steps_ && !site.is_caught; ++step) {
      std::vector<Loss> todo;
      for (std::size_t i = 0; (i == 0 || i < todo.size()) && !site.is_caught; ++i) {
        world_.begin(scenario_);
        world_.disk().forget_sync(sync);
        world_.disk().stop_at(step);
        world_.live();
        if (i == 0) todo = losses(true);
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
  }
  return result;
}

namespace {

struct Trouble {
  const char* name;
  int code;
  SimulatedDisk::Moment moment;
  bool lasts;
};

constexpr std::array<Trouble, 11> troubles{{
    {"no space", ENOSPC, SimulatedDisk::Moment::instead, true},
    {"quota", EDQUOT, SimulatedDisk::Moment::instead, false},
    {"input/output error", EIO, SimulatedDisk::Moment::instead, false},
    {"read only", EROFS, SimulatedDisk::Moment::instead, true},
    {"no descriptors", EMFILE, SimulatedDisk::Moment::instead, false},
    {"no permission", EACCES, SimulatedDisk::Moment::instead, false},
    {"too many links", EMLINK, SimulatedDisk::Moment::instead, false},
    {"short write", ENOSPC, SimulatedDisk::Moment::halfway, false},
    {"done and called failed", EIO, SimulatedDisk::Moment::afterwards, false},
    {"gone", ENOENT, SimulatedDisk::Moment::instead, false},
    {"input/output error for good", EIO, SimulatedDisk::Moment::instead, true},
}};

/// Whether a system call of that kind can say so.
bool can_happen(const Operation& operation, const Trouble& trouble) {
  const bool changes = operation.name == "create" || operation.name == "make the directory" ||
                       operation.name == "link" || operation.name == "rename" ||
                       operation.name == "write" || operation.name == "copy" ||
                       operation.name == "create a file in";
  const bool opens = operation.name == "open" || operation.name == "open directory" ||
                     operation.name == "create" || operation.name == "list" ||
                     operation.name == "sync directory" || operation.name == "create a file in";
  switch (trouble.code) {
    case ENOSPC:
    case EDQUOT:
      if (trouble.moment == SimulatedDisk::Moment::halfway) {
        return operation.name == "write" || operation.name == "copy";
      }
      return changes || operation.name == "sync";
    case EROFS:
      return operation.name != "read" && operation.name != "look at" && operation.name != "list" &&
             operation.name != "open" && operation.name != "open directory";
    case EMFILE:
      return opens;
    case EMLINK:
      return operation.name == "link" || operation.name == "make the directory";
    case EACCES:
      return operation.name != "read" && operation.name != "write" && operation.name != "copy" &&
             operation.name != "sync";
    case ENOENT:
      return changes && operation.name != "write" && operation.name != "copy";
    default:
      return true;
  }
}

}  // namespace

Tally Experiments::fail_every_step() {
  Tally tally;
  for (const Trouble& trouble : troubles) {
    for (std::uint64_t step = 0; step < steps_; step += stride()) {
      if (!can_happen(operations_[step], trouble)) continue;
      world_.begin(scenario_);
      world_.disk().fail({[&](std::uint64_t index, const Operation& operation) {
                            return trouble.lasts
                                       ? index >= step && can_happen(operation, trouble)
                                       : index == step;
                          },
                          trouble.code, trouble.moment});
      world_.live();
      const std::uint64_t met = world_.disk().faults();
      const std::string story = std::string(trouble.name) + " at " + std::to_string(step) + " (" +
                                operations_[step].str() + ")";
      for (const std::string& one : world_.damaged()) {
        ++tally.damaged;
        if (tally.complaints.size() < most_complaints) {
          tally.complaints.push_back(one_line(story + ": visible: " + one));
        }
      }
      if (met == 0) continue;
      world_.disk().heal();
      world_.start();
      live_to_the_end();
      finish();
      ++tally.steps;
      judge(tally, story);
    }
  }
  return tally;
}

}  // namespace smtpgate::crash
