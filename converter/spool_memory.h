// Memory that the spools of all messages under way share, in blocks: a large message that finds
// room here is never written to a work file and read back. Bounded whatever is sent; blocks that
// come back serve the next message. Not for small messages, which a spool keeps by itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

namespace smtpgate::converter {

class SpoolMemory {
 public:
  static constexpr std::size_t block_size = std::size_t{256} << 10;  ///< octets

  /// Not filled: the system gives its pages when they are written.
  using Block = std::unique_ptr<char[]>;

  /// At most `octets` at one time, in whole blocks.
  explicit SpoolMemory(std::size_t octets) : free_(octets / block_size) {
    unused_.reserve(free_);  // so that giving back never fails
  }

  /// nullptr if all are in use, or the system has no memory. Any thread.
  Block take();
  /// What take() gave. Any thread.
  void give_back(std::vector<Block> blocks);

 private:
  std::mutex mutex_;
  std::size_t free_;           ///< blocks that may still be made
  std::vector<Block> unused_;  ///< blocks that came back
};

/// The octets of one spool in such blocks. One thread.
class SharedOctets {
 public:
  explicit SharedOctets(std::shared_ptr<SpoolMemory> memory) : memory_(std::move(memory)) {}
  SharedOctets(SharedOctets&& other) noexcept
      : memory_(other.memory_),
        blocks_(std::exchange(other.blocks_, {})),
        size_(std::exchange(other.size_, 0)) {}
  SharedOctets& operator=(SharedOctets&& other) noexcept;
  ~SharedOctets() { clear(); }

  /// All of it, or false and nothing, for want of memory.
  bool append(std::string_view data);
  void clear();
  std::uint64_t size() const { return size_; }
  /// The octets at `offset`, which is less than size(), as far as they lie together.
  std::string_view at(std::uint64_t offset) const;

 private:
  std::shared_ptr<SpoolMemory> memory_;     ///< nullptr: there is never room
  std::vector<SpoolMemory::Block> blocks_;  ///< each full but the last
  std::uint64_t size_ = 0;
};

}  // namespace smtpgate::converter
