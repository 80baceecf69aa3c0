// The crash tests' program: every scenario through every experiment, and a table of what came of
// it. tests/crash/run calls it; docs/testing.md says what it proves.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <exception>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "tests/crash/experiments.h"
#include "tests/crash/scenarios.h"

using namespace smtpgate::crash;

namespace {

struct Experiment {
  const char* name;
  const char* words;
  Tally (Experiments::*run)();
  bool is_fault = false;  ///< something fails, nobody is stopped
};

constexpr std::array<Experiment, 9> experiments{{
    {"stop", "process stopped at a step", &Experiments::stop_at_every_step},
    {"answers", "dead between two answers", &Experiments::stop_between_answers},
    {"twice", "stopped, and stopped again", &Experiments::stop_twice},
    {"read", "read or deleted at a step", &Experiments::read_at_every_step},
    {"beside", "others at work at a step", &Experiments::work_beside_every_step},
    {"cut", "power cut at a step", &Experiments::cut_power_at_every_step},
    {"fail", "disk fails at a step", &Experiments::fail_every_step, true},
    {"vanish", "folder gone at a step", &Experiments::vanish_at_every_step, true},
    {"clock", "clock jumps at a step", &Experiments::jump_at_every_step, true},
}};

struct Options {
  Depth depth;
  std::string scenario;
  std::string experiment;
  unsigned jobs = 2;
  bool is_verbose = false;
  bool keeps_history = false;

  bool wants(std::string_view name) const {
    if (experiment.starts_with("-")) return experiment.substr(1) != name;
    return experiment.empty() || experiment == name;
  }
};

constexpr const char* help =
    R"(usage: crash_tests [--short | --long] [--jobs N] [--scenario PART] [--experiment NAME] [-v]

Stops deliveries at every step, cuts the power at every step and loses what was not synced, makes the
disk fail in every way, takes out every sync in turn; all on a disk in memory. Then everybody tries
again, and each message must be in each mailbag once, whole and the same.

  --short             a sample of the steps: about a minute
  --long              every step (the default)
  --jobs N            scenarios at a time (2)
  --scenario PART     those with PART in their name; --list shows them
  --experiment NAME   stop, answers, twice, read, beside, cut, fail, vanish, clock or syncs; "-syncs"
                      and the like: all but that, which takes most of the time
  --history           with the first complaint, every operation that led to it
  -v                  every scenario's figures, and each sync with the loss that its removal causes

example: crash_tests --short --scenario outbox --experiment cut
Exit code: 0 if nothing was lost, doubled or damaged and every removed sync was seen, else 1.
)";

/// What a child says of its scenario, a line each: a figure, a complaint, a sync.
std::string row_of(const char* name, const Tally& tally) {
  std::ostringstream out;
  out << "T " << name << ' ' << tally.steps << ' ' << tally.messages << ' ' << tally.lost << ' '
      << tally.doubled << ' ' << tally.damaged << ' ' << tally.left_over << ' ' << tally.untold
      << ' ' << tally.in_doubt << ' ' << tally.by_reader << ' ' << tally.by_command << '\n';
  for (const std::string& one : tally.complaints) out << "C " << one << '\n';
  for (const std::string& one : tally.history) out << "C   " << one << '\n';
  return out.str();
}

std::string run_scenario(const Scenario& scenario, const Options& options) {
  World world;
  world.disk().keep_history(options.keeps_history);
  Experiments all(world, scenario, options.depth);
  std::string out = "N " + std::to_string(all.steps()) + "\n";
  for (const Experiment& experiment : experiments) {
    if (!options.wants(experiment.name)) continue;
    out += row_of(experiment.name, (all.*experiment.run)());
  }
  if (options.wants("syncs")) {
    const auto removals = all.remove_syncs();
    out += "R " + std::to_string(removals.runs) + "\n";
    for (const auto& site : removals.sites) {
      out += std::string(site.is_caught ? "S+ " : "S- ") + site.label + "\t" + site.by + "\n";
    }
  }
  return out;
}

struct Child {
  pid_t pid = 0;
  int pipe = -1;
  std::size_t scenario = 0;
  std::string output;
};

Child start(const Scenario& scenario, std::size_t number, const Options& options) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) std::abort();
  std::fflush(stdout);
  const pid_t pid = ::fork();
  if (pid < 0) std::abort();
  if (pid > 0) {
    ::close(ends[1]);
    return {pid, ends[0], number, {}};
  }
  ::close(ends[0]);
  std::string output;
  try {
    output = run_scenario(scenario, options);
  } catch (const std::exception& exception) {
    output = std::string("E ") + exception.what() + "\n";
  }
  for (std::size_t at = 0; at < output.size();) {
    const ssize_t count = ::write(ends[1], output.data() + at, output.size() - at);
    if (count <= 0) break;
    at += static_cast<std::size_t>(count);
  }
  // Temporary files are gone with the World; nothing else of the parent is ours.
  ::_exit(0);
}

/// Of a long run, which takes hours, what has been found so far.
class Progress {
 public:
  Progress(const std::vector<Scenario>& scenarios, bool is_shown)
      : scenarios_(scenarios), is_shown_(is_shown) {}

  void ended(std::size_t scenario, const std::string& output) {
    ++done_;
    if (!is_shown_) return;
    std::string found;
    std::istringstream lines(output);
    for (std::string line; std::getline(lines, line);) {
      const bool is_bad =
          line.starts_with("C ") || line.starts_with("S- ") || line.starts_with("E ");
      if (is_bad && !line.starts_with("C   ")) found += "\n    " + line.substr(2);
    }
    std::fprintf(stderr, "[%zu of %zu] %s: %s%s\n", done_, scenarios_.size(),
                 scenarios_[scenario].name.c_str(),
                 found.empty() ? "clean" : "found:", found.c_str());
  }

 private:
  const std::vector<Scenario>& scenarios_;
  bool is_shown_;
  std::size_t done_ = 0;
};

/// All of them, in the order of the scenarios.
std::vector<std::string> run_all(const std::vector<Scenario>& scenarios, const Options& options) {
  std::vector<std::string> outputs(scenarios.size());
  Progress progress(scenarios, options.depth.is_long && scenarios.size() > 1);
  std::vector<Child> running;
  std::size_t next = 0;
  while (next < scenarios.size() || !running.empty()) {
    while (next < scenarios.size() && running.size() < options.jobs) {
      running.push_back(start(scenarios[next], next, options));
      ++next;
    }
    std::vector<pollfd> waits;
    for (const Child& child : running) waits.push_back({child.pipe, POLLIN, 0});
    ::poll(waits.data(), waits.size(), -1);
    for (std::size_t i = waits.size(); i-- > 0;) {
      if (waits[i].revents == 0) continue;
      std::array<char, 65536> buffer{};
      const ssize_t count = ::read(waits[i].fd, buffer.data(), buffer.size());
      if (count > 0) {
        running[i].output.append(buffer.data(), static_cast<std::size_t>(count));
        continue;
      }
      ::close(running[i].pipe);
      int status = 0;
      ::waitpid(running[i].pid, &status, 0);
      if (status != 0) running[i].output += "E the run ended with status " + std::to_string(status);
      progress.ended(running[i].scenario, running[i].output);
      outputs[running[i].scenario] = std::move(running[i].output);
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
  return outputs;
}

unsigned long long number(std::uint64_t value) {
  return value;
}

/// Adds up what the children said.
class Table {
 public:
  explicit Table(bool is_verbose) : is_verbose_(is_verbose) {}

  void add(const std::string& scenario, const std::string& output) {
    std::istringstream lines(output);
    std::string line;
    std::string experiment;
    bool is_first = true;
    while (std::getline(lines, line)) {
      const std::string rest = line.size() > 2 ? line.substr(2) : "";
      if (line.starts_with("T ")) {
        experiment = take_figures(scenario, rest);
        is_first = true;
      } else if (line.starts_with("C ")) {
        if (is_first) std::printf("%s, %s:\n", scenario.c_str(), experiment.c_str());
        is_first = false;
        std::printf("    %s\n", rest.c_str());
      } else if (line.starts_with("S")) {
        take_sync(line);
      } else if (line.starts_with("R ")) {
        sync_runs_ += std::stoull(rest);
      } else if (line.starts_with("E ")) {
        std::printf("%s: %s\n", scenario.c_str(), rest.c_str());
        ++failed_;
      } else if (!line.starts_with("N ")) {
        std::printf("    %s\n", line.c_str());
      }
    }
  }

  /// True if all is well.
  bool print() {
    std::printf("\n%-30s %8s %9s %10s %7s %8s %9s %10s %6s %8s %8s\n", "", "runs", "messages",
                "2x by 1047", "reader", "command", "not told", "left over", "lost", "doubled",
                "damaged");
    Tally sum;
    std::uint64_t stops = 0;
    std::uint64_t faults = 0;
    for (const Experiment& experiment : experiments) {
      const auto found = tallies_.find(experiment.name);
      if (found == tallies_.end()) continue;
      print_row(experiment.words, found->second);
      sum += found->second;
      (experiment.is_fault ? faults : stops) += found->second.steps;
    }
    print_row("all", sum);
    std::printf(
        "\nsteps stopped at: %llu, faults injected: %llu, messages: %llu; lost: %llu, "
        "doubled: %llu, damaged: %llu\n",
        number(stops), number(faults), number(sum.messages), number(sum.lost), number(sum.doubled),
        number(sum.damaged));
    std::size_t caught = 0;
    for (const auto& [label, site] : syncs_) {
      if (site.first) ++caught;
      if (!site.first) std::printf("NOT CAUGHT  %s\n", label.c_str());
      if (site.first && is_verbose_) {
        std::printf("caught  %s\n        %s\n", label.c_str(), site.second.c_str());
      }
    }
    if (!syncs_.empty()) {
      std::printf("\nsyncs taken out, each in turn: %zu of the code, %zu caught (%llu runs)\n",
                  syncs_.size(), caught, static_cast<unsigned long long>(sync_runs_));
    }
    passed_ += caught;
    failed_ += syncs_.size() - caught;
    std::printf("%zu passed, %zu failed\n", passed_, failed_);
    return failed_ == 0;
  }

 private:
  std::string take_figures(const std::string& scenario, const std::string& line) {
    std::istringstream words(line);
    std::string name;
    Tally one;
    words >> name >> one.steps >> one.messages >> one.lost >> one.doubled >> one.damaged >>
        one.left_over >> one.untold >> one.in_doubt >> one.by_reader >> one.by_command;
    if (is_verbose_) print_row((scenario + ", " + name).c_str(), one);
    ++(one.is_clean() ? passed_ : failed_);
    tallies_[name] += one;
    return name;
  }

  void take_sync(const std::string& line) {
    const std::size_t tab = line.find('\t');
    auto& site = syncs_[line.substr(3, tab - 3)];
    if (line[1] != '+' || site.first) return;
    site = {true, line.substr(tab + 1)};
  }

  static void print_row(const char* name, const Tally& tally) {
    std::printf("%-30s %8llu %9llu %10llu %7llu %8llu %9llu %10llu %6llu %8llu %8llu\n", name,
                number(tally.steps), number(tally.messages), number(tally.in_doubt),
                number(tally.by_reader), number(tally.by_command), number(tally.untold),
                number(tally.left_over), number(tally.lost), number(tally.doubled),
                number(tally.damaged));
  }

  bool is_verbose_;
  std::map<std::string, Tally> tallies_;
  std::map<std::string, std::pair<bool, std::string>> syncs_;
  std::uint64_t sync_runs_ = 0;
  std::size_t passed_ = 0;
  std::size_t failed_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
  const Depth long_form{.is_long = true, .most_steps = ~0ULL, .random_losses = 8};
  Options options;
  options.depth = long_form;
  std::deque<std::string> words(arguments + 1, arguments + count);
  while (!words.empty()) {
    const std::string word = std::exchange(words.front(), {});
    words.pop_front();
    const bool has_value = !words.empty();
    if (word == "--short") {
      options.depth = {.is_long = false, .most_steps = 13, .random_losses = 1};
    } else if (word == "--long") {
      options.depth = long_form;
    } else if (word == "--history") {
      options.keeps_history = true;
    } else if (word == "-v") {
      options.is_verbose = true;
    } else if (word == "--list") {
      for (const Scenario& scenario : all_scenarios()) std::printf("%s\n", scenario.name.c_str());
      return EX_OK;
    } else if (word == "--help") {
      std::fputs(help, stdout);
      return EX_OK;
    } else if (word == "--jobs" && has_value) {
      options.jobs =
          static_cast<unsigned>(std::max(1L, std::strtol(words.front().c_str(), nullptr, 10)));
      words.pop_front();
    } else if (word == "--scenario" && has_value) {
      options.scenario = words.front();
      words.pop_front();
    } else if (word == "--experiment" && has_value) {
      options.experiment = words.front();
      words.pop_front();
    } else {
      std::fputs(help, stderr);
      return EX_USAGE;
    }
  }
  std::vector<Scenario> scenarios;
  for (Scenario& scenario : all_scenarios()) {
    if (scenario.name.find(options.scenario) != std::string::npos) {
      scenarios.push_back(std::move(scenario));
    }
  }
  const std::vector<std::string> outputs = run_all(scenarios, options);
  Table table(options.is_verbose);
  for (std::size_t i = 0; i < scenarios.size(); ++i) table.add(scenarios[i].name, outputs[i]);
  return table.print() ? EX_OK : 1;
}
