// Runs a fuzz entry point without libFuzzer, for compilers and machines that have none: every seed,
// then seeds changed by chance, until the time is over. The same changes in every run, whatever the
// machine. Knows nothing of coverage, so it finds less than libFuzzer; it is what CI can afford.
//
// Takes libFuzzer's own options: -max_total_time=SECONDS -runs=N -seed=N -max_len=OCTETS
// -timeout=SECONDS -dict=FILE -artifact_prefix=PREFIX, then files and folders of seeds. The input
// that ends the program is kept as PREFIXcrash.
#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sanitizer/common_interface_defs.h>
#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

// What the entry points demand ends in abort(): that is to be kept, too.
extern "C" const char* __asan_default_options() {
  return "handle_abort=1:detect_leaks=1";
}

namespace {

std::string artifact = "crash";
const std::string* current = nullptr;

void keep_input() {
  if (current == nullptr) return;
  const int file = open(artifact.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file < 0) return;
  const ssize_t written = write(file, current->data(), current->size());
  if (written == static_cast<ssize_t>(current->size())) {
    (void)!write(2, "kept as ", 8);
    (void)!write(2, artifact.data(), artifact.size());
    (void)!write(2, "\n", 1);
  }
  close(file);
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// libFuzzer's form: [name=]"octets with \xHH, \\ and \"" a line.
std::vector<std::string> read_dictionary(const std::string& path) {
  std::vector<std::string> words;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const std::size_t begin = line.find('"');
    const std::size_t end = line.rfind('"');
    if (line.starts_with('#') || begin == end) continue;
    std::string word;
    for (std::size_t at = begin + 1; at < end; ++at) {
      if (line[at] != '\\') {
        word += line[at];
      } else if (line[at + 1] == 'x') {
        word += static_cast<char>(std::stoi(line.substr(at + 2, 2), nullptr, 16));
        at += 3;
      } else {
        word += line[++at];
      }
    }
    words.push_back(word);
  }
  return words;
}

class Mutator {
 public:
  Mutator(std::uint64_t seed, std::vector<std::string> words, std::size_t longest)
      : random_(seed), words_(std::move(words)), longest_(longest) {}

  std::string next(const std::vector<std::string>& seeds) {
    std::string input = seeds[below(seeds.size())];
    for (std::size_t changes = below(8) + 1; changes > 0; --changes) change(input, seeds);
    if (input.size() > longest_) input.resize(longest_);
    return input;
  }

 private:
  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : random_() % limit; }

  void change(std::string& input, const std::vector<std::string>& seeds) {
    const std::size_t at = below(input.size() + 1);
    const std::size_t length = below(std::min<std::size_t>(input.size() - at, 64) + 1);
    switch (below(9)) {
      case 0:
        if (at < input.size()) input[at] = static_cast<char>(input[at] ^ 1 << below(8));
        break;
      case 1:
        if (at < input.size()) input[at] = static_cast<char>(random_());
        break;
      case 2: {
        constexpr std::array<char, 12> special = {'\0', '\r', '\n', ' ',    '-',    '=',
                                                  '"',  '\\', ';',  '\x7F', '\x80', '\xFF'};
        input.insert(at, 1, special[below(special.size())]);
        break;
      }
      case 3:
        input.erase(at, length);
        break;
      case 4:
        input.insert(below(input.size() + 1), std::string(input, at, length));
        break;
      case 5:
        input.resize(at);  // cut short
        break;
      case 6: {
        const std::string& other = seeds[below(seeds.size())];
        const std::size_t from = below(other.size() + 1);
        input.replace(at, length, other, from, below(other.size() - from + 1));
        break;
      }
      default:
        if (!words_.empty()) input.insert(at, words_[below(words_.size())]);
    }
  }

  std::mt19937_64 random_;
  std::vector<std::string> words_;
  std::size_t longest_;
};

void run(const std::string& input, unsigned timeout) {
  current = &input;
  alarm(timeout);
  // A copy of its own size: what reads beyond its end is seen.
  const std::vector<std::uint8_t> copy(input.begin(), input.end());
  LLVMFuzzerTestOneInput(copy.data(), copy.size());
  current = nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> options;
  std::vector<std::filesystem::path> paths;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const std::size_t sign = word.find('=');
    if (!word.starts_with('-')) {
      paths.emplace_back(word);
    } else if (sign == std::string::npos) {
      std::fprintf(stderr, "%s: options are -NAME=VALUE\n", word.c_str());
      return 64;
    } else {
      options[word.substr(1, sign - 1)] = word.substr(sign + 1);
    }
  }
  const auto number = [&](const char* name, std::uint64_t otherwise) {
    return options.contains(name) ? std::strtoull(options[name].c_str(), nullptr, 10) : otherwise;
  };
  artifact = options["artifact_prefix"] + "crash";
  const std::uint64_t seconds = number("max_total_time", 0);
  const std::uint64_t runs = number("runs", seconds == 0 ? 1000 : ~std::uint64_t{0});
  const auto timeout = static_cast<unsigned>(number("timeout", 60));
  const std::size_t longest = number("max_len", 65'536);
  __sanitizer_set_death_callback(keep_input);
  signal(SIGALRM, [](int) { std::abort(); });

  std::vector<std::filesystem::path> files;
  for (const std::filesystem::path& path : paths) {
    if (!std::filesystem::is_directory(path)) {
      files.push_back(path);
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(path)) files.push_back(entry);
  }
  std::sort(files.begin(), files.end());
  std::vector<std::string> seeds = {""};
  for (const std::filesystem::path& file : files) {
    seeds.push_back(read_file(file));
    run(seeds.back(), timeout);
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  Mutator mutator(number("seed", 1), read_dictionary(options["dict"]), longest);
  std::uint64_t done = 0;
  for (; done < runs && (seconds == 0 || std::chrono::steady_clock::now() < end); ++done) {
    run(mutator.next(seeds), timeout);
  }
  std::printf("%zu seeds, %llu changed ones\n", files.size(),
              static_cast<unsigned long long>(done));
  return 0;
}
