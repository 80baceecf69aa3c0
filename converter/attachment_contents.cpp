// AttachmentContents: see the header. Decoded octets are gathered, so that many small attachments
// cost few writes.
#include "converter/attachment_contents.h"

#include <cerrno>
#include <memory>
#include <string>

namespace smtpgate::converter {

using postoffice::File;
using postoffice::FileError;
using postoffice::FileResult;

namespace {

// Two of these, one read and one decoded, stay in a processor's own cache.
constexpr std::size_t write_piece = std::size_t{64} << 10;

class Writing {
 public:
  Writing(Spool& raw, Spool& stored, File& target) : raw_(raw), stored_(stored), target_(target) {}

  FileResult<void> add_stored(std::uint64_t size) {
    if (auto flushed = flush(); !flushed) return flushed;
    auto copied = stored_.copy_to(target_, next_stored_, size);
    next_stored_ += size;
    return copied;
  }

  FileResult<void> add_range(const EncodedRange& range, std::uint64_t decoded_size) {
    const std::string_view line_end = postoffice::line_end_octets(range.line_end);
    if (keeps_octets(range.encoding, line_end)) {
      if (range.size != decoded_size) return tl::unexpected(changed());
      if (auto flushed = flush(); !flushed) return flushed;
      return raw_.copy_to(target_, range.offset, range.size);
    }
    TransferEncoding encoding = range.encoding;
    const auto decoder = range.is_text ? make_text_decoder(encoding, line_end)
                                       : make_transfer_decoder(encoding, line_end);
    const std::uint64_t end = written_ + ready_.size() + decoded_size;
    FileResult<void> result;
    auto read =
        raw_.for_each_piece(range.offset, range.size, spool_piece, [&](std::string_view piece) {
          decoder->feed(piece, ready_);
          if (written_ + ready_.size() > end) result = tl::unexpected(changed());
          if (result && ready_.size() >= write_piece) result = flush();
          return result.has_value();
        });
    if (!read) return read;
    if (!result) return result;
    decoder->finish(ready_);
    if (written_ + ready_.size() != end) return tl::unexpected(changed());
    return {};
  }

  FileResult<void> flush() {
    auto result = target_.write(ready_);
    written_ += ready_.size();
    ready_.clear();
    return result;
  }

 private:
  // A file whose sizes are wrong would be read as another message; better none.
  static FileError changed() {
    return {EIO, "read", "a work file (a part does not decode to its size again)"};
  }

  Spool& raw_;
  Spool& stored_;
  File& target_;
  std::string ready_;
  std::uint64_t written_ = 0;  ///< of what went through ready_
  std::uint64_t next_stored_ = 0;
};

}  // namespace

FileResult<void> AttachmentContents::write(std::string_view octets) {
  if (segments_.empty() || segments_.back().range) segments_.push_back({std::nullopt, 0});
  segments_.back().size += octets.size();
  size_ += octets.size();
  return stored_.write(octets);
}

void AttachmentContents::add_range(const EncodedRange& range, std::uint64_t decoded_size) {
  segments_.push_back({range, decoded_size});
  size_ += decoded_size;
}

std::size_t AttachmentContents::reserve_range() {
  segments_.push_back({EncodedRange{}, 0});
  return segments_.size() - 1;
}

void AttachmentContents::fill_range(std::size_t reserved, const EncodedRange& range,
                                    std::uint64_t decoded_size) {
  segments_[reserved] = {range, decoded_size};
  size_ += decoded_size;
}

void AttachmentContents::clear() {
  stored_.clear();
  segments_.clear();
  size_ = 0;
}

FileResult<void> AttachmentContents::copy_to(Spool& raw, File& target) {
  Writing writing(raw, stored_, target);
  for (const Segment& segment : segments_) {
    auto added = segment.range ? writing.add_range(*segment.range, segment.size)
                               : writing.add_stored(segment.size);
    if (!added) return added;
  }
  return writing.flush();
}

}  // namespace smtpgate::converter
