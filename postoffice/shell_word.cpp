// Words for a shell; see the header. What printable() makes of odd octets is what $'...' undoes.
#include "postoffice/shell_word.h"

#include <algorithm>

#include "postoffice/ascii.h"
#include "postoffice/printable.h"

namespace smtpgate {

namespace {

std::string quoted(std::string_view text, std::string_view opening, std::string_view apostrophe) {
  std::string result(opening);
  for (const char c : text) {
    if (c == '\'') {
      result += apostrophe;
    } else {
      result += c;
    }
  }
  return result + "'";
}

}  // namespace

std::string shell_word(std::string_view word) {
  constexpr std::string_view harmless = "/._-+:@%,=";
  const bool is_plain = !word.empty() && std::all_of(word.begin(), word.end(), [&](char c) {
    return is_ascii_alpha(c) || is_ascii_digit(c) || harmless.find(c) != std::string_view::npos;
  });
  if (is_plain) return std::string(word);
  std::string shown = printable(word);
  if (shown == word) return quoted(word, "'", "'\\''");
  return quoted(shown, "$'", "\\'");
}

}  // namespace smtpgate
