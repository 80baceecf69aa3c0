// Passes over text in which nothing is to be done, a block at a time: a loop over pairs of
// neighbouring octets that has no way out, so that the compiler makes vectors of it. Not for
// finding where something stands: what is in a block that is not passed over, the caller finds.
//
// Processors with AVX2 have the loop in wider vectors, chosen when the program runs, because
// packages are built for the baseline.
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
      if (is_any(text.data() + from, is_suspect)) break;
      from = seen_;
    }
    return from;
  }

 private:
  static constexpr std::size_t block_size = 1024;

  template <typename IsSuspect>
  static bool is_any(const char* block, IsSuspect is_suspect) {
#if defined(__x86_64__)
    static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
    if (has_avx2) return is_any_with_avx2(block, is_suspect);
#endif
    return is_any_here(block, is_suspect);
  }

  /// With the instructions of the function it is put into.
  template <typename IsSuspect>
  __attribute__((always_inline)) static inline bool is_any_here(const char* block,
                                                                IsSuspect is_suspect) {
    unsigned char found = 0;
    for (std::size_t i = 0; i < block_size; ++i) {
      found |= static_cast<unsigned char>(is_suspect(block[i], block[i + 1]));
    }
    return found != 0;
  }

#if defined(__x86_64__)
  template <typename IsSuspect>
  __attribute__((target("avx2"))) static bool is_any_with_avx2(const char* block,
                                                               IsSuspect is_suspect) {
    return is_any_here(block, is_suspect);
  }
#endif

  std::size_t seen_ = 0;
};

}  // namespace smtpgate::converter
