// The crash tests' program: every scenario through every experiment, and a table of what came of
// it. tests/crash/run calls it; docs/testing.md says what it proves.
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>

#include "tests/crash/experiments.h"
#include "tests/crash/scenarios.h"

using namespace smtpgate::crash;

namespace {

void print_row(const char* name, const Tally& tally) {
  std::printf("%-38s %8llu %9llu %6llu %8llu %8llu %6llu %7llu %8llu %7llu\n", name,
              static_cast<unsigned long long>(tally.steps),
              static_cast<unsigned long long>(tally.messages),
              static_cast<unsigned long long>(tally.lost),
              static_cast<unsigned long long>(tally.doubled),
              static_cast<unsigned long long>(tally.damaged),
              static_cast<unsigned long long>(tally.left_over),
              static_cast<unsigned long long>(tally.untold),
              static_cast<unsigned long long>(tally.in_doubt),
              static_cast<unsigned long long>(tally.by_reader));
  for (const std::string& complaint : tally.complaints) std::printf("    %s\n", complaint.c_str());
  std::fflush(stdout);
}

}  // namespace

int main(int count, char** arguments) {
  Depth depth;
  std::string only;
  std::string experiment;
  for (int i = 1; i < count; ++i) {
    const std::string word = arguments[i];
    if (word == "--long") {
      depth = {.is_long = true, .most_steps = ~0ULL, .random_losses = 12};
    } else if (word == "--scenario" && i + 1 < count) {
      only = arguments[++i];
    } else if (word == "--experiment" && i + 1 < count) {
      experiment = arguments[++i];
    }
  }
  World world;
  for (const Scenario& scenario : all_scenarios()) {
    if (scenario.name.find(only) == std::string::npos) continue;
    Experiments experiments(world, scenario, depth);
    std::printf("== %s: %llu steps\n", scenario.name.c_str(),
                static_cast<unsigned long long>(experiments.steps()));
    const auto wanted = [&](const char* name) {
      return experiment.empty() || experiment == name;
    };
    if (wanted("stop")) print_row("stop", experiments.stop_at_every_step());
    if (wanted("answers")) print_row("answers", experiments.stop_between_answers());
    if (wanted("twice")) print_row("twice", experiments.stop_twice());
    if (wanted("read")) print_row("read", experiments.read_at_every_step());
    if (wanted("cut")) print_row("cut", experiments.cut_power_at_every_step());
    if (wanted("fail")) print_row("fail", experiments.fail_every_step());
    if (wanted("syncs")) {
      const auto removals = experiments.remove_syncs();
      for (const auto& site : removals.sites) {
        std::printf("  %s %s\n      %s\n", site.is_caught ? "caught" : "NOT CAUGHT",
                    site.operation.c_str(), site.by.c_str());
      }
    }
  }
  return 0;
}
