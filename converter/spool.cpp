// Spool: see the header. The file comes into being when memory is full, takes what is there and
// everything from then on, in pieces of at least `memory` octets, so a large message costs few
// writes.
#include "converter/spool.h"

#include <algorithm>
#include <cerrno>

namespace smtpgate::converter {

using postoffice::FileError;
using postoffice::FileResult;

namespace {

constexpr std::size_t large_piece = std::size_t{64} << 10;
constexpr std::size_t most_reserved = std::size_t{128} << 10;

}  // namespace

FileResult<void> Spool::write(std::string_view data) {
  if (is_too_late()) return tl::unexpected(too_late());
  size_ += data.size();
  // What is large goes to the file as it is, without a copy in between.
  const bool direct = file_ && data.size() >= large_piece;
  const bool may_stay = file_ || shared_.size() == 0;  // what is shared stands behind memory_
  if (!direct && may_stay && memory_.size() + data.size() <= place_.memory) {
    // More is likely to follow; the room costs nothing until it is written to.
    if (data.size() >= large_piece / 2) memory_.reserve(std::min(place_.memory, most_reserved));
    memory_.append(data);
    return {};
  }
  if (!file_) {
    if (shared_.append(data)) return {};
    if (auto moved = move_to_file(); !moved) return moved;
  }
  if (auto flushed = flush(); !flushed) return flushed;
  if (direct || data.size() >= place_.memory) return file_->write(data);
  memory_.assign(data);
  return {};
}

FileResult<void> Spool::move_to_file() {
  auto file = place_.files->create_unnamed(place_.directory);
  if (!file) return tl::unexpected(file.error());
  const std::uint64_t octets = memory_.size() + shared_.size();
  for (std::uint64_t done = 0; done < octets;) {
    const std::string_view there = in_memory(done);
    if (auto written = (*file)->write(there); !written) return written;
    done += there.size();
  }
  file_ = std::move(*file);
  memory_.clear();
  shared_.clear();
  return {};
}

std::string_view Spool::in_memory(std::uint64_t offset) const {
  if (offset < memory_.size()) return std::string_view(memory_).substr(offset);
  return shared_.at(offset - memory_.size());
}

FileResult<void> Spool::flush() {
  if (memory_.empty() || !file_) return {};
  auto written = file_->write(memory_);
  memory_.clear();
  return written;
}

void Spool::clear() {
  memory_.clear();
  shared_.clear();
  file_.reset();
  size_ = 0;
  offset_ = 0;
  is_kept_ = false;
}

void Spool::keep_in(std::unique_ptr<postoffice::File> file, std::uint64_t offset) {
  file_ = std::move(file);
  offset_ = offset;
  is_kept_ = true;
}

FileResult<void> Spool::copy_to(postoffice::File& target) {
  return copy_to(target, 0, size_);
}

FileResult<void> Spool::copy_to(postoffice::File& target, std::uint64_t offset,
                                std::uint64_t size) {
  if (offset > size_ || size > size_ - offset) return tl::unexpected(too_short());
  if (!file_) {
    FileResult<void> result;
    auto read = for_each_piece(offset, size, size, [&](std::string_view piece) {
      result = target.write(piece);
      return result.has_value();
    });
    return read ? result : read;
  }
  if (auto flushed = flush(); !flushed) return flushed;
  return target.append_from(*file_, offset_ + offset, size);
}

FileResult<void> Spool::copy_to(postoffice::ByteSink& target) {
  FileResult<void> result;
  auto read = for_each_piece(std::size_t{256} << 10, [&](std::string_view piece) {
    result = target.write(piece);
    return result.has_value();
  });
  return read ? result : read;
}

FileResult<std::size_t> Spool::read_at(std::uint64_t offset, std::span<char> buffer) {
  if (offset >= size_) return std::size_t{0};
  if (file_) {
    if (auto flushed = flush(); !flushed) return tl::unexpected(flushed.error());
    return file_->read_at(offset_ + offset, buffer);
  }
  const std::string_view there = in_memory(offset).substr(0, buffer.size());
  std::copy(there.begin(), there.end(), buffer.begin());
  return there.size();
}

}  // namespace smtpgate::converter
