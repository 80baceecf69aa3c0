// 8.3 names: see the header.
#include "postoffice/short_name.h"

#include <algorithm>

#include "postoffice/ascii.h"
#include "postoffice/character_set.h"
#include "postoffice/safe_file_name.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::size_t longest_stem = 8;
constexpr std::size_t longest_extension = 3;

bool is_short_octet(char c) {
  return (c >= 'A' && c <= 'Z') || is_ascii_digit(c) ||
         std::string_view("!#$%&'()-@^_`{}~").find(c) != std::string_view::npos;
}

/// Capitals; blanks and dots go, as Windows lets them go.
std::string short_octets(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == ' ' || c == '.') continue;
    const char upper = ascii_upper(c);
    result += is_short_octet(upper) ? upper : '_';
  }
  return result;
}

}  // namespace

void ShortNames::reserve(std::string_view name) {
  taken_.insert(ascii_upper(name));
}

std::string ShortNames::take(std::string_view name) {
  const std::string plain = from_utf8(name, "US-ASCII");
  const std::size_t dot = plain.rfind('.');
  const bool has_extension = dot != std::string::npos && dot > 0 && dot + 1 < plain.size();
  const std::string_view whole = plain;
  std::string stem = short_octets(has_extension ? whole.substr(0, dot) : whole);
  std::string extension = has_extension ? short_octets(whole.substr(dot + 1)) : std::string();
  const bool is_whole = equals_ignoring_case(has_extension ? stem + "." + extension : stem, name);
  if (stem.empty()) stem = "_";
  extension.resize(std::min(extension.size(), longest_extension));
  const std::string tail = extension.empty() ? std::string() : "." + extension;
  if (is_whole && stem.size() <= longest_stem &&
      tail.size() == (has_extension ? plain.size() - dot : 0) && !is_dos_device_name(stem) &&
      taken_.insert(stem + tail).second) {
    return stem + tail;
  }
  stem.resize(std::min(stem.size(), longest_stem));
  unsigned long& number = next_.try_emplace(stem + tail, 1).first->second;
  for (;;) {
    const std::string mark = "~" + std::to_string(number++);
    std::string candidate =
        stem.substr(0, longest_stem - std::min(mark.size(), longest_stem)) + mark + tail;
    if (taken_.insert(candidate).second) return candidate;
  }
}

}  // namespace smtpgate::postoffice
