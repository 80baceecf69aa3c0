// Single addresses: how one is written, envelope paths (RFC 5321, 4.1.2), and domains in the one
// form in which they are compared. Declared in address_list.h.
#include <algorithm>
#include <memory>

#include <idn2.h>

#include "converter/address_list.h"
#include "postoffice/ascii.h"
#include "postoffice/character_set.h"
#include "postoffice/utf8.h"

namespace smtpgate::converter {

namespace {

/// Longer ones are no domains (RFC 1035: 255 octets), and libidn2 need not see them.
constexpr std::size_t longest_domain = 1000;

bool is_control(char c) {
  return static_cast<unsigned char>(c) < ' ' || c == '\x7F';
}

bool is_atom_octet(char c) {
  return is_ascii_alpha(c) || is_ascii_digit(c) || static_cast<unsigned char>(c) >= 0x80 ||
         std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

bool is_dot_atom(std::string_view text) {
  if (text.empty() || text.front() == '.' || text.back() == '.') return false;
  return text.find("..") == std::string_view::npos &&
         std::all_of(text.begin(), text.end(), [](char c) { return c == '.' || is_atom_octet(c); });
}

bool is_domain(std::string_view text) {
  if (text.empty()) return false;
  if (text.front() == '[') {
    return text.size() > 2 && text.back() == ']' &&
           std::none_of(text.begin() + 1, text.end() - 1,
                        [](char c) { return c == '[' || c == ']' || c == ' '; });
  }
  if (text.back() == '.') text.remove_suffix(1);
  return is_dot_atom(text) && std::all_of(text.begin(), text.end(), [](char c) {
           return is_ascii_alpha(c) || is_ascii_digit(c) || static_cast<unsigned char>(c) >= 0x80 ||
                  c == '.' || c == '-' || c == '_';
         });
}

/// The local part at the front of `text`, unquoted and taken off. Unquoted ones are taken as widely
/// as Postfix takes them; the last "@" ends them.
std::optional<std::string> take_local_part(std::string_view& text) {
  std::string local;
  if (!text.empty() && text.front() == '"') {
    std::size_t at = 1;
    for (; at < text.size() && text[at] != '"'; ++at) {
      if (text[at] == '\\') ++at;
      if (at >= text.size()) return std::nullopt;
      local += text[at];
    }
    if (at >= text.size()) return std::nullopt;
    text.remove_prefix(at + 1);
    if (!text.empty() && text.front() != '@') return std::nullopt;
    return local;
  }
  const std::size_t end = std::min(text.rfind('@'), text.size());
  for (std::size_t at = 0; at < end; ++at) {
    char c = text[at];
    if (c == ' ' || c == '<' || c == '>' || c == '"') return std::nullopt;
    if (c == '\\') {
      if (++at == end) return std::nullopt;
      c = text[at];
    }
    local += c;
  }
  text.remove_prefix(end);
  return local;
}

}  // namespace

std::string InternetAddress::str() const {
  std::string text;
  if (is_dot_atom(local_part)) {
    text = local_part;
  } else if (!empty()) {
    text = '"';
    for (const char c : local_part) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    text += '"';
  }
  if (!domain.empty()) text += '@' + domain;
  return text;
}

std::optional<InternetAddress> parse_path(std::string_view path) {
  path = trim(path);
  if (std::any_of(path.begin(), path.end(), is_control) || !postoffice::is_utf8(path)) {
    return std::nullopt;
  }
  if (!path.empty() && path.front() == '<') {
    if (path.back() != '>') return std::nullopt;
    path = path.substr(1, path.size() - 2);
    if (path.empty()) return InternetAddress{};
  }
  if (!path.empty() && path.front() == '@') {
    const std::size_t colon = path.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    path.remove_prefix(colon + 1);
  }
  const bool quoted = !path.empty() && path.front() == '"';
  std::optional<std::string> local = take_local_part(path);
  if (!local || (local->empty() && !quoted)) return std::nullopt;
  if (path.empty()) return InternetAddress{std::move(*local), ""};
  path.remove_prefix(1);
  if (!is_domain(path)) return std::nullopt;
  return InternetAddress{std::move(*local), std::string(path)};
}

std::string canonical_domain(std::string_view domain) {
  while (!domain.empty() && domain.back() == '.') domain.remove_suffix(1);
  std::string lower = ascii_lower(domain);
  const bool is_literal = !lower.empty() && lower.front() == '[';
  if (is_literal || lower.size() > longest_domain || lower.find('\0') != std::string::npos ||
      postoffice::end_of_ascii(lower, 0) == lower.size()) {
    return lower;
  }
  char* encoded = nullptr;
  const int result = idn2_to_ascii_8z(lower.c_str(), &encoded, IDN2_NONTRANSITIONAL);
  const std::unique_ptr<char, decltype(&idn2_free)> owner(encoded, &idn2_free);
  if (result != IDN2_OK || encoded == nullptr) return lower;
  std::string ascii = ascii_lower(encoded);
  // Other scripts' full stops became dots.
  while (!ascii.empty() && ascii.back() == '.') ascii.pop_back();
  return ascii;
}

std::vector<std::string> domain_spellings(std::string_view domain) {
  const bool all_below = domain.starts_with('.');
  const std::string prefix = all_below ? "." : "";
  if (all_below) domain.remove_prefix(1);
  const std::string ascii = canonical_domain(domain);
  std::vector<std::string> spellings = {prefix + ascii};
  if (ascii.size() > longest_domain || ascii.find('\0') != std::string::npos) return spellings;
  char* decoded = nullptr;
  const int result = idn2_to_unicode_8z8z(ascii.c_str(), &decoded, IDN2_NONTRANSITIONAL);
  const std::unique_ptr<char, decltype(&idn2_free)> owner(decoded, &idn2_free);
  if (result == IDN2_OK && decoded != nullptr && ascii != decoded) {
    spellings.push_back(prefix + decoded);
  }
  return spellings;
}

}  // namespace smtpgate::converter
