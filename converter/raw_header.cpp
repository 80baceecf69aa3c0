// See raw_header.h.
#include "converter/raw_header.h"

#include <cstdint>
#include <utility>

#include "converter/mail_charset.h"
#include "converter/mail_text_decoder.h"
#include "postoffice/ascii.h"
#include "postoffice/character_set.h"

namespace smtpgate::converter {

std::string raw_value_in_utf8(const std::string& value, std::string_view label) {
  if (label.empty() || is_ascii(value) || postoffice::is_utf8(value)) return value;
  const std::string set = charset_for_label(label).set;
  if (set.empty() || postoffice::unit_octets(set) > 1) return value;
  std::uint64_t replaced = 0;
  bool is_odd = false;
  std::string text = decode_labelled(value, label, &replaced, &is_odd);
  return replaced > 0 || is_odd ? value : text;
}

HeaderFields raw_values_in_utf8(const HeaderFields& fields, std::string_view label) {
  HeaderFields result;
  for (const HeaderField& field : fields.all()) {
    result.add({field.name, raw_value_in_utf8(field.value, label)});
  }
  return result;
}

}  // namespace smtpgate::converter
