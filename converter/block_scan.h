// Passes over text in which nothing is to be done, a block at a time: a loop over pairs of
// neighbouring octets that has no way out, so that the compiler makes vectors of it. Not for
// finding where something stands: what is in a block that is not passed over, the caller finds.
#pragma once

#include <cstddef>
#include <string_view>

namespace smtpgate::converter {

/// For one text, from its start to its end: no block is looked at twice, so time stays linear
/// whatever stands in it.
class BlockScan {
 public:
  /// `from`, or further on by whole blocks: no `is_suspect(text[i], text[i + 1])` before that.
  template <typename IsSuspect>
  std::size_t skip(std::string_view text, std::size_t from, IsSuspect is_suspect) {
    while (from >= seen_ && text.size() - from > block_size) {
      seen_ = from + block_size;
      const char* const block = text.data() + from;
      unsigned char found = 0;
      for (std::size_t i = 0; i < block_size; ++i) {
        found |= static_cast<unsigned char>(is_suspect(block[i], block[i + 1]));
      }
      if (found != 0) break;
      from = seen_;
    }
    return from;
  }

 private:
  static constexpr std::size_t block_size = 1024;
  std::size_t seen_ = 0;
};

}  // namespace smtpgate::converter
