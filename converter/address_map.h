// ADDR_MAP.CFG: which domain is which postoffice. "NET/PO  domain", one pair a line, separated by
// blanks, first match wins, domains compared as lower-case A-labels (Q111840, Q101459, Q118970).
// Ours: '#' and ';' start a comment line; a leading dot ("." + domain) matches every subdomain, not
// the domain itself; a byte order mark and CR LF are taken.
//
// A domain may stand for several postoffices: inbound the original knew the first entry only; here
// they are searched in order (find_all()). Outbound a postoffice uses its own first entry, so each
// may list the company's domain first and its own second. But every postoffice needs a domain that
// no earlier entry of another one takes away (Q111840).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <tl/expected.hpp>

#include "postoffice/address.h"

namespace smtpgate::converter {

class AddressMap {
 public:
  struct Entry {
    postoffice::PostofficeName postoffice;
    std::string domain;  ///< canonical_domain(); may begin with a dot
    int line = 0;
  };

  AddressMap() = default;
  /// Errors as lines "FILE:LINE: what; what to do", in file order: a line that is no pair, a bad
  /// NET/PO or domain, the same pair twice, a line that can never match since a leading dot of
  /// another postoffice stands before it, a postoffice none of whose domains can be reached, a file
  /// without entries or that cannot be read.
  static tl::expected<AddressMap, std::vector<std::string>> read(const std::string& path);
  static tl::expected<AddressMap, std::vector<std::string>> parse(std::string_view text,
                                                                  const std::string& name);

  /// First entry whose domain matches; nullptr if none. `domain` in any form. The pointer is valid
  /// as long as the map. Takes one look-up a label, however long the map is.
  const Entry* find(std::string_view domain) const;
  /// All entries of the domain that find() finds, of several postoffices, in order: a domain that
  /// they share. Empty if find() finds none.
  std::vector<const Entry*> find_all(std::string_view domain) const;
  /// Whether more than one postoffice has the domain that find() finds.
  bool is_shared(std::string_view domain) const { return find_all(domain).size() > 1; }
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
  /// Domain to the entries that have it, in order.
  std::unordered_map<std::string, std::vector<std::size_t>> having_;
};

}  // namespace smtpgate::converter
