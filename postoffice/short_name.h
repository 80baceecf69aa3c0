// Names in the form 8.3 out of safe names, for DOS and for programs that know no other:
// "Angebot für Ölheizung.pdf" becomes "ANGEBO~1.PDF", the way Windows itself shortens. Not for what
// makes a name safe: safe_file_name.h.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

namespace smtpgate::postoffice {

/// Gives each name once. ASCII capitals, digits and the signs that DOS allows; other characters by
/// their nearest letters, else '_'; a name that had to be changed but for its letters' case gets
/// "~1", "~2" ... before its extension.
class ShortNames {
 public:
  /// `name` is what safe_file_name() gives (UTF-8).
  std::string take(std::string_view name);
  /// A name that others use already.
  void reserve(std::string_view name);

 private:
  std::set<std::string> taken_;
  std::map<std::string, unsigned long> next_;  ///< of a beginning; so that many alike stay linear
};

}  // namespace smtpgate::postoffice
