// Any octets as a Content-Type or Content-Disposition field. Checked: names are lower case and
// single, values are UTF-8 (but for boundaries), the limit holds.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>

#include "converter/mime_parameters.h"
#include "postoffice/ascii.h"
#include "postoffice/character_set.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto type = smtpgate::converter::parse_content_type(&text);
  if (type.type.empty() || type.subtype.empty()) std::abort();
  if (type.parsed.parameters.size() > 100) std::abort();
  std::set<std::string> names;
  for (const auto& [name, value] : type.parsed.parameters) {
    if (name != smtpgate::ascii_lower(name) || !names.insert(name).second) std::abort();
    if (name != "boundary" && !smtpgate::postoffice::is_utf8(value)) std::abort();
  }
  return 0;
}
