// Strict TOML reading; see the header. toml++ throws on syntax errors: caught here, at the edge.
//
// What was asked for is remembered per table, so that refuse_unknown_keys() needs no second list of
// keys that could drift from the code that reads them.
#include "postoffice/settings_file.h"

#include <algorithm>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "postoffice/ascii.h"
#include "postoffice/printable.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::size_t largest_settings_file = std::size_t{16} << 20;
constexpr std::size_t longest_shown_value = 80;

struct ErrorLine {
  int line;
  std::string text;
};

/// Levenshtein distance, for the hint. Keys are short; a longer one gets no hint.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (ascii_lower(a[i]) == ascii_lower(b[j]) ? 0U : 1U);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

std::string hint(std::string_view key, const std::set<std::string, std::less<>>& known) {
  constexpr std::size_t longest_key = 64;
  if (known.empty()) return "; take it out";
  if (key.size() <= longest_key) {
    const auto nearest = std::min_element(
        known.begin(), known.end(),
        [&](const auto& a, const auto& b) { return distance(key, a) < distance(key, b); });
    if (distance(key, *nearest) <= std::max<std::size_t>(2, key.size() / 3)) {
      return "; did you mean " + *nearest + "?";
    }
  }
  return fmt::format("; known here: {}", fmt::join(known, ", "));
}

std::string_view type_name(const toml::node& node) {
  if (node.is_string()) return "a string";
  if (node.is_integer()) return "an integer";
  if (node.is_floating_point()) return "a number with a fraction";
  if (node.is_boolean()) return "true or false";
  if (node.is_array()) return "a list";
  if (node.is_table()) return "a table";
  return "a date or time";
}

std::string wrong_type(const toml::node& node, std::string_view wanted) {
  return fmt::format("is {}; write {}", type_name(node), wanted);
}

int line_of(const toml::source_region& region) {
  return static_cast<int>(region.begin.line);
}

}  // namespace

struct SettingsFile::State {
  std::string path;
  toml::table root;
  std::vector<ErrorLine> errors;
  /// Tables that the program looked into, with the keys it asked each for.
  std::map<const toml::table*, std::set<std::string, std::less<>>> asked;
  SettingValues values;
};

struct SettingsTable::Node {
  const toml::table* table;  ///< nullptr: absent from the file
  int line;
  std::string name;  ///< "" or "tls." to put before a key in an error
  std::string path;  ///< the same with a [[table]]'s own name, for values
};

namespace {

const toml::node* look_up(SettingsFile::State& file, const toml::table* table,
                          std::string_view key) {
  if (table == nullptr) return nullptr;
  file.asked[table].emplace(key);
  return table->get(key);
}

}  // namespace

std::string toml_string(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + "\"";
}

std::string toml_strings(const std::vector<std::string>& texts) {
  std::string result;
  for (const std::string& text : texts) result += (result.empty() ? "" : ", ") + toml_string(text);
  return "[" + result + "]";
}

tl::expected<SettingsFile, std::string> SettingsFile::read(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) {
    return tl::unexpected(fmt::format("{}:1: cannot read it: {}; check the path and its mode",
                                      printable(path), std::generic_category().message(errno)));
  }
  // Grown by what is there: room for the largest at once would be cleared by every program's start.
  std::string text;
  constexpr std::size_t first_block = std::size_t{8} << 10;
  while (stream && text.size() <= largest_settings_file) {
    const std::size_t start = text.size();
    const std::size_t room = std::max(first_block, start);
    text.resize(start + room);
    stream.read(text.data() + start, static_cast<std::streamsize>(room));
    text.resize(start + static_cast<std::size_t>(stream.gcount()));
  }
  if (stream.bad() || (text.empty() && !stream.eof())) {
    return tl::unexpected(fmt::format("{}:1: cannot read it; is it a file?", printable(path)));
  }
  return parse(text, path);
}

tl::expected<SettingsFile, std::string> SettingsFile::parse(std::string_view text,
                                                            const std::string& name) {
  if (text.size() > largest_settings_file) {
    return tl::unexpected(
        fmt::format("{}:1: longer than 16 MiB; this is no settings file", printable(name)));
  }
  auto state = std::make_unique<State>();
  state->path = name;
  try {
    state->root = toml::parse(text, std::string_view(name));
  } catch (const toml::parse_error& error) {
    return tl::unexpected(fmt::format("{}:{}: {}; correct the line (TOML, https://toml.io)",
                                      printable(name), line_of(error.source()),
                                      printable(error.description())));
  }
  state->asked[&state->root];
  return SettingsFile(std::move(state));
}

SettingsFile::SettingsFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
SettingsFile::SettingsFile(SettingsFile&&) noexcept = default;
SettingsFile& SettingsFile::operator=(SettingsFile&&) noexcept = default;
SettingsFile::~SettingsFile() = default;

SettingsTable SettingsFile::root() {
  return {state_.get(), std::make_shared<const SettingsTable::Node>(
                            SettingsTable::Node{&state_->root, 1, "", ""})};
}

void SettingsFile::refuse_unknown_keys() {
  for (const auto& [table, keys] : state_->asked) {
    for (const auto& [key, node] : *table) {
      if (keys.find(key.str()) != keys.end()) continue;
      const int line = line_of(key.source());
      add_error(line, fmt::format("{}: unknown {}{}", printable(key.str(), longest_shown_value),
                                  node.is_table() ? "table" : "key", hint(key.str(), keys)));
    }
  }
}

void SettingsFile::add_error(int line, std::string what) {
  state_->errors.push_back({line, std::move(what)});
}

const SettingValues& SettingsFile::values() const {
  return state_->values;
}

const std::string& SettingsFile::path() const {
  return state_->path;
}

std::vector<std::string> SettingsFile::errors() const {
  std::vector<ErrorLine> sorted = state_->errors;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const ErrorLine& a, const ErrorLine& b) { return a.line < b.line; });
  std::vector<std::string> lines;
  lines.reserve(sorted.size());
  for (const ErrorLine& error : sorted) {
    lines.push_back(fmt::format("{}:{}: {}", printable(state_->path), error.line, error.text));
  }
  return lines;
}

SettingsTable::SettingsTable(SettingsFile::State* file, std::shared_ptr<const Node> node)
    : file_(file), node_(std::move(node)) {}

bool SettingsTable::has(std::string_view key) const {
  return node_->table != nullptr && node_->table->contains(key);
}

int SettingsTable::line(std::string_view key) const {
  if (node_->table != nullptr) {
    const auto found = node_->table->find(key);
    if (found != node_->table->end()) return line_of(found->first.source());
  }
  return node_->line;
}

void SettingsTable::error(std::string_view key, std::string what) {
  file_->errors.push_back({line(key), node_->name + std::string(key) + ": " + std::move(what)});
}

void SettingsTable::note(std::string_view key, std::string text) {
  file_->values[node_->path + std::string(key)] = {std::move(text), line(key)};
}

std::string SettingsTable::string(std::string_view key, std::string_view fallback) {
  const toml::node* node = look_up(*file_, node_->table, key);
  std::string result(fallback);
  if (node != nullptr) {
    if (const auto* value = node->as_string()) {
      result = value->get();
    } else {
      error(key, wrong_type(*node, "a string in quotes"));
    }
  }
  note(key, toml_string(result));
  return result;
}

std::string SettingsTable::choice(std::string_view key, std::string_view fallback,
                                  const std::vector<std::string>& choices) {
  std::string value = string(key, fallback);
  if (!has(key) || std::find(choices.begin(), choices.end(), value) != choices.end()) return value;
  if (node_->table->get(key)->is_string()) {
    error(key, fmt::format("\"{}\" is not possible; write one of \"{}\"",
                           printable(value, longest_shown_value), fmt::join(choices, "\", \"")));
  }
  return std::string(fallback);
}

std::int64_t SettingsTable::integer(std::string_view key, std::int64_t fallback, std::int64_t least,
                                    std::int64_t most) {
  const toml::node* node = look_up(*file_, node_->table, key);
  note(key, std::to_string(fallback));
  if (node == nullptr) return fallback;
  const auto* value = node->as_integer();
  if (value == nullptr) {
    error(key, wrong_type(*node, fmt::format("an integer from {} to {}", least, most)));
    return fallback;
  }
  if (value->get() >= least && value->get() <= most) {
    note(key, std::to_string(value->get()));
    return value->get();
  }
  error(key, fmt::format("{} is out of range; write an integer from {} to {}", value->get(), least,
                         most));
  return fallback;
}

bool SettingsTable::boolean(std::string_view key, bool fallback) {
  const toml::node* node = look_up(*file_, node_->table, key);
  bool result = fallback;
  if (node != nullptr) {
    if (const auto* value = node->as_boolean()) {
      result = value->get();
    } else {
      error(key, wrong_type(*node, "true or false"));
    }
  }
  note(key, result ? "true" : "false");
  return result;
}

std::vector<std::string> SettingsTable::strings(std::string_view key,
                                                const std::vector<std::string>& fallback) {
  const toml::node* node = look_up(*file_, node_->table, key);
  note(key, toml_strings(fallback));
  if (node == nullptr) return fallback;
  const auto* array = node->as_array();
  if (array == nullptr) {
    error(key, wrong_type(*node, "a list of strings, [\"a\", \"b\"]"));
    return fallback;
  }
  std::vector<std::string> values;
  for (const toml::node& element : *array) {
    const auto* value = element.as_string();
    if (value == nullptr) {
      file_->errors.push_back(
          {line_of(element.source()), node_->name + std::string(key) + ": an element " +
                                          wrong_type(element, "each element as a string")});
      return fallback;
    }
    values.push_back(value->get());
  }
  note(key, toml_strings(values));
  return values;
}

SettingsTable SettingsTable::table(std::string_view key) {
  const std::string name = node_->name + std::string(key) + ".";
  const toml::node* node = look_up(*file_, node_->table, key);
  const toml::table* found = node == nullptr ? nullptr : node->as_table();
  if (node != nullptr && found == nullptr) {
    error(key, wrong_type(*node, fmt::format("a table, [{}{}]", node_->name, key)));
  }
  if (found != nullptr) file_->asked[found];
  const int at = node == nullptr ? node_->line : line(key);
  return {file_, std::make_shared<const Node>(
                     Node{found, at, name, node_->path + std::string(key) + "."})};
}

std::vector<SettingsTable> SettingsTable::tables(std::string_view key) {
  std::vector<SettingsTable> result;
  const toml::node* node = look_up(*file_, node_->table, key);
  if (node == nullptr) return result;
  const auto* array = node->as_array();
  if (array == nullptr) {
    error(key, wrong_type(*node, fmt::format("[[{}{}]] with double brackets", node_->name, key)));
    return result;
  }
  for (const toml::node& element : *array) {
    const toml::table* found = element.as_table();
    const int at = line_of(element.source());
    if (found == nullptr) {
      file_->errors.push_back({at, fmt::format("{}{}: an element {}", node_->name, key,
                                               wrong_type(element, "each element as a table"))});
      continue;
    }
    file_->asked[found];
    const auto label = (*found)["name"].value_or(std::to_string(result.size() + 1));
    result.push_back({file_, std::make_shared<const Node>(
                                 Node{found, at, node_->name + std::string(key) + ".",
                                      fmt::format("{}{}[{}].", node_->path, key, label)})});
  }
  return result;
}

std::optional<std::string> required_string(SettingsTable& table, std::string_view key,
                                           std::string_view what) {
  if (!table.has(key)) {
    table.error(key, "is missing; write " + std::string(what));
    return std::nullopt;
  }
  constexpr std::string_view no_string = "\n";  // nobody's value: a wrong type was reported
  std::string value = table.string(key, no_string);
  if (value == no_string) return std::nullopt;
  return value;
}

}  // namespace smtpgate::postoffice
