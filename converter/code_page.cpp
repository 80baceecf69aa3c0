// Tables of code pages; see the header.
#include "converter/code_page.h"

#include <algorithm>
#include <array>
#include <utility>

namespace smtpgate::converter {

std::string charset_of_code_page(unsigned long code_page) {
  switch (code_page) {
    case 0:
      return {};
    case 1361:
      return "johab";
    case 10000:
      return "macintosh";
    case 10007:
      return "x-mac-cyrillic";
    case 10029:
      return "x-mac-ce";
    case 12000:
      return "utf-32le";
    case 20936:
      return "gb2312";
    case 50225:
      return "iso-2022-kr";
    case 65001:
      return "utf-8";
    default:
      break;
  }
  if (code_page > 28590 && code_page <= 28606) {
    return "iso-8859-" + std::to_string(code_page - 28590);
  }
  if (code_page >= 38590 && code_page <= 38606) {
    return "iso-8859-" + std::to_string(code_page - 38590);
  }
  return "cp" + std::to_string(code_page);
}

unsigned code_page_of_font_charset(long charset) {
  constexpr std::array<std::pair<long, unsigned>, 22> known = {{
      {0, 1252},   {77, 10000}, {78, 932},   {79, 949},   {80, 936},   {81, 950},
      {89, 10007}, {128, 932},  {129, 949},  {130, 1361}, {134, 936},  {136, 950},
      {161, 1253}, {162, 1254}, {163, 1258}, {177, 1255}, {178, 1256}, {186, 1257},
      {204, 1251}, {222, 874},  {238, 1250}, {255, 437},
  }};
  const auto found = std::find_if(known.begin(), known.end(),
                                  [&](const auto& entry) { return entry.first == charset; });
  return found == known.end() ? 0 : found->second;
}

bool is_multibyte_code_page(unsigned code_page) {
  constexpr std::array<unsigned, 9> known = {932, 936, 949, 950, 1361, 20936, 54936, 65000, 65001};
  return std::find(known.begin(), known.end(), code_page) != known.end();
}

}  // namespace smtpgate::converter
