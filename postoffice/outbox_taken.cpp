// Taken files; see the header.
//
// Once a file is out of the outbox its sender has no other copy and cannot see it. So the order is:
// the directory and the note where the file came from are on disk before the rename, and the file
// is the first thing to go when all was done, so that no leftover of it is ever taken up again
// without the rest.
#include "postoffice/outbox_taken.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <utility>

#include "postoffice/ascii.h"
#include "postoffice/folder.h"
#include "postoffice/locked_directory.h"
#include "postoffice/mailbox_changes.h"
#include "postoffice/mmff.h"
#include "postoffice/outbox_look.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::string_view origin_file = "ORIGIN";
constexpr std::uint64_t largest_origin = 16'384;
constexpr std::size_t longest_name = 255;  // octets, of all file systems that matter
constexpr int most_bad_names = 10'000;

std::string render(const OutboxOrigin& origin) {
  return "MAILBOX:" + escape_value(origin.mailbox) + "\nFILE:" + escape_value(origin.file) +
         "\nPLACE:" + (origin.is_in_mailbag ? "mailbag" : "work") + "\n";
}

/// Nothing if it is none: written by us and synced, so then the disk is damaged.
std::optional<OutboxOrigin> parse(std::string_view text) {
  OutboxOrigin origin;
  const auto take_line = [&text](std::string_view word) -> std::optional<std::string> {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos || !text.starts_with(word)) return std::nullopt;
    std::string value = unescape_value(text.substr(word.size(), end - word.size()));
    text.remove_prefix(end + 1);
    return value;
  };
  const auto mailbox = take_line("MAILBOX:");
  const auto file = take_line("FILE:");
  const auto place = take_line("PLACE:");
  if (!mailbox || !file || !place || why_bad_mailbox_name(*mailbox)) return std::nullopt;
  if (file->empty() || file->find('/') != std::string::npos) return std::nullopt;
  return OutboxOrigin{*mailbox, *file, *place == "mailbag"};
}

std::string note_of(std::uint64_t number) {
  return "ASIDE-" + std::to_string(number);
}

/// ids/ is closed to the mailbox's users and on the same file system as the outbox.
std::string mailbag_path(const Postoffice& postoffice, const std::string& mailbox,
                         const std::string& id) {
  const std::string directory = path_in(postoffice.mailbag_directory(mailbox), layout::markers);
  return path_in(directory, ".out-" + id);
}

Outcome no_origin(const std::string& directory) {
  return Outcome::temporary(directory + " does not say whose outbox its " +
                            std::string(layout::taken_file) + " came from (no good " +
                            std::string(origin_file) +
                            "); look into the file, put it back by hand and remove the directory");
}

}  // namespace

std::string outbox_directory(const Postoffice& postoffice, std::string_view mailbox) {
  return path_in(postoffice.mailbag_directory(mailbox), layout::outbox);
}

FileResult<std::string> free_bad_name(const Postoffice& postoffice, std::string_view mailbox,
                                      std::string_view name) {
  const std::string directory = outbox_directory(postoffice, mailbox);
  for (int number = 1; number <= most_bad_names; ++number) {
    const std::string ending = number == 1 ? ".bad" : ".bad-" + std::to_string(number);
    std::string bad(name.substr(0, longest_name - ending.size()));
    bad += ending;
    auto status = postoffice.files().status(path_in(directory, bad));
    if (status) continue;
    if (status.error().code != ENOENT) return tl::unexpected(status.error());
    return bad;
  }
  return tl::unexpected(
      FileError{EEXIST, "set aside (too many of that name)", path_in(directory, name)});
}

std::optional<std::string> name_before_set_aside(std::string_view bad_name) {
  const std::size_t at = bad_name.rfind(".bad");
  if (at == std::string_view::npos || at == 0 || bad_name.front() == '.') return std::nullopt;
  const std::string_view number = bad_name.substr(at + std::string_view(".bad").size());
  const bool is_counted =
      number.size() > 1 && number.front() == '-' &&
      std::all_of(number.begin() + 1, number.end(), [](char c) { return is_ascii_digit(c); });
  if (!number.empty() && !is_counted) return std::nullopt;
  std::string name(bad_name.substr(0, at));
  if (is_outbox_name(name)) return name;
  if (bad_name.size() != longest_name) return std::nullopt;
  constexpr std::string_view ending = ".API";
  name.resize(std::min(name.size(), longest_name - ending.size()));
  return name.append(ending);
}

Expected<std::optional<TakenPlace>> look_at_taken(const Postoffice& postoffice,
                                                  const std::string& host, const std::string& id) {
  FileSystem& files = postoffice.files();
  const std::string directory = path_in(path_in(postoffice.path(layout::work), host), id);
  auto there = files.status(path_in(directory, layout::taken_file));
  if (!there) {
    if (there.error().code == ENOENT || there.error().code == ENOTDIR) return std::nullopt;
    return failure(there.error().outcome());
  }
  auto text = read_whole(files, path_in(directory, origin_file), largest_origin);
  auto origin = text ? parse(*text) : std::optional<OutboxOrigin>();
  if (!origin) return failure(no_origin(directory));
  TakenPlace place{std::move(*origin), path_in(directory, layout::taken_file)};
  if (place.origin.is_in_mailbag) {
    place.path = mailbag_path(postoffice, place.origin.mailbox, id);
  }
  return place;
}

TakenFile::TakenFile(const Postoffice& postoffice, std::string directory, std::string id,
                     std::unique_ptr<File> lock, OutboxOrigin origin)
    : postoffice_(postoffice),
      directory_(std::move(directory)),
      id_(std::move(id)),
      lock_(std::move(lock)),
      origin_(std::move(origin)),
      home_(origin_.mailbox) {}

TakenFile::~TakenFile() = default;

Expected<std::optional<TakenFile>> TakenFile::take(const Postoffice& postoffice,
                                                   std::string_view mailbox, std::string_view name,
                                                   std::string_view as_name) {
  auto work = WorkDirectory::make(postoffice);
  if (!work) return failure(work.error());
  const std::string path = work->path();
  const std::string id = work->id();
  TakenFile taken(postoffice, path, id, nullptr,
                  {std::string(mailbox), std::string(as_name.empty() ? name : as_name), false});
  auto written = taken.write_origin();
  // With the directory's own name on disk, and that of the host's directory above it.
  if (written) written = postoffice.files().sync_directory(parent_directory(path));
  if (written) written = postoffice.files().sync_directory(postoffice.path(layout::work));
  if (!written) return failure(written.error().outcome());
  auto pulled = taken.pull(name);
  if (!pulled) {
    // Only what is plainly empty is removed.
    auto there = postoffice.files().status(taken.file_path());
    if (there || there.error().code != ENOENT) (void)work->release();
    return failure(pulled.error().outcome());
  }
  if (!*pulled) return std::nullopt;
  taken.lock_ = work->release();
  return std::optional<TakenFile>(std::move(taken));
}

Expected<std::optional<TakenFile>> TakenFile::take_up(const Postoffice& postoffice,
                                                      const std::string& id) {
  FileSystem& files = postoffice.files();
  const std::string directory =
      path_in(path_in(postoffice.path(layout::work), postoffice.host()), id);
  auto there = files.status(path_in(directory, layout::taken_file));
  if (!there) {
    if (there.error().code == ENOENT || there.error().code == ENOTDIR) return std::nullopt;
    return failure(there.error().outcome());
  }
  auto lock = lock_directory(files, directory);
  if (!lock) return failure(lock.error().outcome());
  if (!*lock) return std::nullopt;
  auto text = read_whole(files, path_in(directory, origin_file), largest_origin);
  auto origin = text ? parse(*text) : std::optional<OutboxOrigin>();
  if (!origin) {
    // Its end came between the removal of the file, which is not on disk then, and the rest.
    return failure(no_origin(directory));
  }
  TakenFile taken(postoffice, directory, id, std::move(*lock), std::move(*origin));
  if (auto followed = taken.follow_rename(); !followed) return failure(followed.error());
  auto lies_there = files.status(taken.file_path());
  if (taken.origin_.is_in_mailbag && !lies_there) {
    // Only what is plainly not there was never taken: not on a disk that cannot be read.
    const std::string mailbag = postoffice.mailbag_directory(taken.origin_.mailbox);
    // On the disk, too: else a power cut could bring the file back when nobody knows of it.
    auto marks = files.sync_directory(path_in(mailbag, layout::markers));
    if (lies_there.error().code != ENOENT || !marks) {
      return failure(
          Outcome::temporary(taken.file_path() + " cannot be looked at; it is tried again"));
    }
    if (auto removed = taken.remove_directory(); !removed) {
      return failure(removed.error().outcome());
    }
    return std::nullopt;
  }
  // Whoever took it may have died before this sync. Without it a power cut after all was done could
  // bring the file back into the outbox, to be sent again under another key.
  if (auto synced = files.sync_directory(parent_directory(taken.file_path())); !synced) {
    return failure(synced.error().outcome());
  }
  return std::optional<TakenFile>(std::move(taken));
}

Expected<bool> TakenFile::follow_rename() {
  auto there = postoffice_.files().status(postoffice_.mailbag_directory(origin_.mailbox));
  if (there) return false;
  if (there.error().code != ENOENT) return failure(there.error().outcome());
  auto renamed = new_name_of(postoffice_, origin_.mailbox);
  if (!renamed) return failure(renamed.error());
  if (!*renamed) return false;
  origin_.mailbox = **renamed;
  home_ = origin_.mailbox;
  return true;
}

FileResult<void> TakenFile::write_origin() const {
  auto owner = owner_for_new_files(postoffice_.files(), postoffice_.directory());
  if (!owner) return tl::unexpected(owner.error());
  return replace_file(postoffice_.files(), path_in(directory_, origin_file), render(origin_), 0600,
                      *owner);
}

FileResult<bool> TakenFile::pull(std::string_view name) {
  FileSystem& files = postoffice_.files();
  const std::string source = path_in(outbox_directory(postoffice_, origin_.mailbox), name);
  auto moved = files.rename(source, file_path());
  if (!moved && moved.error().code == EXDEV) {
    origin_.is_in_mailbag = true;
    if (auto written = write_origin(); !written) return tl::unexpected(written.error());
    // Empty: it says that the directory is not to be cleared while the file lies elsewhere.
    auto mark = files.create(path_in(directory_, layout::taken_file), 0600);
    if (!mark) return tl::unexpected(mark.error());
    auto synced = files.sync_directory(directory_);
    if (!synced) return tl::unexpected(synced.error());
    moved = files.rename(source, file_path());
  }
  // An error whose rename was done all the same is none.
  if (!moved) {
    auto there = files.status(file_path());
    const bool has_gone = !there && there.error().code == ENOENT && moved.error().code == ENOENT;
    // Or it is our own directory that has gone.
    if (has_gone && !files.status(source)) return false;
    if (!there) return tl::unexpected(moved.error());
  }
  auto synced = files.sync_directory(parent_directory(file_path()));
  if (!synced) return tl::unexpected(synced.error());
  return true;
}

std::string TakenFile::file_path() const {
  if (origin_.is_in_mailbag) return mailbag_path(postoffice_, origin_.mailbox, id_);
  return path_in(directory_, layout::taken_file);
}

std::int64_t TakenFile::taken_at() const {
  constexpr std::size_t time_digits = 12;
  std::int64_t milliseconds = 0;
  const char* const end = id_.data() + std::min(id_.size(), time_digits);
  (void)std::from_chars(id_.data(), end, milliseconds, 16);
  return milliseconds / 1000;
}

FileResult<FileStatus> TakenFile::status() const {
  return postoffice_.files().status(file_path());
}

FileResult<std::unique_ptr<File>> TakenFile::copy(std::uint64_t size_limit) const {
  FileSystem& files = postoffice_.files();
  const std::string target = path_in(directory_, layout::outgoing_mmff);
  auto removed = files.remove(target);
  if (!removed && removed.error().code != ENOENT) return tl::unexpected(removed.error());
  auto source = files.open(file_path());
  if (!source) return tl::unexpected(source.error());
  auto status = (*source)->status();
  if (!status) return tl::unexpected(status.error());
  if (size_limit > 0 && status->size > size_limit) {
    return tl::unexpected(FileError{EFBIG, "copy", file_path()});
  }
  auto file = files.create(target, 0600);
  if (!file) return file;
  auto copied = (*file)->append_from(**source, 0, status->size);
  if (!copied) {
    (void)files.remove(target);  // what fills a disk must not stay; the first error is the one
    return tl::unexpected(copied.error());
  }
  return file;
}

FileResult<void> TakenFile::put_back(const std::string& bad_name) {
  FileSystem& files = postoffice_.files();
  const std::string outbox = outbox_directory(postoffice_, home_);
  auto moved = files.rename(file_path(), path_in(outbox, bad_name));
  if (!moved && files.status(file_path())) return moved;  // else it was done all the same
  if (auto synced = files.sync_directory(outbox); !synced) return synced;
  return remove_directory();
}

/// In the outbox, since only there it gets the mailbox's own group; no name that is ever sent.
std::string TakenFile::part_path(std::uint64_t number) const {
  return path_in(outbox_directory(postoffice_, home_), "." + id_ + "-" + std::to_string(number));
}

/// The note says that the part was whole and about to be renamed; once the part is gone from here,
/// it was.
FileResult<bool> TakenFile::was_put_back(std::uint64_t number) const {
  FileSystem& files = postoffice_.files();
  auto noted = files.status(path_in(directory_, note_of(number)));
  if (!noted && noted.error().code == ENOENT) return false;
  if (!noted) return tl::unexpected(noted.error());
  auto part = files.status(part_path(number));
  if (part) return false;
  if (part.error().code != ENOENT) return tl::unexpected(part.error());
  // Whoever renamed it may have died before the sync.
  auto synced = files.sync_directory(outbox_directory(postoffice_, home_));
  if (!synced) return tl::unexpected(synced.error());
  return true;
}

FileResult<void> TakenFile::put_back_part(std::uint64_t number, const std::string& bad_name,
                                          File& copy, std::uint64_t offset,
                                          std::uint64_t size) const {
  FileSystem& files = postoffice_.files();
  const std::string outbox = outbox_directory(postoffice_, home_);
  const std::string part = part_path(number);
  auto removed = files.remove(part);  // of a try that ended
  if (!removed && removed.error().code != ENOENT) return removed;
  if (auto written = write_part(part, copy, offset, size); !written) {
    (void)files.remove(part);  // the first error is the one to report
    return written;
  }
  // The part is on disk before the note, and both before the rename: so that after a crash they
  // tell whether it was done.
  if (auto synced = files.sync_directory(outbox); !synced) return synced;
  auto noted = files.create(path_in(directory_, note_of(number)), 0600);
  if (!noted && noted.error().code != EEXIST) return tl::unexpected(noted.error());
  if (auto synced = files.sync_directory(directory_); !synced) return synced;
  if (auto moved = files.rename(part, path_in(outbox, bad_name)); !moved) return moved;
  return files.sync_directory(outbox);
}

FileResult<void> TakenFile::write_part(const std::string& path, File& copy, std::uint64_t offset,
                                       std::uint64_t size) const {
  FileSystem& files = postoffice_.files();
  auto folder = files.status(parent_directory(path));
  if (!folder) return tl::unexpected(folder.error());
  auto owner = owner_for_new_files(files, postoffice_.directory());
  if (!owner) return tl::unexpected(owner.error());
  auto file = files.create(path, 0600);
  if (!file) return tl::unexpected(file.error());
  auto done = (*file)->append_from(copy, offset, size);
  if (done && *owner) done = (*file)->set_owner((*owner)->user, folder->group);
  if (done) done = (*file)->set_mode(0660);
  if (done) done = (*file)->sync();
  return done;
}

FileResult<void> TakenFile::finish() {
  FileSystem& files = postoffice_.files();
  const std::string path = file_path();
  auto removed = files.remove(path);
  if (!removed && removed.error().code != ENOENT) return removed;
  // Or a crash brings it back, to be sent again after the markers have expired.
  if (auto synced = files.sync_directory(parent_directory(path)); !synced) return synced;
  return remove_directory();
}

FileResult<void> TakenFile::remove_directory() {
  FileSystem& files = postoffice_.files();
  auto removed = files.remove(path_in(directory_, layout::taken_file));
  if (!removed && removed.error().code != ENOENT) return removed;
  // It goes before the note of where it came from, also for a power cut.
  if (removed) {
    if (auto synced = files.sync_directory(directory_); !synced) return synced;
  }
  auto done = remove_with_files(files, directory_);
  lock_.reset();
  return done;
}

}  // namespace smtpgate::postoffice
