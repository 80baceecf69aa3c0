// ADDR_MAP.CFG: which domain is which postoffice. "NET/PO  domain", one pair a line, first match
// wins, domains compared as lower-case A-labels (Q111840, Q101459, Q118970). '#' and ';' start a
// comment line. A leading dot ("." + domain) matches every subdomain.
#pragma once

#include <optional>
#include <string>
#include <string_view>
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
  /// Errors as lines "FILE:LINE: what; what to do". An entry that an earlier one hides wholly is an
  /// error too.
  static tl::expected<AddressMap, std::vector<std::string>> read(const std::string& path);
  static tl::expected<AddressMap, std::vector<std::string>> parse(std::string_view text,
                                                                  const std::string& name);

  /// First entry whose domain matches; nullptr if none.
  const Entry* find(std::string_view domain) const;
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
};

}  // namespace smtpgate::converter
