// Derived keys: see the header.
#include "postoffice/derived_key.h"

#include <algorithm>
#include <array>

#include <sodium.h>

namespace smtpgate::postoffice {

std::string derived_key(std::string_view text, std::size_t octets) {
  std::array<unsigned char, crypto_generichash_BYTES_MAX> hash{};
  octets = std::clamp<std::size_t>(octets, crypto_generichash_BYTES_MIN, hash.size());
  crypto_generichash(hash.data(), octets, reinterpret_cast<const unsigned char*>(text.data()),
                     text.size(), nullptr, 0);
  std::array<char, 2 * crypto_generichash_BYTES_MAX + 1> digits{};
  sodium_bin2hex(digits.data(), digits.size(), hash.data(), octets);
  return {digits.data(), 2 * octets};
}

}  // namespace smtpgate::postoffice
