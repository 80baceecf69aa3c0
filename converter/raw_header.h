// Header values with octets beyond ASCII that are neither encoded nor UTF-8, as programs write them
// that never heard of either: in the set of their text. Not for encoded words (encoded_word.h).
#pragma once

#include <string>
#include <string_view>

#include "converter/header_field.h"

namespace smtpgate::converter {

/// `value` in UTF-8 if it is octets of the set that `label` names, all of them; else as it is, and
/// decode_header_text() reads it as windows-1252.
std::string raw_value_in_utf8(const std::string& value, std::string_view label);

/// The same for every field.
HeaderFields raw_values_in_utf8(const HeaderFields& fields, std::string_view label);

}  // namespace smtpgate::converter
