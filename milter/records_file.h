// The file of JSON records, one line a message (docs/monitoring.md, "Records"), which the daemon
// and door 2's processes append to at once; and the tally, the same lines that door 2 leaves in
// <work> for the daemon, which counts them and takes them away.
//
// Not for what stands in a record (message_record.h). A line is one write(2) on a descriptor opened
// with O_APPEND, so lines never mix. Nothing here can fail a message: a line that cannot be written
// is lost.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "milter/configuration.h"

namespace smtpgate::milter {

/// Safe from several threads.
class RecordsFile {
 public:
  /// Made if absent, mode 0640. The error is a sentence.
  static tl::expected<std::unique_ptr<RecordsFile>, std::string> open(const std::string& path);
  ~RecordsFile();
  RecordsFile(const RecordsFile&) = delete;
  RecordsFile& operator=(const RecordsFile&) = delete;

  /// One line without its end.
  void write(std::string_view line);
  /// The file was rotated. False if it cannot be opened anew; then the old one goes on.
  bool reopen();
  const std::string& path() const { return path_; }

 private:
  RecordsFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}

  std::mutex mutex_;
  int descriptor_;
  std::string path_;
};

/// gateway.records; null if there are to be none.
tl::expected<std::unique_ptr<RecordsFile>, std::string> open_records(
    const Configuration& configuration);

/// Each line of a file of records; none if it is not there. A line that is too long for a record
/// comes in pieces.
void read_records(const std::string& path, const std::function<void(std::string_view)>& take_line);

/// Above this door 2 adds nothing more: nobody takes it away, since no daemon runs.
inline constexpr std::uint64_t largest_tally = std::uint64_t{16} << 20;

/// One line (without its end) to <work>/tally.
void append_to_tally(const std::string& work, std::string_view line);

/// What has come since the last call but one: the file that was put aside then is read and
/// removed, and the one of now put aside, so that a process that has just opened it has the time
/// between two calls to write. For one caller.
void take_tally(const std::string& work, const std::function<void(std::string_view)>& take_line);

}  // namespace smtpgate::milter
