// TNEF among the files that stand in a text: the oldest programs of its kind sent their winmail.dat
// uuencoded there. Looks at the files on their way to the attachments, keeps those that begin with
// TNEF's signature, and takes them apart when the text is over. Not for a part of its own that is
// TNEF (leaf_expansion.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "converter/embedded_attachments.h"
#include "converter/leaf_expansion.h"
#include "converter/spool.h"
#include "postoffice/mmff.h"

namespace smtpgate::converter {

/// For one text. Not for use by two threads at a time.
class TnefInText : public EmbeddedFileHandler {
 public:
  /// All outlive the object; `list` is where `files` adds its entries.
  TnefInText(EmbeddedAttachments& files, std::vector<postoffice::Attachment>& list,
             const SpoolPlace& place)
      : files_(files), list_(list), octets_(place) {}

  void begin_file(const EmbeddedFile& file) override;
  void file_octets(std::string_view octets) override;
  void end_file(const std::vector<std::string>& odd) override;

  /// After the last file, once they have their names: what is inside becomes attachments behind
  /// them, and perhaps the message's text. `context`: its name is not looked at.
  void expand(ExpansionContext context);
  /// A disk error.
  const std::optional<postoffice::FileError>& error() const { return error_; }

 private:
  struct Found {
    std::size_t attachment;  ///< which in the list
    std::uint64_t offset;
    std::uint64_t size;
  };

  void expand_one(const Found& found, const ExpansionContext& context);
  void take_error(const postoffice::FileResult<void>& result);

  EmbeddedAttachments& files_;
  std::vector<postoffice::Attachment>& list_;
  Spool octets_;  ///< of all that were found, one behind the other
  std::vector<Found> found_;
  bool is_looked_at_ = false;  ///< the file that is open may be TNEF, or is
  std::string first_;          ///< of the file that is open, until the signature is known
  std::optional<postoffice::FileError> error_;
};

}  // namespace smtpgate::converter
