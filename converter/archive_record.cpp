// An archive's record: see the header. Written whole and renamed into place, as it is short against
// the archive and saved seldom.
#include "converter/archive_record.h"

#include <array>
#include <cerrno>
#include <span>

#include "postoffice/folder.h"

namespace smtpgate::converter {

using postoffice::FileSystem;

namespace {

/// What replace_file() left when it was stopped. Nobody writes here while we have the lock.
void remove_half_written(const std::string& directory, FileSystem& files) {
  const auto names = files.list(directory);
  if (!names) return;  // whoever needs the directory will say so
  constexpr std::size_t digits = 16;
  for (const std::string& name : *names) {
    const bool is_ours = name.starts_with(postoffice::half_written_prefix) &&
                         name.size() == postoffice::half_written_prefix.size() + digits;
    // It harms nobody where it cannot be removed.
    if (is_ours) (void)files.remove(postoffice::path_in(directory, name));
  }
}

}  // namespace

ArchiveRecord::ArchiveRecord(std::string path, std::string_view whose, FileSystem& files)
    : path_(std::move(path)),
      first_line_("smtpgate-export 1 " + std::string(whose)),
      files_(&files),
      text_(first_line_ + "\n") {}

Expected<ArchiveRecord> ArchiveRecord::open(const std::string& path, std::string_view whose,
                                            FileSystem& files) {
  ArchiveRecord record(path, whose, files);
  const std::string directory = postoffice::parent_directory(path);
  auto lock = files.open_directory(directory);
  if (!lock) return failure(lock.error().outcome());
  const auto locked = (*lock)->try_lock();
  if (!locked) return failure(locked.error().outcome());
  if (!*locked) {
    return failure(Outcome::temporary(
        directory + " is being written by another export; run this when that has ended"));
  }
  record.lock_ = std::move(*lock);
  remove_half_written(directory, files);
  if (Outcome read = record.read(); !read.is_delivered()) return failure(std::move(read));
  return record;
}

Outcome ArchiveRecord::read() {
  auto file = files_->open(path_);
  if (!file && file.error().code == ENOENT) {
    is_saved_ = false;
    return Outcome::delivered("a new archive");
  }
  if (!file) return file.error().outcome();
  std::string text;
  std::array<char, 64 << 10> buffer{};
  for (;;) {
    const auto count = (*file)->read(std::span<char>(buffer));
    if (!count) return count.error().outcome();
    if (*count == 0) break;
    text.append(buffer.data(), *count);
  }
  if (!text.starts_with(first_line_ + "\n")) {
    const std::string theirs = text.substr(0, text.find('\n'));
    return Outcome::permanent(
        theirs.starts_with("smtpgate-export ")
            ? path_ + " says that this is the archive of another mailbox or form (\"" + theirs +
                  "\"); choose another --out"
            : path_ + " is no record of an export; move it away, or choose another --out");
  }
  for (std::size_t at = first_line_.size() + 1; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    ids_.insert(text.substr(at, end - at));
    at = end + 1;
  }
  text_ = std::move(text);
  return Outcome::delivered("read");
}

void ArchiveRecord::add(std::string_view id) {
  if (!ids_.insert(std::string(id)).second) return;
  text_ += id;
  text_ += '\n';
  is_saved_ = false;
}

Outcome ArchiveRecord::save() {
  if (is_saved_) return Outcome::delivered("nothing new");
  auto saved = postoffice::replace_file(*files_, path_, text_, 0600, {});
  if (!saved) return saved.error().outcome();
  is_saved_ = true;
  return Outcome::delivered("saved");
}

}  // namespace smtpgate::converter
