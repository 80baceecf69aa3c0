// Header fields: see the header. Linear in the size of the value.
#include "converter/header_field.h"

#include "postoffice/ascii.h"

namespace smtpgate::converter {

const HeaderField* HeaderFields::find(std::string_view name) const {
  const HeaderField* first = nullptr;
  for (const HeaderField& field : fields_) {
    if (!equals_ignoring_case(field.name, name)) continue;
    if (!trim(field.value).empty()) return &field;
    if (first == nullptr) first = &field;
  }
  return first;
}

std::vector<const HeaderField*> HeaderFields::find_all(std::string_view name) const {
  std::vector<const HeaderField*> found;
  for (const HeaderField& field : fields_) {
    if (equals_ignoring_case(field.name, name)) found.push_back(&field);
  }
  return found;
}

std::string unfold(std::string_view value) {
  bool is_one_line = true;
  // To the end in any case, which lets the compiler look at many octets at a time.
  for (const char c : value) is_one_line &= (c != '\r') & (c != '\n') & (c != '\0');
  if (is_one_line) return std::string(trim(value));
  std::string result;
  result.reserve(value.size());
  for (std::size_t at = 0; at < value.size(); ++at) {
    const char octet = value[at];
    if (octet != '\r' && octet != '\n') {
      result += octet == '\0' ? ' ' : octet;
      continue;
    }
    const bool is_pair = octet == '\r' && value.substr(at + 1, 1) == "\n";
    const std::size_t next = at + (is_pair ? 2 : 1);
    if (next < value.size() && is_blank(value[next])) {
      at = next - 1;  // a fold; the blank behind it is taken in the next round
    } else {
      result += ' ';
    }
  }
  return std::string(trim(result));
}

}  // namespace smtpgate::converter
