// Header fields of an entity as the parser delivers them, and the simple things one does with a
// field: find it, unfold it. Not for their grammar: address_list.h, encoded_word.h,
// mime_parameters.h, mail_date.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace smtpgate::converter {

struct HeaderField {
  std::string name;   ///< as written, without blanks before the colon
  std::string value;  ///< raw octets after the colon, folds as CRLF + blank kept, no final CRLF
};

/// The fields of one entity, in order.
class HeaderFields {
 public:
  void add(HeaderField field) { fields_.push_back(std::move(field)); }
  /// The first of that name (any case) that says something, else the first, or nullptr. Where a
  /// field is doubled the first counts (docs/malformed.md); find_all() shows the others.
  const HeaderField* find(std::string_view name) const;
  std::vector<const HeaderField*> find_all(std::string_view name) const;
  const std::vector<HeaderField>& all() const { return fields_; }

 private:
  std::vector<HeaderField> fields_;
};

/// RFC 5322, 2.2.3: folds taken out (CRLF, or a bare CR or LF, followed by a blank: the blank
/// stays), other CR, LF and NUL octets become spaces, blanks at both ends removed.
std::string unfold(std::string_view value);

}  // namespace smtpgate::converter
