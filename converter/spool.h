// Octets that are written once and read again: in memory while they are few, then in blocks that
// all spools share while there are any, in an unnamed file of the work directory otherwise. What a
// message's raw copy and its decoded contents wait in. Not for anything that must survive a crash.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "converter/spool_memory.h"
#include "converter/time_limit.h"
#include "postoffice/byte_stream.h"
#include "postoffice/file_system.h"

namespace smtpgate::converter {

struct SpoolPlace {
  postoffice::FileSystem* files = nullptr;
  std::string directory;                      ///< the work directory
  std::size_t memory = std::size_t{1} << 20;  ///< octets each spool keeps in memory by itself
  TimeLimit* time_limit = nullptr;  ///< once it is over, reading and writing fail with ETIMEDOUT
  std::shared_ptr<SpoolMemory> shared = nullptr;  ///< for what is more; nullptr: a file at once
};

/// For a process that handles many messages at once, whose memory must not grow with their number:
/// what is above 128 KiB of a spool shares `memory`.
inline SpoolPlace with_shared_memory(SpoolPlace place, std::shared_ptr<SpoolMemory> memory) {
  place.memory = std::size_t{128} << 10;
  place.shared = std::move(memory);
  return place;
}

/// Octets of a spool that are looked at or copied at a time: a piece and what it decodes to stay in
/// a processor's own cache.
inline constexpr std::size_t spool_piece = std::size_t{64} << 10;

class Spool : public postoffice::ByteSink {
 public:
  explicit Spool(SpoolPlace place) : place_(std::move(place)), shared_(place_.shared) {}

  postoffice::FileResult<void> write(std::string_view data) override;
  std::uint64_t size() const { return size_; }
  void clear();

  /// From now on the octets go to `file`, behind what stands in it already (`offset` octets), and
  /// stay there: for a raw message whose spool is its SMTP_IN.822. Only while the spool is empty.
  void keep_in(std::unique_ptr<postoffice::File> file, std::uint64_t offset);
  bool is_kept() const { return is_kept_; }
  /// Everything that keep_in()'s file shall hold is in it.
  postoffice::FileResult<void> flush();

  /// All octets, from the start, into `target`: by a copy in the kernel where they lie in a file.
  postoffice::FileResult<void> copy_to(postoffice::File& target);
  postoffice::FileResult<void> copy_to(postoffice::ByteSink& target);
  /// `size` octets from `offset` on; EIO if there are not so many.
  postoffice::FileResult<void> copy_to(postoffice::File& target, std::uint64_t offset,
                                       std::uint64_t size);
  /// Calls `take` with pieces, in order, until it returns false: of at most `piece` octets each, or
  /// as they lie in memory.
  template <typename Take>
  postoffice::FileResult<void> for_each_piece(std::size_t piece, Take take);
  /// Likewise with `size` octets from `offset` on; EIO if there are not so many.
  template <typename Take>
  postoffice::FileResult<void> for_each_piece(std::uint64_t offset, std::uint64_t size,
                                              std::size_t piece, Take take);

  /// Up to buffer.size() octets from `offset`; 0 at the end.
  postoffice::FileResult<std::size_t> read_at(std::uint64_t offset, std::span<char> buffer);

 private:
  static postoffice::FileError too_short() { return {EIO, "read", "a work file"}; }
  static postoffice::FileError too_late() { return {ETIMEDOUT, "convert", "the message"}; }
  bool is_too_late() const { return place_.time_limit != nullptr && place_.time_limit->is_over(); }

  postoffice::FileResult<void> move_to_file();
  /// The octets at `offset` as far as they lie together in memory; there is no file.
  std::string_view in_memory(std::uint64_t offset) const;

  SpoolPlace place_;
  std::string memory_;                      ///< the first octets, or what is not yet in the file
  SharedOctets shared_;                     ///< those behind memory_, while there is no file
  std::unique_ptr<postoffice::File> file_;  ///< once there is too much for memory
  std::uint64_t size_ = 0;
  std::uint64_t offset_ = 0;  ///< of our first octet in the file
  bool is_kept_ = false;
};

template <typename Take>
postoffice::FileResult<void> Spool::for_each_piece(std::size_t piece, Take take) {
  return for_each_piece(0, size_, piece, take);
}

template <typename Take>
postoffice::FileResult<void> Spool::for_each_piece(std::uint64_t offset, std::uint64_t size,
                                                   std::size_t piece, Take take) {
  if (offset > size_ || size > size_ - offset) return tl::unexpected(too_short());
  if (is_too_late()) return tl::unexpected(too_late());
  if (!file_) {
    for (std::uint64_t done = 0; done < size;) {
      const std::string_view there = in_memory(offset + done).substr(0, size - done);
      if (!take(there)) return {};
      if (is_too_late()) return tl::unexpected(too_late());
      done += there.size();
    }
    return {};
  }
  if (auto flushed = flush(); !flushed) return flushed;
  std::string buffer(std::min<std::uint64_t>(piece, size), '\0');
  for (std::uint64_t done = 0; done < size;) {
    const std::span<char> room(buffer.data(), std::min<std::uint64_t>(buffer.size(), size - done));
    auto count = file_->read_at(offset_ + offset + done, room);
    if (!count) return tl::unexpected(count.error());
    if (*count == 0) return tl::unexpected(too_short());
    if (!take(std::string_view(buffer.data(), *count))) return {};
    if (is_too_late()) return tl::unexpected(too_late());
    done += *count;
  }
  return {};
}

}  // namespace smtpgate::converter
