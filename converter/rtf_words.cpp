// Tables of RTF's words, sorted.
#include "converter/rtf_words.h"

#include <algorithm>
#include <array>
#include <utility>

namespace smtpgate::converter {

namespace {

constexpr auto skipped = std::to_array<std::string_view>({
    "aftncn",
    "aftnsep",
    "aftnsepc",
    "annotation",
    "atnauthor",
    "atndate",
    "atnicn",
    "atnid",
    "atnparent",
    "atnref",
    "atntime",
    "atrfend",
    "atrfstart",
    "author",
    "bkmkend",
    "bkmkstart",
    "blipuid",
    "buptim",
    "category",
    "colorschememapping",
    "colortbl",
    "comment",
    "company",
    "creatim",
    "datafield",
    "datastore",
    "defchp",
    "defpap",
    "do",
    "doccomm",
    "falt",
    "fchars",
    "filetbl",
    "footer",
    "footerf",
    "footerl",
    "footerr",
    "ftncn",
    "ftnsep",
    "ftnsepc",
    "generator",
    "header",
    "headerf",
    "headerl",
    "headerr",
    "info",
    "keywords",
    "latentstyles",
    "lchars",
    "listoverridetable",
    "listtable",
    "mhtmltag",
    "nextfile",
    "nonesttables",
    "nonshppict",
    "objalias",
    "objclass",
    "objdata",
    "objname",
    "objsect",
    "operator",
    "panose",
    "pgptbl",
    "pict",
    "pnseclvl",
    "pntxta",
    "pntxtb",
    "printim",
    "private",
    "revtbl",
    "revtim",
    "rsidtbl",
    "rxe",
    "shpinst",
    "sp",
    "stylesheet",
    "subject",
    "tc",
    "template",
    "themedata",
    "title",
    "txe",
    "userprops",
    "wgrffmtfilter",
    "windowcaption",
    "xe",
    "xmlnstbl",
});
static_assert(std::is_sorted(skipped.begin(), skipped.end()));

using Word = std::pair<std::string_view, std::string_view>;
constexpr auto characters = std::to_array<Word>({
    {"bullet", "\xE2\x80\xA2"},
    {"column", "\n"},
    {"emdash", "\xE2\x80\x94"},
    {"emspace", " "},
    {"endash", "\xE2\x80\x93"},
    {"enspace", " "},
    {"ldblquote", "\xE2\x80\x9C"},
    {"line", "\n"},
    {"lquote", "\xE2\x80\x98"},
    {"ltrmark", "\xE2\x80\x8E"},
    {"page", "\n"},
    {"par", "\n"},
    {"qmspace", " "},
    {"rdblquote", "\xE2\x80\x9D"},
    {"rquote", "\xE2\x80\x99"},
    {"rtlmark", "\xE2\x80\x8F"},
    {"sect", "\n"},
    {"softline", "\n"},
    {"tab", "\t"},
    {"zwj", "\xE2\x80\x8D"},
    {"zwnj", "\xE2\x80\x8C"},
});
static_assert(std::is_sorted(characters.begin(), characters.end(),
                             [](const Word& a, const Word& b) { return a.first < b.first; }));

}  // namespace

bool is_skipped_destination(std::string_view word) {
  return std::binary_search(skipped.begin(), skipped.end(), word);
}

std::optional<std::string_view> characters_of_word(std::string_view word) {
  const auto* const found =
      std::lower_bound(characters.begin(), characters.end(), word,
                       [](const Word& entry, std::string_view key) { return entry.first < key; });
  if (found == characters.end() || found->first != word) return std::nullopt;
  return found->second;
}

}  // namespace smtpgate::converter
