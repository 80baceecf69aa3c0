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
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
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

  /// Local part of a mailbox's address at a domain that its postoffice shares with others, if it
  /// has one there: its name may be another's at that domain.
  using SharedNames = std::function<std::optional<std::string>(
      const postoffice::NativeAddress& address, const std::string& domain)>;

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
  bool has_shared_domains() const;
  const std::vector<Entry>& entries() const { return entries_; }
  /// Asked when an address is published; until then a mailbox is called by its name everywhere.
  /// It is copied with the map.
  void set_shared_names(SharedNames names) { shared_names_ = std::move(names); }
  /// What `address` is called at `domain`: its mailbox's name, unless it is shared_names' to say.
  std::optional<std::string> name_at(const postoffice::NativeAddress& address,
                                     const std::string& domain) const;

 private:
  std::vector<Entry> entries_;
  /// Domain to the entries that have it, in order.
  std::unordered_map<std::string, std::vector<std::size_t>> having_;
  SharedNames shared_names_;
};

}  // namespace smtpgate::converter
