// GLB/ALIAS in memory: the format (docs/postoffice-format.md, "Aliases"), read strictly, and edited
// without losing comments. Internal to this room; files are read and written in aliases.cpp.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace smtpgate::postoffice {

struct AliasEntry {
  std::string name;     ///< as written
  std::string key;      ///< folded: what is compared
  std::string mailbox;  ///< folded
  int line = 0;
};

class AliasFile {
 public:
  /// The first error as one line "FILE:LINE: what; what to do".
  static tl::expected<AliasFile, std::string> parse(std::string_view text, const std::string& path);

  /// `key` as alias_key() makes it; nullptr if there is none.
  const AliasEntry* find(std::string_view key) const;
  const std::vector<AliasEntry>& entries() const { return entries_; }

  std::string with(std::string_view name, std::string_view mailbox) const;  ///< the text, longer
  std::string without(const AliasEntry& entry) const;  ///< the text, less that line

 private:
  std::string text_;
  std::vector<AliasEntry> entries_;
  std::map<std::string, std::size_t, std::less<>> by_key_;  ///< index in entries_
};

/// "Sales@Example.COM." to "sales@example.com", "Sales" to "sales".
std::string alias_key(std::string_view local_part, std::string_view domain);
std::string alias_key(std::string_view name);

/// nullopt if `name` may stand in the file, else the end of a sentence "alias X ...".
std::optional<std::string> why_bad_alias_name(std::string_view name);

}  // namespace smtpgate::postoffice
