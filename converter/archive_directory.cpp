// Maildirs and directories of .eml files: see the header. A message is written under another name,
// synced, and renamed into place; directories are synced once a batch.
#include "converter/archive_directory.h"

#include <cerrno>
#include <unordered_set>
#include <utility>
#include <vector>

#include "converter/archive_record.h"

namespace smtpgate::converter {

using postoffice::FileResult;
using postoffice::FileSystem;

namespace {

constexpr std::string_view maildir_suffix = ".smtpgate";
constexpr std::string_view eml_suffix = ".eml";
/// What is being written, in a directory of .eml files; nobody's message.
constexpr std::string_view half_written = ".smtpgate-new";

class ArchiveDirectory : public ArchiveTarget {
 public:
  ArchiveDirectory(ArchiveFormat format, std::string directory, FileSystem& files,
                   ArchiveRecord record)
      : is_maildir_(format == ArchiveFormat::maildir),
        directory_(std::move(directory)),
        files_(files),
        record_(std::move(record)) {}

  Outcome prepare();
  bool has(std::string_view id) const override {
    return record_.has(id) || there_.contains(std::string(id));
  }
  Outcome add(const ArchiveEntry& entry, const MessageWriter& write) override;
  Outcome commit() override;

 private:
  std::vector<std::string> places() const {
    if (!is_maildir_) return {directory_};
    return {directory_ + "/new", directory_ + "/cur"};
  }
  std::string name_for(const ArchiveEntry& entry) const;
  FileResult<void> write_file(const std::string& path, const ArchiveEntry& entry,
                              const MessageWriter& write, std::optional<Outcome>& trouble);

  bool is_maildir_;
  std::string directory_;
  FileSystem& files_;
  ArchiveRecord record_;
  std::unordered_set<std::string> there_;  ///< without being recorded: of a run that was stopped
  std::vector<std::string> added_;
};

Outcome ArchiveDirectory::prepare() {
  if (is_maildir_) {
    for (const char* name : {"/tmp", "/new", "/cur"}) {
      auto made = files_.make_directory(directory_ + name, 0700);
      if (!made && made.error().code != EEXIST) return made.error().outcome();
    }
  }
  for (const std::string& place : places()) {
    auto names = files_.list(place);
    if (!names) return names.error().outcome();
    for (const std::string& name : *names) {
      const std::string_view id = id_in_archive_name(name);
      if (id.empty() || record_.has(id)) continue;
      there_.insert(std::string(id));
      added_.emplace_back(id);  // recorded with the next batch
    }
  }
  return Outcome::delivered("ready");
}

std::string ArchiveDirectory::name_for(const ArchiveEntry& entry) const {
  if (!is_maildir_) return directory_ + "/" + entry.id + std::string(eml_suffix);
  const std::string name =
      std::to_string(entry.arrival) + "." + entry.id + std::string(maildir_suffix);
  return directory_ + (entry.is_read ? "/cur/" + name + ":2,S" : "/new/" + name);
}

FileResult<void> ArchiveDirectory::write_file(const std::string& path, const ArchiveEntry& entry,
                                              const MessageWriter& write,
                                              std::optional<Outcome>& trouble) {
  // Of a run that was stopped.
  if (auto removed = files_.remove(path); !removed && removed.error().code != ENOENT) {
    return removed;
  }
  auto file = files_.create(path, 0600);
  if (!file) return tl::unexpected(file.error());
  postoffice::FileSink sink(**file);
  LineFeedSink lines(sink, false);
  postoffice::ByteSink& content = is_maildir_ ? static_cast<postoffice::ByteSink&>(lines) : sink;
  if (auto written = write(content); !written) {
    trouble = written.error();
    return {};
  }
  if (is_maildir_) {
    if (auto finished = lines.finish(); !finished) return finished;
  }
  if (auto dated = (*file)->set_modified(entry.arrival); !dated) return dated;
  if (auto synced = (*file)->sync(); !synced) return synced;
  return (*file)->close();
}

Outcome ArchiveDirectory::add(const ArchiveEntry& entry, const MessageWriter& write) {
  const std::string work = is_maildir_
                               ? directory_ + "/tmp/" + entry.id + std::string(maildir_suffix)
                               : directory_ + "/" + std::string(half_written);
  std::optional<Outcome> trouble;
  auto done = write_file(work, entry, write, trouble);
  if (done && !trouble) done = files_.rename(work, name_for(entry));
  if (!done) trouble = done.error().outcome();
  if (trouble) {
    // What is left would be taken for nothing, and the next run writes over it.
    (void)files_.remove(work);
    return *trouble;
  }
  added_.push_back(entry.id);
  return Outcome::delivered("exported");
}

Outcome ArchiveDirectory::commit() {
  if (!added_.empty()) {
    for (const std::string& place : places()) {
      if (auto synced = files_.sync_directory(place); !synced) return synced.error().outcome();
    }
  }
  for (const std::string& id : added_) record_.add(id);
  added_.clear();
  return record_.save();
}

}  // namespace

Expected<std::unique_ptr<ArchiveTarget>> open_archive_directory(ArchiveFormat format,
                                                                const std::string& directory,
                                                                const std::string& mailbox,
                                                                FileSystem& files) {
  auto record = ArchiveRecord::open(directory + "/smtpgate-export",
                                    mailbox + " " + std::string(name_of(format)), files);
  if (!record) return failure(record.error());
  auto target = std::make_unique<ArchiveDirectory>(format, directory, files, std::move(*record));
  if (const Outcome ready = target->prepare(); !ready.is_delivered()) return failure(ready);
  return target;
}

std::string_view id_in_archive_name(std::string_view name) {
  const std::size_t end = name.find(maildir_suffix);
  if (end != std::string_view::npos) {
    const std::size_t begin = name.find('.') + 1;
    return begin < end ? name.substr(begin, end - begin) : std::string_view();
  }
  if (name.starts_with('.') || !name.ends_with(eml_suffix)) return {};
  return name.substr(0, name.size() - eml_suffix.size());
}

}  // namespace smtpgate::converter
