// Tables of code pages; see the header.
#include "converter/code_page.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace smtpgate::converter {

std::string charset_of_code_page(unsigned long code_page) {
  constexpr auto known = std::to_array<std::pair<unsigned long, std::string_view>>({
      {0, ""},
      {874, "windows-874"},
      {932, "shift_jis"},
      {936, "gbk"},
      {949, "ks_c_5601-1987"},
      {950, "big5"},
      {1200, "utf-16le"},
      {1201, "utf-16be"},
      {1361, "johab"},
      {10000, "macintosh"},
      {10007, "x-mac-cyrillic"},
      {10029, "x-mac-ce"},
      {12000, "utf-32le"},
      {20127, "us-ascii"},
      {20866, "koi8-r"},
      {20936, "gb2312"},
      {21866, "koi8-u"},
      {38598, "iso-8859-8-i"},
      {50220, "iso-2022-jp"},
      {50221, "iso-2022-jp"},
      {50222, "iso-2022-jp"},
      {50225, "iso-2022-kr"},
      {51932, "euc-jp"},
      {51949, "euc-kr"},
      {54936, "gb18030"},
      {65000, "utf-7"},
      {65001, "utf-8"},
  });
  const auto* const found = std::find_if(
      known.begin(), known.end(), [&](const auto& entry) { return entry.first == code_page; });
  if (found != known.end()) return std::string(found->second);
  if (code_page >= 1250 && code_page <= 1258) return "windows-" + std::to_string(code_page);
  if (code_page > 28590 && code_page <= 28606) {
    return "iso-8859-" + std::to_string(code_page - 28590);
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

bool is_single_octet_code_page(unsigned code_page) {
  constexpr auto known = std::to_array<unsigned>({
      437,   737,   775,   850,   852,   855,   857,   858,   860,   861,   862,  863,
      865,   866,   869,   874,   1250,  1251,  1252,  1253,  1254,  1256,  1257, 10000,
      20866, 21866, 28591, 28592, 28593, 28594, 28595, 28597, 28599, 28605,
  });
  return std::find(known.begin(), known.end(), code_page) != known.end();
}

}  // namespace smtpgate::converter
