// Messages appended to an mbox file: see the header. Before a batch the file's length is written
// beside it, with how many messages are recorded: if there are no more of these after a stop, the
// file is cut back to that length.
#include "converter/archive_mbox.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "converter/archive_record.h"
#include "converter/spool.h"
#include "postoffice/folder.h"

namespace smtpgate::converter {

using postoffice::FileError;
using postoffice::FileResult;
using postoffice::FileSystem;

namespace {

/// The mbox itself: the one file here that is appended to, locked as mail readers do.
class MboxFile : public postoffice::ByteSink {
 public:
  explicit MboxFile(std::string path) : path_(std::move(path)) {}
  ~MboxFile() override {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  MboxFile(const MboxFile&) = delete;
  MboxFile& operator=(const MboxFile&) = delete;

  FileResult<void> open() {
    constexpr int flags = O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    descriptor_ = ::open(path_.c_str(), flags, 0600);
    if (descriptor_ < 0) return trouble("open");
    struct flock lock{};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    if (::fcntl(descriptor_, F_SETLK, &lock) != 0) return trouble("lock");
    return {};
  }
  FileResult<std::uint64_t> size() const {
    struct stat status{};
    if (::fstat(descriptor_, &status) != 0)
      return tl::unexpected(FileError{errno, "look at", path_});
    if (!S_ISREG(status.st_mode)) return tl::unexpected(FileError{EINVAL, "append to", path_});
    return static_cast<std::uint64_t>(status.st_size);
  }
  FileResult<void> cut_to(std::uint64_t size) const {
    if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) return trouble("cut");
    return sync();
  }
  FileResult<void> write(std::string_view data) override {
    while (!data.empty()) {
      const ssize_t count = ::write(descriptor_, data.data(), data.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return trouble("write");
      data.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
  }
  FileResult<void> sync() const {
    if (::fsync(descriptor_) != 0) return trouble("sync");
    return {};
  }

 private:
  FileResult<void> trouble(const char* operation) const {
    return tl::unexpected(FileError{errno, operation, path_});
  }
  std::string path_;
  int descriptor_ = -1;
};

class Mbox : public ArchiveTarget {
 public:
  Mbox(std::string path, std::string directory, FileSystem& files, ArchiveRecord record)
      : file_(path),
        path_(std::move(path)),
        directory_(std::move(directory)),
        files_(files),
        record_(std::move(record)) {}

  Outcome prepare();
  bool has(std::string_view id) const override { return record_.has(id); }
  Outcome add(const ArchiveEntry& entry, const MessageWriter& write) override;
  Outcome commit() override;

 private:
  std::string begun_path() const { return path_ + ".smtpgate-begun"; }
  Outcome undo_begun();
  Outcome end_begun();
  FileResult<void> begin();

  MboxFile file_;
  std::string path_;
  std::string directory_;
  FileSystem& files_;
  ArchiveRecord record_;
  std::vector<std::string> added_;
  bool has_begun_ = false;
};

Outcome Mbox::prepare() {
  if (auto opened = file_.open(); !opened) return opened.error().outcome();
  if (auto size = file_.size(); !size) return size.error().outcome();
  return undo_begun();
}

Outcome Mbox::undo_begun() {
  const auto written = postoffice::read_whole(files_, begun_path(), 100);
  if (!written) {
    if (written.error().code == ENOENT) return Outcome::delivered("nothing begun");
    return written.error().outcome();
  }
  std::uint64_t before = 0;
  std::size_t recorded = 0;
  const char* end = written->data() + written->size();
  auto [stop, error] = std::from_chars(written->data(), end, before);
  bool is_good = error == std::errc() && stop != end && *stop == ' ';
  if (is_good) {
    const auto second = std::from_chars(stop + 1, end, recorded);
    is_good = second.ec == std::errc() && std::string_view(second.ptr, end) == "\n";
  }
  auto size = file_.size();
  if (!size) return size.error().outcome();
  if (is_good && record_.size() > recorded) return end_begun();  // all was done but this
  if (!is_good || before > *size) {
    return Outcome::permanent(begun_path() + " does not fit " + path_ +
                              "; look at the end of that file, then remove " + begun_path());
  }
  if (auto cut = file_.cut_to(before); !cut) return cut.error().outcome();
  return end_begun();
}

Outcome Mbox::end_begun() {
  auto removed = files_.remove(begun_path());
  if (removed) removed = files_.sync_directory(directory_);
  if (!removed) return removed.error().outcome();
  has_begun_ = false;
  return Outcome::delivered("saved");
}

FileResult<void> Mbox::begin() {
  auto size = file_.size();
  if (!size) return tl::unexpected(size.error());
  auto kept = postoffice::replace_file(files_, begun_path(),
                                       fmt::format("{} {}\n", *size, record_.size()), 0600, {});
  has_begun_ = kept.has_value();
  return kept;
}

/// "From bob@example.com Sun Nov 22 08:14:13 2026", in UTC; an address may hold no blank there.
std::string from_line(const std::string& sender, std::int64_t arrival) {
  const auto seconds = static_cast<std::time_t>(arrival);
  std::tm time{};
  ::gmtime_r(&seconds, &time);
  // The names of days and months in English, whatever the locale.
  constexpr std::array<const char*, 7> days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::string who = sender.empty() ? "MAILER-DAEMON" : sender;
  for (char& c : who) {
    if (c <= ' ' || c == '\x7F') c = '_';
  }
  return fmt::format("From {} {} {} {:2} {:02}:{:02}:{:02} {}\n", who,
                     days[static_cast<std::size_t>(time.tm_wday)],
                     months[static_cast<std::size_t>(time.tm_mon)], time.tm_mday, time.tm_hour,
                     time.tm_min, time.tm_sec, time.tm_year + 1900);
}

Outcome Mbox::add(const ArchiveEntry& entry, const MessageWriter& write) {
  if (!has_begun_) {
    if (auto begun = begin(); !begun) return begun.error().outcome();
  }
  const auto before = file_.size();
  if (!before) return before.error().outcome();
  // The sender is known once the message is written, so it waits in memory or a work file.
  Spool spool({.files = &files_, .directory = directory_});
  LineFeedSink lines(spool, true);
  auto sender = write(lines);
  if (!sender) return sender.error();
  auto done = lines.finish();
  const std::string status = entry.is_read ? "Status: RO\n" : "Status: O\n";
  if (done) done = file_.write(from_line(*sender, entry.arrival) + status);
  if (done) done = spool.copy_to(static_cast<postoffice::ByteSink&>(file_));
  if (done) done = file_.write("\n");
  if (!done) {
    const Outcome trouble = done.error().outcome();
    if (auto cut = file_.cut_to(*before); !cut) return cut.error().outcome();
    return trouble;
  }
  added_.push_back(entry.id);
  return Outcome::delivered("exported");
}

Outcome Mbox::commit() {
  if (has_begun_) {
    if (auto synced = file_.sync(); !synced) return synced.error().outcome();
  }
  for (const std::string& id : added_) record_.add(id);
  added_.clear();
  if (const Outcome saved = record_.save(); !saved.is_delivered()) return saved;
  if (!has_begun_) return Outcome::delivered("nothing new");
  return end_begun();
}

}  // namespace

Expected<std::unique_ptr<ArchiveTarget>> open_mbox(const std::string& directory,
                                                   const std::string& mailbox, FileSystem& files) {
  const std::string name = mailbox.substr(mailbox.rfind('/') + 1);
  const std::string path = directory + "/" + name + ".mbox";
  auto record = ArchiveRecord::open(path + ".smtpgate-export", mailbox + " mbox", files);
  if (!record) return failure(record.error());
  auto target = std::make_unique<Mbox>(path, directory, files, std::move(*record));
  if (const Outcome ready = target->prepare(); !ready.is_delivered()) return failure(ready);
  return target;
}

}  // namespace smtpgate::converter
