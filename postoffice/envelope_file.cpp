// SMTP_IN.ENV; see the header.
#include "postoffice/envelope_file.h"

#include <algorithm>

#include <fmt/format.h>

#include "postoffice/ascii.h"
#include "postoffice/printable.h"

namespace smtpgate::postoffice {

namespace {

template <typename T>
using LineResult = tl::expected<T, std::string>;

/// RFC 3461, 4: +HH is an octet, all else stands for itself.
std::optional<std::string> decode_xtext(std::string_view text) {
  const auto digit = [](char c) {
    if (is_ascii_digit(c)) return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  };
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '+') {
      result += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = digit(text[i + 1]);
    const int low = digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    result += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return result;
}

/// Where the path that starts at 0 ends: behind its '>', or at a blank where there are no brackets.
std::size_t path_size(std::string_view text) {
  bool is_quoted = false;
  const bool has_bracket = text.starts_with('<');
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_quoted && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      is_quoted = !is_quoted;
    } else if (!is_quoted && (has_bracket ? text[i] == '>' : is_blank(text[i]))) {
      return has_bracket ? i + 1 : i;
    }
  }
  return has_bracket ? std::string_view::npos : text.size();
}

std::string unquote(std::string_view local_part) {
  if (local_part.size() < 2 || local_part.front() != '"' || local_part.back() != '"') {
    return std::string(local_part);
  }
  local_part = local_part.substr(1, local_part.size() - 2);
  std::string result;
  for (std::size_t i = 0; i < local_part.size(); ++i) {
    if (local_part[i] == '\\' && i + 1 < local_part.size()) ++i;
    result += local_part[i];
  }
  return result;
}

void take_path(std::string_view path, EnvelopeLine& line) {
  if (path.starts_with('<')) path = path.substr(1, path.size() - 2);
  if (path.starts_with('@')) {  // a source route (RFC 5321, appendix F.2)
    const std::size_t colon = path.find(':');
    if (colon != std::string_view::npos) path.remove_prefix(colon + 1);
  }
  line.path = path;
  const std::size_t at = path.rfind('@');
  if (at == std::string_view::npos) {
    line.mailbox = NativeAddress::parse(path);
    if (!line.mailbox) line.local_part = unquote(path);
    return;
  }
  line.local_part = unquote(path.substr(0, at));
  line.domain = ascii_lower(path.substr(at + 1));
}

LineResult<void> take_parameters(std::string_view parameters, EnvelopeLine& line) {
  constexpr std::string_view ours = "XMAILBOX=";
  while (!(parameters = trim(parameters)).empty()) {
    const std::string_view word = parameters.substr(0, parameters.find_first_of(" \t"));
    parameters.remove_prefix(word.size());
    if (!starts_with_ignoring_case(word, ours)) continue;
    const auto decoded = decode_xtext(word.substr(ours.size()));
    if (decoded) line.mailbox = NativeAddress::parse(*decoded);
    if (!decoded || !line.mailbox) {
      return tl::unexpected(fmt::format("{} is no NET/PO/MAILBOX in xtext", printable(word, 200)));
    }
  }
  return {};
}

LineResult<std::optional<EnvelopeLine>> parse_line(std::string_view text, int number) {
  text = trim(text);
  if (text.empty() || starts_with_ignoring_case(text, "MAIL FROM:")) return std::nullopt;
  constexpr std::string_view verb = "RCPT TO:";
  if (!starts_with_ignoring_case(text, verb)) {
    return tl::unexpected(
        fmt::format("\"{}\" is neither MAIL FROM: nor RCPT TO:; is this an "
                    "SMTP_IN.ENV file?",
                    printable(text, 80)));
  }
  text = trim(text.substr(verb.size()));
  const std::size_t size = path_size(text);
  if (size == std::string_view::npos || size == 0) {
    return tl::unexpected(
        fmt::format("\"{}\" is no address; write <address>", printable(text, 200)));
  }
  EnvelopeLine line;
  line.line = number;
  take_path(text.substr(0, size), line);
  if (auto taken = take_parameters(text.substr(size), line); !taken) {
    return tl::unexpected(taken.error());
  }
  if (!line.mailbox && line.local_part.empty()) {
    return tl::unexpected(
        fmt::format("\"{}\" names nobody; write an address", printable(text, 200)));
  }
  return line;
}

}  // namespace

tl::expected<std::vector<EnvelopeLine>, std::string> parse_envelope_file(std::string_view text,
                                                                         const std::string& path) {
  std::vector<EnvelopeLine> lines;
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
    auto line = parse_line(text.substr(0, end), number);
    if (!line) {
      return tl::unexpected(fmt::format("{}:{}: {}", printable(path), number, line.error()));
    }
    if (*line) lines.push_back(std::move(**line));
    text.remove_prefix(end);
    text.remove_prefix(std::min<std::size_t>(text.size(), text.starts_with("\r\n") ? 2 : 1));
  }
  return lines;
}

}  // namespace smtpgate::postoffice
