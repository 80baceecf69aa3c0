// Trying a file system; see the header.
#include "postoffice/store_probe.h"

#include <cerrno>
#include <memory>

#include "postoffice/folder.h"
#include "postoffice/shared_file_system.h"
#include "postoffice/unique_id.h"

namespace smtpgate::postoffice {

namespace {

class Probe {
 public:
  Probe(FileSystem& files, const std::string& directory)
      : files_(files),
        directory_(directory),
        one_(path_in(directory, std::string(store_probe_prefix) + new_unique_id())),
        other_(one_ + "-2") {}
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;
  ~Probe() {
    (void)files_.remove(one_);
    (void)files_.remove(other_);
  }

  std::optional<std::string> run() {
    if (auto done = write(); !done) return done.error().sentence();
    const auto written = files_.status(one_);
    if (!written) return written.error().sentence();
    if (written->mode != 0600) return directory_ + " does not keep the modes of files";
    if (auto why = why_no_links(*written)) return why;
    if (auto why = why_no_locks()) return why;
    // As every file of settings is replaced.
    if (auto done = files_.rename(other_, one_); !done) return done.error().sentence();
    if (auto done = files_.sync_directory(directory_); !done) return done.error().sentence();
    return std::nullopt;
  }

 private:
  FileResult<void> write() {
    auto file = files_.create(one_, 0600);
    if (!file) return tl::unexpected(file.error());
    if (auto done = (*file)->write("probe\n"); !done) return done;
    if (auto done = (*file)->sync(); !done) return done;
    return (*file)->close();
  }

  std::optional<std::string> why_no_links(const FileStatus& written) {
    if (auto done = files_.link(one_, other_); !done) return done.error().sentence();
    const auto linked = files_.status(other_);
    if (!linked) return linked.error().sentence();
    if (linked->inode != written.inode || linked->device != written.device) {
      return directory_ + " makes copies instead of hard links";
    }
    const auto again = files_.link(one_, other_);
    if (again || again.error().code != EEXIST) {
      return directory_ + " lets a hard link take the place of a file that is there";
    }
    // Two names of one file: a rename between them would do nothing (POSIX).
    if (auto done = files_.remove(other_); !done) return done.error().sentence();
    auto file = files_.create(other_, 0600);
    if (!file) return file.error().sentence();
    return std::nullopt;
  }

  std::optional<std::string> why_no_locks() {
    auto first = open_to_lock(files_, one_);
    auto second = open_to_lock(files_, one_);
    if (!first) return first.error().sentence();
    if (!second) return second.error().sentence();
    const auto locked = (*first)->try_lock();
    if (!locked) return locked.error().sentence();
    const auto locked_twice = (*second)->try_lock();
    if (!*locked || (locked_twice && *locked_twice)) {
      return directory_ + " gives one lock to two at once";
    }
    return std::nullopt;
  }

  FileSystem& files_;
  const std::string directory_;
  const std::string one_;
  const std::string other_;
};

}  // namespace

std::optional<std::string> why_no_store(FileSystem& files, const std::string& directory) {
  return Probe(files, directory).run();
}

}  // namespace smtpgate::postoffice
