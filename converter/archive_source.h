// Messages out of a Maildir, an mbox, an .eml file or a directory of them, one after the other
// (docs/archives.md, "Import"). Not for what becomes of them (archive_import.h). One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "converter/archive_target.h"
#include "converter/inbound.h"
#include "postoffice/file_system.h"
#include "postoffice/outcome.h"

namespace smtpgate::converter {

struct ArchivedFile {
  std::string name;          ///< for people: "old.mbox, message 12"; hostile
  std::string id;            ///< of ours, if an export wrote it; empty otherwise
  std::string sender;        ///< of the envelope as far as it is told; empty: <>
  std::int64_t arrival = 0;  ///< seconds since 1970
  bool is_read = false;
};

class ArchiveSource {
 public:
  static Expected<std::unique_ptr<ArchiveSource>> open(ArchiveFormat format,
                                                       const std::string& path,
                                                       postoffice::FileSystem& files);
  virtual ~ArchiveSource() = default;

  /// The next message, its octets in `raw`, which is empty; nullopt behind the last. A failure is
  /// of this message or, where `is_over()`, of the archive.
  virtual Expected<std::optional<ArchivedFile>> next(RawMessage& raw) = 0;
  virtual bool is_over() const = 0;
  /// 0 to 100 of it are done, as far as that is known.
  virtual unsigned percent() const = 0;
};

}  // namespace smtpgate::converter
