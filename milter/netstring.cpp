// Netstrings: see the header.
#include "milter/netstring.h"

#include "postoffice/ascii.h"

namespace smtpgate::milter {

namespace {

/// Reads one octet.
bool next_octet(PeerStream& stream, char& octet) {
  std::string_view block;
  if (stream.peek(block) != ReadStatus::ok) return false;
  octet = block.front();
  stream.take(1);
  return true;
}

}  // namespace

NetstringStatus read_netstring(PeerStream& stream, std::string& content) {
  std::size_t length = 0;
  bool any_digit = false;
  for (;;) {
    char octet = 0;
    if (!next_octet(stream, octet)) return NetstringStatus::ended;
    if (octet == ':' && any_digit) break;
    if (!is_ascii_digit(octet)) return NetstringStatus::malformed;
    if (any_digit && length == 0) return NetstringStatus::malformed;  // no leading zeros
    any_digit = true;
    length = length * 10 + static_cast<std::size_t>(octet - '0');
    if (length > longest_netstring) return NetstringStatus::malformed;
  }
  content.clear();
  while (content.size() < length) {
    std::string_view block;
    if (stream.peek(block) != ReadStatus::ok) return NetstringStatus::ended;
    block = block.substr(0, length - content.size());
    content += block;
    stream.take(block.size());
  }
  char comma = 0;
  if (!next_octet(stream, comma)) return NetstringStatus::ended;
  return comma == ',' ? NetstringStatus::ok : NetstringStatus::malformed;
}

std::string make_netstring(std::string_view content) {
  std::string result = std::to_string(content.size());
  result += ':';
  result += content;
  result += ',';
  return result;
}

}  // namespace smtpgate::milter
