// Labels of character sets as mail has them: see the header. The table follows what the labels are
// used for, not what they say: the sets of the registry are what programs should have sent, the
// larger ones of Windows are what they did send (WHATWG Encoding, 4.2, has the same findings).
#include "converter/mail_charset.h"

#include <algorithm>
#include <array>
#include <utility>

#include "postoffice/ascii.h"
#include "postoffice/utf8.h"

namespace smtpgate::converter {

namespace {

constexpr std::size_t most_held_back = 65'536;
constexpr std::string_view latin = "windows-1252";

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
    {"cp51932", "EUC-JP"},
    {"cp51949", "CP949"},
    {"cp54936", "GB18030"},
    {"cp65000", "UTF-7"},
    {"cp65001", "UTF-8"},
    {"cp819", latin},
    {"cp936", "GB18030"},
    {"cp942", "CP932"},
    {"cp943", "CP932"},
    {"cp950", "BIG5-HKSCS"},
    {"cseuckr", "CP949"},
    {"csgb2312", "GB18030"},
    {"csisolatin1", latin},
    {"csksc56011987", "CP949"},
    {"csshiftjis", "CP932"},
    {"cswindows31j", "CP932"},
    {"cyrillic", "ISO-8859-5"},
    {"euccn", "GB18030"},
    {"eucjp", "EUC-JP"},
    {"euckr", "CP949"},
    {"gb2312", "GB18030"},
    {"gb231280", "GB18030"},
    {"gb2312charset", "GB18030"},
    {"gbk", "GB18030"},
    {"greek", "ISO-8859-7"},
    {"hebrew", "ISO-8859-8"},
    {"ibm819", latin},
    {"iso2022jp", "ISO-2022-JP"},
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
    {"korean", "CP949"},
    {"ksc5601", "CP949"},
    {"ksc56011987", "CP949"},
    {"ksc56011989", "CP949"},
    {"l1", latin},
    {"l5", "windows-1254"},
    {"latin1", latin},
    {"latin5", "windows-1254"},
    {"logical", "ISO-8859-8"},
    {"mac", "MACINTOSH"},
    {"macce", "MAC-CENTRALEUROPE"},
    {"maccentraleurope", "MAC-CENTRALEUROPE"},
    {"maccyrillic", "MAC-CYRILLIC"},
    {"macintosh", "MACINTOSH"},
    {"macroman", "MACINTOSH"},
    {"mskanji", "CP932"},
    {"mswin1252", latin},
    {"shiftjis", "CP932"},
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

/// The name in a label: the first run of letters, digits and what may stand between them, without
/// quotes, comments, "charset=" or what follows.
std::string_view name_in(std::string_view label) {
  const auto is_name_octet = [](char c) {
    return is_ascii_alpha(c) || is_ascii_digit(c) ||
           std::string_view("._:+-").find(c) != std::string_view::npos;
  };
  label = label.substr(0, 256);
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
/// "codepage437", "8859-2". Empty if the key is neither.
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
  for (std::string_view prefix : {"windows", "win", "mswindows", "mswin", "cp", "ibm", "msdos",
                                  "dos", "codepage", "oem", "msansi", "ansi", "ms"}) {
    if (const std::string_view digits = digits_after(prefix); !digits.empty()) {
      return "CP" + std::string(digits);
    }
  }
  return {};
}

bool has_iso_2022_jp_escapes(std::string_view text) {
  if (text.find('\x1B') == std::string_view::npos) return false;
  const bool has = text.find("\x1B$B") != std::string_view::npos ||
                   text.find("\x1B$@") != std::string_view::npos;
  return has && postoffice::end_of_ascii(text, 0) == text.size();
}

/// All of it, or all but a character that is cut at the end.
bool is_utf8_so_far(std::string_view text) {
  const std::size_t good = postoffice::valid_utf8_prefix(text);
  return good == text.size() ||
         postoffice::utf8_character(text, good).kind == postoffice::Utf8Character::Kind::incomplete;
}

/// True if `text` has a character of UTF-8 beyond ASCII.
bool has_utf8_character(std::string_view text) {
  for (std::size_t at = postoffice::end_of_ascii(text, 0); at < text.size();
       at = postoffice::end_of_ascii(text, at)) {
    const postoffice::Utf8Character character = postoffice::utf8_character(text, at);
    if (character.kind == postoffice::Utf8Character::Kind::valid) return true;
    at += character.length;
  }
  return false;
}

bool has_jis_signs(std::string_view key) {
  return key == "shiftjis" || key == "sjis" || key == "csshiftjis";
}

/// From CP932's reading of six signs to that of JIS X 0208, in `text` from `from` on.
void use_jis_signs(std::string& text, std::size_t from) {
  using Sign = std::pair<std::string_view, std::string_view>;
  constexpr std::array<Sign, 6> signs = {{
      {"\xEF\xBC\x8D", "\xE2\x88\x92"},  // minus
      {"\xEF\xBD\x9E", "\xE3\x80\x9C"},  // wave dash
      {"\xE2\x88\xA5", "\xE2\x80\x96"},  // double vertical line
      {"\xEF\xBF\xA0", "\xC2\xA2"},      // cent
      {"\xEF\xBF\xA1", "\xC2\xA3"},      // pound
      {"\xEF\xBF\xA2", "\xC2\xAC"},      // not
  }};
  std::string result;
  for (std::size_t at = from; at < text.size();) {
    const std::string_view here = std::string_view(text).substr(at, 3);
    const auto* const sign = std::find_if(signs.begin(), signs.end(),
                                          [&](const Sign& one) { return one.first == here; });
    if (sign != signs.end()) {
      result += sign->second;
      at += 3;
    } else {
      result += text[at++];
    }
  }
  text.replace(from, std::string::npos, result);
}

}  // namespace

std::size_t unit_octets(std::string_view set) {
  for (const std::string_view four : {"UTF-32", "UTF32", "UCS-4", "UCS4", "ISO-10646/UCS4"}) {
    if (starts_with_ignoring_case(set, four)) return 4;
  }
  for (const std::string_view two : {"UTF-16", "UTF16", "UCS-2", "UCS2", "ISO-10646/UCS2"}) {
    if (starts_with_ignoring_case(set, two)) return 2;
  }
  return 1;
}

MailCharset charset_for_label(std::string_view label) {
  const std::string_view name = name_in(label);
  if (name.empty()) return {"", !trim(label).empty()};
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
  return {"", true};
}

std::string guess_charset(std::string_view text) {
  if (has_iso_2022_jp_escapes(text)) return "ISO-2022-JP";
  return is_utf8_so_far(text) ? "UTF-8" : std::string(latin);
}

std::string decode_labelled(std::string_view octets, std::string_view label,
                            std::uint64_t* replaced, bool* odd) {
  MailCharset charset = charset_for_label(label);
  bool is_odd = charset.guessed;
  if (charset.set.empty()) {
    charset.set = guess_charset(octets);
  } else if (equals_ignoring_case(charset.set, "UTF-8") && !is_utf8_so_far(octets) &&
             !has_utf8_character(octets)) {
    charset.set = latin;
    is_odd = true;
  }
  std::uint64_t count = 0;
  std::string text = postoffice::to_utf8(octets, charset.set, &count);
  if (charset.has_jis_signs) use_jis_signs(text, 0);
  if (replaced != nullptr) *replaced += count;
  if (odd != nullptr && (is_odd || count > 0)) *odd = true;
  return text;
}

MailTextDecoder::MailTextDecoder(std::string_view label) {
  MailCharset charset = charset_for_label(label);
  guessed_ = charset.guessed;
  has_jis_signs_ = charset.has_jis_signs;
  set_ = std::move(charset.set);
  unit_ = unit_octets(set_);
}

void MailTextDecoder::open(std::string set) {
  decoder_ = postoffice::CharacterDecoder::open(set);
  set_ = std::move(set);
}

void MailTextDecoder::decode(std::string_view piece, std::string& out) {
  if (!decoder_ || piece.empty()) return;
  const std::size_t before = out.size();
  if (unit_ > 1) {
    if (std::exchange(holds_line_end_, false)) decoder_->feed("\n", out);
    octets_ = (octets_ + piece.size()) % unit_;
    if (octets_ == 1 && piece.ends_with('\n')) {
      holds_line_end_ = true;
      piece.remove_suffix(1);
    }
  }
  decoder_->feed(piece, out);
  if (has_jis_signs_) use_jis_signs(out, before);
}

/// Decides on the set and decodes what was held back.
void MailTextDecoder::start(std::string& out) {
  started_ = true;
  const std::string text = std::exchange(held_, {});
  if (unit_ > 1 && text.find('\0') == std::string::npos && is_utf8_so_far(text)) {
    // Some programs take the word of a page's own head for the label.
    set_.clear();
    unit_ = 1;
    guessed_ = true;
  }
  if (set_.empty()) {
    set_ = guess_charset(text);
    if (set_ == "UTF-8") {
      feed_guessed_utf8(text, out);
      return;
    }
    guessed_ = true;
  } else if (equals_ignoring_case(set_, "UTF-8")) {
    doubts_utf8_ = true;
    judge_labelled_utf8(text, out);
    return;
  }
  open(set_);
  decode(text, out);
}

void MailTextDecoder::judge_labelled_utf8(std::string_view piece, std::string& out) {
  std::string joined;
  if (!held_.empty()) {
    joined = std::exchange(held_, {}).append(piece);
    piece = joined;
  }
  const std::size_t ascii = postoffice::end_of_ascii(piece, 0);
  out.append(piece.substr(0, ascii));
  piece.remove_prefix(ascii);
  if (piece.empty()) return;
  using Kind = postoffice::Utf8Character::Kind;
  const Kind kind = postoffice::utf8_character(piece, 0).kind;
  if (kind == Kind::incomplete) {
    held_ = piece;
    return;
  }
  doubts_utf8_ = false;
  guessed_ = kind != Kind::valid;
  open(guessed_ ? std::string(latin) : set_);
  decode(piece, out);
}

void MailTextDecoder::feed_guessed_utf8(std::string_view piece, std::string& out) {
  std::string joined;
  if (!held_.empty()) {
    joined = std::exchange(held_, {}).append(piece);
    piece = joined;
  }
  const std::size_t good = postoffice::valid_utf8_prefix(piece);
  out.append(piece.substr(0, good));
  piece.remove_prefix(good);
  if (piece.empty()) return;
  if (postoffice::utf8_character(piece, 0).kind == postoffice::Utf8Character::Kind::incomplete) {
    held_ = piece;
    return;
  }
  guessed_ = true;
  open(std::string(latin));
  if (decoder_) decoder_->feed(piece, out);
}

void MailTextDecoder::feed(std::string_view piece, std::string& out) {
  if (!started_ && !set_.empty() && unit_ == 1) start(out);
  if (!started_) {
    const std::size_t taken = std::min(most_held_back - held_.size(), piece.size());
    held_.append(piece.substr(0, taken));
    piece.remove_prefix(taken);
    if (held_.size() < most_held_back) return;
    start(out);
  }
  if (decoder_) {
    decode(piece, out);
  } else if (doubts_utf8_) {
    judge_labelled_utf8(piece, out);
  } else {
    feed_guessed_utf8(piece, out);
  }
}

// Of a text that is labelled UTF-8, the usual one. Its first other character ends this, so that no
// octet is looked at more than once in vain.
bool MailTextDecoder::passes(std::string_view piece) {
  if (!started_ && equals_ignoring_case(set_, "UTF-8")) {
    started_ = true;
    doubts_utf8_ = true;
  }
  return doubts_utf8_ && held_.empty() && is_ascii(piece);
}

void MailTextDecoder::finish(std::string& out) {
  if (!started_) start(out);
  if (doubts_utf8_ && !held_.empty()) {
    open(set_);
    decode(std::exchange(held_, {}), out);
  } else if (!decoder_ && !held_.empty()) {
    // The text ends inside a character, so it was not UTF-8.
    guessed_ = true;
    open(std::string(latin));
    if (decoder_) decoder_->feed(std::exchange(held_, {}), out);
  }
  if (decoder_) decoder_->finish(out);
}

std::uint64_t MailTextDecoder::replaced() const {
  return decoder_ ? decoder_->replaced() : 0;
}

}  // namespace smtpgate::converter
