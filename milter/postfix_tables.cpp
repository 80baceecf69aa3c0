// postmap -q, and the lists of domains: see the header.
#include "milter/postfix_tables.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <vector>

#include "postoffice/ascii.h"

namespace smtpgate::milter {

namespace {

/// "a.b.c" gives ".b.c" and ".c"; with `bare` "b.c" and "c" too.
std::vector<std::string> parents_of(std::string_view domain, bool bare) {
  std::vector<std::string> result;
  for (std::size_t dot = domain.find('.', 1); dot != std::string_view::npos;
       dot = domain.find('.', dot + 1)) {
    result.emplace_back(domain.substr(dot));
    if (bare) result.emplace_back(domain.substr(dot + 1));
  }
  return result;
}

bool names_domain(std::string_view entry, std::string_view domain, bool names_mean_subdomains) {
  if (equals_ignoring_case(entry, domain)) return true;
  for (const std::string& parent : parents_of(domain, names_mean_subdomains)) {
    if (equals_ignoring_case(entry, parent)) return true;
  }
  return false;
}

bool is_table(std::string_view entry) {
  const std::size_t colon = entry.find(':');
  return colon != std::string_view::npos && colon > 0 &&
         std::all_of(entry.begin(), entry.begin() + static_cast<std::ptrdiff_t>(colon),
                     [](char c) { return is_ascii_alpha(c) || is_ascii_digit(c) || c == '_'; });
}

InList in_entry(const PostfixProgram& program, const std::string& entry, const std::string& domain,
                bool names_mean_subdomains) {
  if (entry.starts_with('/')) {
    std::ifstream file(entry);
    if (!file) return InList::unknown;
    std::string line;
    while (std::getline(file, line)) {
      const std::string text(trim(line));
      if (text.empty() || text.front() == '#') continue;
      if (names_domain(text, domain, names_mean_subdomains)) return InList::yes;
    }
    return InList::no;
  }
  if (!is_table(entry)) {
    return names_domain(entry, domain, names_mean_subdomains) ? InList::yes : InList::no;
  }
  std::set<std::string> keys{domain};
  if (!holds_patterns(entry)) {
    for (std::string& parent : parents_of(domain, names_mean_subdomains)) {
      keys.insert(std::move(parent));
    }
  }
  const auto answers = ask_table(program, entry, keys);
  if (!answers) return InList::unknown;
  return answers->empty() ? InList::no : InList::yes;
}

}  // namespace

std::optional<TableAnswers> ask_table(const PostfixProgram& program, const std::string& table,
                                      const std::set<std::string>& keys) {
  std::string input;
  for (const std::string& key : keys) input += key + "\n";
  const PostfixAnswer answer = program({"postmap", "-q", "-", table}, input);
  // Not found is exit code 1 too, but without a word about it.
  if (!answer.good && answer.complaint.find("fatal:") != std::string::npos) return std::nullopt;
  TableAnswers result;
  std::string_view rest = answer.output;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const std::size_t tab = line.find('\t');
    if (tab == std::string_view::npos) continue;
    result.emplace(line.substr(0, tab), trim(line.substr(tab + 1)));
  }
  return result;
}

bool holds_patterns(std::string_view table) {
  for (const std::string_view kind : {"regexp:", "pcre:", "tcp:", "cidr:"}) {
    if (table.starts_with(kind)) return true;
  }
  return false;
}

InList is_in_domain_list(const PostfixProgram& program, const std::string& list,
                         const std::string& domain, bool names_mean_subdomains) {
  bool is_unclear = false;
  for (const std::string& written : split_postfix_list(list)) {
    const bool is_negated = written.starts_with('!');
    const std::string entry = is_negated ? written.substr(1) : written;
    switch (in_entry(program, entry, domain, names_mean_subdomains)) {
      case InList::yes:
        return is_unclear ? InList::unknown : is_negated ? InList::no : InList::yes;
      case InList::unknown:
        is_unclear = true;
        break;
      case InList::no:
        break;
    }
  }
  return is_unclear ? InList::unknown : InList::no;
}

std::optional<long> postfix_seconds(std::string_view text, long bare_unit) {
  text = trim(text);
  long number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  constexpr long most = 1'000'000'000;
  if (number > most) return std::nullopt;
  if (unit.empty()) return number * bare_unit;
  if (unit == "s") return number;
  if (unit == "m") return number * 60;
  if (unit == "h") return number * 3600;
  if (unit == "d") return number * 86'400;
  if (unit == "w") return number * 604'800;
  return std::nullopt;
}

}  // namespace smtpgate::milter
