// The columns of a line of the original's IMPORT utility (Q104869). Internal to this room; reading:
// mailbox_import.cpp, writing: mailbox_export.cpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace smtpgate::postoffice::import_columns {

inline constexpr std::size_t alias_column = 2;     ///< column 3 of the article, counted from 0
inline constexpr std::size_t address_column = 33;  ///< column 34
inline constexpr std::size_t longest_alias = 30;

/// Of UTF-8.
inline std::size_t characters_in(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

/// From the n-th character (UTF-8) on.
inline std::string_view from_column(std::string_view text, std::size_t n) {
  std::size_t at = 0;
  for (std::size_t seen = 0; at < text.size(); ++at) {
    if ((static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) continue;
    if (seen++ == n) break;
  }
  return text.substr(at);
}

}  // namespace smtpgate::postoffice::import_columns
