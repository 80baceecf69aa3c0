// Random names; libsodium reads getrandom(2).
#include "postoffice/unique_id.h"

#include <algorithm>
#include <atomic>
#include <chrono>

#include <fmt/format.h>
#include <sodium.h>

namespace smtpgate::postoffice {

std::string random_hex(std::size_t octets) {
  // Idempotent and safe from several threads; it opens the random source in old kernels.
  [[maybe_unused]] static const int ready = sodium_init();
  std::vector<unsigned char> random(octets);
  randombytes_buf(random.data(), random.size());
  std::string hex(2 * octets + 1, '\0');
  sodium_bin2hex(hex.data(), hex.size(), random.data(), random.size());
  hex.pop_back();
  return hex;
}

std::string new_unique_id() {
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  // A burst within one millisecond keeps its order within this process, by milliseconds that are
  // yet to come; but a clock that was set back is followed.
  constexpr std::uint64_t longest_lead = 60'000;
  static std::atomic<std::uint64_t> last = 0;
  const auto clock = static_cast<std::uint64_t>(now.count());
  std::uint64_t before = last;
  std::uint64_t moment = 0;
  do {
    moment = before >= clock && before - clock < longest_lead ? before + 1 : clock;
  } while (!last.compare_exchange_weak(before, moment));
  const std::uint64_t milliseconds = moment & 0xffff'ffff'ffffU;
  return fmt::format("{:012x}", milliseconds) + random_hex(10);
}

std::vector<std::size_t> unique_beginnings(const std::vector<std::string_view>& ids) {
  constexpr std::size_t shortest = 8;
  const auto common_size = [](std::string_view a, std::string_view b) {
    const auto end = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    return static_cast<std::size_t>(end.first - a.begin());
  };
  std::vector<std::size_t> sizes;
  sizes.reserve(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    std::size_t size = shortest;
    if (i > 0) size = std::max(size, common_size(ids[i], ids[i - 1]) + 1);
    if (i + 1 < ids.size()) size = std::max(size, common_size(ids[i], ids[i + 1]) + 1);
    sizes.push_back(std::min(size, ids[i].size()));
  }
  return sizes;
}

}  // namespace smtpgate::postoffice
