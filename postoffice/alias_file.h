// GLB/ALIAS in memory: the format (docs/postoffice-format.md, "Aliases"), read strictly, and edited
// without losing comments. Internal to this room; files are read and written in aliases.cpp.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

namespace smtpgate::postoffice {

struct AliasEntry {
  std::string name;     ///< as written
  std::string key;      ///< folded: what is compared
  std::string mailbox;  ///< folded
  int line = 0;
};

/// What is to be done with a file; keys as alias_key() makes them, mailboxes folded.
struct AliasEdit {
  std::set<std::string, std::less<>> removed;               ///< keys
  std::map<std::string, std::string, std::less<>> renamed;  ///< mailbox to its new name
  std::vector<std::pair<std::string, std::string>> added;   ///< alias as written, mailbox

  bool is_empty() const { return removed.empty() && renamed.empty() && added.empty(); }
};

class AliasFile {
 public:
  /// The first error as one line "FILE:LINE: what; what to do".
  static tl::expected<AliasFile, std::string> parse(std::string_view text, const std::string& path);

  /// `key` as alias_key() makes it; nullptr if there is none.
  const AliasEntry* find(std::string_view key) const;
  const std::vector<AliasEntry>& entries() const { return entries_; }

  /// The text after `edit`: lines that it does not touch stay as they are. An alias that is removed
  /// and added too is there in the end.
  std::string edited(const AliasEdit& edit) const;

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
