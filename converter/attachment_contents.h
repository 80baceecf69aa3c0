// The octets of a message's attachments, one after the other, as TO_NC.API will have them. An
// attachment that is a decoded range of the raw message is only remembered as that range and
// decoded again when the file is written: the raw message is kept until then anyhow, and decoding
// costs less than a second file. What stands so in no range (octets of several places, or changed)
// is stored. Not for the text, which is read more than once.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "converter/spool.h"
#include "converter/transfer_decoder.h"
#include "postoffice/mmff.h"

namespace smtpgate::converter {

/// Octets of the raw message (without our own trace lines), and what they are.
struct EncodedRange {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  TransferEncoding encoding = TransferEncoding::binary;
  postoffice::LineEnd line_end = postoffice::LineEnd::crlf;  ///< see make_transfer_decoder()
  bool is_text = false;  ///< decoded as make_text_decoder() does
};

class AttachmentContents : public postoffice::ByteSink {
 public:
  explicit AttachmentContents(const SpoolPlace& place) : stored_(place) {}

  /// Stores octets behind all that is there.
  postoffice::FileResult<void> write(std::string_view octets) override;
  /// `range` decoded, which gives `decoded_size` octets, behind all that is there.
  void add_range(const EncodedRange& range, std::uint64_t decoded_size);
  /// A place behind all that is there for a range that is not known whole yet, while octets behind
  /// it come already. Empty until fill_range() of the number that is returned, which is called
  /// once.
  std::size_t reserve_range();
  void fill_range(std::size_t reserved, const EncodedRange& range, std::uint64_t decoded_size);
  std::uint64_t size() const { return size_; }
  void clear();

  /// All octets, in order, into `target`. `raw` is the message that the ranges are of; EIO if one
  /// does not decode to its size again.
  postoffice::FileResult<void> copy_to(Spool& raw, postoffice::File& target);

 private:
  struct Segment {
    std::optional<EncodedRange> range;  ///< none: stored
    std::uint64_t size;                 ///< of what stands in the file
  };

  Spool stored_;
  std::vector<Segment> segments_;
  std::uint64_t size_ = 0;
};

}  // namespace smtpgate::converter
