// Command grammar: see the header. One pass over each line, no recursion.
#include "milter/smtp_command.h"

#include <algorithm>

#include "postoffice/ascii.h"

namespace smtpgate::milter {

namespace {

/// Length of the path at the start of `text`, its '>' included; 0 if it does not close. A '>' in a
/// quoted local part does not close it.
std::size_t path_length(std::string_view text) {
  if (text.empty() || text.front() != '<') return 0;
  bool quoted = false;
  for (std::size_t i = 1; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        quoted = false;
      }
    } else if (c == '"') {
      quoted = true;
    } else if (c == '>') {
      return i + 1;
    }
  }
  return 0;
}

std::optional<int> hex_digit(char c) {
  if (is_ascii_digit(c)) return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

}  // namespace

SmtpCommand parse_command(std::string_view line) {
  if (line.find('\0') != std::string_view::npos) return {};
  line = trim(line);
  const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
  return {ascii_upper(line.substr(0, end)), std::string(trim(line.substr(end)))};
}

std::optional<PathArgument> parse_path_argument(std::string_view argument,
                                                std::string_view keyword) {
  if (!starts_with_ignoring_case(argument, keyword)) return std::nullopt;
  argument.remove_prefix(keyword.size());
  if (argument.empty() || argument.front() != ':') return std::nullopt;
  argument = trim(argument.substr(1));
  const std::size_t length = path_length(argument);
  if (length == 0) return std::nullopt;

  PathArgument result;
  result.path = argument.substr(0, length);
  argument.remove_prefix(length);
  if (!argument.empty() && !is_blank(argument.front())) return std::nullopt;
  result.parameter_list = parse_parameters(argument);
  for (const SmtpParameter& parameter : result.parameter_list) {
    if (!result.parameters.empty()) result.parameters += ' ';
    result.parameters += parameter.keyword;
    if (!parameter.value.empty()) result.parameters += "=" + parameter.value;
  }
  return result;
}

std::string without_brackets(std::string_view path) {
  if (path.size() >= 2 && path.front() == '<' && path.back() == '>') {
    path = path.substr(1, path.size() - 2);
  }
  return std::string(path);
}

std::vector<SmtpParameter> parse_parameters(std::string_view text) {
  std::vector<SmtpParameter> result;
  for (text = trim(text); !text.empty(); text = trim(text)) {
    const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
    const std::string_view word = text.substr(0, end);
    const std::size_t equals = std::min(word.find('='), word.size());
    result.push_back({ascii_upper(word.substr(0, equals)),
                      equals < word.size() ? std::string(word.substr(equals + 1)) : std::string()});
    text.remove_prefix(end);
  }
  return result;
}

std::optional<std::string> decode_xtext(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '+') {
      result += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const auto high = hex_digit(text[i + 1]);
    const auto low = hex_digit(text[i + 2]);
    if (!high || !low) return std::nullopt;
    result += static_cast<char>(*high * 16 + *low);
    i += 2;
  }
  return result;
}

bool asks_for_success_report(const std::vector<SmtpParameter>& parameters) {
  for (const SmtpParameter& parameter : parameters) {
    if (parameter.keyword != "NOTIFY") continue;
    std::string_view list = parameter.value;
    while (!list.empty()) {
      const std::size_t comma = std::min(list.find(','), list.size());
      if (equals_ignoring_case(trim(list.substr(0, comma)), "SUCCESS")) return true;
      list.remove_prefix(std::min(comma + 1, list.size()));
    }
  }
  return false;
}

}  // namespace smtpgate::milter
