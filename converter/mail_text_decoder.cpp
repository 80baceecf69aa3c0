// Text by its label: see the header.
#include "converter/mail_text_decoder.h"

#include <algorithm>
#include <array>
#include <utility>

#include "converter/mail_charset.h"
#include "postoffice/ascii.h"
#include "postoffice/utf8.h"

namespace smtpgate::converter {

namespace {

constexpr std::size_t most_held_back = 65'536;
constexpr std::string_view iso_2022_jp = "ISO-2022-JP";

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

/// Many characters of UTF-8 and few octets that are none: other sets do not look so by chance.
bool is_damaged_utf8(std::string_view text) {
  constexpr std::size_t least = 10;  // for each that is wrong
  std::size_t good = 0;
  std::size_t bad = 0;
  for (std::size_t at = postoffice::end_of_ascii(text, 0); at < text.size();
       at = postoffice::end_of_ascii(text, at)) {
    const postoffice::Utf8Character character = postoffice::utf8_character(text, at);
    ++(character.kind == postoffice::Utf8Character::Kind::valid ? good : bad);
    at += character.length;
  }
  return good >= least * bad;
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

/// Of a whole text: the last octet alone is beyond ASCII and could only begin a character that was
/// cut. It is rather a letter of another set ("caf\xE9"); C2 and C3, which begin the letters of
/// western names, are not.
bool ends_in_other_letter(std::string_view text) {
  constexpr unsigned char first_of_three = 0xE0;
  const std::size_t at = postoffice::end_of_ascii(text, 0);
  return at + 1 == text.size() && static_cast<unsigned char>(text[at]) >= first_of_three;
}

std::size_t find_ignoring_case(std::string_view text, std::string_view wanted, std::size_t from) {
  const auto* const found =
      std::search(text.begin() + std::min(from, text.size()), text.end(), wanted.begin(),
                  wanted.end(), [](char a, char b) { return ascii_lower(a) == b; });
  return found == text.end() ? std::string_view::npos
                             : static_cast<std::size_t>(found - text.begin());
}

/// What the page says in a `meta` among its first octets, as browsers look for it (HTML, 13.2.3.2):
/// charset=X, or X in http-equiv's content="text/html; charset=X".
MailCharset charset_of_page(std::string_view text) {
  constexpr std::size_t looked_at = 1024;
  text = text.substr(0, looked_at);
  for (std::size_t at = find_ignoring_case(text, "<meta", 0); at != std::string_view::npos;
       at = find_ignoring_case(text, "<meta", at + 1)) {
    const std::string_view tag = text.substr(at, text.find('>', at) - at);
    const std::size_t name = find_ignoring_case(tag, "charset", 0);
    if (name == std::string_view::npos) continue;
    const std::string_view rest = trim(tag.substr(name + std::string_view("charset").size()));
    if (rest.starts_with('=')) return charset_for_label(rest);
  }
  return {};
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

std::string guess_charset(std::string_view text) {
  if (has_iso_2022_jp_escapes(text)) return std::string(iso_2022_jp);
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) return "UTF-16";
  return is_utf8_so_far(text) || is_damaged_utf8(text) ? "UTF-8" : std::string(latin);
}

std::string decode_labelled(std::string_view octets, std::string_view label,
                            std::uint64_t* replaced, bool* odd) {
  MailCharset charset = charset_for_label(label);
  bool is_odd = charset.guessed;
  if (charset.set.empty()) {
    charset.set = ends_in_other_letter(octets) ? std::string(latin) : guess_charset(octets);
  } else if (equals_ignoring_case(charset.set, "UTF-8")) {
    const bool is_cut = is_utf8_so_far(octets) && !ends_in_other_letter(octets);
    if (!is_cut && !has_utf8_character(octets)) {
      charset.set = latin;
      is_odd = true;
    }
  }
  std::uint64_t count = 0;
  std::string text = postoffice::to_utf8(octets, charset.set, &count);
  if (charset.has_jis_signs) use_jis_signs(text, 0);
  if (replaced != nullptr) *replaced += count;
  if (odd != nullptr && (is_odd || count > 0)) *odd = true;
  return text;
}

MailTextDecoder::MailTextDecoder(std::string_view label, TextKind kind)
    : is_page_(kind == TextKind::html) {
  MailCharset charset = charset_for_label(label);
  guessed_ = charset.guessed;
  has_jis_signs_ = charset.has_jis_signs;
  set_ = std::move(charset.set);
  unit_ = postoffice::unit_octets(set_);
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
    if (is_page_) use_page_charset(text);
    set_ = guess_charset(text);
    // A page of UTF-8 that says otherwise was converted on its way.
    if (set_ == "UTF-8" && is_utf8_so_far(text)) {
      feed_guessed_utf8(text, out);
      return;
    }
    if (set_ == latin) return fall_back(text, out);
    unit_ = postoffice::unit_octets(set_);
    guessed_ = true;
  } else if (equals_ignoring_case(set_, "UTF-8")) {
    doubts_utf8_ = true;
    judge_labelled_utf8(text, out);
    return;
  }
  open(set_);
  decode(text, out);
}

void MailTextDecoder::use_page_charset(std::string_view text) {
  MailCharset own = charset_of_page(text);
  const bool is_usable = !own.set.empty() && postoffice::unit_octets(own.set) == 1 &&
                         !equals_ignoring_case(own.set, "UTF-8");
  if (is_usable) fallback_ = std::move(own);
}

void MailTextDecoder::fall_back(std::string_view piece, std::string& out) {
  guessed_ = true;
  open(fallback_.set);
  has_jis_signs_ = fallback_.has_jis_signs;
  decode(piece, out);
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
  fall_back(piece, out);
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
  if (doubts_utf8_ && ends_in_other_letter(held_)) {
    fall_back(std::exchange(held_, {}), out);
  } else if (doubts_utf8_ && !held_.empty()) {
    open(set_);
    decode(std::exchange(held_, {}), out);
  } else if (!decoder_ && !held_.empty()) {
    // The text ends inside a character, so it was not UTF-8.
    fall_back(std::exchange(held_, {}), out);
  }
  if (decoder_) decoder_->finish(out);
}

std::uint64_t MailTextDecoder::replaced() const {
  return decoder_ ? decoder_->replaced() : 0;
}

}  // namespace smtpgate::converter
