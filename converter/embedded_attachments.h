// Makes attachments of the files inside a part (embedded_files.h): their octets behind all contents
// there are, their entries behind all entries, names safe and unique. Counts them: a message has at
// most so many.
//
// Not for finding the files, and not for the part that they were in: whoever attaches that too
// reserves its place in the contents first (AttachmentContents::reserve_range).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "converter/attachment_contents.h"
#include "converter/attachment_names.h"
#include "converter/embedded_files.h"

namespace smtpgate::converter {

class EmbeddedAttachments : public EmbeddedFileHandler {
 public:
  /// For one message; everything given outlives the object. `most_files`: of the message.
  EmbeddedAttachments(AttachmentContents& contents, std::vector<postoffice::Attachment>& list,
                      AttachmentNames& names, unsigned most_files)
      : contents_(contents), list_(list), names_(names), most_files_(most_files) {}

  /// The files that follow were inside the attachment of that name: marked `from:NAME`. Empty:
  /// inside a text.
  void set_source(std::string name) { source_ = std::move(name); }

  void begin_file(const EmbeddedFile& file) override;
  void file_octets(std::string_view octets) override;
  void end_file(const std::vector<std::string>& odd) override;

  /// The attachment of that number is called so, whatever it was called before; if that is empty,
  /// nothing changes. UTF-8.
  void rename(std::size_t index, const std::string& name);
  /// The attachments that were added last are called so, in their order, whatever they were called
  /// before. UTF-8; empty: leave that one.
  void rename_last(const std::vector<std::string>& names);

  /// How many more begin_file() will take; what comes beyond is dropped, because the part that it
  /// was in is kept, and limit_reached() tells.
  unsigned files_left() const { return most_files_ - files_; }
  unsigned files() const { return files_; }
  bool limit_reached() const { return limit_reached_; }
  /// A disk error; nothing more is taken then.
  const std::optional<postoffice::FileError>& error() const { return error_; }

 private:
  AttachmentContents& contents_;
  std::vector<postoffice::Attachment>& list_;
  AttachmentNames& names_;
  unsigned most_files_;
  unsigned files_ = 0;
  bool limit_reached_ = false;
  bool is_open_ = false;  ///< the file being told is taken
  std::string source_;
  std::optional<postoffice::FileError> error_;
};

}  // namespace smtpgate::converter
