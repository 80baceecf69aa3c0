// MIME values with parameters: Content-Type and Content-Disposition (RFC 2045, 2183), parameters
// with RFC 2231 continuations and character sets, RFC 2047 words in them (forbidden but common),
// missing quotes and semicolons.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace smtpgate::converter {

struct ParameterizedValue {
  std::string value;  ///< "text/plain", "attachment"; lower case, trimmed; empty if missing
  /// Names lower case; values decoded to UTF-8; the first of a name counts and is the only one
  /// here. At most 100.
  std::vector<std::pair<std::string, std::string>> parameters;
  bool odd = false;  ///< something had to be forgiven

  /// Empty if absent.
  std::string_view parameter(std::string_view name) const;
};

/// `value` may still be folded.
ParameterizedValue parse_parameterized(std::string_view value);

struct ContentType {
  std::string type;     ///< lower case; "text" if the field is missing or unusable
  std::string subtype;  ///< lower case; "plain" likewise
  ParameterizedValue parsed;
  bool is_default = false;  ///< the field was missing or no type/subtype

  std::string str() const { return type + "/" + subtype; }
  bool is(std::string_view t, std::string_view s) const { return type == t && subtype == s; }
};

/// A null pointer or a value that is no type/subtype gives text/plain with is_default (RFC
/// 2045, 5.2).
ContentType parse_content_type(const std::string* value);

}  // namespace smtpgate::converter
