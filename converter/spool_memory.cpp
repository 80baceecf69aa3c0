// Blocks for large messages; see the header.
#include "converter/spool_memory.h"

#include <algorithm>
#include <new>
#include <utility>

namespace smtpgate::converter {

SpoolMemory::Block SpoolMemory::take() {
  const std::lock_guard lock(mutex_);
  if (!unused_.empty()) {
    Block block = std::move(unused_.back());
    unused_.pop_back();
    return block;
  }
  if (free_ == 0) return nullptr;
  Block block(new (std::nothrow) char[block_size]);
  if (block) --free_;
  return block;
}

void SpoolMemory::give_back(std::vector<Block> blocks) {
  const std::lock_guard lock(mutex_);
  for (Block& block : blocks) unused_.push_back(std::move(block));
}

SharedOctets& SharedOctets::operator=(SharedOctets&& other) noexcept {
  std::swap(memory_, other.memory_);
  std::swap(blocks_, other.blocks_);
  std::swap(size_, other.size_);
  return *this;
}

bool SharedOctets::append(std::string_view data) {
  if (!memory_) return false;
  while (blocks_.size() * SpoolMemory::block_size < size_ + data.size()) {
    SpoolMemory::Block block = memory_->take();
    if (!block) return false;
    blocks_.push_back(std::move(block));
  }
  while (!data.empty()) {
    const std::size_t at = size_ % SpoolMemory::block_size;
    const std::string_view piece = data.substr(0, SpoolMemory::block_size - at);
    std::copy(piece.begin(), piece.end(), &blocks_[size_ / SpoolMemory::block_size][at]);
    size_ += piece.size();
    data.remove_prefix(piece.size());
  }
  return true;
}

void SharedOctets::clear() {
  size_ = 0;
  if (!blocks_.empty()) memory_->give_back(std::exchange(blocks_, {}));
}

std::string_view SharedOctets::at(std::uint64_t offset) const {
  const std::uint64_t in_block = offset % SpoolMemory::block_size;
  const std::uint64_t count = std::min(size_ - offset, SpoolMemory::block_size - in_block);
  return {&blocks_[offset / SpoolMemory::block_size][in_block], count};
}

}  // namespace smtpgate::converter
