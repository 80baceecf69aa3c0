// The work of the gateway in small pieces, each alone: what a piece costs is told by the clock
// (micro_benchmarks, Google Benchmark) and by instructions (tests/bench/instructions, in CI).
// Inputs are made here and are the same each time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace smtpgate::bench {

struct Workload {
  std::string name;
  std::uint64_t octets = 0;   ///< that one run reads
  std::function<void()> run;  ///< once; ends the program with a sentence if it does not work
};

/// A kind of workload is made only when it is asked for: some need a folder.
struct WorkloadMaker {
  std::string name;
  std::function<Workload()> make;
};

/// `directory` exists and is the caller's to remove; workloads that need files make them there.
std::vector<WorkloadMaker> decoding_workloads();
std::vector<WorkloadMaker> reading_workloads();
std::vector<WorkloadMaker> filing_workloads(const std::string& directory);

/// The program ends if `holds` is false: a benchmark of what does not work tells nothing.
void demand(bool holds, const char* what);

/// Octets that look like nothing: the same for the same seed.
std::string noise(std::size_t size, std::uint32_t seed);
/// Lines of words, CR LF.
std::string words(std::size_t size);
std::string base64_lines(const std::string& octets);

}  // namespace smtpgate::bench
