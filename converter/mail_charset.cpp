// Labels of character sets as mail has them: see the header. The table follows what the labels are
// used for, not what they say: the sets of the registry are what programs should have sent, the
// larger ones of Windows are what they did send (WHATWG Encoding, 4.2, has the same findings).
#include "converter/mail_charset.h"

#include <algorithm>
#include <array>
#include <utility>

#include "postoffice/ascii.h"
#include "postoffice/character_set.h"

namespace smtpgate::converter {

namespace {

using Alias = std::pair<std::string_view, std::string_view>;

/// Keys are key_of() a label; an empty set means ASCII: the text is looked at. Sorted.
constexpr auto aliases = std::to_array<Alias>({
    {"646", ""},
    {"ansi", latin},
    {"ansix341968", ""},
    {"ansix341986", ""},
    {"arabic", "ISO-8859-6"},
    {"ascii", ""},
    {"big5", "BIG5-HKSCS"},
    {"big5eten", "BIG5-HKSCS"},
    {"big5hkscs", "BIG5-HKSCS"},
    {"big5tw", "BIG5-HKSCS"},
    {"chinese", "GB18030"},
    {"chinesebig5", "BIG5-HKSCS"},
    {"cnbig5", "BIG5-HKSCS"},
    {"cp1200", "UTF-16LE"},
    {"cp1201", "UTF-16BE"},
    {"cp20127", ""},
    {"cp20866", "KOI8-R"},
    {"cp21866", "KOI8-U"},
    {"cp28591", latin},
    {"cp367", ""},
    {"cp50220", "ISO-2022-JP"},
    {"cp50221", "ISO-2022-JP"},
    {"cp51932", "EUC-JP-MS"},
    {"cp51949", "CP949"},
    {"cp54936", "GB18030"},
    {"cp65000", "UTF-7"},
    {"cp65001", "UTF-8"},
    {"cp819", latin},
    {"cp866u", "CP1125"},
    {"cp936", "GB18030"},
    {"cp942", "CP932"},
    {"cp943", "CP932"},
    {"cp950", "BIG5-HKSCS"},
    {"csbig5", "BIG5-HKSCS"},
    {"cseuckr", "CP949"},
    {"cseucpkdfmtjapanese", "EUC-JP-MS"},
    {"csgb2312", "GB18030"},
    {"csiso58gb231280", "GB18030"},
    {"csisolatin1", latin},
    {"csksc56011987", "CP949"},
    {"csshiftjis", "CP932"},
    {"cswindows31j", "CP932"},
    {"cyrillic", "ISO-8859-5"},
    {"euccn", "GB18030"},
    {"eucjis2004", "EUC-JISX0213"},
    {"eucjisx0213", "EUC-JISX0213"},
    {"eucjp", "EUC-JP-MS"},
    {"euckr", "CP949"},
    {"gb180302000", "GB18030"},
    {"gb180302005", "GB18030"},
    {"gb2312", "GB18030"},
    {"gb231280", "GB18030"},
    {"gb2312charset", "GB18030"},
    {"gbk", "GB18030"},
    {"greek", "ISO-8859-7"},
    {"hebrew", "ISO-8859-8"},
    {"hkscs", "BIG5-HKSCS"},
    {"hzgb", "HZ"},
    {"hzgb2312", "HZ"},
    {"ibm819", latin},
    {"iso2022jp", "ISO-2022-JP"},
    {"iso2022jp2", "ISO-2022-JP-2"},
    {"iso2022jp3", "ISO-2022-JP-3"},
    {"iso2022kr", "ISO-2022-KR"},
    {"iso646us", ""},
    {"iso88591", latin},
    {"iso885911", "windows-874"},
    {"iso88598e", "ISO-8859-8"},
    {"iso88598i", "ISO-8859-8"},
    {"iso88599", "windows-1254"},
    {"isoir100", latin},
    {"isoir149", "CP949"},
    {"isoir58", "GB18030"},
    {"isoir6", ""},
    {"isolatin1", latin},
    {"koi", "KOI8-R"},
    {"koi8", "KOI8-R"},
    {"koi8r", "KOI8-R"},
    {"koi8ru", "KOI8-U"},
    {"koi8u", "KOI8-U"},
    {"korean", "CP949"},
    {"ksc5601", "CP949"},
    {"ksc56011987", "CP949"},
    {"ksc56011989", "CP949"},
    {"ksx1001", "CP949"},
    {"kz1048", "RK1048"},
    {"l1", latin},
    {"l5", "windows-1254"},
    {"latin1", latin},
    {"latin5", "windows-1254"},
    {"logical", "ISO-8859-8"},
    {"mac", "MACINTOSH"},
    {"macce", "MAC-CENTRALEUROPE"},
    {"maccenteuro", "MAC-CENTRALEUROPE"},
    {"maccentraleurope", "MAC-CENTRALEUROPE"},
    {"maccyrillic", "MAC-CYRILLIC"},
    {"maciceland", "MAC-IS"},
    {"macicelandic", "MAC-IS"},
    {"macintosh", "MACINTOSH"},
    {"macjapanese", "CP932"},
    {"mackorean", "CP949"},
    {"maclatin2", "MAC-CENTRALEUROPE"},
    {"macroman", "MACINTOSH"},
    {"macsimpchinese", "GB18030"},
    {"mactradchinese", "BIG5-HKSCS"},
    {"macukraine", "MAC-UK"},
    {"macukrainian", "MAC-UK"},
    {"ms950", "BIG5-HKSCS"},
    {"mskanji", "CP932"},
    {"mswin1252", latin},
    {"ptcp154", "PT154"},
    {"shiftjis", "CP932"},
    {"shiftjis2004", "SHIFT_JISX0213"},
    {"shiftjisx0213", "SHIFT_JISX0213"},
    {"sjis", "CP932"},
    {"thai", "windows-874"},
    {"tis620", "windows-874"},
    {"uhc", "CP949"},
    {"unicode11utf7", "UTF-7"},
    {"unicode11utf8", "UTF-8"},
    {"unicode20utf7", "UTF-7"},
    {"unicode20utf8", "UTF-8"},
    {"us", ""},
    {"usascii", ""},
    {"usasciiansi", ""},
    {"utf", "UTF-8"},
    {"utf16", "UTF-16"},
    {"utf16be", "UTF-16BE"},
    {"utf16le", "UTF-16LE"},
    {"utf32", "UTF-32"},
    {"utf32be", "UTF-32BE"},
    {"utf32le", "UTF-32LE"},
    {"utf7", "UTF-7"},
    {"utf8", "UTF-8"},
    {"utf8bom", "UTF-8"},
    {"utf8mb3", "UTF-8"},
    {"utf8mb4", "UTF-8"},
    {"utf8n", "UTF-8"},
    {"utf8sig", "UTF-8"},
    {"visual", "ISO-8859-8"},
    {"windows31j", "CP932"},
});
static_assert(std::is_sorted(aliases.begin(), aliases.end(),
                             [](const Alias& a, const Alias& b) { return a.first < b.first; }));

constexpr std::size_t longest_label = 256;

/// The name in a label: the first run of letters, digits and what may stand between them, without
/// quotes, comments, "charset=" or what follows.
std::string_view name_in(std::string_view label) {
  const auto is_name_octet = [](char c) {
    return is_ascii_alpha(c) || is_ascii_digit(c) ||
           std::string_view("._:+-").find(c) != std::string_view::npos;
  };
  label = label.substr(0, longest_label);
  constexpr std::string_view before = " \t\r\n\"'`=<({[";
  label.remove_prefix(std::min(label.find_first_not_of(before), label.size()));
  for (std::string_view prefix : {"charset=", "charset:"}) {
    if (starts_with_ignoring_case(label, prefix)) label.remove_prefix(prefix.size());
  }
  label.remove_prefix(std::min(label.find_first_not_of(before), label.size()));
  const auto* const end = std::find_if_not(label.begin(), label.end(), is_name_octet);
  label = label.substr(0, static_cast<std::size_t>(end - label.begin()));
  while (!label.empty() && std::string_view(".:+-").find(label.back()) != std::string_view::npos) {
    label.remove_suffix(1);
  }
  return label;
}

/// Lower case, letters and digits only, without the year behind a colon ("ISO_8859-1:1987").
std::string key_of(std::string_view name) {
  std::string key;
  for (const char c : name.substr(0, name.find(':'))) {
    if (is_ascii_alpha(c) || is_ascii_digit(c)) key += ascii_lower(c);
  }
  return key;
}

const Alias* find_alias(std::string_view key) {
  const auto* const found = std::lower_bound(
      aliases.begin(), aliases.end(), key,
      [](const Alias& alias, std::string_view wanted) { return alias.first < wanted; });
  return found != aliases.end() && found->first == key ? found : nullptr;
}

/// Code pages and the ISO family in the many ways they are spelt: "win-1251", "x-cp-850",
/// "codepage437", "8859-2", "1251". Empty if the key is neither.
std::string family_name(std::string_view key) {
  const auto digits_after = [key](std::string_view prefix) -> std::string_view {
    if (key.substr(0, prefix.size()) != prefix) return {};
    const std::string_view rest = key.substr(prefix.size());
    const bool all =
        !rest.empty() && rest.size() <= 5 &&
        std::all_of(rest.begin(), rest.end(), [](char c) { return is_ascii_digit(c); });
    return all ? rest : std::string_view();
  };
  for (std::string_view prefix : {"iso8859", "8859", "is08859", "isolatin"}) {
    if (const std::string_view digits = digits_after(prefix); !digits.empty()) {
      return "ISO-8859-" + std::string(digits);
    }
  }
  for (std::string_view prefix :
       {"windows", "win", "mswindows", "mswin", "cp", "ibm", "msdos", "dos", "codepage", "oem",
        "msansi", "ansi", "ms", "windowscp", "microsoftcp", ""}) {
    if (const std::string_view digits = digits_after(prefix); !digits.empty()) {
      return "CP" + std::string(digits);
    }
  }
  return {};
}

bool has_jis_signs(std::string_view key) {
  constexpr auto keys = std::to_array<std::string_view>(
      {"shiftjis", "sjis", "csshiftjis", "eucjp", "cseucpkdfmtjapanese"});
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

MailCharset charset_of_name(std::string_view name) {
  std::string key = key_of(name);
  const Alias* alias = find_alias(key);
  if (alias == nullptr && key.size() > 1 && key[0] == 'x') {
    alias = find_alias(std::string_view(key).substr(1));
    if (alias != nullptr || !postoffice::CharacterDecoder::open(name)) key.erase(0, 1);
  }
  if (alias != nullptr) return {std::string(alias->second), false, has_jis_signs(alias->first)};
  if (const std::string family = family_name(key); !family.empty()) {
    // The family's usual spelling may have an alias of its own: "8859-1", "windows936".
    alias = find_alias(key_of(family));
    if (alias != nullptr) return {std::string(alias->second), false};
    if (postoffice::CharacterDecoder::open(family)) return {family, false};
  }
  if (postoffice::CharacterDecoder::open(name)) return {std::string(name), false};
  if (key != name && postoffice::CharacterDecoder::open(key)) return {key, false};  // "Latin-2"
  return {"", true};
}

}  // namespace

MailCharset charset_for_label(std::string_view label) {
  const std::string_view name = name_in(label);
  if (name.empty()) return {"", !trim(label).empty()};
  MailCharset charset = charset_of_name(name);
  label = label.substr(0, longest_label);
  if (!charset.guessed || label.find(' ') == std::string_view::npos) return charset;
  // "windows 1251": a blank for the hyphen.
  std::string joined(label);
  std::erase(joined, ' ');
  return charset_of_name(name_in(joined));
}

}  // namespace smtpgate::converter
