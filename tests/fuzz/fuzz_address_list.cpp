// Any octets as an address header and as an envelope path. Checked: results are valid UTF-8 without
// control characters where that is promised, limits hold, and a written address reads back.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "converter/address_list.h"
#include "postoffice/character_set.h"

using namespace smtpgate::converter;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_address(const InternetAddress& address) {
  for (const std::string& part : {address.local_part, address.domain}) {
    require(smtpgate::postoffice::is_utf8(part));
    for (const char c : part) require(static_cast<unsigned char>(c) >= ' ' && c != '\x7F');
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const AddressList list = parse_address_list(text, 100);
  require(list.addresses.size() <= 100);
  for (const HeaderAddress& address : list.addresses) {
    check_address(address.address);
    require(smtpgate::postoffice::is_utf8(address.name));
    require(smtpgate::postoffice::is_utf8(address.group) && address.group.size() <= 256);
    require(!address.address.empty());
  }
  if (const auto path = parse_path(text)) {
    check_address(*path);
    const auto again = parse_path("<" + path->str() + ">");
    require(again && *again == *path);
    const std::string domain = canonical_domain(path->domain);
    require(canonical_domain(domain) == domain);
  }
  return 0;
}
