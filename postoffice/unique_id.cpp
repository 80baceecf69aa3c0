// Random names; libsodium reads getrandom(2).
#include "postoffice/unique_id.h"

#include <chrono>
#include <vector>

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
  const auto milliseconds = static_cast<std::uint64_t>(now.count()) & 0xffff'ffff'ffffU;
  return fmt::format("{:012x}", milliseconds) + random_hex(10);
}

}  // namespace smtpgate::postoffice
