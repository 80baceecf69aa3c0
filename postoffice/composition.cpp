// Composition (NFC) and decomposition by utf8proc, in slices: see composition.h. utf8proc orders a
// run of combining marks in quadratic time, so a sender could buy seconds with a megabyte of marks;
// no slice given to it is longer than `longest_slice`.
#include "postoffice/composition.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <utility>

#include <utf8proc.h>

#include "postoffice/character_set.h"
#include "postoffice/utf8.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::size_t usual_slice = 128;
constexpr std::size_t longest_slice = 512;

bool is_continuation(char octet) {
  return (static_cast<unsigned char>(octet) & 0xC0U) == 0x80;
}

/// The start of the character before `at` (at > 0).
std::size_t previous_character(std::string_view text, std::size_t at) {
  do --at;
  while (at > 0 && is_continuation(text[at]));
  return at;
}

/// Nothing composes over the border of two grapheme clusters.
bool is_border(std::string_view text, std::size_t at) {
  if (static_cast<unsigned char>(text[at]) < 0x80) return true;
  const char32_t before = utf8_character(text, previous_character(text, at)).code;
  const char32_t after = utf8_character(text, at).code;
  return utf8proc_grapheme_break(static_cast<utf8proc_int32_t>(before),
                                 static_cast<utf8proc_int32_t>(after));
}

/// The end of the slice that starts at `at`.
std::size_t end_of_slice(std::string_view text, std::size_t at) {
  const std::size_t start = at;
  while (at < text.size()) {
    at += utf8_character(text, at).length;
    if (at >= text.size()) return text.size();
    if (at - start >= longest_slice) return at;
    if (at - start >= usual_slice && is_border(text, at)) return at;
  }
  return at;
}

/// utf8proc_map() as a value; the text itself where utf8proc refuses it (out of memory included:
/// text that is not composed is better than none).
std::string map_slice(std::string_view text, utf8proc_option_t options) {
  utf8proc_uint8_t* mapped = nullptr;
  const utf8proc_ssize_t length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &mapped, options);
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(mapped, &std::free);
  if (length < 0 || mapped == nullptr) return std::string(text);
  return std::string(reinterpret_cast<const char*>(mapped), static_cast<std::size_t>(length));
}

/// False if text surely is composed already: nothing in it has another normal form or composes with
/// what stands before it. Knows the blocks that mail is full of (Latin, Greek, Cyrillic, general
/// punctuation, Chinese characters, Hangul syllables) by their octets; anything else is "maybe".
bool may_compose(std::string_view text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto lead = static_cast<unsigned char>(text[at]);
    // Up to U+02FF; and within characters that were let pass.
    if (lead < 0xCC) continue;
    const auto next = [&](std::size_t ahead) -> unsigned {
      return at + ahead < text.size() ? static_cast<unsigned char>(text[at + ahead]) : 0U;
    };
    const bool plain = (lead == 0xCE && next(1) != 0x87) ||  // U+0380 on, not the Greek ano teleia
                       (lead >= 0xCF && lead <= 0xD1) ||     // U+03C0 to U+047F
                       (lead == 0xE2 && next(1) == 0x80 && next(2) >= 0x82) ||  // U+2002 on
                       (lead == 0xE2 && next(1) == 0x82) ||                     // U+2080 on
                       (lead >= 0xE4 && lead <= 0xE9) ||                        // U+4000 to U+9FFF
                       lead == 0xEB || lead == 0xEC;                            // U+B000 to U+CFFF
    if (!plain) return true;
  }
  return false;
}

using Nearest = std::pair<char32_t, std::string_view>;

/// Sorted by character; checked at compile time.
constexpr auto nearest_table = std::to_array<Nearest>({
    {0x00A0, " "},    {0x00A1, "!"},    {0x00A2, "c"},    {0x00A3, "GBP"},  {0x00A5, "JPY"},
    {0x00A6, "|"},    {0x00A9, "(C)"},  {0x00AB, "<<"},   {0x00AD, ""},     {0x00AE, "(R)"},
    {0x00B0, "deg"},  {0x00B1, "+/-"},  {0x00B4, "'"},    {0x00B5, "u"},    {0x00B7, "."},
    {0x00B8, ","},    {0x00BB, ">>"},   {0x00BC, "1/4"},  {0x00BD, "1/2"},  {0x00BE, "3/4"},
    {0x00BF, "?"},    {0x00C6, "AE"},   {0x00D0, "D"},    {0x00D7, "x"},    {0x00D8, "O"},
    {0x00DE, "Th"},   {0x00DF, "ss"},   {0x00E6, "ae"},   {0x00F0, "d"},    {0x00F7, "/"},
    {0x00F8, "o"},    {0x00FE, "th"},   {0x0110, "D"},    {0x0111, "d"},    {0x0126, "H"},
    {0x0127, "h"},    {0x0131, "i"},    {0x0138, "k"},    {0x0141, "L"},    {0x0142, "l"},
    {0x014A, "N"},    {0x014B, "n"},    {0x0152, "OE"},   {0x0153, "oe"},   {0x0166, "T"},
    {0x0167, "t"},    {0x0192, "f"},    {0x02BC, "'"},    {0x02C6, "^"},    {0x02DC, "~"},
    {0x034F, ""},     {0x1E9E, "SS"},   {0x2002, " "},    {0x2003, " "},    {0x2009, " "},
    {0x200B, ""},     {0x200C, ""},     {0x200D, ""},     {0x200E, ""},     {0x200F, ""},
    {0x2010, "-"},    {0x2011, "-"},    {0x2012, "-"},    {0x2013, "-"},    {0x2014, "-"},
    {0x2015, "-"},    {0x2018, "'"},    {0x2019, "'"},    {0x201A, "'"},    {0x201B, "'"},
    {0x201C, "\""},   {0x201D, "\""},   {0x201E, "\""},   {0x201F, "\""},   {0x2020, "+"},
    {0x2021, "++"},   {0x2022, "*"},    {0x2023, ">"},    {0x2026, "..."},  {0x2028, " "},
    {0x2029, " "},    {0x202A, ""},     {0x202B, ""},     {0x202C, ""},     {0x202D, ""},
    {0x202E, ""},     {0x202F, " "},    {0x2030, "o/oo"}, {0x2032, "'"},    {0x2033, "\""},
    {0x2039, "<"},    {0x203A, ">"},    {0x2044, "/"},    {0x2060, ""},     {0x2066, ""},
    {0x2067, ""},     {0x2068, ""},     {0x2069, ""},     {0x20AC, "EUR"},  {0x2116, "No."},
    {0x2122, "(TM)"}, {0x2190, "<-"},   {0x2192, "->"},   {0x2194, "<->"},  {0x21D0, "<="},
    {0x21D2, "=>"},   {0x2212, "-"},    {0x2215, "/"},    {0x2217, "*"},    {0x2219, "."},
    {0x221E, "inf"},  {0x223C, "~"},    {0x2248, "~"},    {0x2260, "!="},   {0x2264, "<="},
    {0x2265, ">="},   {0x2500, "-"},    {0x2501, "-"},    {0x2502, "|"},    {0x2503, "|"},
    {0x2550, "="},    {0x2551, "|"},    {0x25A0, "*"},    {0x25AA, "*"},    {0x25BA, ">"},
    {0x25CB, "o"},    {0x25CF, "*"},    {0x25E6, "o"},    {0x2610, "[ ]"},  {0x2611, "[x]"},
    {0x2612, "[x]"},  {0x2639, ":-("},  {0x263A, ":-)"},  {0x2713, "v"},    {0x2714, "v"},
    {0x2717, "x"},    {0x2718, "x"},    {0x27A2, ">"},    {0x3000, " "},    {0x3001, ","},
    {0x3002, "."},    {0x301C, "~"},    {0xFE0E, ""},     {0xFE0F, ""},     {0xFEFF, ""},
    {0x1F600, ":-D"}, {0x1F603, ":-D"}, {0x1F609, ";-)"}, {0x1F642, ":-)"},
});
static_assert(std::is_sorted(nearest_table.begin(), nearest_table.end(),
                             [](const Nearest& a, const Nearest& b) { return a.first < b.first; }));

}  // namespace

std::string compose(std::string_view text) {
  if (!may_compose(text) || !is_utf8(text)) return std::string(text);
  constexpr auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = end_of_slice(text, at);
    const std::string_view slice = text.substr(at, end - at);
    if (may_compose(slice)) {
      result += map_slice(slice, options);
    } else {
      result += slice;
    }
    at = end;
  }
  return result;
}

std::size_t last_composition_border(std::string_view text) {
  std::size_t at = text.size();
  while (at > 0 && text.size() - at < longest_slice) {
    at = previous_character(text, at);
    if (at == 0 || is_border(text, at)) return at;
  }
  return text.size();
}

std::string nearest_characters(char32_t code) {
  const auto* const found =
      std::lower_bound(nearest_table.begin(), nearest_table.end(), code,
                       [](const Nearest& entry, char32_t wanted) { return entry.first < wanted; });
  if (found != nearest_table.end() && found->first == code) return std::string(found->second);
  // Tag characters show nothing by themselves.
  if (code >= 0xE0000 && code <= 0xE0FFF) return {};
  std::string character;
  append_utf8(code, character);
  constexpr auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE |
                                                          UTF8PROC_COMPAT | UTF8PROC_STRIPMARK);
  std::string plain = map_slice(character, options);
  if (plain.empty() || plain == character) return "?";
  return plain;
}

}  // namespace smtpgate::postoffice
