// Parameters of Content-Type and Content-Disposition (RFC 2045, 5.1), with RFC 2231 where a value
// is more than a short piece of ASCII. Not for reading them (mime_parameters.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace smtpgate::converter {

/// `name=value` as one or more pieces, each without blanks outside of quotes and none longer than
/// 72 octets, to be joined with ";" and a blank or a fold: a token, a quoted string,
/// name*=UTF-8''.. or its continuations. `name` is a token; `value` any UTF-8; control characters
/// become blanks.
std::vector<std::string> encode_parameter(std::string_view name, std::string_view value);
/// The same, but control characters stay what they are (as %00): only for readers of ours.
std::vector<std::string> encode_exact_parameter(std::string_view name, std::string_view value);

/// RFC 2045 token: what stands for itself as a type, a subtype, a parameter's name or its value.
bool is_mime_token(std::string_view text);

}  // namespace smtpgate::converter
