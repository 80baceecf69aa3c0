// BinhexExpansion: see the header.
#include "converter/binhex_expansion.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace smtpgate::converter {

bool is_binhex(const ContentType& type) {
  constexpr std::array<std::string_view, 4> names = {"mac-binhex40", "mac-binhex", "x-binhex40",
                                                     "x-mac-binhex40"};
  return type.type == "application" &&
         std::find(names.begin(), names.end(), type.subtype) != names.end();
}

std::vector<std::string> BinhexExpansion::marks() const {
  if (scanner_.files() == 0) return {};
  return {"expanded"};
}

}  // namespace smtpgate::converter
