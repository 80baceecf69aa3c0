// Strict reading of our TOML files (toml++): each key is asked for once by name and type, what
// nobody asked for is an error, and every error is one line: "FILE:LINE: what is wrong; what to
// do". Used for GLB/postoffice.toml and for smtpgate.toml. Not for ALIAS or ADDR_MAP.CFG.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace smtpgate::postoffice {

class SettingsTable;

/// As a TOML file has it, in double quotes. `text` without control characters.
std::string toml_string(std::string_view text);
/// ["one", "two"]
std::string toml_strings(const std::vector<std::string>& texts);

/// What a key is in force with, whether it stands in the file or has its default.
struct SettingValue {
  std::string text;  ///< as TOML has it: "\"text\"", "60", "true", "[\"a\", \"b\"]"
  int line = 0;      ///< of the key, or of its table if it is absent
};
/// By name: "milter.deadline"; of a [[table]] "postoffice[ACME/MAIN].path", by its `name` or else
/// by its place, from 1 on.
using SettingValues = std::map<std::string, SettingValue>;

/// The file as a whole. Collects all errors, in file order, so that a person sees them at once.
class SettingsFile {
 public:
  /// An unreadable or unparsable file is one error line.
  static tl::expected<SettingsFile, std::string> read(const std::string& path);
  static tl::expected<SettingsFile, std::string> parse(std::string_view text,
                                                       const std::string& name);

  SettingsFile(SettingsFile&&) noexcept;
  SettingsFile& operator=(SettingsFile&&) noexcept;
  ~SettingsFile();

  SettingsTable root();
  /// After all keys were asked for: each key that nobody asked for becomes an error (with the
  /// nearest known key as a hint).
  void refuse_unknown_keys();
  void add_error(int line, std::string what);
  const std::string& path() const;
  /// Of all keys that were asked for so far.
  const SettingValues& values() const;
  /// Sorted by line; empty if all is well.
  std::vector<std::string> errors() const;

  struct State;

 private:
  explicit SettingsFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// A [table] of it. Cheap; valid as long as the SettingsFile. A key of the wrong type or outside
/// `least`..`most` or `choices` becomes an error, and the fallback is returned.
class SettingsTable {
 public:
  bool has(std::string_view key) const;
  int line(std::string_view key) const;  ///< of the key, or of the table if it is absent
  std::string string(std::string_view key, std::string_view fallback);
  std::string choice(std::string_view key, std::string_view fallback,
                     const std::vector<std::string>& choices);
  std::int64_t integer(std::string_view key, std::int64_t fallback, std::int64_t least,
                       std::int64_t most);
  bool boolean(std::string_view key, bool fallback);
  std::vector<std::string> strings(std::string_view key, const std::vector<std::string>& fallback);
  /// [key]; an empty table if absent.
  SettingsTable table(std::string_view key);
  /// [[key]], in order.
  std::vector<SettingsTable> tables(std::string_view key);
  /// An error at a key's line: "FILE:LINE: key: what".
  void error(std::string_view key, std::string what);

  struct Node;
  SettingsTable(SettingsFile::State* file, std::shared_ptr<const Node> node);

 private:
  void note(std::string_view key, std::string text);

  SettingsFile::State* file_;
  std::shared_ptr<const Node> node_;
};

/// A key that has no default: "is missing; write <what>". nullopt, with an error said, if it is
/// missing or no string.
std::optional<std::string> required_string(SettingsTable& table, std::string_view key,
                                           std::string_view what);

}  // namespace smtpgate::postoffice
