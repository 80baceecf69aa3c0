// The experiments with a disk that misbehaves and a clock that jumps; see experiments.h.
#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <system_error>

#include "tests/crash/experiments.h"
#include "tests/crash/test_clock.h"

namespace smtpgate::crash {

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
          operation.path.find("/ids/.out-") != std::string::npos ||
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
        world_.disk().put_back(aside, path);
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
