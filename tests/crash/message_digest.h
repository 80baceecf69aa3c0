// A message file as one line: all that must be the same however often its delivery was broken off.
// Without what rightly differs: the time of arrival, our trace, and names made by chance.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace smtpgate::crash {

/// Stands in the digest of a file that is no whole message.
inline constexpr std::string_view damaged_mark = "DAMAGED";

/// Of an MMFF file's octets.
std::string digest_of(std::string_view octets);
/// Of each message in a file of several, in their order.
std::vector<std::string> digests_of(std::string_view octets);

/// Without Received fields, which rightly differ: of a header that ends in LF or CRLF lines.
std::string without_trace(std::string_view text);

/// Names made by chance (16 and more hexadecimal digits) become "#".
std::string without_random_parts(std::string_view text);

}  // namespace smtpgate::crash
