// How fast each small piece of the gateway's work is: Google Benchmark over the workloads. With
// --run-counted NAME COUNT it runs one of them so many times and nothing else, for
// tests/bench/instructions, which counts what happens inside counted().
//
// usage: micro_benchmarks [--benchmark_filter=REGEX] [...]   (--help lists what Google Benchmark
// takes)
//        micro_benchmarks --names
//        micro_benchmarks --run-counted NAME COUNT
//
// Folders are made in TMPDIR; a clock decides no test.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <benchmark/benchmark.h>

#include "bench/micro/workloads.h"

/// Known by name to the counting tool: neither inlined nor copied.
extern "C" __attribute__((noinline, noclone)) void smtpgate_counted(
    const smtpgate::bench::Workload& workload, int count) {
  for (int i = 0; i < count; ++i) workload.run();
}

namespace {

using smtpgate::bench::demand;
using smtpgate::bench::WorkloadMaker;

class Directory {
 public:
  Directory() {
    std::string pattern = std::filesystem::temp_directory_path() / "smtpgate-bench-XXXXXX";
    demand(::mkdtemp(pattern.data()) != nullptr, "making a directory");
    path_ = pattern;
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::vector<WorkloadMaker> all_workloads(const std::string& directory) {
  std::vector<WorkloadMaker> all = smtpgate::bench::decoding_workloads();
  for (auto& maker : smtpgate::bench::reading_workloads()) all.push_back(std::move(maker));
  for (auto& maker : smtpgate::bench::filing_workloads(directory)) all.push_back(std::move(maker));
  return all;
}

int run_counted(const std::vector<WorkloadMaker>& makers, std::string_view name, int count) {
  for (const WorkloadMaker& maker : makers) {
    if (maker.name != name) continue;
    const smtpgate::bench::Workload workload = maker.make();
    workload.run();  // what happens only once is not counted
    smtpgate_counted(workload, count);
    return EXIT_SUCCESS;
  }
  std::fprintf(stderr, "micro_benchmarks: there is no workload %s; --names lists them\n",
               std::string(name).c_str());
  return EXIT_FAILURE;
}

void measure(benchmark::State& state, const WorkloadMaker& maker) {
  const smtpgate::bench::Workload workload = maker.make();
  for ([[maybe_unused]] auto round : state) workload.run();
  state.SetBytesProcessed(static_cast<std::int64_t>(workload.octets) *
                          static_cast<std::int64_t>(state.iterations()));
}

}  // namespace

int main(int argc, char** argv) {
  const Directory directory;
  const std::vector<WorkloadMaker> makers = all_workloads(directory.path());
  const std::string_view first = argc > 1 ? argv[1] : "";
  if (first == "--names") {
    for (const WorkloadMaker& maker : makers) std::printf("%s\n", maker.name.c_str());
    return EXIT_SUCCESS;
  }
  if (first == "--run-counted" && argc == 4) {
    return run_counted(makers, argv[2], std::atoi(argv[3]));
  }
  int rounds = 0;
  for (const WorkloadMaker& maker : makers) {
    benchmark::RegisterBenchmark(
        maker.name.c_str(), [maker, &rounds, &directory](benchmark::State& state) {
          // The library runs it several times to find how often; a folder is made for each.
          const std::string place = directory.path() + "/" + std::to_string(++rounds);
          std::filesystem::create_directory(place);
          for (const WorkloadMaker& again : all_workloads(place)) {
            if (again.name == maker.name) measure(state, again);
          }
        });
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return EXIT_FAILURE;
  benchmark::RunSpecifiedBenchmarks();
  return EXIT_SUCCESS;
}
