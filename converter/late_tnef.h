// TNEF whose file name is known only when all of it has come: uuencoded, as the oldest programs of
// its kind sent it, in a text or as the transfer encoding of a part. What may be TNEF is kept while
// it passes, and taken apart when the names are settled. Not for a part whose header names it
// (leaf_expansion.h).
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

/// The files of one part. Not for use by two threads at a time.
class LateTnef {
 public:
  /// `list` is where the attachments stand; it outlives the object.
  LateTnef(std::vector<postoffice::Attachment>& list, const SpoolPlace& place)
      : list_(list), octets_(place) {}

  /// A file's octets follow.
  void begin();
  void feed(std::string_view octets);
  /// It was the attachment of that number.
  void end(std::size_t attachment);

  /// What is inside goes to `files`, and perhaps becomes the message's text. `context`: its name is
  /// not looked at.
  void expand(ExpansionContext context, EmbeddedAttachments& files);
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

  std::vector<postoffice::Attachment>& list_;
  Spool octets_;  ///< of all that were found, one behind the other
  std::vector<Found> found_;
  std::string first_;         ///< of the file that is open, until the signature is known
  bool may_be_tnef_ = false;  ///< the file that is open
  std::uint64_t begin_ = 0;   ///< where its octets begin
  std::optional<postoffice::FileError> error_;
};

/// Hands the files of a text on to the attachments and shows them to a LateTnef.
class TnefInText : public EmbeddedFileHandler {
 public:
  /// All outlive the object; `list` is where `files` adds its entries.
  TnefInText(EmbeddedAttachments& files, const std::vector<postoffice::Attachment>& list,
             LateTnef& late)
      : files_(files), list_(list), late_(late) {}

  void begin_file(const EmbeddedFile& file) override;
  void file_octets(std::string_view octets) override;
  void end_file(const std::vector<std::string>& odd) override;

 private:
  EmbeddedAttachments& files_;
  const std::vector<postoffice::Attachment>& list_;
  LateTnef& late_;
  bool is_taken_ = false;  ///< the file that is open, by the attachments
};

}  // namespace smtpgate::converter
