// Which messages of a mailbox an archive has (docs/archives.md): a first line that says whose it is
// and in which form, then an ID a line. Not for what is in the archive.
//
// One thread; one process at a time, which the record's lock sees to.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>

#include "postoffice/file_system.h"
#include "postoffice/outcome.h"

namespace smtpgate::converter {

class ArchiveRecord {
 public:
  /// Reads the file `path`, if it is there. `whose` is "NET/PO/BOX FORMAT". permanent if it is
  /// another's or no record; temporary if another process is at work on it.
  static Expected<ArchiveRecord> open(const std::string& path, std::string_view whose,
                                      postoffice::FileSystem& files);

  bool has(std::string_view id) const { return ids_.contains(std::string(id)); }
  std::size_t size() const { return ids_.size(); }
  void add(std::string_view id);
  /// Durably in the file, if anything was added.
  Outcome save();

 private:
  ArchiveRecord(std::string path, std::string_view whose, postoffice::FileSystem& files);
  Outcome read();

  std::string path_;
  std::string first_line_;
  postoffice::FileSystem* files_;
  std::unique_ptr<postoffice::File> lock_;  ///< the directory's
  std::unordered_set<std::string> ids_;
  std::string text_;  ///< of the file as it is to be
  bool is_saved_ = true;
};

}  // namespace smtpgate::converter
