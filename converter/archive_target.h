// What an export writes into (docs/archives.md): a Maildir, an mbox, a directory of .eml files. Not
// for what a message looks like there (archived_message.h) or which ones go (archive_export.h).
//
// One thread; one process at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "postoffice/byte_stream.h"
#include "postoffice/file_system.h"
#include "postoffice/outcome.h"

namespace smtpgate::converter {

enum class ArchiveFormat { maildir, mbox, eml };

/// "maildir", "mbox", "eml".
std::optional<ArchiveFormat> parse_archive_format(std::string_view name);
std::string_view name_of(ArchiveFormat format);

struct ArchiveEntry {
  std::string id;
  std::int64_t arrival = 0;  ///< seconds since 1970
  bool is_read = false;
};

/// Writes the message with CR LF line ends; gives the envelope's sender.
using MessageWriter = std::function<Expected<std::string>(postoffice::ByteSink&)>;

class ArchiveTarget {
 public:
  /// Makes the directory where it is missing. `mailbox` is "NET/PO/BOX".
  static Expected<std::unique_ptr<ArchiveTarget>> open(ArchiveFormat format,
                                                       const std::string& directory,
                                                       const std::string& mailbox,
                                                       postoffice::FileSystem& files);
  virtual ~ArchiveTarget() = default;

  virtual bool has(std::string_view id) const = 0;
  /// What goes wrong in `write` leaves nothing of the message there, and the target is fit for the
  /// next one.
  virtual Outcome add(const ArchiveEntry& entry, const MessageWriter& write) = 0;
  /// All that was added is durable and recorded. At times, and at the end.
  virtual Outcome commit() = 0;
};

/// CR LF becomes LF; with `quotes_from`, "From " at a line's start gets one more '>' (mboxrd).
class LineFeedSink : public postoffice::ByteSink {
 public:
  LineFeedSink(postoffice::ByteSink& sink, bool quotes_from)
      : sink_(sink), quotes_from_(quotes_from) {}

  /// Pieces cut anywhere.
  postoffice::FileResult<void> write(std::string_view data) override;
  /// The rest.
  postoffice::FileResult<void> finish();

 private:
  void take_line(std::string_view line);

  postoffice::ByteSink& sink_;
  bool quotes_from_;
  std::string held_;  ///< a line that is not whole yet
  std::string out_;
};

/// Half a thousand messages: what a stop makes the next run look at again.
inline constexpr unsigned archive_batch = 500;

}  // namespace smtpgate::converter
