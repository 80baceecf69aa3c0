// RFC 5322 address lists: mailboxes, groups, comments, quoted strings, routes, domain literals,
// encoded words in names (decoded), and what the world sends instead: missing brackets or quotes,
// commas in comments (Q108052), empty members. And single envelope addresses (RFC 5321 paths).
// Linear time, no recursion, bounded results.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace smtpgate::converter {

/// local-part@domain. The local part is unquoted ("a b", not "\"a b\""); the domain as written, may
/// be empty. Both are valid UTF-8 (RFC 6532) without control characters, whatever was parsed.
struct InternetAddress {
  std::string local_part;
  std::string domain;

  /// local@domain, the local part quoted where RFC 5321 needs it; without "@" if the domain is
  /// empty.
  std::string str() const;
  bool empty() const { return local_part.empty() && domain.empty(); }
  friend bool operator==(const InternetAddress&, const InternetAddress&) = default;
};

struct HeaderAddress {
  std::string name;  ///< display name, or the comment after a bare address; UTF-8
  InternetAddress address;
  std::string group;              ///< name of the group it stands in; empty if none
  bool is_told_by_group = false;  ///< by the name of a group without members
};

struct AddressList {
  std::vector<HeaderAddress> addresses;
  bool odd = false;  ///< something had to be forgiven or skipped
  /// A comment or a group's name that stands in no address of the list.
  bool says_more = false;
  bool truncated = false;  ///< more than `most` addresses
};

/// `value` may still be folded. Groups without members ("undisclosed-recipients:;") and empty
/// members give no address, but for a group whose name tells one that could not stand there as it
/// is: without a domain, or beyond ASCII (RFC 6857; "\"Anna <anna>\":;", our own way out). Neither
/// does a member of words alone ("Some Body", "Name <>"), but that is odd: a reader must be shown
/// the field itself. No address in the list is empty.
AddressList parse_address_list(std::string_view value, std::size_t most = 10'000);

/// An envelope path as RCPT and MAIL give it: "<user@host>", "<@relay:user@host>", "user@host",
/// "<>", quoted local parts. nullopt if it is no address. "<>" gives an empty address.
std::optional<InternetAddress> parse_path(std::string_view path);

/// A domain to lower-case A-labels (libidn2, non-transitional); what IDNA refuses is only
/// lower-cased. No trailing dot.
std::string canonical_domain(std::string_view domain);

/// Every way in which the domain may stand in an address and in Postfix's tables, which compare
/// what is written: its A-labels, and its U-labels if they are another text. A leading dot (all
/// subdomains) stays.
std::vector<std::string> domain_spellings(std::string_view domain);

}  // namespace smtpgate::converter
