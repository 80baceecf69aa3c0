// The fields with which mail before MIME told of its parts: Encoding (RFC 1154) and X-MS-Attachment
// (Q111857, Q157000). Their grammar only; what becomes of the parts: encoding_parts.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace smtpgate::converter {

/// One part of "Encoding: 2 TEXT, 26 UUENCODE".
struct EncodingPart {
  std::optional<std::uint64_t> lines;  ///< may be left out in the last part
  std::string keyword;                 ///< lower case, without its options

  bool operator==(const EncodingPart&) const = default;
};

/// `value` may still be folded and have comments. Empty if it is no such list or has more than
/// 1,000 parts.
std::vector<EncodingPart> parse_encoding_field(std::string_view value);

/// The name, in UTF-8, of "smtptest.doc 1024 07-13-1993 13:20": read from the right, because names
/// have blanks. All of it, if size, date and time are not there.
std::string name_of_attachment_field(std::string_view value);

}  // namespace smtpgate::converter
