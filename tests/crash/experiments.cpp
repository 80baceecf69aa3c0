// The experiments; see the header.
#include "tests/crash/experiments.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <stdexcept>
#include <system_error>

#include "tests/crash/test_clock.h"

namespace smtpgate::crash {

namespace {

constexpr std::size_t most_complaints = 12;
constexpr int most_lives = 6;
constexpr std::int64_t day = 86'400;

/// A path by what it is: hosts, ids, keys and mailboxes become "*".
std::string kind_of(const std::string& path) {
  std::string result;
  std::string before;
  for (std::size_t at = 0; at < path.size();) {
    std::size_t end = path.find('/', at + 1);
    if (end == std::string::npos) end = path.size();
    std::string part = path.substr(at + 1, end - at - 1);
    const bool is_named = before == "MBG" || before == "P1" || part.size() > 16;
    const bool is_temporary = part.starts_with(".new-") || part.starts_with(".smtp");
    if (is_temporary) part = part.substr(0, part.find('-')) + "-*";
    if (is_named && !is_temporary && part.find(".API") == std::string::npos) part = "*";
    if (part != "po") result += (result.empty() ? "" : "/") + part;
    before = part;
    at = end;
  }
  return result;
}

bool changes_something(const Operation& operation) {
  return operation.name == "create" || operation.name == "link" || operation.name == "rename" ||
         operation.name == "remove" || operation.name == "make the directory" ||
         operation.name == "write" || operation.name == "copy";
}

/// Which sync of the code it is: what is synced, and after which change.
std::string label_of(const std::vector<Operation>& operations, std::uint64_t sync) {
  const Operation& operation = operations[sync];
  std::string label = operation.name + " " + kind_of(operation.path);
  for (std::uint64_t i = sync; i-- > 0;) {
    if (!changes_something(operations[i])) continue;
    const Operation& change = operations[i];
    label += ", after " + change.name + " " + kind_of(change.to.empty() ? change.path : change.to);
    break;
  }
  // A file that is written under another name: which one it becomes.
  for (std::uint64_t i = sync + 1; i < operations.size(); ++i) {
    if (operations[i].name != "rename" || operations[i].path != operation.path) continue;
    label += ", before rename to " + kind_of(operations[i].to);
    break;
  }
  return label;
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
        // The sample has every step, but not in every way.
        const bool is_read_here = (step + (keeps_deletions ? 1 : 0)) % 2 == 0;
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
  for (std::uint64_t sync = 0; sync < steps_; ++sync) {
    if (!operations_[sync].is_sync()) continue;
    SyncRemovals::Site site{label_of(operations_, sync), false, {}};
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
        world_.disk().forget_sync(sync);
        world_.disk().stop_at(step);
        world_.live();
        if (scenario_.counts_from && !scenario_.counts_from(world_)) break;
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
  const char* advice;  ///< what a line must say is to be done, if it lasts
};

constexpr std::array<Trouble, 11> troubles{{
    {"no space", ENOSPC, SimulatedDisk::Moment::instead, true, "free space"},
    {"quota", EDQUOT, SimulatedDisk::Moment::instead, false, "quota"},
    {"input/output error", EIO, SimulatedDisk::Moment::instead, false, "kernel"},
    {"read only", EROFS, SimulatedDisk::Moment::instead, true, "mount it"},
    {"no descriptors", EMFILE, SimulatedDisk::Moment::instead, false, "limit of open files"},
    {"no permission", EACCES, SimulatedDisk::Moment::instead, false, "owner and mode"},
    {"too many links", EMLINK, SimulatedDisk::Moment::instead, false, ""},
    {"short write", ENOSPC, SimulatedDisk::Moment::halfway, false, ""},
    {"done and called failed", EIO, SimulatedDisk::Moment::afterwards, false, ""},
    {"gone", ENOENT, SimulatedDisk::Moment::instead, false, ""},
    {"input/output error for good", EIO, SimulatedDisk::Moment::instead, true, "kernel"},
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
             operation.name != "open" && operation.name != "open directory" &&
             operation.name != "lock";
    case EMFILE:
      return opens;
    case EMLINK:
      return operation.name == "link" || operation.name == "make the directory";
    case EACCES:
      // A file that its user has closed to the gateway is set aside: another test's matter.
      if (operation.path.find("/outbox/") != std::string::npos ||
          operation.path.ends_with("TAKEN.API")) {
        return false;
      }
      return operation.name != "read" && operation.name != "write" && operation.name != "copy" &&
             operation.name != "sync";
    case ENOENT:
      return changes && operation.name != "write" && operation.name != "copy";
    default:
      return true;
  }
}

/// Which file, what happened to it, and what to do.
bool is_told(const MemoryLog& log, int code, const char* advice) {
  const std::string words = std::generic_category().message(code);
  return std::any_of(log.lines().begin(), log.lines().end(), [&](const std::string& line) {
    return line.find(words) != std::string::npos && line.find(" /") != std::string::npos &&
           line.find(advice) != std::string::npos;
  });
}

}  // namespace

Tally Experiments::fail_every_step() {
  Tally tally;
  for (const Trouble& trouble : troubles) {
    for (std::uint64_t step = 0; step < steps_; step += stride()) {
      if (!can_happen(operations_[step], trouble)) continue;
      // What others had put there and never synced: if that sync fails, nobody has it any more.
      const bool is_others = scenario_.counts_from && operations_[step].name == "sync" &&
                             operations_[step].path.find("/MBG/") != std::string::npos;
      if (is_others) continue;
      world_.begin(scenario_);
      world_.disk().fail({[&](std::uint64_t index, const Operation& operation) {
                            return trouble.lasts ? index >= step && can_happen(operation, trouble)
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
      if (!world_.is_over() && trouble.lasts &&
          !is_told(world_.log(), trouble.code, trouble.advice)) {
        ++tally.untold;
        if (tally.complaints.size() < most_complaints) {
          std::string lines;
          for (const std::string& line : world_.log().lines()) lines += " [" + line + "]";
          tally.complaints.push_back(one_line(story + ": no line says so:" + lines));
        }
      }
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

/// A folder that is moved away at a step and put back later, as an unmounted disk is.
Tally Experiments::vanish_at_every_step() {
  Tally tally;
  // Not a whole mailbag, which is a mailbox removed, and not SMTP, which is made where it is
  // missing.
  for (const char* part : {"/po/MBG/anna/new", "/po/MBG/anna/ids", "/po/MBG", "/po/P1", "/po/GLB",
                           "/po", "/work/spool"}) {
    const std::string path = part;
    const std::string aside = "/away";
    for (std::uint64_t step = 0; step < steps_; step += depth_.is_long ? 1 : 4 * stride()) {
      world_.begin(scenario_);
      world_.disk().before([&](std::uint64_t index, const Operation&) {
        if (index == step && !world_.disk().exists(aside)) world_.disk().move(path, aside);
      });
      world_.live();
      world_.disk().heal();
      const std::string story = path + " gone at " + std::to_string(step);
      if (world_.disk().exists(aside)) {
        if (world_.disk().exists(path)) {
          ++tally.left_over;
          if (tally.complaints.size() < most_complaints) {
            tally.complaints.push_back(story + ": it was made again");
          }
          continue;
        }
        world_.disk().move(aside, path);
      }
      world_.start();
      live_to_the_end();
      finish();
      ++tally.steps;
      judge(tally, story);
    }
  }
  return tally;
}

/// The clock jumps between two operations, and the try ends some steps later.
Tally Experiments::jump_at_every_step() {
  Tally tally;
  constexpr std::array<std::int64_t, 4> jumps{-400 * day, -3600, 3600, 4 * day};
  for (const std::int64_t jump : jumps) {
    for (std::uint64_t step = 0; step < steps_; step += depth_.is_long ? 2 : 5 * stride()) {
      for (const std::uint64_t stop : {step + 3, step + 9, steps_}) {
        world_.begin(scenario_);
        bool was_done = false;
        world_.disk().before([&](std::uint64_t index, const Operation&) {
          if (index == step && !was_done) move_clock(jump);
          was_done = was_done || index == step;
        });
        world_.disk().stop_at(stop);
        world_.live();
        world_.die(Death::process);
        world_.start();
        live_to_the_end();
        finish();
        ++tally.steps;
        judge(tally, "clock moved by " + std::to_string(jump) + " s at " + std::to_string(step) +
                         ", stopped at " + std::to_string(stop));
      }
    }
  }
  return tally;
}

}  // namespace smtpgate::crash
