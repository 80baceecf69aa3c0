// Records on disk: see the header.
#include "milter/records_file.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "postoffice/descriptor.h"

namespace smtpgate::milter {

using postoffice::Descriptor;

namespace {

/// A line that we wrote is shorter by far.
constexpr std::size_t longest_line = 128 * 1024;

int open_to_append(const std::string& path, mode_t mode) {
  return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW,
                mode);
}

void write_line(int descriptor, std::string_view line) {
  const std::string whole = std::string(line) + "\n";
  // A full disk must not stop mail, and there is nobody to tell.
  [[maybe_unused]] const ssize_t written = ::write(descriptor, whole.data(), whole.size());
}

void read_lines(int descriptor, const std::function<void(std::string_view)>& take_line) {
  std::array<char, 65536> buffer{};
  std::string line;
  for (;;) {
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    std::string_view rest(buffer.data(), static_cast<std::size_t>(count));
    for (auto end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
      line += rest.substr(0, end);
      take_line(line);
      line.clear();
      rest.remove_prefix(end + 1);
    }
    // What is longer was not written by us; its pieces are lines that cannot be read.
    if (line.size() + rest.size() > longest_line) {
      take_line(line);
      line.clear();
    }
    line += rest;
  }
  if (!line.empty()) take_line(line);
}

}  // namespace

tl::expected<std::unique_ptr<RecordsFile>, std::string> RecordsFile::open(const std::string& path) {
  const int descriptor = open_to_append(path, 0640);
  if (descriptor < 0) {
    return tl::unexpected(
        fmt::format("cannot open the records {}: {}; make its directory writable for the gateway's "
                    "user, or leave gateway.records empty",
                    path, std::strerror(errno)));
  }
  return std::unique_ptr<RecordsFile>(new RecordsFile(descriptor, path));
}

tl::expected<std::unique_ptr<RecordsFile>, std::string> open_records(
    const Configuration& configuration) {
  if (configuration.gateway.records.empty()) return nullptr;
  return RecordsFile::open(configuration.gateway.records);
}

void read_records(const std::string& path, const std::function<void(std::string_view)>& take_line) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (file.is_open()) read_lines(file.get(), take_line);
}

RecordsFile::~RecordsFile() {
  ::close(descriptor_);
}

void RecordsFile::write(std::string_view line) {
  const std::lock_guard guard(mutex_);
  write_line(descriptor_, line);
}

bool RecordsFile::reopen() {
  const int fresh = open_to_append(path_, 0640);
  if (fresh < 0) return false;
  const std::lock_guard guard(mutex_);
  ::close(descriptor_);
  descriptor_ = fresh;
  return true;
}

void append_to_tally(const std::string& work, std::string_view line) {
  const Descriptor tally(open_to_append(work + "/tally", 0600));
  struct stat status{};
  if (!tally.is_open() || ::fstat(tally.get(), &status) != 0) return;
  if (static_cast<std::uint64_t>(status.st_size) > largest_tally) return;
  write_line(tally.get(), line);
}

void take_tally(const std::string& work, const std::function<void(std::string_view)>& take_line) {
  const std::string taken = work + "/tally.taken";
  {
    const Descriptor file(::open(taken.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (file.is_open()) {
      // First removed: should counting end the process, the next one must not end by it, too.
      ::unlink(taken.c_str());
      read_lines(file.get(), take_line);
    }
  }
  ::rename((work + "/tally").c_str(), taken.c_str());
}

}  // namespace smtpgate::milter
