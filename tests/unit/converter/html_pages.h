// Pages to text, for the tests of what becomes of them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "converter/html_to_text.h"
#include "unit/catch.h"

namespace smtpgate::test {

inline std::string convert_page(std::string_view html, std::size_t piece = std::string_view::npos) {
  converter::HtmlToText converter;
  std::string result;
  for (std::size_t at = 0; at < html.size();) {
    const std::string_view next = html.substr(at, piece);
    const std::vector<char> copy(next.begin(), next.end());
    // The target may be emptied between the calls.
    std::string out;
    converter.feed(std::string_view(copy.data(), copy.size()), out);
    result += out;
    at += next.size();
  }
  converter.finish(result);
  return result;
}

/// Converts whole, and in pieces of every size, which must not matter.
inline std::string text_of(std::string_view html) {
  std::string whole = convert_page(html);
  for (std::size_t piece = 1; piece < html.size(); ++piece) {
    if (convert_page(html, piece) == whole) continue;
    FAIL("pieces of " << piece << " of: " << html);
  }
  return whole;
}

inline std::string repeat(std::string_view text, std::size_t count) {
  std::string result;
  for (; count > 0; --count) result += text;
  return result;
}

}  // namespace smtpgate::test
